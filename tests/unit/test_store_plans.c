/* How SQLite would run each statement: what a turn does may not take longer because the site has worked for years. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "internal.h"

/* Tables with a row per thing the site has: people, devices, lanes, blocks of numbers, or one row at all. */
static const char *const small[] = { "meta", "catalog", "link", "releases", "lane", "station", "device", "dialogue", "user",
	"session", "sscc_block", "segment", "day", "throttle", "continuation", "CONSTANT" };

/* Run on a copy, or at start only. */
static bool is_inspection(const char *name)
{
	return strncmp(name, "AUDIT_", 6) == 0 || strncmp(name, "FACT_", 5) == 0;
}

static bool is_small(const char *table)
{
	size_t len = strcspn(table, " ");

	for (size_t i = 0; i < array_len(small); i++)
		if (strlen(small[i]) == len && strncmp(small[i], table, len) == 0)
			return true;
	return false;
}

/* Indices that hold only what is open now. */
static const char *const open_only[] = { "import_active", "weigh_due", "induct_waiting", "divert_open", "divert_deadline",
	"wave_releasing", "divert_awaited", "cases_open", "label_open", "task_leased", "divert_unpaired" };

static bool is_open_only(const char *detail)
{
	const char *index = strstr(detail, "INDEX ");

	for (size_t i = 0; index && i < array_len(open_only); i++)
		if (strncmp(index + strlen("INDEX "), open_only[i], strlen(open_only[i])) == 0)
			return true;
	return false;
}

/* Sorted when they are found: the bins of an item, the tasks and lines of an order, the lanes, what one command sums up. */
static bool sorts_little(const char *name)
{
	static const char *const little[] = { "STOCK_FEFO", "TASKS_UNDONE", "TASK_NEXT", "PACK_LINES", "LANE_OF_ROLE",
		"LANE_OF_CARRIER", "LANE_FULL_OF_CARRIER", "BLOCK_OPEN", "DIVERT_UNPAIRED", "CARRY_IN", "CARRY_OUT" };

	for (size_t i = 0; i < array_len(little); i++)
		if (strcmp(little[i], name) == 0)
			return true;
	return false;
}

/* A full scan of a big table, an index looked through from end to end, or everything that is found put in order before
 * the first row of it comes. "LIMIT 1" and min/max show as SEARCH. */
static bool is_bad(const char *name, const char *detail)
{
	if (strncmp(detail, "MATERIALIZE", 11) == 0)
		return true;
	if (strncmp(detail, "USE TEMP B-TREE", 15) == 0)
		return !sorts_little(name);
	return strncmp(detail, "SCAN ", 5) == 0 && !is_small(detail + 5) && !is_open_only(detail);
}

static const char *const names[] = {
#define STATEMENT(name, text) #name,
#include "statements.def"
#undef STATEMENT
};

/* In order of a key and with a limit: the scan stops after so many rows. */
static bool stops_early(const char *name)
{
	static const char *const paged[] = { "IMPORT_STOCK_NEXT", "IMPORT_STOCK_DROP", "JOURNAL_LAST", "JOURNAL_AFTER",
		"OUTBOX_AFTER", "PRUNE_OUTBOX_LAST" };

	for (size_t i = 0; i < array_len(paged); i++)
		if (strcmp(paged[i], name) == 0)
			return true;
	return false;
}

static sqlite3_stmt *plan_of(struct store *store, const char *sql)
{
	char text[4096];
	sqlite3_stmt *s = NULL;

	snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql);
	assert_int_equal(sqlite3_prepare_v2(store->db, text, -1, &s, NULL), SQLITE_OK);
	return s;
}

static size_t count_bad(struct store *store, const char *name, const char *sql, bool quiet)
{
	sqlite3_stmt *s = plan_of(store, sql);
	size_t bad = 0;

	while (sqlite3_step(s) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(s, 3);

		if (!is_bad(name, detail))
			continue;
		if (!quiet)
			print_error("%s: %s\n", name, detail);
		bad++;
	}
	sqlite3_finalize(s);
	return bad;
}

static bool searches_by(struct store *store, const char *sql, const char *index)
{
	sqlite3_stmt *s = plan_of(store, sql);
	bool found = false;

	while (!found && sqlite3_step(s) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(s, 3);

		found = strncmp(detail, "SEARCH ", 7) == 0 && strstr(detail, index);
	}
	sqlite3_finalize(s);
	return found;
}

static struct store *open_empty(void)
{
	struct store *store;

	assert_int_equal(store_open(":memory:", NULL, &store), 0);
	return store;
}

static void no_statement_of_a_turn_looks_through_a_table_that_grows(void **unused)
{
	struct store *store = open_empty();
	size_t bad = 0;

	(void)unused;
	for (size_t i = 0; i < SQL_COUNT; i++)
		if (!is_inspection(names[i]) && !stops_early(names[i]))
			bad += count_bad(store, names[i], store_sql_texts[i], false);
	store_close(store);
	assert_int_equal(bad, 0);
}

/* A partial index serves only a statement that says its condition in the same words; what another index finds may be
 * every divert of the last weeks. */
static void what_is_asked_over_and_over_has_an_index_of_what_is_open(void **unused)
{
	static const struct { enum sql sql; const char *index; } asked[] = {
		{ SQL_DIVERT_OVERDUE, "INDEX divert_deadline (deadline_us<?)" },
		{ SQL_DIVERT_NEXT_DEADLINE, "INDEX divert_deadline" },
		{ SQL_DIVERT_OFFER, "INDEX divert_open (plc=? AND state=? AND rowid>?)" },
		{ SQL_DIVERT_RECOVER, "INDEX divert_taken (plc=?)" },
		{ SQL_LABEL_OFFER, "INDEX label_open (printer=? AND state=?)" },
		{ SQL_LABEL_RECOVER, "INDEX label_open (printer=? AND state=?)" },
		{ SQL_WEIGH_OFFER, "INDEX weigh_due (device=? AND rowid>?)" },
		{ SQL_INDUCT_NEXT, "INDEX induct_waiting (station=?)" },
		{ SQL_PICK_MINE, "INDEX task_leased (device=?)" },
		{ SQL_PICK_OLDEST, "INDEX orders_to_pick (release_n<?)" },
		{ SQL_ORDERS_WAITING, "INDEX orders_to_pick (release_n<?)" },
		{ SQL_WAVE_NEXT_ORDER, "INDEX orders_wave (wave=? AND state=?)" },
		{ SQL_PRUNE_ORDERS_AFTER, "INDEX orders_ended (" },
		{ SQL_PRUNE_WAVES, "INDEX wave_still (day<?)" },
		{ SQL_PRUNE_SESSIONS, "INDEX session_ended (day<?)" },
	};
	struct store *store = open_empty();

	(void)unused;
	for (size_t i = 0; i < array_len(asked); i++)
		if (!searches_by(store, store_sql_texts[asked[i].sql], asked[i].index))
			fail_msg("%s does not search by %s", names[asked[i].sql], asked[i].index);
	store_close(store);
}

static void a_statement_that_looks_through_a_table_is_found_out(void **unused)
{
	static const char *const bad[] = {
		"SELECT divert FROM divert WHERE state = 'due'",
		"SELECT divert FROM divert WHERE state IN ('asked', 'due', 'taken') AND deadline_us < ?1",
		"SELECT order_id FROM orders WHERE customer = ?1",
		"SELECT order_id FROM orders WHERE state = 'short' ORDER BY customer LIMIT 1",
		"SELECT count(*) FROM journal",
	};
	struct store *store = open_empty();

	(void)unused;
	for (size_t i = 0; i < array_len(bad); i++)
		if (!count_bad(store, "", bad[i], true))
			fail_msg("not found out: %s", bad[i]);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_statement_of_a_turn_looks_through_a_table_that_grows),
		cmocka_unit_test(what_is_asked_over_and_over_has_an_index_of_what_is_open),
		cmocka_unit_test(a_statement_that_looks_through_a_table_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
