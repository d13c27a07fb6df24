#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "json.h"
#include "states.h"

bool pick_start(struct engine *e, struct outcome *o, const char *device, char *ret_order, size_t size)
{
	/* What this handheld already has comes first: it may have been restarted. */
	struct store_cursor q = store_query(e->store, SQL_PICK_MINE, "t", device);
	bool found = store_first(&q);

	if (!found) {
		q = store_query(e->store, SQL_PICK_OLDEST, "");
		found = store_first(&q);
	}
	if (!found)
		return false;
	text_copy(ret_order, size, store_text(&q, 0));
	store_end(&q);
	if (order_state(e, ret_order) == ORDER_ALLOCATED) {
		order_move(e, o, ret_order, ORDER_PICKING);
		store_run(e->store, SQL_TASKS_LEASE, "tt", device, ret_order);
	}
	return true;
}

static void read_task(struct store_cursor *q, struct pick_task *t)
{
	t->task = store_int(q, 0);
	t->line = store_int(q, 1);
	t->qty = store_int(q, 2);
	text_copy(t->order, sizeof(t->order), store_text(q, 3));
	text_copy(t->item, sizeof(t->item), store_text(q, 4));
	text_copy(t->lot, sizeof(t->lot), store_text(q, 5));
	text_copy(t->location, sizeof(t->location), store_text(q, 6));
	snprintf(t->title, sizeof(t->title), "%s", store_text(q, 7));
	text_copy(t->tote, sizeof(t->tote), store_text(q, 8));
}

bool pick_next(struct engine *e, const char *order, const char *device, struct pick_task *ret)
{
	struct store_cursor q = store_query(e->store, SQL_TASK_NEXT, "tt", order, device);

	*ret = (struct pick_task){ 0 };
	if (!store_first(&q))
		return false;
	read_task(&q, ret);
	store_end(&q);
	return true;
}

bool pick_load(struct engine *e, int64_t task, struct pick_task *ret)
{
	struct store_cursor q = store_query(e->store, SQL_TASK_GET, "i", task);

	*ret = (struct pick_task){ 0 };
	if (!store_first(&q))
		return false;
	read_task(&q, ret);
	store_end(&q);
	return true;
}

/* The order's tote, or a free one that becomes it. */
static bool bind_tote(struct engine *e, struct outcome *o, const struct pick_task *t, const char *tote)
{
	char state[32] = "";
	struct store_cursor q = store_query(e->store, SQL_TOTE_GET, "t", tote);

	if (store_first(&q)) {
		text_copy(state, sizeof(state), store_text(&q, 0));
		store_end(&q);
	}
	if (!state[0]) {
		outcome_bad(o, "not_a_tote", "That is no tote");
		return false;
	}
	if (t->tote[0]) {
		if (strcmp(t->tote, tote) == 0)
			return true;
		outcome_bad(o, "wrong_tote", "Wrong tote: this order is in %s", t->tote);
		return false;
	}
	if (state_named(MACHINE_TOTE, state) != TOTE_FREE) {
		outcome_bad(o, "tote_in_use", "Tote %s is in use: take an empty one", tote);
		return false;
	}
	store_run(e->store, SQL_TOTE_SET, "ttt", state_move(MACHINE_TOTE, TOTE_FREE, TOTE_PICKING), t->order, tote);
	store_run(e->store, SQL_ORDER_SET_TOTE, "tt", tote, t->order);
	return true;
}

bool pick_into_tote(struct engine *e, struct command *c, struct outcome *o, const struct pick_task *t,
	const char *tote, int64_t counted)
{
	char place[80];

	assert(counted >= 0 && counted <= t->qty);
	if (!bind_tote(e, o, t, tote))
		return false;
	snprintf(place, sizeof(place), "tote/%s", tote);
	stock_move(e, c, t->item, t->lot, t->location, place, counted, counted, "pick");
	store_run(e->store, SQL_TASK_END, "iti", counted,
		state_move(MACHINE_TASK, TASK_LEASED, counted == t->qty ? TASK_DONE : TASK_SHORT), t->task);
	store_run(e->store, SQL_LINE_PICKED, "iti", counted, t->order, t->line);
	return true;
}

void pick_short(struct engine *e, struct command *c, struct outcome *o, const struct pick_task *t, int64_t counted)
{
	int64_t rest = t->qty - counted, found;

	if (counted == 0)
		store_run(e->store, SQL_TASK_END, "iti", INT64_C(0),
			state_move(MACHINE_TASK, TASK_LEASED, TASK_SHORT), t->task);
	stock_allocate(e, t->location, t->item, t->lot, -rest);
	store_run(e->store, SQL_LOCATION_FREEZE, "it", INT64_C(1), t->location);
	store_run(e->store, SQL_LINE_ALLOCATED, "iti", -rest, t->order, t->line);
	case_open(e, c, o, "count", ROLE_SUPERVISOR, t->location, "counted",
		"Count %s: %lld of %lld pieces of %s were found", t->location, (long long)counted, (long long)t->qty,
		t->item);
	found = allocate_line(e, t->order, t->line, t->item, rest, c->place);
	if (found < rest)
		store_run(e->store, SQL_LINE_SHORT, "itti", rest - found, "short_pick", t->order, t->line);
}

void pick_finish(struct engine *e, struct command *c, struct outcome *o, const char *order)
{
	char tote[64] = "";
	struct store_cursor q = store_query(e->store, SQL_ORDER_TOTE, "t", order);

	if (store_first(&q)) {
		text_copy(tote, sizeof(tote), store_text(&q, 0));
		store_end(&q);
	}
	if (!tote[0]) {
		store_run(e->store, SQL_ORDER_REASON, "tt", "short_pick", order);
		order_move(e, o, order, ORDER_SHORT);
		order_milestone(e, c, o, order, "order.short");
		return;
	}
	store_run(e->store, SQL_TOTE_SET, "ttt", state_move(MACHINE_TOTE, TOTE_PICKING, TOTE_PICKED), order, tote);
	order_move(e, o, order, ORDER_PICKED);
	order_milestone(e, c, o, order, "order.picked");
}
