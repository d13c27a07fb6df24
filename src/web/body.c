#include "body.h"

#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "text.h"

#define AGE_MAX_MS (INT64_C(7) * 24 * 3600 * 1000) /* a handheld kept a scan over a week's holiday */
#define AT_MAX 32

static int refuse(char *why, size_t size, const char *reason)
{
	snprintf(why, size, "%s", reason);
	return -EINVAL;
}

/* jansson keeps the PIN in a string of its own: it is overwritten before it is freed. */
static void wipe_pin(json_t *object)
{
	json_t *pin = json_object_get(object, "pin");

	if (json_is_string(pin))
		sodium_memzero((char *)json_string_value(pin), json_string_length(pin));
}

static int copy_login(const char *badge, const char *pin, const char *device,
	struct login_body *ret, char *why, size_t why_size)
{
	if (!door_name_ok(badge))
		return refuse(why, why_size, "\"badge\" holds letters, digits, - _ and . only");
	if (!door_name_ok(device))
		return refuse(why, why_size, "\"device\" holds letters, digits, - _ and . only");
	text_copy(ret->badge, sizeof(ret->badge), badge);
	text_copy(ret->pin, sizeof(ret->pin), pin);
	text_copy(ret->device, sizeof(ret->device), device);
	return 0;
}

int body_login(const char *bytes, size_t len, struct login_body *ret, char *why, size_t why_size)
{
	const char *badge = "", *pin = "", *device = "";
	const struct json_field fields[] = {
		{ "badge", JSON_REQUIRED, JSON_STRING, &badge, 1, DOOR_NAME_MAX - 1 },
		{ "pin", JSON_REQUIRED, JSON_STRING, &pin, 1, PIN_MAX },
		{ "device", JSON_REQUIRED, JSON_STRING, &device, 1, DOOR_NAME_MAX - 1 },
	};
	_cleanup_json_ json_t *object = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
	int r;

	/* Not json_parse: its reason quotes what is near the error, and that may be the PIN. */
	if (!object)
		return refuse(why, why_size, "not JSON");
	r = json_fields(object, fields, array_len(fields), why, why_size);
	if (r == 0)
		r = copy_login(badge, pin, device, ret, why, why_size);
	wipe_pin(object);
	return r;
}

static int check_command(const json_t *command, struct command_body *ret, char *why, size_t why_size)
{
	const char *id = "", *kind = "", *text = "";
	const json_t *args;
	int64_t number, n;
	char origin[DOOR_ORIGIN_MAX];
	const struct json_field fields[] = {
		{ "id", JSON_REQUIRED, JSON_STRING, &id, 1, DOOR_ID_MAX - 1 },
		{ "kind", JSON_REQUIRED, JSON_STRING, &kind, 1, DOOR_NAME_MAX - 1 },
		{ "station", JSON_OPTIONAL, JSON_STRING, &text, 1, DOOR_NAME_MAX - 1 },
		{ "at", JSON_OPTIONAL, JSON_STRING, &text, 1, AT_MAX },
		{ "heard", JSON_OPTIONAL, JSON_STRING, &text, 1, DOOR_ID_MAX - 1 },
		{ "age_ms", JSON_OPTIONAL, JSON_INTEGER, &ret->age_ms, 0, AGE_MAX_MS },
		{ "step", JSON_OPTIONAL, JSON_INTEGER, &number, 0, INT64_MAX },
		{ "args", JSON_OPTIONAL, JSON_OBJECT, &args, 0, 0 },
	};

	if (json_fields(command, fields, array_len(fields), why, why_size) < 0)
		return -EINVAL;
	if (door_parse_id(id, origin, &n) < 0)
		return refuse(why, why_size, "\"id\" must be origin:n with n from 1");
	text_copy(ret->id, sizeof(ret->id), id);
	text_copy(ret->kind, sizeof(ret->kind), kind);
	return 0;
}

/* The text as it came, with two keys more before its last brace: it was checked, so it need not be made anew. */
static char *extend_text(const char *bytes, size_t len, const char *actor, const char *device)
{
	char *text = NULL;

	while (bytes[len - 1] != '}')
		len--;
	if (asprintf(&text, "%.*s,\"actor\":\"%s\",\"device\":\"%s\"}", (int)len - 1, bytes, actor,
		    device) < 0)
		return NULL;
	return text;
}

int body_command(const char *bytes, size_t len, const char *actor, const char *device,
	struct command_body *ret, char *why, size_t why_size)
{
	bool aged;

	*ret = (struct command_body){ .json = json_parse(bytes, len, why, why_size) };
	if (!ret->json || check_command(ret->json, ret, why, why_size) < 0)
		return -EINVAL;
	aged = json_object_del(ret->json, "age_ms") == 0;
	if (json_object_set_new(ret->json, "actor", json_string(actor)) < 0 ||
		json_object_set_new(ret->json, "device", json_string(device)) < 0)
		return refuse(why, why_size, "out of memory");
	ret->text = aged ? json_dumps(ret->json, JSON_COMPACT) : extend_text(bytes, len, actor, device);
	return ret->text ? 0 : refuse(why, why_size, "out of memory");
}

void command_body_fini(struct command_body *body)
{
	json_decref(body->json);
	free(body->text);
	body->json = NULL;
	body->text = NULL;
}
