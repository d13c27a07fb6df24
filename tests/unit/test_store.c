#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "internal.h"
#include "json.h"
#include "store.h"
#include "text.h"

struct place {
	char folder[64], path[96], copy[96];
	struct store *store;
};

static int open_place(void **state)
{
	static struct place p;

	p = (struct place){ .folder = "/tmp/wharf-store.XXXXXX" };
	assert_non_null(mkdtemp(p.folder));
	snprintf(p.path, sizeof(p.path), "%s/wharf.db", p.folder);
	snprintf(p.copy, sizeof(p.copy), "%s/copy.db", p.folder);
	assert_int_equal(store_open(p.path, NULL, &p.store), 0);
	*state = &p;
	return 0;
}

static int close_place(void **state)
{
	struct place *p = *state;
	char path[128];
	static const char *const ends[] = { "wharf.db", "wharf.db-wal", "wharf.db-shm", "copy.db", "other" };

	store_close(p->store);
	for (size_t i = 0; i < array_len(ends); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->folder, ends[i]);
		unlink(path);
	}
	return rmdir(p->folder);
}

static void put_item(struct store *store, const char *item)
{
	store_run(store, SQL_ITEM_PUT, "titi", item, INT64_C(0), "Title", INT64_C(5));
}

static void what_was_committed_is_there_after_opening_again(void **state)
{
	struct place *p = *state;

	store_begin(p->store);
	put_item(p->store, "TEA");
	store_set_meta(p->store, "site", "DEMO");
	assert_int_equal(store_commit(p->store), 0);
	store_begin(p->store);
	put_item(p->store, "MUG");
	store_rollback(p->store);
	store_close(p->store);
	assert_int_equal(store_open(p->path, NULL, &p->store), 0);
	assert_int_equal(store_number(p->store, 0, SQL_ITEM_IS, "t", "TEA"), 1);
	assert_int_equal(store_number(p->store, 0, SQL_ITEM_IS, "t", "MUG"), 0);
}

static void a_savepoint_undone_takes_back_its_own_rows_only(void **state)
{
	struct place *p = *state;

	store_begin(p->store);
	put_item(p->store, "TEA");
	store_savepoint(p->store);
	put_item(p->store, "MUG");
	store_savepoint(p->store);
	put_item(p->store, "PEN");
	store_release(p->store);
	store_undo(p->store);
	put_item(p->store, "CUP");
	assert_int_equal(store_commit(p->store), 0);
	assert_int_equal(store_number(p->store, 0, SQL_ITEM_IS, "t", "TEA"), 1);
	assert_int_equal(store_number(p->store, 0, SQL_ITEM_IS, "t", "MUG"), 0);
	assert_int_equal(store_number(p->store, 0, SQL_ITEM_IS, "t", "PEN"), 0);
	assert_int_equal(store_number(p->store, 0, SQL_ITEM_IS, "t", "CUP"), 1);
}

static void after_a_failure_nothing_is_written_until_it_is_cleared(void **state)
{
	struct place *p = *state;

	store_begin(p->store);
	store_run(p->store, SQL_BARCODE_PUT, "titi", "123", INT64_C(0), "TEA", INT64_C(0));
	assert_int_equal(store_failure(p->store), STORE_BROKEN);
	assert_string_not_equal(store_failure_text(p->store), "");
	put_item(p->store, "TEA");
	assert_int_equal(store_number(p->store, 7, SQL_ITEM_IS, "t", "TEA"), 7);
	assert_int_equal(store_commit(p->store), -1);
	assert_false(store_in_transaction(p->store));
	store_clear(p->store);
	assert_int_equal(store_number(p->store, 0, SQL_ITEM_IS, "t", "TEA"), 0);
}

static void limit_pages(struct place *p, int pages)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%d", pages);
	assert_int_equal(sqlite3_exec(p->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void put_tote(struct store *store, int n)
{
	char tote[32];

	snprintf(tote, sizeof(tote), "T%d", n);
	store_run(store, SQL_TOTE_PUT, "tti", tote, "free", INT64_C(0));
}

/* SQLite rolls such a transaction back by itself; the next insert would be one of its own. */
static void after_a_full_disk_took_the_transaction_no_statement_commits_alone(void **state)
{
	struct place *p = *state;
	int n = 0;

	limit_pages(p, 1);
	store_begin(p->store);
	put_item(p->store, "TEA");
	store_savepoint(p->store);
	while (store_failure(p->store) == STORE_OK && n < 10000)
		put_tote(p->store, n++);
	assert_int_equal(store_failure(p->store), STORE_FULL);
	assert_false(store_in_transaction(p->store));
	put_item(p->store, "MUG");
	store_undo(p->store);
	store_set_meta(p->store, "site", "DEMO");
	assert_int_equal(store_commit(p->store), -1);
	store_clear(p->store);
	assert_int_equal(store_number(p->store, 0, SQL_ITEM_IS, "t", "TEA"), 0);
	assert_int_equal(store_number(p->store, 0, SQL_ITEM_IS, "t", "MUG"), 0);
	limit_pages(p, 1000000);
	store_begin(p->store);
	put_item(p->store, "TEA");
	assert_int_equal(store_commit(p->store), 0);
	assert_int_equal(store_number(p->store, 0, SQL_ITEM_IS, "t", "TEA"), 1);
}

static void stock_cannot_go_below_zero(void **state)
{
	struct place *p = *state;

	store_begin(p->store);
	store_run(p->store, SQL_STOCK_GIVE, "ttti", "A1", "TEA", "", INT64_C(2));
	store_run(p->store, SQL_STOCK_TAKE, "iittt", INT64_C(3), INT64_C(0), "A1", "TEA", "");
	assert_int_equal(store_failure(p->store), STORE_BROKEN);
	store_rollback(p->store);
	store_clear(p->store);
}

static void a_counter_counts_from_one_and_takes_part_in_the_transaction(void **state)
{
	struct place *p = *state;

	store_begin(p->store);
	assert_int_equal(store_counter(p->store, "n"), 1);
	assert_int_equal(store_counter(p->store, "n"), 2);
	store_rollback(p->store);
	store_begin(p->store);
	assert_int_equal(store_counter(p->store, "n"), 1);
	assert_int_equal(store_commit(p->store), 0);
}

static void a_file_that_is_no_wharf_database_is_refused(void **state)
{
	struct place *p = *state;
	char path[128];
	struct store *other = NULL;

	snprintf(path, sizeof(path), "%s/other", p->folder);
	assert_int_equal(text_write_file(path, "SQLite format 4, honestly", 25, 0600), 0);
	assert_true(store_open(path, NULL, &other) < 0);
	assert_null(other);
	assert_true(store_open_readonly("/no/such/file", &other) < 0);
	assert_null(other);
}

static void make_copy(struct place *p)
{
	struct store_backup *backup;
	int left, total, r = 0;

	assert_int_equal(store_backup_start(p->store, p->copy, &backup), 0);
	while (r == 0)
		r = store_backup_step(backup, 4, &left, &total);
	assert_int_equal(r, 1);
	assert_int_equal(left, 0);
	store_backup_end(backup);
}

static void a_copy_has_the_same_state_and_nothing_can_be_written_to_it(void **state)
{
	struct place *p = *state;
	struct store *copy;
	uint8_t a[HASH_BYTES], b[HASH_BYTES];
	char why[100];

	store_begin(p->store);
	put_item(p->store, "TEA");
	assert_int_equal(store_commit(p->store), 0);
	make_copy(p);
	assert_int_equal(store_open_readonly(p->copy, &copy), 0);
	assert_int_equal(store_integrity(copy, why, sizeof(why)), 0);
	assert_int_equal(store_state_hash(p->store, a), 0);
	assert_int_equal(store_state_hash(copy, b), 0);
	assert_memory_equal(a, b, HASH_BYTES);
	put_item(copy, "MUG");
	assert_int_equal(store_failure(copy), STORE_BROKEN);
	store_close(copy);
}

static void the_state_hash_sees_every_row(void **state)
{
	struct place *p = *state;
	uint8_t a[HASH_BYTES], b[HASH_BYTES];

	assert_int_equal(store_state_hash(p->store, a), 0);
	put_item(p->store, "TEA");
	assert_int_equal(store_state_hash(p->store, b), 0);
	assert_memory_not_equal(a, b, HASH_BYTES);
	store_set_meta(p->store, "x", "y");
	assert_int_equal(store_state_hash(p->store, a), 0);
	assert_memory_not_equal(a, b, HASH_BYTES);
}

/* All pages of `stock`, `limit` rows each. */
static int read_all(struct store *store, int limit)
{
	char after[200] = "", next[200], why[200];
	int n = 0;

	do {
		_cleanup_json_ json_t *rows = NULL;

		assert_int_equal(store_rows(store, "stock", NULL, after, limit, &rows, next, sizeof(next), why,
					 sizeof(why)), 0);
		assert_true(json_array_size(rows) <= (size_t)limit);
		n += (int)json_array_size(rows);
		snprintf(after, sizeof(after), "%s", next);
	} while (next[0]);
	return n;
}

static void pages_of_a_query_give_each_row_once(void **state)
{
	struct place *p = *state;

	store_begin(p->store);
	for (int64_t i = 0; i < 30; i++) {
		char place[8], lot[8];

		snprintf(place, sizeof(place), "A%d", (int)(i / 10));
		snprintf(lot, sizeof(lot), "L%d", (int)(i % 5));
		store_run(p->store, SQL_STOCK_GIVE, "ttti", place, i % 10 < 5 ? "MUG" : "TEA", lot, INT64_C(1));
	}
	assert_int_equal(store_commit(p->store), 0);
	assert_int_equal(read_all(p->store, 1), 30);
	assert_int_equal(read_all(p->store, 7), 30);
	assert_int_equal(read_all(p->store, 200), 30);
}

/* Five milliseconds of the clock may be another program's: a quick read is in time at one of a hundred tries. */
static int read_until_in_time(struct store *store, json_t **ret)
{
	char next[200], why[200];
	int r = -ETIMEDOUT;

	for (int i = 0; i < 100 && r == -ETIMEDOUT; i++)
		r = store_rows(store, "stock", NULL, "", 500, ret, next, sizeof(next), why, sizeof(why));
	return r;
}

static void a_read_that_takes_too_long_is_stopped_and_holds_nothing_up(void **state)
{
	struct place *p = *state;
	_cleanup_json_ json_t *args = json_pack("{s:s}", "place", "nowhere"), *rows = NULL;
	char next[200], why[200];

	assert_int_equal(sqlite3_exec(p->store->db,
				 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) "
				 "INSERT INTO stock SELECT 'A' || i, 'TEA', '', 1, 0 FROM n",
				 NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_rows(p->store, "stock", args, "", 50, &rows, next, sizeof(next), why, sizeof(why)), -ETIMEDOUT);
	assert_null(rows);
	for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(p->store->db, s));)
		assert_false(sqlite3_stmt_busy(s));
	/* Neither the next command nor the log waits for it. */
	store_begin(p->store);
	put_item(p->store, "TEA");
	assert_int_equal(store_commit(p->store), 0);
	store_checkpoint(p->store, true);
	assert_int_equal(store_checkpoint(p->store, false), 0);
	assert_int_equal(read_until_in_time(p->store, &rows), 0);
	assert_in_range(json_array_size(rows), 1, 200);
}

static void a_query_nobody_knows_or_with_a_strange_argument_is_refused(void **state)
{
	struct place *p = *state;
	_cleanup_json_ json_t *strange = json_pack("{s:s}", "colour", "red"), *wrong = json_pack("{s:i}", "state", 1);
	json_t *rows = NULL;
	char next[200], why[200];

	assert_int_equal(store_rows(p->store, "passwords", NULL, "", 1, &rows, next, sizeof(next), why, sizeof(why)), -ENOENT);
	assert_int_equal(store_rows(p->store, "orders", strange, "", 1, &rows, next, sizeof(next), why, sizeof(why)), -EINVAL);
	assert_int_equal(store_rows(p->store, "orders", wrong, "", 1, &rows, next, sizeof(next), why, sizeof(why)), -EINVAL);
	assert_null(rows);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_was_committed_is_there_after_opening_again),
		STORE_TEST(a_savepoint_undone_takes_back_its_own_rows_only),
		STORE_TEST(after_a_failure_nothing_is_written_until_it_is_cleared),
		STORE_TEST(after_a_full_disk_took_the_transaction_no_statement_commits_alone),
		STORE_TEST(stock_cannot_go_below_zero),
		STORE_TEST(a_counter_counts_from_one_and_takes_part_in_the_transaction),
		STORE_TEST(a_file_that_is_no_wharf_database_is_refused),
		STORE_TEST(a_copy_has_the_same_state_and_nothing_can_be_written_to_it),
		STORE_TEST(the_state_hash_sees_every_row),
		STORE_TEST(pages_of_a_query_give_each_row_once),
		STORE_TEST(a_read_that_takes_too_long_is_stopped_and_holds_nothing_up),
		STORE_TEST(a_query_nobody_knows_or_with_a_strange_argument_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
