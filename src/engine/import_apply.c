/* What is left to do behind the end of an import, or when it is dropped: a bounded piece a turn. Older generations go
 * away; opening balances are booked bin by bin, and orders wait until all of them are there. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "import.h"
#include "json.h"
#include "states.h"

/* Rows of one command: a tidied name has seldom more than one older row; a booked bin is a lot, a stock and a movement,
 * and its staged row goes. All stay below 500. */
#define CLEAR_ROWS 200
#define BOOK_ROWS 80
#define WAITING_ORDERS 100

/* The tables that have generations, and what an import of them brings. */
static const struct versioned {
	const char *what;
	enum sql name_at, tidy, drop;
} tables[] = {
	{ "items", SQL_ITEM_NAME_AT, SQL_ITEM_TIDY, SQL_ITEM_DROP },
	{ "items", SQL_BARCODE_NAME_AT, SQL_BARCODE_TIDY, SQL_BARCODE_DROP },
	{ "locations", SQL_LOCATION_NAME_AT, SQL_LOCATION_TIDY, SQL_LOCATION_DROP },
};

bool import_books_stock(struct engine *e)
{
	return store_number(e->store, 0, SQL_IMPORT_STOCK_APPLYING, "");
}

static void go_on(struct engine *e, struct outcome *o, const struct import *i, const char *after, int64_t table)
{
	continuation_add(e, o, "import_apply",
		json_pack("{s:s, s:s, s:I}", "import", i->name, "after", after, "table", (json_int_t)table));
}

/* What a newer row of the same name hides is removed; from the name behind `after`. */
static void tidy(struct engine *e, struct outcome *o, struct import *i, const char *after, int64_t at)
{
	const struct versioned *t;
	struct store_cursor q;
	char last[64] = "";

	while (at < (int64_t)array_len(tables) && strcmp(tables[at].what, i->what) != 0)
		at++;
	if (at >= (int64_t)array_len(tables)) {
		import_move(e, i, IMPORT_DONE);
		return;
	}
	t = &tables[at];
	q = store_query(e->store, t->name_at, "iti", i->generation, after, (int64_t)CLEAR_ROWS - 1);
	if (store_first(&q)) {
		text_copy(last, sizeof(last), store_text(&q, 0));
		store_end(&q);
	}
	store_run(e->store, t->tidy, "iti", i->generation, after, (int64_t)CLEAR_ROWS);
	go_on(e, o, i, last, last[0] ? at : at + 1);
}

struct balance {
	int64_t n, qty;
	char location[64], item[64], lot[64], expiry[16];
};

static size_t read_balances(struct engine *e, struct balance *rows)
{
	struct store_cursor q = store_query(e->store, SQL_IMPORT_STOCK_NEXT, "i", (int64_t)BOOK_ROWS);
	size_t n = 0;

	for (; n < BOOK_ROWS && store_next(&q); n++) {
		rows[n].n = store_int(&q, 0);
		text_copy(rows[n].location, sizeof(rows[n].location), store_text(&q, 1));
		text_copy(rows[n].item, sizeof(rows[n].item), store_text(&q, 2));
		text_copy(rows[n].lot, sizeof(rows[n].lot), store_text(&q, 3));
		text_copy(rows[n].expiry, sizeof(rows[n].expiry), store_text(&q, 4));
		rows[n].qty = store_int(&q, 5);
	}
	store_end(&q);
	return n;
}

static json_t *book_one(struct engine *e, const struct command *c, const struct balance *b)
{
	store_run(e->store, SQL_LOT_PUT, "ttti", b->item, b->lot, b->expiry, c->moment.now_us);
	stock_move(e, c, b->item, b->lot, "", b->location, b->qty, 0, "import");
	return json_pack("{s:s, s:s, s:s, s:I}", "location", b->location, "item", b->item, "lot", b->lot, "qty",
		(json_int_t)b->qty);
}

static void book(struct engine *e, struct command *c, struct outcome *o, struct import *i)
{
	struct balance rows[BOOK_ROWS];
	size_t n = read_balances(e, rows);
	json_t *lines = n ? json_array() : NULL;

	if (n == 0) {
		import_move(e, i, IMPORT_DONE);
		continuation_add(e, o, "allocate_waiting", json_pack("{s:i}", "after", 0));
		return;
	}
	for (size_t at = 0; at < n; at++)
		json_array_append_new(lines, book_one(e, c, &rows[at]));
	store_run(e->store, SQL_IMPORT_STOCK_DONE, "i", rows[n - 1].n);
	store_run(e->store, SQL_IMPORT_APPLIED, "it", (int64_t)n, i->name);
	event_make(e, c, o, "stock.imported", i->name, json_pack("{s:s, s:o}", "import", i->name, "lines", lines));
	go_on(e, o, i, "", 0);
}

int on_import_apply(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *name = NULL, *after = NULL;
	int64_t table = 0, continuation = 0;
	struct import i;
	const struct json_field fields[] = {
		{ "import", JSON_REQUIRED, JSON_STRING, &name, 1, 60 },
		{ "after", JSON_REQUIRED, JSON_STRING, &after, 0, 60 },
		{ "table", JSON_REQUIRED, JSON_INTEGER, &table, 0, 10 },
		{ "continuation", JSON_OPTIONAL, JSON_INTEGER, &continuation, 1, INT64_MAX },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	continuation_done(e, continuation);
	outcome_quiet(o, "applying");
	if (!import_load(e, name, &i) || i.state != IMPORT_APPLYING)
		return 0;
	if (strcmp(i.what, "stock") == 0)
		book(e, c, o, &i);
	else
		tidy(e, o, &i, after, table);
	return 0;
}

/* Rows nobody has seen. */
static int drop_some(struct engine *e, const struct import *i)
{
	int rows = 0;

	if (strcmp(i->what, "stock") == 0)
		return store_run(e->store, SQL_IMPORT_STOCK_DROP, "i", (int64_t)CLEAR_ROWS);
	if (strcmp(i->what, "totes") == 0)
		return store_run(e->store, SQL_TOTE_DROP, "ii", i->generation, (int64_t)CLEAR_ROWS);
	for (size_t t = 0; t < array_len(tables); t++)
		if (strcmp(tables[t].what, i->what) == 0)
			rows += store_run(e->store, tables[t].drop, "ii", i->generation, (int64_t)CLEAR_ROWS);
	return rows;
}

int on_import_clear(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *name = NULL;
	int64_t continuation = 0;
	struct import i;
	const struct json_field fields[] = {
		{ "import", JSON_REQUIRED, JSON_STRING, &name, 1, 60 },
		{ "continuation", JSON_OPTIONAL, JSON_INTEGER, &continuation, 1, INT64_MAX },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	continuation_done(e, continuation);
	outcome_quiet(o, "clearing");
	if (!import_load(e, name, &i) || i.state != IMPORT_DROPPING)
		return 0;
	if (drop_some(e, &i) > 0)
		continuation_add(e, o, "import_clear", json_pack("{s:s}", "import", name));
	else
		import_move(e, &i, IMPORT_DROPPED);
	return 0;
}

/* Orders that came while stock was booked, in the order they came. */
int on_allocate_waiting(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t after = 0, continuation = 0, n = 0;
	struct store_cursor q;
	const struct json_field fields[] = {
		{ "after", JSON_REQUIRED, JSON_INTEGER, &after, 0, 0 },
		{ "continuation", JSON_OPTIONAL, JSON_INTEGER, &continuation, 1, INT64_MAX },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	continuation_done(e, continuation);
	outcome_quiet(o, "allocating");
	q = store_query(e->store, SQL_ORDERS_RECEIVED, "ii", after, (int64_t)WAITING_ORDERS);
	for (; store_next(&q); n++) {
		after = store_int(&q, 1);
		order_allocate(e, o, store_text(&q, 0));
	}
	if (n == WAITING_ORDERS)
		continuation_add(e, o, "allocate_waiting", json_pack("{s:I}", "after", (json_int_t)after));
	else
		wave_go_on(e, o);
	return 0;
}
