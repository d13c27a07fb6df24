#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "engine.h"
#include "json.h"
#include "json_out.h"

#define DIGEST_BYTES 16

const json_t *json_object_shared(void)
{
	static json_t *empty;

	if (!empty)
		empty = json_object();
	return empty;
}

static void open_first_segment(struct engine *e)
{
	uint8_t zero[HASH_BYTES] = { 0 };

	store_run(e->store, SQL_SEGMENT_OPEN, "iib", (int64_t)ENGINE_VERSION, INT64_C(1), zero, HASH_BYTES);
	store_run(e->store, SQL_LINK_MAKE, "b", zero, HASH_BYTES);
	e->segment = 1;
}

void engine_load(struct engine *e, struct store *store)
{
	struct store_cursor q = store_query(store, SQL_JOURNAL_LAST, "");

	*e = (struct engine){ .store = store };
	if (store_first(&q)) {
		int len;
		const void *hash;

		e->seq = store_int(&q, 0);
		e->now_us = store_int(&q, 1);
		hash = store_blob(&q, 2, &len);
		assert(len == HASH_BYTES);
		memcpy(e->hash, hash, HASH_BYTES);
		store_end(&q);
	}
	e->segment = store_number(store, 0, SQL_SEGMENT_LAST, "");
	e->day = store_number(store, 0, SQL_DAY_LAST, "");
	if (store_meta(store, "site", e->site, sizeof(e->site)) < 0)
		e->site[0] = '\0';
	if (!e->segment)
		open_first_segment(e);
}

/* What must be equal when an id comes again: everything but when it was sent and what was heard. */
static void digest_of(const struct command *c, uint8_t *ret)
{
	_cleanup_free_ char *args = json_text(c->args ? c->args : json_object_shared());
	char head[4 * DOOR_NAME_MAX + 64];
	crypto_generichash_state state;

	snprintf(head, sizeof(head), "%s\n%s\n%s\n%s\n%lld\n", c->kind->name, c->actor, c->station, c->device,
		(long long)c->step);
	crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
	crypto_generichash_update(&state, (const uint8_t *)head, strlen(head));
	crypto_generichash_update(&state, (const uint8_t *)args, strlen(args));
	crypto_generichash_final(&state, ret, DIGEST_BYTES);
}

static void not_taken(struct engine_result *ret, const char *code, const char *why)
{
	ret->answer = ENGINE_NOT_TAKEN;
	ret->code = code;
	text_format(ret->why, sizeof(ret->why), "%s", why);
}

struct identity {
	int64_t origin;  /* 0: not seen yet */
	uint8_t digest[DIGEST_BYTES];
};

static void replay_answer(struct engine *e, const struct command *c, const struct identity *id,
	struct engine_result *ret)
{
	struct store_cursor q = store_query(e->store, SQL_ANSWER_GET, "ii", id->origin, c->n);
	const void *digest;
	int len;

	if (!store_first(&q)) {
		not_taken(ret, "forgotten", "this id is older than the answers kept; it was not applied again");
		return;
	}
	digest = store_blob(&q, 0, &len);
	if (len != DIGEST_BYTES || memcmp(digest, id->digest, DIGEST_BYTES) != 0) {
		not_taken(ret, "id_reused", "this id was used for something else");
	} else {
		ret->answer = ENGINE_REPLAYED;
		ret->text = strdup(store_text(&q, 1));
	}
	store_end(&q);
}

/* True where the id is new; else the result is filled. */
static bool identify(struct engine *e, const struct command *c, struct identity *id, struct engine_result *ret)
{
	struct store_cursor q = store_query(e->store, SQL_ORIGIN_GET, "t", c->origin);
	bool ours = true;
	int64_t last_n = 0;

	digest_of(c, id->digest);
	if (store_first(&q)) {
		id->origin = store_int(&q, 0);
		ours = strcmp(store_text(&q, 1), peer_name(c->peer)) == 0 &&
			(c->peer != DOOR_WEB || strcmp(store_text(&q, 2), c->device) == 0);
		last_n = store_int(&q, 3);
		store_end(&q);
	}
	if (!ours) {
		not_taken(ret, "not_allowed", "this origin belongs to another peer or device");
		return false;
	}
	if (c->n > last_n)
		return true;
	replay_answer(e, c, id, ret);
	return false;
}

static void find_place(struct engine *e, struct command *c)
{
	struct store_cursor q;

	/* A page acts where its session signed on, whatever it calls its station. */
	if (c->peer == DOOR_WEB) {
		text_copy(c->place, sizeof(c->place), c->device);
		return;
	}
	text_copy(c->place, sizeof(c->place), c->station[0] ? c->station : c->device);
	if (c->station[0] || !c->device[0])
		return;
	q = store_query(e->store, SQL_DEVICE_STATION, "t", c->device);
	if (store_first(&q)) {
		if (store_text(&q, 0)[0])
			text_copy(c->place, sizeof(c->place), store_text(&q, 0));
		store_end(&q);
	}
}

/* Who acts: the session's user, or for the local command line the administrator of the box. */
static void find_person(struct engine *e, struct command *c)
{
	struct store_cursor q;

	if (c->peer == DOOR_CTL) {
		c->role = ROLE_ADMIN;
		text_copy(c->badge, sizeof(c->badge), "ctl");
		return;
	}
	if (!c->actor[0])
		return;
	q = store_query(e->store, SQL_SESSION_USER, "tt", c->actor, c->device);
	if (store_first(&q)) {
		text_copy(c->badge, sizeof(c->badge), store_text(&q, 0));
		if (role_named(store_text(&q, 1), &c->role) < 0)
			c->role = ROLE_NONE;
		store_end(&q);
	}
}

static bool allowed(const struct command *c, struct engine_result *ret)
{
	if (c->peer == DOOR_WEB && c->role == ROLE_NONE) {
		not_taken(ret, "not_allowed", "sign on first");
		return false;
	}
	if (!c->kind->roles || c->peer == DOOR_CTL || (c->kind->roles & ROLE_BIT(c->role)))
		return true;
	not_taken(ret, "not_allowed", "your role may not do this");
	return false;
}

static char *outcome_text(const struct command *c, const struct outcome *o)
{
	struct json_out out = { 0 };

	json_out_open(&out, NULL, '{');
	json_out_str(&out, "id", c->id);
	json_out_bool(&out, "ok", o->ok);
	json_out_str(&out, "code", o->code);
	json_out_str(&out, "say", o->say);
	json_out_str(&out, "signal", signal_name(o->signal));
	json_out_int(&out, "seq", c->seq);
	if (o->data) {
		_cleanup_free_ char *data = json_dumps(o->data, JSON_COMPACT);

		json_out_raw(&out, "data", data);
	}
	json_out_close(&out, '}');
	return json_out_take(&out);
}

static void journal_append(struct engine *e, const struct command *c, const char *outcome)
{
	int64_t numbers[3] = { c->seq, c->moment.now_us, c->moment.boot_us };
	const char *peer = peer_name(c->peer);
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, HASH_BYTES);
	crypto_generichash_update(&state, e->hash, HASH_BYTES);
	crypto_generichash_update(&state, (const uint8_t *)numbers, sizeof(numbers));
	/* With their final NUL, so that text cannot move from one field to the next. */
	crypto_generichash_update(&state, (const uint8_t *)peer, strlen(peer) + 1);
	crypto_generichash_update(&state, (const uint8_t *)c->text, strlen(c->text) + 1);
	crypto_generichash_update(&state, (const uint8_t *)outcome, strlen(outcome) + 1);
	crypto_generichash_final(&state, e->hash, HASH_BYTES);
	store_run(e->store, SQL_JOURNAL_ADD, "iiiiittttb", c->seq, e->segment, c->moment.now_us, c->moment.boot_us,
		(int64_t)c->moment.doubtful, peer, c->kind->name, c->text, outcome, e->hash, HASH_BYTES);
	e->seq = c->seq;
	e->now_us = c->moment.now_us;
}

static void remember(struct engine *e, const struct command *c, const struct identity *id)
{
	int64_t origin = id->origin;

	if (origin) {
		store_run(e->store, SQL_ORIGIN_SET, "ii", c->n, origin);
	} else {
		store_run(e->store, SQL_ORIGIN_ADD, "ttti", c->origin, peer_name(c->peer),
			c->peer == DOOR_WEB ? c->device : "", c->n);
		origin = store_last_id(e->store);
	}
	store_run(e->store, SQL_ANSWER_ADD, "iiib", origin, c->n, c->seq, id->digest, DIGEST_BYTES);
}

static bool speaks_to_a_person(const struct command *c)
{
	return c->kind->handler && c->place[0] && (c->peer == DOOR_BRIDGE || c->peer == DOOR_WEB) &&
		c->kind->priority <= PRIORITY_PAGE;
}

/* The last answer of a place and of a device outlives a refusal: it is what "heard" speaks of. */
static void note_last(struct engine *e, const struct command *c, struct outcome *o)
{
	const char *data = json_str(c->args, "data");

	if (!speaks_to_a_person(c) || o->signal == SIGNAL_NONE)
		return;
	if (store_run(e->store, SQL_DIALOGUE_LAST, "titttt", c->id, (int64_t)o->ok, o->code, o->say,
		    signal_name(o->signal), c->place) > 0)
		outcome_touch_place(o, c->place);
	if (strcmp(c->kind->name, "scan") == 0)
		store_run(e->store, SQL_DEVICE_LAST, "tititt", c->origin, c->n, data, (int64_t)o->effect, o->say,
			c->device);
}

/* Not tried again: a decided refusal, and somebody is told. */
static void refuse_poison(struct engine *e, struct command *c, struct outcome *o, const char *refuse)
{
	/* What asks for it would ask again in the next turn. */
	if (c->peer == PEER_INTERNAL) {
		continuation_done(e, json_int(c->args, "continuation"));
		store_run(e->store, SQL_DIVERT_POISONED, "i", json_int(c->args, "divert"));
		store_run(e->store, SQL_DIVERT_NOT_AWAITED, "i", json_int(c->args, "divert"));
	}
	case_open(e, c, o, "poison", ROLE_ADMIN, c->id, "noted", "Command %s (%s): %s", c->id, c->kind->name, refuse);
	outcome_bad(o, "refused", "%s", refuse);
	o->keep = true;
}

static int decide(struct engine *e, struct command *c, const char *refuse, struct outcome *o, char *why)
{
	int r = 0;

	store_savepoint(e->store);
	if (refuse)
		refuse_poison(e, c, o, refuse);
	else
		r = c->kind->handler(e, c, o, why);
	if (r < 0 || (!o->ok && !o->keep))
		store_undo(e->store);
	else
		store_release(e->store);
	return r;
}

void engine_apply(struct engine *e, struct command *c, const char *refuse, struct engine_result *ret)
{
	struct identity id = { 0 };

	*ret = (struct engine_result){ .answer = ENGINE_DECIDED, .outcome = { .code = "ok" } };
	if (c->moment.now_us < e->now_us)
		c->moment.now_us = e->now_us;
	find_place(e, c);
	find_person(e, c);
	if (!identify(e, c, &id, ret) || !allowed(c, ret))
		return;
	c->seq = e->seq + 1;
	if (decide(e, c, refuse, &ret->outcome, ret->why) < 0) {
		ret->answer = ENGINE_NOT_TAKEN;
		ret->code = "malformed";
		return;
	}
	note_last(e, c, &ret->outcome);
	ret->text = outcome_text(c, &ret->outcome);
	journal_append(e, c, ret->text);
	remember(e, c, &id);
}

void engine_result_fini(struct engine_result *result)
{
	outcome_fini(&result->outcome);
	free(result->text);
	result->text = NULL;
}

int engine_internal(struct engine *e, const char *kind, json_t *args, struct moment moment, struct command *ret,
	char **ret_text)
{
	int64_t n = store_number(e->store, 0, SQL_ORIGIN_LAST_N, "t", "core") + 1;
	json_t *message;

	*ret = (struct command){ .peer = PEER_INTERNAL, .n = n, .kind = kind_named(kind), .step = -1, .actor = "",
		.station = "", .device = "", .at = "", .heard = "", .moment = moment };
	assert(ret->kind);
	text_copy(ret->origin, sizeof(ret->origin), "core");
	text_format(ret->id, sizeof(ret->id), "core:%lld", (long long)n);
	message = json_pack("{s:{s:s, s:s, s:o}}", "command", "id", ret->id, "kind", kind, "args", args);
	if (!message)
		return -ENOMEM;
	ret->message = message;
	ret->args = json_object_get(json_object_get(message, "command"), "args");
	*ret_text = json_dumps(message, JSON_COMPACT);
	ret->text = *ret_text;
	return *ret_text ? 0 : -ENOMEM;
}
