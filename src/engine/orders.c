#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "json.h"
#include "states.h"

unsigned order_state(struct engine *e, const char *order)
{
	struct store_cursor q = store_query(e->store, SQL_ORDER_STATE, "t", order);
	unsigned state = ORDER_CANCELLED;

	if (store_first(&q)) {
		state = state_named(MACHINE_ORDER, store_text(&q, 0));
		store_end(&q);
	}
	return state;
}

void order_move(struct engine *e, struct outcome *o, const char *order, unsigned to)
{
	unsigned from = order_state(e, order);

	if (store_failure(e->store) != STORE_OK)
		return;
	store_run(e->store, SQL_ORDER_SET_STATE, "tt", state_move(MACHINE_ORDER, from, to), order);
	o->touched |= TOUCHED_ORDERS;
}

static json_t *lines_of(struct engine *e, const char *order)
{
	struct store_cursor q = store_query(e->store, SQL_LINES_OF, "t", order);
	json_t *lines = json_array();

	while (store_next(&q))
		json_array_append_new(lines,
			json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:s}", "line", (json_int_t)store_int(&q, 0), "item",
				store_text(&q, 1), "ordered", (json_int_t)store_int(&q, 2), "allocated",
				(json_int_t)store_int(&q, 3), "picked", (json_int_t)store_int(&q, 4), "short",
				(json_int_t)store_int(&q, 7), "reason", store_text(&q, 8)));
	return lines;
}

void order_milestone(struct engine *e, struct command *c, struct outcome *o, const char *order, const char *type)
{
	event_make(e, c, o, type, order, json_pack("{s:s, s:o}", "order", order, "lines", lines_of(e, order)));
}

static int put_line(struct engine *e, const char *order, const json_t *object, char *why)
{
	const char *item = NULL;
	int64_t line = 0, qty = 0;
	const struct json_field fields[] = {
		{ "line", JSON_REQUIRED, JSON_INTEGER, &line, 1, 100000 },
		{ "item", JSON_REQUIRED, JSON_STRING, &item, 1, 60 },
		{ "qty", JSON_REQUIRED, JSON_INTEGER, &qty, 1, 1000000 },
	};

	if (json_fields(object, fields, array_len(fields), why, WHY_MAX) < 0 || check_name("item", item, why) < 0)
		return -EINVAL;
	if (store_run(e->store, SQL_LINE_ADD, "titi", order, line, item, qty) != 1 &&
		store_failure(e->store) == STORE_OK) {
		snprintf(why, WHY_MAX, "line %lld comes twice", (long long)line);
		return -EINVAL;
	}
	return 0;
}

void order_allocate(struct engine *e, struct outcome *o, const char *order)
{
	if (!wave_keeps(e, order))
		continuation_add(e, o, "allocate", json_pack("{s:s, s:i}", "order", order, "line", 0));
}

struct order_head {
	const char *order, *customer, *customer_po, *carrier, *service, *allocation, *wave;
	const json_t *ship_to, *lines;
};

static int read_head(const json_t *args, struct order_head *h, char *why)
{
	const struct json_field fields[] = {
		{ "order", JSON_REQUIRED, JSON_STRING, &h->order, 1, 60 },
		{ "customer", JSON_OPTIONAL, JSON_STRING, &h->customer, 0, 120 },
		{ "customer_po", JSON_OPTIONAL, JSON_STRING, &h->customer_po, 0, 60 },
		{ "carrier", JSON_REQUIRED, JSON_STRING, &h->carrier, 1, 40 },
		{ "service", JSON_OPTIONAL, JSON_STRING, &h->service, 0, 40 },
		{ "allocation", JSON_OPTIONAL, JSON_STRING, &h->allocation, 0, 60 },
		{ "wave", JSON_OPTIONAL, JSON_STRING, &h->wave, 0, 60 },
		{ "ship_to", JSON_OPTIONAL, JSON_OBJECT, &h->ship_to, 0, 0 },
		{ "lines", JSON_REQUIRED, JSON_ARRAY, &h->lines, 0, 0 },
	};

	if (json_fields(args, fields, array_len(fields), why, WHY_MAX) < 0)
		return -EINVAL;
	if (json_array_size(h->lines) == 0 || json_array_size(h->lines) > ORDER_LINES_MAX) {
		snprintf(why, WHY_MAX, "\"lines\" must hold 1 to %d lines", ORDER_LINES_MAX);
		return -EINVAL;
	}
	/* It goes into the label and the shipment event, and both must fit a message. */
	if (json_dumpb(h->ship_to, NULL, 0, JSON_COMPACT) > SHIP_TO_MAX) {
		snprintf(why, WHY_MAX, "\"ship_to\" must not be longer than %d bytes", SHIP_TO_MAX);
		return -EINVAL;
	}
	return h->wave[0] && check_name("wave", h->wave, why) < 0 ? -EINVAL : check_name("order", h->order, why);
}

int order_put(struct engine *e, struct command *c, struct outcome *o, const json_t *args, char *why)
{
	struct order_head h = { .customer = "", .customer_po = "", .service = "", .allocation = "",
		.wave = "", .ship_to = json_object_shared() };
	_cleanup_free_ char *ship_to = NULL;
	const json_t *line;
	size_t i;

	if (read_head(args, &h, why) < 0)
		return -EINVAL;
	if (store_number(e->store, 0, SQL_ORDER_IS, "t", h.order)) {
		/* HQ may send an order again; the same order has its effect once. */
		outcome_quiet(o, "known");
		return 0;
	}
	ship_to = json_text(h.ship_to);
	store_run(e->store, SQL_ORDER_ADD, "ttttttttiit", h.order, state_name(MACHINE_ORDER, ORDER_RECEIVED),
		h.allocation, h.customer, h.customer_po, h.carrier, h.service, ship_to,
		(int64_t)json_array_size(h.lines), c->seq, h.wave);
	json_array_foreach((json_t *)h.lines, i, line)
		if (put_line(e, h.order, line, why) < 0)
			return -EINVAL;
	wave_join(e, h.wave, (int64_t)json_array_size(h.lines));
	order_milestone(e, c, o, h.order, "order.received");
	order_allocate(e, o, h.order);
	o->touched |= TOUCHED_ORDERS;
	outcome_good(o, "received", "Order %s received", h.order);
	return 0;
}

int on_order_put(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	return order_put(e, c, o, c->args ? c->args : json_object_shared(), why);
}

static int read_order_reason(const struct command *c, const char **order, const char **reason, char *why)
{
	const struct json_field fields[] = {
		{ "order", JSON_REQUIRED, JSON_STRING, order, 1, 60 },
		{ "reason", JSON_OPTIONAL, JSON_STRING, reason, 0, 120 },
	};

	return READ_ARGS(fields);
}

static bool known(struct engine *e, struct outcome *o, const char *order)
{
	if (store_number(e->store, 0, SQL_ORDER_IS, "t", order))
		return true;
	outcome_bad(o, "unknown_order", "There is no order %s", order);
	return false;
}

void order_hold(struct engine *e, struct command *c, struct outcome *o, const char *order, const char *reason)
{
	unsigned state;

	if (!known(e, o, order))
		return;
	state = order_state(e, order);
	if (!state_may_follow(MACHINE_ORDER, state, ORDER_HELD)) {
		outcome_bad(o, "too_late", "Order %s is %s: it cannot be held any more", order,
			state_name(MACHINE_ORDER, state));
		return;
	}
	store_run(e->store, SQL_ORDER_HOLD, "ttt", state_name(MACHINE_ORDER, state), reason, order);
	order_move(e, o, order, ORDER_HELD);
	order_milestone(e, c, o, order, "order.held");
	outcome_good(o, "held", "Order %s is held", order);
}

void order_release(struct engine *e, struct command *c, struct outcome *o, const char *order)
{
	char from[32] = "";
	struct store_cursor q;

	if (!known(e, o, order))
		return;
	if (order_state(e, order) != ORDER_HELD) {
		outcome_bad(o, "not_held", "Order %s is not held", order);
		return;
	}
	q = store_query(e->store, SQL_ORDER_HELD_FROM, "t", order);
	if (store_first(&q)) {
		text_copy(from, sizeof(from), store_text(&q, 0));
		store_end(&q);
	}
	order_move(e, o, order, state_named(MACHINE_ORDER, from));
	if (state_named(MACHINE_ORDER, from) == ORDER_RECEIVED)
		order_allocate(e, o, order);
	order_milestone(e, c, o, order, "order.released");
	outcome_good(o, "released", "Order %s is released", order);
}

/* Tasks that nobody has done give their stock back. */
static void drop_tasks(struct engine *e, const char *order)
{
	struct store_cursor q = store_query(e->store, SQL_TASKS_UNDONE, "t", order);

	while (store_next(&q))
		store_run(e->store, SQL_STOCK_ALLOCATE, "ittt", -store_int(&q, 3), store_text(&q, 2),
			store_text(&q, 0), store_text(&q, 1));
	store_run(e->store, SQL_TASKS_CANCEL, "t", order);
}

static void return_tote(struct engine *e, struct command *c, struct outcome *o, const char *order)
{
	char tote[64] = "";
	struct store_cursor q = store_query(e->store, SQL_ORDER_TOTE, "t", order);

	if (store_first(&q)) {
		text_copy(tote, sizeof(tote), store_text(&q, 0));
		store_end(&q);
	}
	/* An order on the scale has given its tote back, and another may be picked into it. */
	if (!tote[0] || !store_number(e->store, 0, SQL_TOTE_IS_OF, "tt", tote, order))
		return;
	store_run(e->store, SQL_TOTE_SET, "ttt", state_name(MACHINE_TOTE, TOTE_RETURN), order, tote);
	case_open(e, c, o, "return_tote", ROLE_SUPERVISOR, tote, "returned",
		"Order %s was cancelled: put the goods of tote %s back and count them", order, tote);
}

static void cancel_cartons(struct engine *e, struct command *c, struct outcome *o, const char *order)
{
	int64_t cartons = store_number(e->store, 0, SQL_CARTONS_OF_ORDER, "t", order);

	if (cartons)
		case_open(e, c, o, "cancel_after_pack", ROLE_SUPERVISOR, order, "unpacked|shipped_anyway",
			"Order %s was cancelled after packing: its carton goes to the reject lane", order);
}

void order_cancel(struct engine *e, struct command *c, struct outcome *o, const char *order, const char *reason)
{
	unsigned state;

	if (!known(e, o, order))
		return;
	state = order_state(e, order);
	if (state == ORDER_CANCELLED) {
		outcome_quiet(o, "known");
		return;
	}
	if (!state_may_follow(MACHINE_ORDER, state, ORDER_CANCELLED)) {
		case_open(e, c, o, "conflict", ROLE_SUPERVISOR, order, "noted",
			"Cancel of order %s came too late: it is %s", order, state_name(MACHINE_ORDER, state));
		outcome_bad(o, "conflict", "Order %s is %s: too late to cancel", order,
			state_name(MACHINE_ORDER, state));
		o->keep = true;
		return;
	}
	drop_tasks(e, order);
	if (state == ORDER_PICKING || state == ORDER_PICKED)
		return_tote(e, c, o, order);
	cancel_cartons(e, c, o, order);
	store_run(e->store, SQL_ORDER_REASON, "tt", reason, order);
	order_move(e, o, order, ORDER_CANCELLED);
	order_milestone(e, c, o, order, "order.cancelled");
	outcome_good(o, "cancelled", "Order %s is cancelled", order);
}

int on_order_hold(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *order = NULL, *reason = "";

	if (read_order_reason(c, &order, &reason, why) < 0)
		return -EINVAL;
	order_hold(e, c, o, order, reason);
	return 0;
}

int on_order_release(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *order = NULL, *reason = "";

	if (read_order_reason(c, &order, &reason, why) < 0)
		return -EINVAL;
	order_release(e, c, o, order);
	return 0;
}

int on_order_cancel(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *order = NULL, *reason = "";

	if (read_order_reason(c, &order, &reason, why) < 0)
		return -EINVAL;
	order_cancel(e, c, o, order, reason);
	return 0;
}
