/* Sign-on. wharf-web sends the argon2id key of badge and PIN; here it is keyed once more with a pepper that is in no
 * database and no backup, compared, throttled, and only the result becomes a command. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "core.h"
#include "json.h"
#include "log.h"
#include "text.h"

#define KEY_BYTES 32
#define SALT_BYTES 16

int login_open(struct core *core)
{
	_cleanup_free_ char *text = NULL;
	char folder[300], path[320];
	size_t len;
	int r;

	if (text_format(folder, sizeof(folder), "%s/keys", core->state) < 0 ||
		text_format(path, sizeof(path), "%s/pepper", folder) < 0)
		return -ENAMETOOLONG;
	r = text_read_file(path, sizeof(core->pepper), &text, &len);
	if (r == 0 && len == sizeof(core->pepper)) {
		memcpy(core->pepper, text, len);
		return 0;
	}
	if (r != -ENOENT)
		return r < 0 ? r : -EILSEQ;
	randombytes_buf(core->pepper, sizeof(core->pepper));
	r = text_mkdirs(folder, 0700);
	return r < 0 ? r : text_write_file(path, core->pepper, sizeof(core->pepper), 0600);
}

static int mac_of(const struct core *core, const char *key_hex, uint8_t *ret)
{
	uint8_t key[KEY_BYTES];

	if (text_unhex(key_hex, key, sizeof(key)) < 0)
		return -EINVAL;
	crypto_generichash(ret, KEY_BYTES, key, sizeof(key), core->pepper, sizeof(core->pepper));
	sodium_memzero(key, sizeof(key));
	return 0;
}

int login_rewrite(struct core *core, json_t *command, char *why, size_t why_size)
{
	json_t *args = json_object_get(command, "args");
	uint8_t mac[KEY_BYTES];
	char hex[2 * KEY_BYTES + 1];

	if (json_object_get(args, "mac") || mac_of(core, json_str(args, "key"), mac) < 0) {
		snprintf(why, why_size, "\"key\" must be 64 hex digits: the argon2id key of the PIN");
		return -EINVAL;
	}
	text_hex(mac, sizeof(mac), hex);
	json_object_del(args, "key");
	json_object_set_new(args, "mac", json_string(hex));
	return 0;
}

json_t *login_salt(struct core *core, const char *badge)
{
	struct store_cursor q = store_query(core->store, SQL_USER_GET, "t", badge);
	uint8_t made[SALT_BYTES];
	char salt[2 * SALT_BYTES + 1];

	/* A badge nobody has gets a salt too, always the same: a stranger learns nothing. */
	crypto_generichash(made, sizeof(made), (const uint8_t *)badge, strlen(badge), core->pepper,
		sizeof(core->pepper));
	text_hex(made, sizeof(made), salt);
	if (store_first(&q)) {
		text_copy(salt, sizeof(salt), store_text(&q, 2));
		store_end(&q);
	}
	return json_pack("[{s:s}]", "salt", salt);
}

static bool verify(struct core *core, const char *badge, const char *key)
{
	struct store_cursor q = store_query(core->store, SQL_USER_GET, "t", badge);
	uint8_t given[KEY_BYTES], kept[KEY_BYTES] = { 0 };
	bool known = store_first(&q);

	if (known) {
		known = text_unhex(store_text(&q, 3), kept, sizeof(kept)) == 0;
		store_end(&q);
	}
	return mac_of(core, key, given) == 0 && sodium_memcmp(given, kept, sizeof(kept)) == 0 && known;
}

struct login {
	const char *id, *badge, *key, *device, *session;
};

static void decide(struct peer *peer, const struct login *l)
{
	struct core *core = peer->core;
	bool right = verify(core, l->badge, l->key);
	struct decided d;
	json_t *outcome;

	if (turn_internal(core, right ? "login_verified" : "login_failed",
		    json_pack("{s:s, s:s, s:s}", "badge", l->badge, "device", l->device, "session", l->session),
		    &d) < 0) {
		message_refuse(peer, l->id, core_closed(core), core_say(core));
		return;
	}
	release_decided(core, &d);
	outcome = json_loads(d.result.text, 0, NULL);
	json_object_set_new(outcome, "id", json_string(l->id));
	peer_send(peer, json_pack("{s:o}", "outcome", outcome));
	engine_result_fini(&d.result);
}

void login_take(struct peer *peer, const json_t *body)
{
	struct core *core = peer->core;
	struct login l = { 0 };
	char why[WHY_MAX];
	const struct json_field fields[] = {
		{ "id", JSON_REQUIRED, JSON_STRING, &l.id, 1, DOOR_ID_MAX - 1 },
		{ "badge", JSON_REQUIRED, JSON_STRING, &l.badge, 1, 40 },
		{ "key", JSON_REQUIRED, JSON_STRING, &l.key, 64, 64 },
		{ "device", JSON_REQUIRED, JSON_STRING, &l.device, 1, DOOR_NAME_MAX - 1 },
		{ "session", JSON_REQUIRED, JSON_STRING, &l.session, 16, DOOR_NAME_MAX - 1 },
	};

	if (json_fields(body, fields, array_len(fields), why, sizeof(why)) < 0 || !door_name_ok(l.device)) {
		message_refuse(peer, json_string_value(json_object_get(body, "id")), "malformed", "not a login");
		return;
	}
	if (core_closed(core)) {
		message_refuse(peer, l.id, core_closed(core), core_say(core));
		return;
	}
	if (store_number(core->store, 0, SQL_THROTTLE_UNTIL, "tt", l.badge, l.device) > guard_moment(core).now_us) {
		message_refuse(peer, l.id, "busy", "Too many wrong PINs: wait and try again");
		return;
	}
	decide(peer, &l);
}
