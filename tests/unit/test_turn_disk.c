/* What was accepted before the disk filled up is finished, or waits and goes on by itself when there is space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core_rig.h"
#include "internal.h"

#define LINES 45 /* more than two turns allocate */

static struct core_rig rig;
static struct rig_peer ctl;
static int said;

static void ask(const char *kind, const char *args)
{
	rig_say(&ctl, "{\"command\":{\"id\":\"me:%d\",\"kind\":\"%s\",\"args\":%s}}", ++said, kind, args);
	rig_turn(&rig);
	assert_non_null(strstr(rig_hear(&ctl), "\"ok\":true"));
}

static int open_rig(void **state)
{
	(void)state;
	said = 0;
	core_rig_open(&rig);
	/* What the start left over. */
	rig_turn(&rig);
	rig_connect(&rig, DOOR_CTL, "me", &ctl);
	ask("item_put", "{\"item\":\"TEA\",\"title\":\"Tea\",\"barcode\":\"4012345000016\",\"weight_g\":540}");
	ask("location_put", "{\"location\":\"A1\",\"walk\":10}");
	ask("stock_adjust", "{\"location\":\"A1\",\"item\":\"TEA\",\"lot\":\"L1\",\"qty\":100,\"reason\":\"received\"}");
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	core_rig_close(&rig);
	return 0;
}

/* Accepted; most of its lines are for later turns. */
static void accept_order(void)
{
	char args[8192];
	size_t len = (size_t)snprintf(args, sizeof(args), "{\"order\":\"O1\",\"carrier\":\"NORTH\",\"lines\":[");

	for (int n = 1; n <= LINES; n++)
		len += (size_t)snprintf(args + len, sizeof(args) - len, "%s{\"line\":%d,\"item\":\"TEA\",\"qty\":1}",
			n > 1 ? "," : "", n);
	snprintf(args + len, sizeof(args) - len, "]}");
	ask("order_put", args);
}

static int64_t allocated(void)
{
	return rig_number(&rig, "SELECT sum(allocated) FROM order_line");
}

static void some_turns(void)
{
	for (int i = 0; i < 10; i++)
		rig_turn(&rig);
}

static bool turn_is_wanted(void)
{
	int enabled = SD_EVENT_OFF;

	assert_true(sd_event_source_get_enabled(rig.core->turn_source, &enabled) >= 0);
	return enabled == SD_EVENT_ONESHOT;
}

static void check_all_is_allocated(void)
{
	assert_int_equal(allocated(), LINES);
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM continuation"), 0);
	assert_string_equal(rig_words(&rig, "SELECT state FROM orders"), "allocated");
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM outbox WHERE type LIKE '%order.allocated'"), 1);
}

static void an_order_accepted_before_is_allocated_where_only_begun_work_is_finished(void **state)
{
	(void)state;
	accept_order();
	assert_in_range(allocated(), 0, LINES - 1);
	rig.core->disk = DISK_FINISH_ONLY;
	some_turns();
	check_all_is_allocated();
}

static void an_order_whose_allocation_met_a_closed_door_is_allocated_when_it_opens(void **state)
{
	int64_t before;

	(void)state;
	accept_order();
	before = allocated();
	assert_in_range(before, 0, LINES - 1);
	rig.core->disk = DISK_CLOSED;
	some_turns();
	assert_int_equal(allocated(), before);
	sd_event_source_set_enabled(rig.core->turn_source, SD_EVENT_OFF);
	disk_watch(rig.core);
	/* Nobody has to say anything. */
	assert_true(turn_is_wanted());
	some_turns();
	check_all_is_allocated();
}

static void an_allocation_that_filled_the_disk_is_made_when_there_is_space(void **state)
{
	int64_t before = 0;

	(void)state;
	accept_order();
	rig_words(&rig, "PRAGMA max_page_count=1");
	/* Pages that are there already take some of it. */
	for (int i = 0; i < LINES && rig.core->disk < DISK_CLOSED; i++) {
		before = allocated();
		rig_turn(&rig);
	}
	assert_int_equal(rig.core->disk, DISK_CLOSED);
	assert_int_equal(allocated(), before);
	assert_int_equal(rig_number(&rig, "SELECT count(*) FROM continuation"), 1);
	rig_words(&rig, "PRAGMA max_page_count=1000000");
	sd_event_source_set_enabled(rig.core->turn_source, SD_EVENT_OFF);
	disk_watch(rig.core);
	assert_true(turn_is_wanted());
	some_turns();
	check_all_is_allocated();
}

#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DISK_TEST(an_order_accepted_before_is_allocated_where_only_begun_work_is_finished),
		DISK_TEST(an_order_whose_allocation_met_a_closed_door_is_allocated_when_it_opens),
		DISK_TEST(an_allocation_that_filled_the_disk_is_made_when_there_is_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
