/* A turn of the real core: what shares a transaction, in which order, within which limits, and what is said when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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
	rig_hang_up(&ctl);
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
	rig_hang_up(&ctl);
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
	rig_hang_up(&ctl);
}

#define TURN_TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TURN_TEST(no_answer_leaves_before_the_commit),
		TURN_TEST(a_disk_full_in_the_middle_of_a_turn_throws_all_of_it_away),
		TURN_TEST(what_is_refused_while_the_disk_is_full_leaves_its_id_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
