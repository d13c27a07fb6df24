#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "engine.h"
#include "kinds.h"
#include "text.h"

static const char *const role_names[ROLES] = {
	[ROLE_NONE] = "", [ROLE_PICKER] = "picker", [ROLE_PACKER] = "packer", [ROLE_LOADER] = "loader",
	[ROLE_MAINTENANCE] = "maintenance", [ROLE_SUPERVISOR] = "supervisor", [ROLE_ADMIN] = "admin",
};

const char *role_name(enum role role)
{
	return role_names[role];
}

int role_named(const char *name, enum role *ret)
{
	for (enum role role = ROLE_PICKER; role < ROLES; role++)
		if (strcmp(role_names[role], name) == 0) {
			*ret = role;
			return 0;
		}
	return -EINVAL;
}

const char *peer_name(unsigned peer)
{
	return peer == PEER_INTERNAL ? "core" : door_kind_name((enum door_kind)peer);
}

const char *signal_name(enum signal signal)
{
	switch (signal) {
	case SIGNAL_NONE:
		return "none";
	case SIGNAL_GOOD:
		return "good";
	case SIGNAL_BAD:
		return "bad";
	case SIGNAL_ALREADY:
		return "already";
	}
	return "none";
}

void outcome_good(struct outcome *o, const char *code, const char *format, ...)
{
	va_list args;

	o->ok = true;
	o->code = code;
	o->signal = SIGNAL_GOOD;
	va_start(args, format);
	vsnprintf(o->say, sizeof(o->say), format, args);
	va_end(args);
	text_make_utf8(o->say); /* a limit in bytes may have cut a character */
}

void outcome_bad(struct outcome *o, const char *code, const char *format, ...)
{
	va_list args;

	o->ok = false;
	o->code = code;
	o->signal = SIGNAL_BAD;
	va_start(args, format);
	vsnprintf(o->say, sizeof(o->say), format, args);
	va_end(args);
	text_make_utf8(o->say); /* a limit in bytes may have cut a character */
}

void outcome_quiet(struct outcome *o, const char *code)
{
	o->ok = true;
	o->code = code;
	o->signal = SIGNAL_NONE;
}

int check_name(const char *key, const char *name, char *why)
{
	if (text_is_plain(name))
		return 0;
	snprintf(why, WHY_MAX, "\"%s\" must not hold control characters", key);
	return -EINVAL;
}

int check_date(const char *key, const char *date, char *why)
{
	if (text_is_date(date))
		return 0;
	snprintf(why, WHY_MAX, "\"%s\" must be a day as YYYY-MM-DD", key);
	return -EINVAL;
}

void outcome_touch_place(struct outcome *o, const char *place)
{
	if (!place[0])
		return;
	for (size_t i = 0; i < o->places_n; i++)
		if (strcmp(o->places[i], place) == 0)
			return;
	if (o->places_n < OUTCOME_PLACES_MAX)
		text_copy(o->places[o->places_n++], DOOR_NAME_MAX, place);
}

void outcome_fini(struct outcome *o)
{
	json_decref(o->data);
	o->data = NULL;
}

static int read_names(struct command *c, const char *kind, const char **ret_code, char *why, size_t why_size)
{
	c->kind = kind_named(kind);
	if (!c->kind || !(c->kind->peers & PEER_BIT(c->peer))) {
		*ret_code = c->kind ? "not_allowed" : "unknown_kind";
		snprintf(why, why_size, c->kind ? "%.60s may not be sent by a %s" : "there is no command %.60s%s",
			kind, c->kind ? peer_name(c->peer) : "");
		return -EINVAL;
	}
	if ((c->device[0] && !door_name_ok(c->device)) || (c->station[0] && !door_name_ok(c->station))) {
		snprintf(why, why_size, "\"device\" and \"station\" are names of letters, digits, - _ .");
		return -EINVAL;
	}
	return 0;
}

static int read_command(struct command *c, const json_t *body, const char **ret_code, char *why,
	size_t why_size)
{
	const char *id = NULL, *kind = NULL;
	const struct json_field fields[] = {
		{ "id", JSON_REQUIRED, JSON_STRING, &id, 3, DOOR_ID_MAX - 1 },
		{ "kind", JSON_REQUIRED, JSON_STRING, &kind, 1, 40 },
		{ "actor", JSON_OPTIONAL, JSON_STRING, &c->actor, 0, DOOR_NAME_MAX - 1 },
		{ "station", JSON_OPTIONAL, JSON_STRING, &c->station, 0, DOOR_NAME_MAX - 1 },
		{ "device", JSON_OPTIONAL, JSON_STRING, &c->device, 0, DOOR_NAME_MAX - 1 },
		{ "at", JSON_OPTIONAL, JSON_STRING, &c->at, 0, 40 },
		{ "age_ms", JSON_OPTIONAL, JSON_INTEGER, &c->age_ms, 0, INT64_C(1) << 40 },
		{ "step", JSON_OPTIONAL, JSON_INTEGER, &c->step, 0, INT64_C(1) << 40 },
		{ "heard", JSON_OPTIONAL, JSON_STRING, &c->heard, 0, DOOR_ID_MAX - 1 },
		{ "args", JSON_OPTIONAL, JSON_OBJECT, &c->args, 0, 0 },
	};

	if (json_fields(body, fields, array_len(fields), why, why_size) < 0)
		return -EINVAL;
	if (door_parse_id(id, c->origin, &c->n) < 0 ||
		(c->peer != PEER_INTERNAL && strcmp(c->origin, "core") == 0)) {
		snprintf(why, why_size, "\"id\" must be origin:n with n from 1 (\"core\" is the core's own)");
		return -EINVAL;
	}
	text_copy(c->id, sizeof(c->id), id);
	return read_names(c, kind, ret_code, why, why_size);
}

int command_parse(struct command *ret, unsigned peer, json_t *message, const char *text, const char **ret_code,
	char *why, size_t why_size)
{
	struct command c = { .peer = peer, .message = message, .text = text, .step = -1, .actor = "",
		.station = "", .device = "", .at = "", .heard = "" };

	*ret_code = "malformed";
	if (read_command(&c, json_object_get(message, "command"), ret_code, why, why_size) < 0) {
		json_decref(message);
		return -EINVAL;
	}
	*ret = c;
	return 0;
}

void command_fini(struct command *c)
{
	json_decref(c->message);
	c->message = NULL;
}
