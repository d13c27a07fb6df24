/* A turn of the real core: what shares a transaction, in which order, within which limits, and what is said when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "core_rig.h"
#include "internal.h"

static struct core_rig rig;

static int open_rig(void **state)
{
	(void)state;
	core_rig_open(&rig);
	/* What the start left over. */
	rig_turn(&rig);
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	core_rig_close(&rig);
	return 0;
}

static void say_tote(struct rig_peer *peer, const char *boot, int n)
{
	rig_say(peer, "{\"command\":{\"id\":\"%s:%d\",\"kind\":\"tote_put\",\"args\":{\"tote\":\"T%d\"}}}", boot, n, n);
}

static void say_lane(struct rig_peer *peer, const char *boot, int n)
{
	rig_say(peer, "{\"command\":{\"id\":\"%s:%d\",\"kind\":\"lane_set\",\"args\":{\"lane\":\"north\",\"state\":\"open\"}}}", boot, n);
}

static const struct rig_peer *listener;
static bool heard_before_commit;

/* SQLite calls it as the first thing of a commit. */
static int listen_at_commit(void *user)
{
	char byte;
	ssize_t n = recv(listener->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	(void)user;
	heard_before_commit |= n > 0;
	return 0;
}

static void no_answer_leaves_before_the_commit(void **state)
{
	struct rig_peer ctl;

	(void)state;
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	listener = &ctl;
	heard_before_commit = false;
	sqlite3_commit_hook(rig.core->store->db, listen_at_commit, NULL);
	for (int n = 1; n <= 3; n++)
		say_tote(&ctl, "me", n);
	assert_string_equal(rig_hear(&ctl), "");
	rig_turn(&rig);
	assert_false(heard_before_commit);
	for (int n = 1; n <= 3; n++)
		assert_non_null(strstr(rig_hear(&ctl), "\"ok\":true"));
}

static void no_more_pages(struct core_rig *r, bool none)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%d", none ? 1 : 1000000);
	rig_words(r, sql);
}

/* Much more than fits the pages that are there. */
static void say_long(struct rig_peer *peer, int n)
{
	rig_say(peer,
		"{\"command\":{\"id\":\"me:%d\",\"kind\":\"item_put\",\"args\":{\"item\":\"I%d\",\"title\":\"%0100d\","
		"\"barcode\":\"%d\",\"weight_g\":5}}}",
		n, n, n, n);
}

static void a_disk_full_in_the_middle_of_a_turn_throws_all_of_it_away(void **state)
{
	struct rig_peer ctl;
	int64_t rows = rig_number(&rig, "SELECT count(*) FROM journal");

	(void)state;
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	no_more_pages(&rig, true);
	for (int n = 1; n <= 60; n++)
		say_long(&ctl, n);
	while (rig.core->queue_first[PRIORITY_BULK])
		rig_turn(&rig);
	for (int n = 1; n <= 60; n++)
		assert_non_null(strstr(rig_hear(&ctl), "\"why\":\"disk_full\""));
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM journal"), rows);
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM item"), 0);
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM answer JOIN origin USING (origin) WHERE name = 'me'"), 0);
	assert_int_equal(rig.core->engine.seq, rows);
	/* Space again: the same ids, each decided once. */
	no_more_pages(&rig, false);
	rig.core->disk = DISK_FINE;
	for (int n = 1; n <= 60; n++)
		say_long(&ctl, n);
	while (rig.core->queue_first[PRIORITY_BULK])
		rig_turn(&rig);
	for (int n = 1; n <= 60; n++)
		assert_non_null(strstr(rig_hear(&ctl), "\"ok\":true"));
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM item"), 60);
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM journal"), rows + 60);
}

static void what_is_refused_while_the_disk_is_full_leaves_its_id_free(void **state)
{
	struct rig_peer ctl;
	int64_t origins = rig_number(&rig, "SELECT count(*) FROM origin");

	(void)state;
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	rig.core->disk = DISK_CLOSED;
	say_lane(&ctl, "me", 1);
	rig_turn(&rig);
	assert_non_null(strstr(rig_hear(&ctl), "\"why\":\"disk_full\""));
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM origin"), origins);
	rig.core->disk = DISK_FINE;
	say_lane(&ctl, "me", 1);
	rig_turn(&rig);
	assert_non_null(strstr(rig_hear(&ctl), "\"ok\":true"));
}

static const char *kinds_by_seq(void)
{
	return rig_words(&rig, "SELECT kind FROM journal WHERE peer <> 'core' ORDER BY seq");
}

static void a_turn_decides_plc_scans_pages_hq_and_bulk_in_this_order(void **state)
{
	struct rig_peer ctl, other, sync, bridge, plc;

	(void)state;
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	rig_connect(&rig, DOOR_CTL, "other", &other);
	rig_connect(&rig, DOOR_SYNC, "sync", &sync);
	rig_connect(&rig, DOOR_BRIDGE, "gun", &bridge);
	rig_connect(&rig, DOOR_PLC, "plc", &plc);
	say_tote(&ctl, "me", 1);
	rig_say(&sync, "{\"command\":{\"id\":\"sync:1\",\"kind\":\"hq_link\",\"args\":{\"state\":\"up\"}}}");
	say_lane(&other, "other", 1);
	rig_say(&bridge, "{\"command\":{\"id\":\"gun:1\",\"kind\":\"scan\",\"device\":\"pack1-scanner\",\"args\":{\"data\":\"T1\"}}}");
	rig_say(&plc, "{\"command\":{\"id\":\"plc:1\",\"kind\":\"plc_state\",\"device\":\"conveyor1\",\"args\":{\"mode\":1,"
		      "\"faults\":0}}}");
	rig_turn(&rig);
	assert_string_equal(kinds_by_seq(), "plc_state scan lane_set hq_link tote_put");
}

static void commands_of_one_origin_never_overtake_each_other(void **state)
{
	struct rig_peer ctl;

	(void)state;
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	say_tote(&ctl, "me", 1);
	say_lane(&ctl, "me", 2);
	say_tote(&ctl, "me", 3);
	rig_turn(&rig);
	for (int n = 1; n <= 3; n++)
		assert_non_null(strstr(rig_hear(&ctl), "\"ok\":true"));
	assert_string_equal(kinds_by_seq(), "tote_put lane_set tote_put");
}

static void a_turn_ends_after_128_commands(void **state)
{
	struct rig_peer one, two;

	(void)state;
	rig_connect(&rig, DOOR_CTL, "one", &one);
	rig_connect(&rig, DOOR_CTL, "two", &two);
	for (int n = 1; n <= 100; n++) {
		say_lane(&one, "one", n);
		say_lane(&two, "two", n);
	}
	for (int turns = 1; rig.core->queue_first[PRIORITY_PAGE]; turns++) {
		int64_t before = rig.core->engine.seq;

		rig_turn(&rig);
		assert_in_range(rig.core->engine.seq - before, 1, TURN_COMMANDS_MAX);
		assert_true(turns < 200);
	}
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM journal WHERE kind = 'lane_set'"), 200);
}

/* SQLite calls it for each row: decisions become slow. */
static void dawdle(void *user, int what, const char *database, const char *table, sqlite3_int64 row)
{
	(void)user;
	(void)what;
	(void)database;
	(void)row;
	if (strcmp(table, "journal") == 0)
		usleep(3000);
}

static void a_turn_ends_after_eight_milliseconds(void **state)
{
	struct rig_peer ctl;
	int64_t before = rig.core->engine.seq;

	(void)state;
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	for (int n = 1; n <= 20; n++)
		say_lane(&ctl, "me", n);
	sqlite3_update_hook(rig.core->store->db, dawdle, NULL);
	rig_turn(&rig);
	assert_in_range(rig.core->engine.seq - before, 1, 3);
	assert_non_null(rig.core->queue_first[PRIORITY_PAGE]);
	sqlite3_update_hook(rig.core->store->db, NULL, NULL);
	while (rig.core->queue_first[PRIORITY_PAGE])
		rig_turn(&rig);
	for (int n = 1; n <= 20; n++)
		assert_non_null(strstr(rig_hear(&ctl), "\"ok\":true"));
}

static void run_loop(void)
{
	while (sd_event_run(rig.core->event, 0) > 0)
		;
}

static void a_peer_with_128_undecided_commands_is_not_read(void **state)
{
	char text[200];
	struct rig_peer ctl;
	int sent = 0;

	(void)state;
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	for (int rounds = 0; rounds < 40; rounds++) {
		for (int r = 0; r == 0 && sent < 300; sent += r == 0) {
			snprintf(text, sizeof(text),
				"{\"command\":{\"id\":\"me:%d\",\"kind\":\"lane_set\",\"args\":{\"lane\":\"north\",\"state\":\"open\"}}}",
				sent + 1);
			r = door_send(ctl.fd, text, strlen(text));
		}
		run_loop();
		assert_in_range(peer_find(rig.core, ctl.serial)->commands, 0, PEER_COMMANDS_MAX);
	}
	assert_int_equal(peer_find(rig.core, ctl.serial)->commands, PEER_COMMANDS_MAX);
	for (int heard = 0, rounds = 0; heard < 128; rounds++) {
		rig_turn(&rig);
		while (rig_hear(&ctl)[0])
			heard++;
		assert_true(rounds < 200);
	}
	run_loop();
	assert_true(peer_find(rig.core, ctl.serial)->commands > 0);
}

static void every_read_is_of_one_moment_and_leaves_no_statement_open(void **state)
{
	static const char *const names[] = { "status", "orders", "cases", "devices", "cartons", "lanes", "labels", "diverts", "stock",
		"outbox", "link", "audit" };
	struct rig_peer ctl;
	char as_of[40];

	(void)state;
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	say_lane(&ctl, "me", 1);
	/* Read but not decided: it is in no answer yet. */
	snprintf(as_of, sizeof(as_of), "\"as_of\":%lld,", (long long)rig.core->engine.seq);
	for (size_t i = 0; i < array_len(names); i++) {
		rig_say(&ctl, "{\"query\":{\"id\":\"q\",\"name\":\"%s\",\"limit\":1}}", names[i]);
		assert_non_null(strstr(rig_hear(&ctl), as_of));
		for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(rig.core->store->db, s));)
			assert_false(sqlite3_stmt_busy(s));
	}
}

static void put_row(const char *sql)
{
	assert_int_equal(sqlite3_exec(rig.core->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* The order about label 7, and nothing else. */
static void hear_once(struct rig_peer *peer, const char *order)
{
	const char *heard = rig_hear(peer);
	char wanted[40];

	snprintf(wanted, sizeof(wanted), "\"order\":\"%s\"", order);
	assert_non_null(strstr(heard, wanted));
	assert_non_null(strstr(heard, "\"id\":7,"));
	assert_string_equal(rig_hear(peer), "");
}

static void what_is_due_is_offered_once_a_connection_and_what_was_taken_is_asked_for(void **state)
{
	struct rig_peer print, again;

	(void)state;
	put_row("INSERT INTO label VALUES (7, 1, '340123450000000017', 'pack1-labels', 'logistic-a6', '{}', 'due', 1, '')");
	rig_connect(&rig, DOOR_PRINT, "p1", &print);
	rig_say(&print, "{\"subscribe\":{\"topic\":\"orders/pack1-labels\"}}");
	hear_once(&print, "print");
	rig_say(&print, "{\"subscribe\":{\"topic\":\"orders/pack1-labels\"}}");
	assert_string_equal(rig_hear(&print), "");
	rig_connect(&rig, DOOR_PRINT, "p2", &again);
	rig_say(&again, "{\"subscribe\":{\"topic\":\"orders/pack1-labels\"}}");
	hear_once(&again, "print");
	put_row("UPDATE label SET state = 'taken'");
	rig_connect(&rig, DOOR_PRINT, "p3", &again);
	rig_say(&again, "{\"subscribe\":{\"topic\":\"orders/pack1-labels\"}}");
	hear_once(&again, "recover");
}

static void a_peer_that_reads_slowly_gets_the_newest_state_once(void **state)
{
	struct rig_peer ctl, slow;
	struct peer *there;
	int waiting = 0;

	(void)state;
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	rig_connect(&rig, DOOR_CTL, "slow", &slow);
	there = peer_find(rig.core, slow.serial);
	rig_say(&slow, "{\"subscribe\":{\"topic\":\"orders\"}}");
	while (!there->out_first)
		rig_say(&slow, "{\"ping\":{\"n\":1}}");
	for (int n = 1; n <= 50; n++) {
		rig_say(&ctl, "{\"command\":{\"id\":\"me:%d\",\"kind\":\"order_put\",\"args\":{\"order\":\"O%d\",\"carrier\":\"N\","
			      "\"lines\":[{\"line\":1,\"item\":\"X\",\"qty\":1}]}}}", n, n);
		rig_turn(&rig);
	}
	for (const struct out *out = there->out_first; out; out = out->next)
		waiting += strcmp(out->topic, "orders") == 0;
	assert_int_equal(waiting, 1);
}

static void a_topic_that_was_given_up_is_told_nothing_more(void **state)
{
	struct rig_peer web, again;
	struct peer *there;

	(void)state;
	rig_connect(&rig, DOOR_WEB, "w", &web);
	there = peer_find(rig.core, web.serial);
	rig_say(&web, "{\"subscribe\":{\"topic\":\"orders\"}}");
	rig_say(&web, "{\"subscribe\":{\"topic\":\"cases\"}}");
	rig_hear(&web);
	rig_hear(&web);
	rig_say(&web, "{\"unsubscribe\":{\"topic\":\"orders\"}}");
	rig_say(&web, "{\"unsubscribe\":{\"topic\":\"orders\"}}");
	assert_int_equal(there->topics_n, 1);
	rig_connect(&rig, DOOR_CTL, "me", &again);
	rig_say(&again, "{\"command\":{\"id\":\"me:1\",\"kind\":\"order_put\",\"args\":{\"order\":\"O1\",\"carrier\":\"N\","
			"\"lines\":[{\"line\":1,\"item\":\"X\",\"qty\":1}]}}}");
	rig_turn(&rig);
	rig_say(&web, "{\"ping\":{\"n\":7}}");
	while (!strstr(rig_hear(&web), "pong"))
		assert_null(strstr(web.in, "\"orders\""));
	rig_say(&web, "{\"subscribe\":{\"topic\":\"orders\"}}");
	assert_non_null(strstr(rig_hear(&web), "\"topic\":\"orders\""));
}

/* What was offered on a connection is remembered with the topic: given up and asked for again it would come twice. */
static void orders_to_a_device_cannot_be_given_up(void **state)
{
	struct rig_peer print;

	(void)state;
	put_row("INSERT INTO label VALUES (7, 1, '340123450000000017', 'pack1-labels', 'logistic-a6', '{}', 'due', 1, '')");
	rig_connect(&rig, DOOR_PRINT, "p1", &print);
	rig_say(&print, "{\"subscribe\":{\"topic\":\"orders/pack1-labels\"}}");
	hear_once(&print, "print");
	rig_say(&print, "{\"unsubscribe\":{\"topic\":\"orders/pack1-labels\"}}");
	assert_non_null(strstr(rig_hear(&print), "not_allowed"));
	rig_say(&print, "{\"subscribe\":{\"topic\":\"orders/pack1-labels\"}}");
	assert_string_equal(rig_hear(&print), "");
	rig_say(&print, "{\"unsubscribe\":{\"topic\":\"outbox\"}}");
	assert_non_null(strstr(rig_hear(&print), "malformed"));
}

static void what_was_not_sent_of_a_topic_goes_with_it(void **state)
{
	struct rig_peer slow;
	struct peer *there;
	size_t bytes = 0;

	(void)state;
	rig_connect(&rig, DOOR_CTL, "slow", &slow);
	there = peer_find(rig.core, slow.serial);
	while (!there->out_first)
		rig_say(&slow, "{\"ping\":{\"n\":1}}");
	rig_say(&slow, "{\"subscribe\":{\"topic\":\"orders\"}}");
	assert_string_equal(there->out_last->topic, "orders");
	rig_say(&slow, "{\"unsubscribe\":{\"topic\":\"orders\"}}");
	for (const struct out *out = there->out_first; out; out = out->next) {
		assert_string_equal(out->topic, "");
		bytes += out->len;
		assert_true(out->next || out == there->out_last);
	}
	assert_int_equal(there->out_bytes, bytes);
	rig_say(&slow, "{\"ping\":{\"n\":2}}");
	assert_null(there->out_last->next);
}

static bool sessions_are_told(struct rig_peer *web)
{
	bool told = false;

	while (rig_hear(web)[0])
		told = told || strstr(web->in, "\"topic\":\"sessions\"");
	return told;
}

static void every_way_a_session_ends_is_told_at_once(void **state)
{
	static const char user[] = "{\"command\":{\"id\":\"me:%d\",\"kind\":\"user_put\",\"args\":{\"badge\":\"B\",\"name\":\"B\","
				   "\"role\":\"%s\",\"salt\":\"00000000000000000000000000000000\",\"key\":"
				   "\"0000000000000000000000000000000000000000000000000000000000000000\"}}}";
	static const char login[] = "{\"login\":{\"id\":\"l%d\",\"badge\":\"B\",\"key\":"
				    "\"0000000000000000000000000000000000000000000000000000000000000000\",\"device\":\"%s\","
				    "\"session\":\"session---------%d\"}}";
	struct rig_peer web, ctl;

	(void)state;
	rig_connect(&rig, DOOR_WEB, "w", &web);
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	rig_say(&ctl, "{\"subscribe\":{\"topic\":\"sessions\"}}");
	assert_non_null(strstr(rig_hear(&ctl), "malformed"));
	rig_say(&web, "{\"subscribe\":{\"topic\":\"sessions\"}}");
	assert_true(sessions_are_told(&web));
	rig_say(&ctl, user, 1, "picker");
	rig_turn(&rig);
	assert_true(sessions_are_told(&web));
	rig_say(&web, login, 1, "hh-1", 1);
	assert_true(sessions_are_told(&web));
	rig_say(&web, login, 2, "hh-2", 2); /* replaced at another device */
	assert_true(sessions_are_told(&web));
	rig_say(&web, "{\"command\":{\"id\":\"w:1\",\"kind\":\"key\",\"device\":\"hh-2\",\"actor\":\"session---------2\","
		      "\"args\":{\"key\":\"start\"}}}");
	rig_turn(&rig);
	assert_false(sessions_are_told(&web));
	rig_say(&web, "{\"command\":{\"id\":\"w:2\",\"kind\":\"logout\",\"device\":\"hh-2\",\"actor\":\"session---------2\","
		      "\"args\":{}}}");
	rig_turn(&rig);
	assert_true(sessions_are_told(&web));
	rig_say(&ctl, user, 2, "supervisor"); /* another role */
	rig_turn(&rig);
	assert_true(sessions_are_told(&web));
}

static void a_wall_clock_that_jumped_makes_the_time_doubtful_and_drops_no_check(void **state)
{
	struct rig_peer ctl;
	struct moment m;

	(void)state;
	guard_moment(rig.core);
	assert_int_equal(rig.core->clock_doubtful_until_us, 0);
	rig.core->clock_offset_us -= INT64_C(3600000000);
	m = guard_moment(rig.core);
	assert_true(m.doubtful);
	assert_in_range(rig.core->clock_doubtful_until_us - m.boot_us, 1, 600000000);
	put_row("INSERT INTO divert VALUES (5, 'conveyor1', 77, 1, 1, 0, 9, 0, 'due', '', 0, 1, 2)");
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	say_lane(&ctl, "me", 1);
	rig_turn(&rig);
	assert_non_null(strstr(rig_hear(&ctl), "\"ok\":true"));
	assert_int_equal(rig_number(&rig, "SELECT doubtful FROM journal ORDER BY seq DESC LIMIT 1"), 1);
	assert_string_equal(rig_words(&rig, "SELECT state FROM divert WHERE divert = 5"), "late");
}

/* What stood in the file when wharfd died, twice. */
static void die_twice_at(const char *name)
{
	for (int deaths = 1; deaths <= 2; deaths++) {
		rig_turn(&rig);
		guard_enter(rig.core, name);
		assert_int_equal(guard_open(rig.core), 0);
	}
}

static void a_timer_that_stopped_the_core_twice_is_put_aside(void **state)
{
	(void)state;
	die_twice_at("core/divert_late:5");
	put_row("INSERT INTO divert VALUES (5, 'conveyor1', 77, 1, 1, 0, 9, 0, 'due', '', 0, 1, 2)");
	rig_turn(&rig);
	rig_turn(&rig);
	assert_string_equal(rig_words(&rig, "SELECT state FROM divert WHERE divert = 5"), "late");
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM journal WHERE kind = 'divert_late'"), 1);
	assert_string_equal(rig_words(&rig, "SELECT kind FROM cases"), "poison");
}

static void a_continuation_that_stopped_the_core_twice_is_put_aside(void **state)
{
	(void)state;
	die_twice_at("core/allocate:9");
	put_row("INSERT INTO continuation VALUES (9, 'allocate', '{\"order\":\"O1\",\"line\":0}')");
	rig_turn(&rig);
	rig_turn(&rig);
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM continuation"), 0);
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM journal WHERE kind = 'allocate'"), 1);
	assert_string_equal(rig_words(&rig, "SELECT kind FROM cases"), "poison");
}

#define TURN_TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TURN_TEST(no_answer_leaves_before_the_commit),
		TURN_TEST(a_disk_full_in_the_middle_of_a_turn_throws_all_of_it_away),
		TURN_TEST(what_is_refused_while_the_disk_is_full_leaves_its_id_free),
		TURN_TEST(a_turn_decides_plc_scans_pages_hq_and_bulk_in_this_order),
		TURN_TEST(commands_of_one_origin_never_overtake_each_other),
		TURN_TEST(a_turn_ends_after_128_commands),
		TURN_TEST(a_turn_ends_after_eight_milliseconds),
		TURN_TEST(a_peer_with_128_undecided_commands_is_not_read),
		TURN_TEST(every_read_is_of_one_moment_and_leaves_no_statement_open),
		TURN_TEST(what_is_due_is_offered_once_a_connection_and_what_was_taken_is_asked_for),
		TURN_TEST(a_peer_that_reads_slowly_gets_the_newest_state_once),
		TURN_TEST(a_topic_that_was_given_up_is_told_nothing_more),
		TURN_TEST(orders_to_a_device_cannot_be_given_up),
		TURN_TEST(what_was_not_sent_of_a_topic_goes_with_it),
		TURN_TEST(every_way_a_session_ends_is_told_at_once),
		TURN_TEST(a_wall_clock_that_jumped_makes_the_time_doubtful_and_drops_no_check),
		TURN_TEST(a_timer_that_stopped_the_core_twice_is_put_aside),
		TURN_TEST(a_continuation_that_stopped_the_core_twice_is_put_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
