/* The write-ahead log of the real core: written home while work goes on, short again after whatever made it long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "clock.h"
#include "core_rig.h"
#include "internal.h"
#include "text.h"

#define FRAME_BYTES 4120 /* a page and its head */
#define HOME_FRAMES 1000 /* the core's own limits */
#define SHORT_FRAMES 16384
#define TURN_FRAMES 500  /* no turn here writes more */
#define READ_US INT64_C(1000000) /* 5 ms by itself: the rest is for a busy machine */
#define TURNS_MAX 5000

static struct core_rig rig;
static struct rig_peer ctl, reader;
static int said;

static int open_rig(void **state)
{
	(void)state;
	core_rig_open(&rig);
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	rig_connect(&rig, DOOR_CTL, "reader", &reader);
	said = 0;
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	core_rig_close(&rig);
	return 0;
}

static int64_t log_bytes(void)
{
	char path[96];
	struct stat s;

	text_format(path, sizeof(path), "%s/wharf.db-wal", rig.folder);
	assert_int_equal(stat(path, &s), 0);
	return s.st_size;
}

/* A page of a query is answered, whatever the log is like. */
static void read_page(void)
{
	int64_t start_us = clock_boot_us();

	rig_say(&reader, "{\"query\":{\"id\":\"q\",\"name\":\"stock\",\"limit\":50}}");
	assert_non_null(strstr(rig_hear(&reader), "\"rows\":"));
	assert_in_range(clock_boot_us() - start_us, 0, READ_US);
}

/* Commands of one turn, answered; and a read behind them. */
static void work(void)
{
	int first = said + 1;

	for (int i = 0; i < 20; i++) {
		said++;
		rig_say(&ctl,
			"{\"command\":{\"id\":\"me:%d\",\"kind\":\"item_put\",\"args\":{\"item\":\"I%d\",\"title\":\"%0100d\","
			"\"barcode\":\"%d\",\"weight_g\":5}}}",
			said, said, said, said);
	}
	while (rig.core->queue_first[PRIORITY_BULK])
		rig_turn(&rig);
	for (int n = first; n <= said; n++)
		assert_non_null(strstr(rig_hear(&ctl), "\"ok\":true"));
	read_page();
}

static void under_load_the_log_is_written_home_every_thousand_frames(void **state)
{
	int homes = 0;

	(void)state;
	for (int i = 0, before = 0; homes < 2; i++) {
		work();
		homes += store_log_frames(rig.core->store) < before;
		before = store_log_frames(rig.core->store);
		assert_in_range(before, 0, HOME_FRAMES - 1);
		assert_true(i < TURNS_MAX);
	}
	assert_in_range(log_bytes(), 1, (HOME_FRAMES + TURN_FRAMES) * FRAME_BYTES);
}

static sqlite3_stmt *begin_read(void)
{
	sqlite3_stmt *s = NULL;

	assert_int_equal(sqlite3_prepare_v2(rig.core->store->db, "SELECT * FROM journal", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	return s;
}

/* No read of the door lives longer than 5 ms; what if one did, and the next began before it ended? */
static void a_log_that_reads_kept_long_is_short_when_they_end_and_nobody_waited(void **state)
{
	sqlite3_stmt *reads[2] = { begin_read(), NULL };

	(void)state;
	for (int i = 0; store_log_frames(rig.core->store) < 2 * HOME_FRAMES; i++) {
		work();
		reads[(i + 1) % 2] = begin_read();
		sqlite3_finalize(reads[i % 2]);
		reads[i % 2] = NULL;
		assert_true(i < TURNS_MAX);
	}
	sqlite3_finalize(reads[0]);
	sqlite3_finalize(reads[1]);
	for (int i = 0; store_log_frames(rig.core->store) >= HOME_FRAMES; i++) {
		work();
		assert_true(i < TURNS_MAX);
	}
	assert_true(rig_number(&rig, "SELECT count(*) FROM item") == said);
}

/* As much as no turn writes. */
static void write_long(void)
{
	assert_int_equal(sqlite3_exec(rig.core->store->db,
				 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90000) "
				 "INSERT INTO stock SELECT 'A' || i, 'TEA', printf('%0800d', i), 1, 0 FROM n",
				 NULL, NULL, NULL), SQLITE_OK);
	assert_true(store_log_frames(rig.core->store) > SHORT_FRAMES);
}

static void a_log_beyond_64_mib_gives_its_space_back(void **state)
{
	sqlite3_stmt *read = begin_read();

	(void)state;
	write_long();
	read_page();
	work();
	assert_true(log_bytes() > INT64_C(64) << 20);
	sqlite3_finalize(read);
	for (int i = 0; log_bytes() > (HOME_FRAMES + TURN_FRAMES) * FRAME_BYTES; i++) {
		work();
		assert_true(i < TURNS_MAX);
	}
	read_page();
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(under_load_the_log_is_written_home_every_thousand_frames),
		LOG_TEST(a_log_that_reads_kept_long_is_short_when_they_end_and_nobody_waited),
		LOG_TEST(a_log_beyond_64_mib_gives_its_space_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
