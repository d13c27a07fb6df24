/* Files of master data and opening balances, in parts: nothing of them is seen before their end, and the end is one row
 * (the catalog's generation, or the import's own state). What is left to do behind it is in import_apply.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "import.h"
#include "json.h"
#include "states.h"

static const char *const whats[] = { "items", "locations", "totes", "stock" };

bool import_load(struct engine *e, const char *name, struct import *ret)
{
	struct store_cursor q = store_query(e->store, SQL_IMPORT_GET, "t", name);

	*ret = (struct import){ 0 };
	if (!store_first(&q))
		return false;
	text_copy(ret->name, sizeof(ret->name), name);
	text_copy(ret->what, sizeof(ret->what), store_text(&q, 0));
	text_copy(ret->digest, sizeof(ret->digest), store_text(&q, 1));
	ret->rows = store_int(&q, 2);
	ret->generation = store_int(&q, 3);
	ret->state = state_named(MACHINE_IMPORT, store_text(&q, 4));
	ret->parts = store_int(&q, 5);
	ret->staged = store_int(&q, 6);
	store_end(&q);
	return true;
}

void import_move(struct engine *e, struct import *i, unsigned to)
{
	store_run(e->store, SQL_IMPORT_SET, "tt", state_move(MACHINE_IMPORT, i->state, to), i->name);
	i->state = to;
}

static void begin_clearing(struct engine *e, struct outcome *o, struct import *i)
{
	import_move(e, i, IMPORT_DROPPING);
	continuation_add(e, o, "import_clear", json_pack("{s:s}", "import", i->name));
}

/* Where the sender goes on: behind this part. */
static void answer_parts(struct outcome *o, const struct import *i, const char *code)
{
	outcome_good(o, code, "Import %s: %lld of %lld rows are here", i->name, (long long)i->staged,
		(long long)i->rows);
	o->data = json_pack("{s:I, s:I, s:s}", "parts", (json_int_t)i->parts, "rows", (json_int_t)i->staged, "state",
		state_name(MACHINE_IMPORT, i->state));
}

/* One of this name is known. True: it is answered. */
static bool answer_known(struct engine *e, struct outcome *o, struct import *i, const struct import *wanted)
{
	bool same = strcmp(i->what, wanted->what) == 0 && strcmp(i->digest, wanted->digest) == 0 &&
		i->rows == wanted->rows;

	switch ((enum import_state)i->state) {
	case IMPORT_OPEN:
		if (same) {
			answer_parts(o, i, "begun");
			return true;
		}
		begin_clearing(e, o, i);
		outcome_bad(o, "clearing", "Another file was begun as import %s: it is dropped first", i->name);
		o->keep = true;
		return true;
	case IMPORT_DROPPING:
		outcome_bad(o, "clearing", "Import %s is being dropped", i->name);
		return true;
	case IMPORT_APPLYING:
	case IMPORT_DONE:
		if (same)
			answer_parts(o, i, "ended");
		else
			outcome_bad(o, "name_used", "Import %s was another file: give this one another name", i->name);
		return true;
	case IMPORT_DROPPED:
		return false;
	}
	return false;
}

static bool another_is_active(struct engine *e, struct outcome *o)
{
	struct store_cursor q = store_query(e->store, SQL_IMPORT_ACTIVE, "");

	if (!store_first(&q))
		return false;
	if (state_named(MACHINE_IMPORT, store_text(&q, 2)) == IMPORT_OPEN)
		outcome_bad(o, "busy", "Import %s (%s) is not finished: finish it or drop it", store_text(&q, 0),
			store_text(&q, 1));
	else
		outcome_bad(o, "clearing", "Import %s (%s) is still being cleared up", store_text(&q, 0), store_text(&q, 1));
	store_end(&q);
	return true;
}

static void begin(struct engine *e, struct outcome *o, struct import *wanted)
{
	struct import known;

	if (import_load(e, wanted->name, &known) && answer_known(e, o, &known, wanted))
		return;
	if (another_is_active(e, o))
		return;
	wanted->generation = catalog_live(e) + 1;
	wanted->state = IMPORT_OPEN;
	store_run(e->store, SQL_IMPORT_ADD, "tttiit", wanted->name, wanted->what, wanted->digest, wanted->rows,
		wanted->generation, state_name(MACHINE_IMPORT, IMPORT_OPEN));
	answer_parts(o, wanted, "begun");
}

static bool is_what(const char *what)
{
	for (size_t i = 0; i < array_len(whats); i++)
		if (strcmp(whats[i], what) == 0)
			return true;
	return false;
}

int on_import_begin(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *name = NULL, *what = NULL, *digest = NULL;
	struct import wanted = { 0 };
	const struct json_field fields[] = {
		{ "import", JSON_REQUIRED, JSON_STRING, &name, 1, 60 },
		{ "what", JSON_REQUIRED, JSON_STRING, &what, 1, 20 },
		{ "rows", JSON_REQUIRED, JSON_INTEGER, &wanted.rows, 1, IMPORT_ROWS_MAX },
		{ "digest", JSON_REQUIRED, JSON_STRING, &digest, 1, 64 },
	};

	if (READ_ARGS(fields) < 0 || check_name("import", name, why) < 0)
		return -EINVAL;
	if (!is_what(what)) {
		snprintf(why, WHY_MAX, "\"what\" is items, locations, totes or stock");
		return -EINVAL;
	}
	text_copy(wanted.name, sizeof(wanted.name), name);
	text_copy(wanted.what, sizeof(wanted.what), what);
	text_copy(wanted.digest, sizeof(wanted.digest), digest);
	begin(e, o, &wanted);
	return 0;
}

/* A bin or an item that does not exist refuses the part; -EINVAL where the row is malformed. */
static int stage_stock(struct engine *e, struct outcome *o, const json_t *row, char *why)
{
	const char *location = NULL, *item = NULL, *lot = "", *expiry = "9999-12-31";
	int64_t qty = 0;
	const struct json_field fields[] = {
		{ "location", JSON_REQUIRED, JSON_STRING, &location, 1, 60 },
		{ "item", JSON_REQUIRED, JSON_STRING, &item, 1, 60 },
		{ "lot", JSON_OPTIONAL, JSON_STRING, &lot, 0, 60 },
		{ "expiry", JSON_OPTIONAL, JSON_STRING, &expiry, 10, 10 },
		{ "qty", JSON_REQUIRED, JSON_INTEGER, &qty, 1, 1000000 },
	};

	if (json_fields(row, fields, array_len(fields), why, WHY_MAX) < 0 || check_name("lot", lot, why) < 0 ||
		check_date("expiry", expiry, why) < 0)
		return -EINVAL;
	if (!store_number(e->store, 0, SQL_LOCATION_IS, "t", location))
		outcome_bad(o, "unknown_location", "There is no location %s", location);
	else if (!store_number(e->store, 0, SQL_ITEM_IS, "t", item))
		outcome_bad(o, "unknown_item", "There is no item %s", item);
	else
		store_run(e->store, SQL_IMPORT_STOCK_ADD, "tttti", location, item, lot, expiry, qty);
	return 0;
}

static int stage_row(struct engine *e, struct outcome *o, const struct import *i, const json_t *row, char *why)
{
	const char *name;

	if (strcmp(i->what, "items") == 0)
		return put_item_row(e, row, i->generation, &name, why);
	if (strcmp(i->what, "locations") == 0)
		return put_location_row(e, row, i->generation, &name, why);
	if (strcmp(i->what, "totes") == 0)
		return put_tote_row(e, row, i->generation, &name, why);
	return stage_stock(e, o, row, why);
}

/* The whole part or nothing of it. */
static int stage(struct engine *e, struct outcome *o, const struct import *i, const json_t *rows, char *why)
{
	char reason[WHY_MAX] = "";
	const json_t *row;
	size_t at;

	outcome_good(o, "staged", "Import %s: %lld of %lld rows are here", i->name,
		(long long)i->staged + (long long)json_array_size(rows), (long long)i->rows);
	json_array_foreach((json_t *)rows, at, row) {
		if (!json_is_object(row) || stage_row(e, o, i, row, reason) < 0) {
			snprintf(why, WHY_MAX, "row %zu of the part: %.160s", at + 1, reason);
			return -EINVAL;
		}
		if (!o->ok) {
			o->data = json_pack("{s:I}", "row", (json_int_t)i->staged + (json_int_t)at + 1);
			return 0;
		}
	}
	store_run(e->store, SQL_IMPORT_PART, "it", (int64_t)json_array_size(rows), i->name);
	return 0;
}

/* True where the import takes rows; else a bad outcome. */
static bool is_open(struct engine *e, struct outcome *o, const char *name, struct import *i)
{
	if (import_load(e, name, i) && i->state == IMPORT_OPEN)
		return true;
	if (i->name[0])
		outcome_bad(o, "not_open", "Import %s is %s", name, state_name(MACHINE_IMPORT, i->state));
	else
		outcome_bad(o, "unknown_import", "There is no import %.60s", name);
	return false;
}

int on_import_rows(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *name = NULL;
	const json_t *rows = NULL;
	int64_t part = 0;
	struct import i;
	const struct json_field fields[] = {
		{ "import", JSON_REQUIRED, JSON_STRING, &name, 1, 60 },
		{ "part", JSON_REQUIRED, JSON_INTEGER, &part, 1, IMPORT_ROWS_MAX },
		{ "rows", JSON_REQUIRED, JSON_ARRAY, &rows, 0, 0 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (json_array_size(rows) == 0 || json_array_size(rows) > IMPORT_PART_ROWS) {
		snprintf(why, WHY_MAX, "\"rows\" must hold 1 to %d rows", IMPORT_PART_ROWS);
		return -EINVAL;
	}
	if (!is_open(e, o, name, &i))
		return 0;
	if (part <= i.parts)
		outcome_quiet(o, "known");
	else if (part != i.parts + 1)
		outcome_bad(o, "gap", "Part %lld came, %lld was expected", (long long)part, (long long)i.parts + 1);
	else if (i.staged + (int64_t)json_array_size(rows) > i.rows)
		outcome_bad(o, "too_many", "Import %s was begun with %lld rows", name, (long long)i.rows);
	else
		return stage(e, o, &i, rows, why);
	return 0;
}

static int read_name(const struct command *c, const char **name, char *why)
{
	const struct json_field fields[] = { { "import", JSON_REQUIRED, JSON_STRING, name, 1, 60 } };

	return READ_ARGS(fields);
}

/* The switch: one row, and everything of the import is seen. */
static void end(struct engine *e, struct outcome *o, struct import *i)
{
	if (strcmp(i->what, "stock") != 0)
		store_run(e->store, SQL_CATALOG_SWITCH, "i", i->generation);
	import_move(e, i, IMPORT_APPLYING);
	continuation_add(e, o, "import_apply", json_pack("{s:s, s:s, s:i}", "import", i->name, "after", "", "table", 0));
	outcome_good(o, "ended", "Import %s: %lld rows of %s", i->name, (long long)i->rows, i->what);
}

int on_import_end(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *name = NULL;
	struct import i;

	if (read_name(c, &name, why) < 0)
		return -EINVAL;
	if (import_load(e, name, &i) && (i.state == IMPORT_APPLYING || i.state == IMPORT_DONE))
		answer_parts(o, &i, "ended");
	else if (!is_open(e, o, name, &i))
		return 0;
	else if (i.staged != i.rows)
		outcome_bad(o, "incomplete", "Import %s has %lld of %lld rows", name, (long long)i.staged,
			(long long)i.rows);
	else
		end(e, o, &i);
	return 0;
}

int on_import_drop(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *name = NULL;
	struct import i;

	if (read_name(c, &name, why) < 0)
		return -EINVAL;
	if (import_load(e, name, &i) && (i.state == IMPORT_DROPPING || i.state == IMPORT_DROPPED)) {
		outcome_quiet(o, "known");
	} else if (is_open(e, o, name, &i)) {
		begin_clearing(e, o, &i);
		outcome_good(o, "dropped", "Import %s is dropped: nothing of it was ever seen", name);
	}
	return 0;
}
