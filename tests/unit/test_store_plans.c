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
	"wave_releasing", "cases_open", "label_open", "task_leased", "divert_unpaired" };

static bool is_open_only(const char *detail)
{
	const char *index = strstr(detail, "INDEX ");

	for (size_t i = 0; index && i < array_len(open_only); i++)
		if (strncmp(index + strlen("INDEX "), open_only[i], strlen(open_only[i])) == 0)
			return true;
	return false;
}

/* A full scan of a big table, or an index looked through from end to end. "LIMIT 1" and min/max show as SEARCH. */
static bool is_bad(const char *detail)
{
	if (strncmp(detail, "MATERIALIZE", 11) == 0)
		return true;
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

static size_t count_bad(struct store *store, const char *name, const char *sql)
{
	char text[4096];
	sqlite3_stmt *s = NULL;
	size_t bad = 0;

	snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql);
	assert_int_equal(sqlite3_prepare_v2(store->db, text, -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(s, 3);

		if (is_bad(detail)) {
			print_error("%s: %s\n", name, detail);
			bad++;
		}
	}
	sqlite3_finalize(s);
	return bad;
}

static void no_statement_of_a_turn_looks_through_a_table_that_grows(void **unused)
{
	struct store *store;
	size_t bad = 0;

	(void)unused;
	assert_int_equal(store_open(":memory:", NULL, &store), 0);
	for (size_t i = 0; i < SQL_COUNT; i++)
		if (!is_inspection(names[i]) && !stops_early(names[i]))
			bad += count_bad(store, names[i], store_sql_texts[i]);
	store_close(store);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_statement_of_a_turn_looks_through_a_table_that_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
