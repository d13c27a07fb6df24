/* Allocation: first expired first out, then first received; a few lines per turn, the order shows when all are done. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "json.h"
#include "states.h"

/* A line writes two rows a bin and two of its own: ALLOCATE_LINES_MAX of them stay below COMMAND_ROWS_MAX. */
#define BINS_MAX 8

struct bin {
	char place[64], lot[64];
	int64_t free, walk;
};

static size_t find_bins(struct engine *e, const char *item, struct bin *bins)
{
	struct store_cursor q = store_query(e->store, SQL_STOCK_FEFO, "ti", item, (int64_t)BINS_MAX);
	size_t n = 0;

	while (store_next(&q) && n < BINS_MAX) {
		struct bin *b = &bins[n++];

		text_copy(b->place, sizeof(b->place), store_text(&q, 0));
		text_copy(b->lot, sizeof(b->lot), store_text(&q, 1));
		b->free = store_int(&q, 2);
		b->walk = store_int(&q, 3);
	}
	store_end(&q);
	return n;
}

int64_t allocate_line(struct engine *e, const char *order, int64_t line, const char *item, int64_t qty,
	const char *device)
{
	struct bin bins[BINS_MAX];
	size_t n = find_bins(e, item, bins), tasks = (size_t)store_number(e->store, 0, SQL_TASKS_COUNT, "t", order);
	int64_t found = 0;

	if (n + tasks > ORDER_TASKS_MAX)
		n = tasks < ORDER_TASKS_MAX ? ORDER_TASKS_MAX - tasks : 0;
	for (size_t i = 0; i < n && found < qty; i++) {
		int64_t take = bins[i].free < qty - found ? bins[i].free : qty - found;

		stock_allocate(e, bins[i].place, item, bins[i].lot, take);
		store_run(e->store, SQL_TASK_ADD, "titttiitt", order, line, item, bins[i].lot, bins[i].place,
			bins[i].walk, take, state_name(MACHINE_TASK, device[0] ? TASK_LEASED : TASK_OPEN), device);
		found += take;
	}
	store_run(e->store, SQL_LINE_ALLOCATED, "iti", found, order, line);
	return found;
}

static const char *why_short(struct engine *e, const char *order)
{
	return store_number(e->store, 0, SQL_TASKS_COUNT, "t", order) < ORDER_TASKS_MAX ? "no_stock" : "too_many_bins";
}

size_t allocate_lines(struct engine *e, const char *order, int64_t after, size_t limit, struct allocated *ret)
{
	struct { int64_t line, qty; char item[64]; } wanted[ALLOCATE_LINES_MAX];
	struct store_cursor q = store_query(e->store, SQL_LINES_AFTER, "tii", order, after, (int64_t)limit);
	size_t n = 0;

	assert(limit <= ALLOCATE_LINES_MAX);
	for (; n < limit && store_next(&q); n++) {
		wanted[n].line = store_int(&q, 0);
		wanted[n].qty = store_int(&q, 2);
		text_copy(wanted[n].item, sizeof(wanted[n].item), store_text(&q, 1));
	}
	store_end(&q);
	*ret = (struct allocated){ 0 };
	for (size_t i = 0; i < n; i++) {
		int64_t found = allocate_line(e, order, wanted[i].line, wanted[i].item, wanted[i].qty, "");

		ret->last_line = wanted[i].line;
		if (found == wanted[i].qty)
			continue;
		ret->lines_short++;
		store_run(e->store, SQL_LINE_SHORT, "itti", wanted[i].qty - found, why_short(e, order), order,
			wanted[i].line);
	}
	return n;
}

void allocate_finish(struct engine *e, struct command *c, struct outcome *o, const char *order, int64_t release_n)
{
	store_run(e->store, SQL_ORDER_SET_RELEASE, "it", release_n, order);
	if (store_number(e->store, 0, SQL_TASKS_COUNT, "t", order)) {
		order_move(e, o, order, ORDER_ALLOCATED);
		order_milestone(e, c, o, order, "order.allocated");
	} else {
		store_run(e->store, SQL_ORDER_REASON, "tt", "no_stock", order);
		order_move(e, o, order, ORDER_SHORT);
		order_milestone(e, c, o, order, "order.short");
	}
}

int on_allocate(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *order = NULL;
	int64_t after = 0, continuation = 0;
	struct allocated some;
	const struct json_field fields[] = {
		{ "order", JSON_REQUIRED, JSON_STRING, &order, 1, 60 },
		{ "line", JSON_REQUIRED, JSON_INTEGER, &after, 0, 0 },
		{ "continuation", JSON_OPTIONAL, JSON_INTEGER, &continuation, 1, INT64_MAX },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	continuation_done(e, continuation);
	outcome_quiet(o, "allocating");
	/* Held or cancelled meanwhile: a release starts again, from the first line not yet looked at. */
	if (order_state(e, order) != ORDER_RECEIVED)
		return 0;
	/* It is looked at again when the stock is there: short would be a lie that cannot be taken back. */
	if (import_books_stock(e)) {
		outcome_quiet(o, "waiting");
		return 0;
	}
	if (allocate_lines(e, order, after, ALLOCATE_LINES_MAX, &some) > 0)
		continuation_add(e, o, "allocate",
			json_pack("{s:s, s:I}", "order", order, "line", (json_int_t)some.last_line));
	else
		allocate_finish(e, c, o, order, store_number(e->store, 0, SQL_RELEASES_SEEN, ""));
	return 0;
}
