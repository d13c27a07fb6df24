/* Lanes and loads: goods are shipped when their load is closed, not when they were diverted. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "json.h"
#include "states.h"

static int64_t open_load(struct engine *e, const char *lane)
{
	int64_t load = store_number(e->store, 0, SQL_LOAD_OPEN, "t", lane);

	if (load)
		return load;
	store_run(e->store, SQL_LOAD_ADD, "tt", lane, lane);
	return store_last_id(e->store);
}

static void order_staged(struct engine *e, struct command *c, struct outcome *o, int64_t carton)
{
	char order[64] = "";
	struct store_cursor q = store_query(e->store, SQL_CARTON_ORDER, "i", carton);

	if (store_first(&q)) {
		text_copy(order, sizeof(order), store_text(&q, 0));
		store_end(&q);
	}
	if (order_state(e, order) == ORDER_LABELLED && !store_number(e->store, 0, SQL_CARTONS_NOT_STAGED, "t", order)) {
		order_move(e, o, order, ORDER_STAGED);
		order_milestone(e, c, o, order, "order.staged");
	}
}

void carton_stage(struct engine *e, struct command *c, struct outcome *o, int64_t carton, const char *lane)
{
	char subject[32];

	carton_move(e, carton, CARTON_STAGED);
	store_run(e->store, SQL_CARTON_LANE, "tii", lane, open_load(e, lane), carton);
	snprintf(subject, sizeof(subject), "%lld", (long long)carton);
	case_close(e, o, "stray_carton", subject, "staged");
	order_staged(e, c, o, carton);
}

struct staging {
	int64_t carton;
	unsigned state;
	char carrier[64], order[64];
};

static bool find_staging(struct engine *e, const char *sscc, struct staging *s)
{
	struct store_cursor q = store_query(e->store, SQL_STAGING, "t", sscc);

	if (!store_first(&q))
		return false;
	s->carton = store_int(&q, 0);
	s->state = state_named(MACHINE_CARTON, store_text(&q, 1));
	text_copy(s->carrier, sizeof(s->carrier), store_text(&q, 2));
	text_copy(s->order, sizeof(s->order), store_text(&q, 3));
	store_end(&q);
	return true;
}

static void stage_by_hand(struct engine *e, struct command *c, struct outcome *o, const struct staging *s,
	const char *lane)
{
	char carrier[64] = "";
	struct store_cursor q = store_query(e->store, SQL_LANE_SHIP, "t", lane);
	bool ships = store_first(&q);

	if (ships) {
		text_copy(carrier, sizeof(carrier), store_text(&q, 0));
		store_end(&q);
	}
	if (order_state(e, s->order) == ORDER_CANCELLED)
		outcome_bad(o, "cancelled", "Order %s is cancelled: bring the carton to the desk", s->order);
	else if (!ships)
		outcome_bad(o, "no_lane", "%s is no shipping lane", lane);
	else if (strcmp(carrier, s->carrier) != 0)
		outcome_bad(o, "wrong_lane", "Wrong lane: this carton goes with %s", s->carrier);
	else if (s->state == CARTON_STAGED || !state_may_follow(MACHINE_CARTON, s->state, CARTON_STAGED))
		outcome_bad(o, "not_ready", "The carton is %s", state_name(MACHINE_CARTON, s->state));
	else {
		carton_stage(e, c, o, s->carton, lane);
		outcome_good(o, "staged", "Carton is in lane %s", lane);
	}
}

int on_stage(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *sscc = NULL, *lane = NULL;
	struct staging s = { 0 };
	const struct json_field fields[] = {
		{ "sscc", JSON_REQUIRED, JSON_STRING, &sscc, 18, 18 },
		{ "lane", JSON_REQUIRED, JSON_STRING, &lane, 1, 60 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (find_staging(e, sscc, &s))
		stage_by_hand(e, c, o, &s, lane);
	else
		outcome_bad(o, "unknown_carton", "There is no carton %s", sscc);
	return 0;
}

static int64_t next_number(struct engine *e, const char *counter, char *out, size_t size)
{
	char epoch[32] = "0";
	int64_t n = store_counter(e->store, counter);

	store_meta(e->store, "epoch", epoch, sizeof(epoch));
	text_format(out, size, "%s-%s-%06lld", e->site, epoch, (long long)n);
	return n;
}

int on_load_close(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *lane = NULL, *seal = "";
	char number[96];
	int64_t load, cartons;
	const struct json_field fields[] = {
		{ "lane", JSON_REQUIRED, JSON_STRING, &lane, 1, 60 },
		{ "seal", JSON_OPTIONAL, JSON_STRING, &seal, 0, 40 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	load = store_number(e->store, 0, SQL_LOAD_OPEN, "t", lane);
	cartons = load ? store_number(e->store, 0, SQL_LOAD_CARTONS, "i", load) : 0;
	if (!cartons) {
		outcome_bad(o, "empty", "Nothing is staged in lane %s", lane);
		return 0;
	}
	next_number(e, "load_n", number, sizeof(number));
	store_run(e->store, SQL_LOAD_CLOSING, "ttti", number, seal,
		state_move(MACHINE_LOAD, LOAD_OPEN, LOAD_CLOSING), load);
	continuation_add(e, o, "load_ship", json_pack("{s:I}", "load", (json_int_t)load));
	outcome_good(o, "closing", "Load %s: %lld cartons", number, (long long)cartons);
	o->touched |= TOUCHED_ORDERS;
	return 0;
}

static json_t *shipped_lines(struct engine *e, const char *order)
{
	struct store_cursor q = store_query(e->store, SQL_LINES_OF, "t", order);
	json_t *lines = json_array();

	while (store_next(&q)) {
		int64_t ordered = store_int(&q, 2), shipped = store_int(&q, 6);

		json_array_append_new(lines,
			json_pack("{s:I, s:s, s:I, s:I, s:I, s:s, s:s, s:s}", "line", (json_int_t)store_int(&q, 0),
				"item", store_text(&q, 1), "ordered", (json_int_t)ordered, "shipped",
				(json_int_t)shipped, "short", (json_int_t)(ordered - shipped), "reason",
				store_text(&q, 8), "remainder", ordered > shipped ? "cancelled" : "none", "unit", "EA"));
	}
	return lines;
}

static json_t *carton_contents(struct engine *e, int64_t carton)
{
	char place[40];
	json_t *contents = json_array();
	struct store_cursor q;

	snprintf(place, sizeof(place), "carton/%lld", (long long)carton);
	q = store_query(e->store, SQL_STOCK_AT, "t", place);
	while (store_next(&q))
		json_array_append_new(contents, json_pack("{s:s, s:s, s:I}", "item", store_text(&q, 0), "lot",
							store_text(&q, 1), "qty", (json_int_t)store_int(&q, 2)));
	return contents;
}

static json_t *carton_object(struct engine *e, int64_t carton)
{
	struct store_cursor q = store_query(e->store, SQL_CARTON_SHIP, "i", carton);
	json_t *object = NULL;

	if (store_first(&q)) {
		object = json_pack("{s:s, s:I}", "sscc", store_text(&q, 0), "weight_ug",
			(json_int_t)store_int(&q, 1));
		store_end(&q);
	}
	json_object_set_new(object, "contents", carton_contents(e, carton));
	return object;
}

/* What finance, the customer and the carrier need, in one event. */
static json_t *shipment_data(struct engine *e, struct command *c, const char *order, int64_t load,
	const char *number, json_t *cartons)
{
	json_t *data = json_object(), *lines = shipped_lines(e, order);
	struct store_cursor q = store_query(e->store, SQL_SHIPMENT_HEAD, "ti", order, load);

	if (store_first(&q)) {
		json_t *ship_to = json_loads(store_text(&q, 4), 0, NULL);

		json_object_set_new(data, "customer", json_string(store_text(&q, 0)));
		json_object_set_new(data, "customer_po", json_string(store_text(&q, 1)));
		json_object_set_new(data, "carrier", json_string(store_text(&q, 2)));
		json_object_set_new(data, "service", json_string(store_text(&q, 3)));
		json_object_set_new(data, "ship_to", ship_to ? ship_to : json_object());
		json_object_set_new(data, "load", json_string(store_text(&q, 5)));
		json_object_set_new(data, "seal", json_string(store_text(&q, 6)));
		json_object_set_new(data, "allocation", json_string(store_text(&q, 7)));
		store_end(&q);
	}
	json_object_set_new(data, "shipment", json_string(number));
	json_object_set_new(data, "order", json_string(order));
	json_object_set_new(data, "site", json_string(e->site));
	json_object_set_new(data, "lines", lines);
	json_object_set_new(data, "cartons", cartons);
	json_object_set_new(data, "final", json_true());
	json_object_set_new(data, "by", json_string(c->badge[0] ? c->badge : "core"));
	return data;
}

/* All cartons of the order in this load leave; HQ is told in the same transaction. */
static void ship_order(struct engine *e, struct command *c, struct outcome *o, const char *order, int64_t load)
{
	char number[96], place[40];
	json_t *cartons = json_array();
	struct store_cursor q = store_query(e->store, SQL_CARTONS_TO_SHIP, "ti", order, load);
	int64_t n;

	store_run(e->store, SQL_LINES_SHIP, "t", order);
	while (store_next(&q)) {
		int64_t carton = store_int(&q, 0);

		json_array_append_new(cartons, carton_object(e, carton));
		snprintf(place, sizeof(place), "carton/%lld", (long long)carton);
		store_run(e->store, SQL_MOVE_OUT, "itt", c->seq, place, "ship");
		store_run(e->store, SQL_STOCK_CLEAR, "t", place);
		carton_move(e, carton, CARTON_SHIPPED);
	}
	order_move(e, o, order, ORDER_SHIPPED);
	next_number(e, "shipment_n", number, sizeof(number));
	n = event_make(e, c, o, "shipment.confirmed", order, shipment_data(e, c, order, load, number, cartons));
	store_run(e->store, SQL_SHIPMENT_ADD, "ttii", number, order, load, n);
	store_run(e->store, SQL_ORDER_SHIPMENT, "it", n, order);
}

/* One order a turn: with ORDER_LINES_MAX lines from ORDER_TASKS_MAX bins it writes about 440 rows, the usual one ten. */
int on_load_ship(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t load = 0, continuation = 0;
	char order[64];
	struct store_cursor q;
	const struct json_field fields[] = {
		{ "load", JSON_REQUIRED, JSON_INTEGER, &load, 1, INT64_MAX },
		{ "continuation", JSON_OPTIONAL, JSON_INTEGER, &continuation, 1, INT64_MAX },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	continuation_done(e, continuation);
	outcome_quiet(o, "shipping");
	q = store_query(e->store, SQL_LOAD_NEXT_ORDER, "i", load);
	if (!store_first(&q)) {
		store_run(e->store, SQL_LOAD_SET, "ti", state_move(MACHINE_LOAD, LOAD_CLOSING, LOAD_CLOSED), load);
		event_make(e, c, o, "load.closed", "load", json_pack("{s:I}", "load", (json_int_t)load));
		return 0;
	}
	text_copy(order, sizeof(order), store_text(&q, 0));
	store_end(&q);
	ship_order(e, c, o, order, load);
	continuation_add(e, o, "load_ship", json_pack("{s:I}", "load", (json_int_t)load));
	return 0;
}

int on_lane_set(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *lane = NULL, *state = NULL;
	const struct json_field fields[] = {
		{ "lane", JSON_REQUIRED, JSON_STRING, &lane, 1, 60 },
		{ "state", JSON_REQUIRED, JSON_STRING, &state, 1, 20 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (strcmp(state, "open") != 0 && strcmp(state, "full") != 0 && strcmp(state, "closed") != 0) {
		snprintf(why, WHY_MAX, "\"state\" must be open, full or closed");
		return -EINVAL;
	}
	if (store_run(e->store, SQL_LANE_SET, "tt", state, lane))
		outcome_good(o, "set", "Lane %s is %s", lane, state);
	else
		outcome_bad(o, "unknown_lane", "There is no lane %s", lane);
	return 0;
}
