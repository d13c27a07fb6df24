#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "json.h"
#include "states.h"

#define UG_PER_G INT64_C(1000000)

unsigned carton_state(struct engine *e, int64_t carton)
{
	struct store_cursor q = store_query(e->store, SQL_CARTON_STATE, "i", carton);
	unsigned state = CARTON_VOID;

	if (store_first(&q)) {
		state = state_named(MACHINE_CARTON, store_text(&q, 0));
		store_end(&q);
	}
	return state;
}

void carton_move(struct engine *e, int64_t carton, unsigned to)
{
	struct store_cursor q = store_query(e->store, SQL_CARTON_STATE, "i", carton);
	unsigned from;

	if (!store_first(&q))
		return;
	from = state_named(MACHINE_CARTON, store_text(&q, 0));
	store_end(&q);
	store_run(e->store, SQL_CARTON_SET_STATE, "ti", state_move(MACHINE_CARTON, from, to), carton);
}

int64_t pack_open(struct engine *e, struct command *c, const char *order, const char *station)
{
	(void)c;
	store_run(e->store, SQL_CARTON_ADD, "ttt", order, state_name(MACHINE_CARTON, CARTON_OPEN), station);
	return store_last_id(e->store);
}

/* A lot of the item that is in the tote, with how much of it. */
static bool find_in_tote(struct engine *e, const char *place, const char *item, char *lot, size_t size,
	int64_t *ret_qty)
{
	struct store_cursor q = store_query(e->store, SQL_STOCK_AT_ITEM, "tt", place, item);

	if (!store_first(&q))
		return false;
	text_copy(lot, size, store_text(&q, 0));
	*ret_qty = store_int(&q, 1);
	store_end(&q);
	return true;
}

/* The same item may stand on several lines, and a case may hold more than one of them wants. */
static void count_packed(struct engine *e, int64_t carton, const char *item, int64_t qty)
{
	for (int i = 0; qty > 0 && i < ORDER_LINES_MAX; i++) {
		struct store_cursor q = store_query(e->store, SQL_LINE_TO_PACK, "it", carton, item);
		char order[64];
		int64_t line, take;

		if (!store_first(&q))
			return;
		text_copy(order, sizeof(order), store_text(&q, 0));
		line = store_int(&q, 1);
		take = store_int(&q, 2) < qty ? store_int(&q, 2) : qty;
		store_end(&q);
		store_run(e->store, SQL_LINE_PACKED, "iti", take, order, line);
		qty -= take;
	}
}

bool pack_item(struct engine *e, struct command *c, struct outcome *o, int64_t carton, const char *tote,
	const char *item, int64_t qty)
{
	char from[80], to[40], lot[64];
	int64_t there;

	snprintf(from, sizeof(from), "tote/%s", tote);
	snprintf(to, sizeof(to), "carton/%lld", (long long)carton);
	if (!find_in_tote(e, from, item, lot, sizeof(lot), &there) || there < qty) {
		outcome_bad(o, "not_in_tote", "%s is not (or no more) in this tote", item);
		return false;
	}
	stock_move(e, c, item, lot, from, to, qty, 0, "pack");
	count_packed(e, carton, item, qty);
	return true;
}

/* Expected mass of a carton's contents and its packaging; -1: an item's weight is unknown. */
static int64_t expected_ug(struct engine *e, int64_t carton)
{
	char place[40];
	int64_t grams;

	snprintf(place, sizeof(place), "carton/%lld", (long long)carton);
	if (store_number(e->store, 1, SQL_UNKNOWN_WEIGHTS, "t", place))
		return -EINVAL;
	grams = store_number(e->store, 0, SQL_SETTING, "t", "packaging_g");
	/* Master data knows whole grams; in them no sum of a carton overflows. */
	return (store_number(e->store, 0, SQL_CONTENT_G, "t", place) + grams) * UG_PER_G;
}

int64_t pack_ask_weight(struct engine *e, struct outcome *o, int64_t carton, const char *scale)
{
	store_run(e->store, SQL_WEIGH_DROP, "i", carton);
	store_run(e->store, SQL_WEIGH_ADD, "it", carton, scale);
	o->touched |= TOUCHED_WEIGH;
	return store_last_id(e->store);
}

void pack_close(struct engine *e, struct command *c, struct outcome *o, int64_t carton, const char *tote,
	const char *scale)
{
	int64_t expected = expected_ug(e, carton);
	char place[80];

	(void)c;
	carton_move(e, carton, CARTON_CLOSED);
	if (expected >= 0)
		store_run(e->store, SQL_CARTON_EXPECT, "ii", expected, carton);
	store_run(e->store, SQL_TOTE_EMPTY_SET, "t", tote);
	/* What was in it once; else a tote would collect a row for every lot it ever carried. */
	snprintf(place, sizeof(place), "tote/%s", tote);
	store_run(e->store, SQL_STOCK_CLEAR_NONE, "t", place);
	pack_ask_weight(e, o, carton, scale);
}

static bool weight_fits(struct engine *e, int64_t expected, int64_t value)
{
	int64_t grams = store_number(e->store, 0, SQL_SETTING, "t", "tolerance_g");
	int64_t percent = store_number(e->store, 0, SQL_SETTING, "t", "tolerance_percent");
	int64_t by_grams = grams * UG_PER_G, by_percent = expected / 100 * percent;
	int64_t tolerance = by_grams > by_percent ? by_grams : by_percent;

	return value >= expected - tolerance && value <= expected + tolerance;
}

struct weight_args {
	int64_t value_ug;
	const char *unit, *raw, *ask;
	const json_t *readings;
};

static void keep_evidence(struct engine *e, const struct command *c, int64_t carton, const struct weight_args *w,
	bool ok)
{
	char *readings = json_text(w->readings);

	store_run(e->store, SQL_WEIGHT_ADD, "itittti", carton, c->device, w->value_ug, w->unit, w->raw, readings,
		(int64_t)ok);
	store_run(e->store, SQL_CARTON_WEIGHT, "iii", w->value_ug, store_last_id(e->store), carton);
	free(readings);
}

bool pack_weigh(struct engine *e, struct command *c, struct outcome *o, int64_t carton)
{
	struct weight_args w = { .value_ug = json_int(c->args, "value_ug"), .unit = json_str(c->args, "unit"),
		.raw = json_str(c->args, "raw"), .readings = json_object_get(c->args, "readings") };
	int64_t expected = store_number(e->store, -1, SQL_CARTON_EXPECTED, "i", carton);
	bool fits = expected < 0 || weight_fits(e, expected, w.value_ug);
	char subject[32];

	keep_evidence(e, c, carton, &w, fits);
	store_run(e->store, SQL_WEIGH_TAKEN, "i", carton);
	snprintf(subject, sizeof(subject), "%lld", (long long)carton);
	if (fits) {
		case_close(e, o, "weight_off", subject, "weighed_again");
		return true;
	}
	case_open(e, c, o, "weight_off", ROLE_SUPERVISOR, subject, "accept|repack",
		"Carton %lld weighs %lld g, expected %lld g", (long long)carton, (long long)(w.value_ug / UG_PER_G),
		(long long)(expected / UG_PER_G));
	outcome_bad(o, "weight_off", "Weighs %lld g, expected %lld g: check the contents and weigh again",
		(long long)(w.value_ug / UG_PER_G), (long long)(expected / UG_PER_G));
	o->keep = true;
	return false;
}
