#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "dialogue.h"
#include "json.h"

struct last_scan {
	char origin[DOOR_ORIGIN_MAX], data[SCAN_DATA_MAX + 1], say[OUTCOME_SAY_MAX];
	int64_t n;
	bool effect;
};

static bool load_last(struct engine *e, const char *device, struct last_scan *l)
{
	struct store_cursor q = store_query(e->store, SQL_DEVICE_GET_LAST, "t", device);

	l->effect = false;
	if (!store_first(&q))
		return false;
	text_copy(l->origin, sizeof(l->origin), store_text(&q, 0));
	l->n = store_int(&q, 1);
	text_copy(l->data, sizeof(l->data), store_text(&q, 2));
	l->effect = store_int(&q, 3);
	text_copy(l->say, sizeof(l->say), store_text(&q, 4));
	store_end(&q);
	return true;
}

static bool was_heard(const struct command *c, const struct last_scan *l)
{
	char origin[DOOR_ORIGIN_MAX];
	int64_t n;

	return door_parse_id(c->heard, origin, &n) == 0 && strcmp(origin, l->origin) == 0 && n >= l->n;
}

/* The operator heard nothing and scanned the same piece again: it must not count twice. */
static bool already_counted(struct engine *e, struct command *c, struct outcome *o, const struct scan *s)
{
	struct last_scan l;

	if (!load_last(e, c->device, &l) || !l.effect || strcmp(l.data, s->data) != 0 || was_heard(c, &l))
		return false;
	outcome_good(o, "already", "%.120s%s", l.say, strstr(l.say, "Scan once more") ? "" : ". Scan once more for another");
	o->signal = SIGNAL_ALREADY;
	o->effect = true;
	return true;
}

static bool is_induct(struct engine *e, const char *place)
{
	struct store_cursor q = store_query(e->store, SQL_STATION_KIND, "t", place);
	bool induct = false;

	if (store_first(&q)) {
		induct = strcmp(store_text(&q, 0), "induct") == 0;
		store_end(&q);
	}
	return induct;
}

/* The conversation this act belongs to, if its screen is the one the person saw. */
static bool join(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d)
{
	if (!dialogue_load(e, c->place, d) || !d->session[0]) {
		outcome_bad(o, "sign_on", "Sign on first");
		return false;
	}
	if (c->step == d->step)
		return true;
	outcome_bad(o, "screen_moved", "The screen has moved on: look and scan again");
	return false;
}

static int on_scan(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	struct scan s = { .aim = "" };
	struct dialogue d;
	const struct json_field fields[] = {
		{ "aim", JSON_OPTIONAL, JSON_STRING, &s.aim, 0, 8 },
		{ "data", JSON_REQUIRED, JSON_STRING, &s.data, 1, SCAN_DATA_MAX },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (c->age_ms > SCAN_AGE_MAX_MS)
		outcome_bad(o, "screen_moved", "That scan is too old: look and scan again");
	else if (already_counted(e, c, o, &s))
		return 0;
	else if (is_induct(e, c->place))
		conveyor_scan(e, c, o, c->place, s.aim, s.data);
	else if (!join(e, c, o, &d))
		return 0;
	else if (strcmp(d.kind, "pick") == 0)
		pick_scan(e, c, o, &d, &s);
	else
		pack_scan(e, c, o, &d, &s);
	return 0;
}

static int on_key(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *key = NULL;
	int64_t value = 0;
	struct dialogue d;
	const struct json_field fields[] = {
		{ "key", JSON_REQUIRED, JSON_STRING, &key, 1, 20 },
		{ "value", JSON_OPTIONAL, JSON_INTEGER, &value, 0, 1000000 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (!join(e, c, o, &d))
		return 0;
	if (strcmp(d.kind, "pick") == 0)
		pick_key(e, c, o, &d, key, value);
	else
		pack_key(e, c, o, &d, key);
	return 0;
}

static int on_weight(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *unit = NULL, *raw = NULL, *ask = "";
	const json_t *readings = NULL;
	int64_t value_ug = 0;
	struct dialogue d;
	const struct json_field fields[] = {
		{ "value_ug", JSON_REQUIRED, JSON_INTEGER, &value_ug, 1, INT64_C(10000000000000) },
		{ "unit", JSON_REQUIRED, JSON_STRING, &unit, 1, 8 },
		{ "raw", JSON_REQUIRED, JSON_STRING, &raw, 1, 200 },
		{ "readings", JSON_REQUIRED, JSON_ARRAY, &readings, 0, 0 },
		{ "ask", JSON_OPTIONAL, JSON_STRING, &ask, 0, 40 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (json_array_size(readings) == 0 || json_array_size(readings) > 20) {
		snprintf(why, WHY_MAX, "\"readings\" must hold 1 to 20 frames: a weight needs its evidence");
		return -EINVAL;
	}
	if (!dialogue_load(e, c->place, &d) || strcmp(d.kind, "pack") != 0) {
		outcome_bad(o, "not_asked", "Nobody asked %s for a weight", c->device);
		return 0;
	}
	pack_weight(e, c, o, &d);
	return 0;
}

bool scan_item(struct engine *e, struct command *c, struct outcome *o, const struct scan *s, char *ret_item,
	size_t size, int64_t *ret_qty)
{
	if (barcode_find(e, s->aim, s->data, ret_item, size, ret_qty))
		return true;
	case_open(e, c, o, "unknown_barcode", ROLE_SUPERVISOR, c->place, "noted", "Unknown barcode at %s: %.60s", c->place,
		s->data);
	outcome_bad(o, "unknown_barcode", "Unknown barcode");
	o->keep = true;
	return false;
}

void dialogue_register(void)
{
	kinds_set_dialogues(&(struct dialogue_handlers){ .scan = on_scan, .key = on_key, .weight = on_weight });
}
