/* wharf-plc itself, against a libmodbus server, with a test for a core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "plc_map.h"
#include "plc_rig.h"
#include "rig.h"

struct line {
	struct rig rig;
	struct plc_rig plc;
	int reads_goal;
	unsigned word; /* of block B, and what it shall be */
	uint16_t value;
	int64_t until_us;
};

static bool read_enough(void *user)
{
	struct line *l = user;

	return l->plc.reads >= l->reads_goal;
}

static bool word_is(void *user)
{
	struct line *l = user;

	return plc_rig_get(&l->plc, PLC_RIG_B + l->word) == l->value;
}

static bool time_is_up(void *user)
{
	return clock_boot_us() >= ((struct line *)user)->until_us;
}

static void await_word(struct line *l, unsigned word, uint16_t value)
{
	l->word = word;
	l->value = value;
	rig_until(&l->rig, word_is);
}

static bool hears_in_20_polls(struct line *l, const char *kind)
{
	l->reads_goal = l->plc.reads + 20;
	return rig_hears(&l->rig, kind, read_enough);
}

static json_t *await_state(struct line *l, const char *wanted)
{
	for (;;) {
		json_t *command = rig_next(&l->rig, "command");

		rig_outcome(&l->rig, command, true, "none");
		if (strcmp(json_str(command, "kind"), "device_state") == 0 &&
			strcmp(rig_text(command, "state"), wanted) == 0)
			return command;
		json_decref(command);
	}
}

static void start(struct line *l)
{
	rig_start(&l->rig, "wharf-plc", "belt");
	json_decref(rig_accept(&l->rig));
}

static int open_line(void **state, const char *commissioned)
{
	struct line *l = calloc(1, sizeof(*l));
	char floor[512];

	plc_rig_open(&l->plc);
	snprintf(floor, sizeof(floor),
		"[station induct]\nkind = induct\n[plc belt]\nstation = induct\nport = %d\na_base = %d\n"
		"b_base = %d\npoll_ms = 10\nresponse_ms = 300\ndeadline_ms = 5000\ncommissioned = %s\n",
		l->plc.port, PLC_RIG_A, PLC_RIG_B, commissioned);
	rig_open(&l->rig, DOOR_PLC, floor);
	l->rig.user = l;
	start(l);
	json_decref(await_state(l, "up"));
	*state = l;
	return 0;
}

static int setup(void **state)
{
	return open_line(state, "yes");
}

static int setup_read_only(void **state)
{
	return open_line(state, "no");
}

static int teardown(void **state)
{
	struct line *l = *state;

	rig_close(&l->rig);
	plc_rig_close(&l->plc);
	free(l);
	return 0;
}

/* Payload first, sequence last, as a PLC does it. */
static void plc_asks(struct line *l, uint16_t seq, uint16_t tracking)
{
	const uint16_t payload[] = { 1, tracking, 3, PLC_READ_OK };
	const uint16_t code[] = { '0' << 8 | '0', '3' << 8 | '5', 0 };

	plc_rig_set(&l->plc, PLC_RIG_A + PLC_A_TRACKING, payload, 4);
	plc_rig_set(&l->plc, PLC_RIG_A + PLC_A_CODE, code, 3);
	plc_rig_set(&l->plc, PLC_RIG_A + PLC_A_SEQ, &seq, 1);
}

static json_t *asked(struct line *l, uint16_t seq, uint16_t tracking)
{
	json_t *command;

	plc_asks(l, seq, tracking);
	command = rig_command(&l->rig, "divert_request");
	assert_int_equal(rig_int(command, "seq"), seq);
	assert_int_equal(rig_int(command, "tracking"), 65536 + tracking);
	rig_outcome(&l->rig, command, true, "none");
	return command;
}

static void order_divert(struct line *l, const char *id, uint16_t seq, uint16_t tracking, int in_ms)
{
	rig_send(&l->rig, json_pack("{s:{s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:I}}", "push", "topic",
				  "orders/belt", "order", "divert", "id", id, "tracking",
				  65536 + tracking, "seq", seq, "lane", 4, "reason", 0, "deadline_us",
				  (json_int_t)clock_boot_us() + in_ms * US_PER_MS));
}

static json_t *taken(struct line *l, const char *id)
{
	json_t *command = rig_command(&l->rig, "divert_taken");

	assert_string_equal(rig_text(command, "divert"), id);
	assert_string_equal(json_str(command, "device"), "belt");
	return command;
}

static void assert_ended(struct line *l, const char *id, const char *result)
{
	_cleanup_json_ json_t *command = rig_command(&l->rig, "divert_ended");

	assert_string_equal(rig_text(command, "divert"), id);
	assert_string_equal(rig_text(command, "result"), result);
	rig_outcome(&l->rig, command, true, "none");
}

static void divert(struct line *l, const char *id, uint16_t seq, uint16_t tracking)
{
	_cleanup_json_ json_t *request = asked(l, seq, tracking), *take = NULL;

	order_divert(l, id, seq, tracking, 4000);
	take = taken(l, id);
	rig_outcome(&l->rig, take, true, "none");
	assert_ended(l, id, "written");
	assert_int_equal(plc_rig_get(&l->plc, PLC_RIG_B + PLC_B_SEQ), seq);
	assert_int_equal(plc_rig_get(&l->plc, PLC_RIG_B + PLC_B_TRACKING), 1);
	assert_int_equal(plc_rig_get(&l->plc, PLC_RIG_B + PLC_B_TRACKING + 1), tracking);
	assert_int_equal(plc_rig_get(&l->plc, PLC_RIG_B + PLC_B_LANE), 4);
}

static void a_request_is_decided_taken_written_and_ended(void **state)
{
	struct line *l = *state;
	_cleanup_json_ json_t *request = asked(l, 12, 7712);

	assert_string_equal(rig_text(request, "code"), "0035");
	assert_int_equal(rig_int(request, "point"), 3);
	assert_int_equal(rig_int(request, "read"), PLC_READ_OK);
	plc_asks(l, 0, 0);
	divert(l, "d-1", 13, 7713);
	divert(l, "d-2", 14, 7714);
}

static void nothing_is_written_until_the_core_answers_and_nothing_after_the_deadline(void **state)
{
	struct line *l = *state;
	_cleanup_json_ json_t *request = asked(l, 12, 7712), *take = NULL;

	order_divert(l, "d-1", 12, 7712, 300);
	take = taken(l, "d-1");
	l->until_us = clock_boot_us() + 400 * US_PER_MS;
	rig_until(&l->rig, time_is_up);
	assert_int_equal(plc_rig_get(&l->plc, PLC_RIG_B + PLC_B_SEQ), 0);
	rig_outcome(&l->rig, take, true, "none");
	assert_ended(l, "d-1", "late");
	assert_int_equal(plc_rig_get(&l->plc, PLC_RIG_B + PLC_B_SEQ), 0);
}

static void a_confirmation_is_acknowledged_after_the_core_has_it(void **state)
{
	struct line *l = *state;
	const uint16_t payload[] = { 1, 7712, 9, 2 };
	const uint16_t seq = 5;
	_cleanup_json_ json_t *command = NULL;

	plc_rig_set(&l->plc, PLC_RIG_A + PLC_A_CONFIRM_TRACKING, payload, 4);
	plc_rig_set(&l->plc, PLC_RIG_A + PLC_A_CONFIRM, &seq, 1);
	command = rig_command(&l->rig, "divert_confirm");
	assert_int_equal(rig_int(command, "tracking"), 65536 + 7712);
	assert_int_equal(rig_int(command, "lane"), 9);
	assert_int_equal(rig_int(command, "result"), 2);
	assert_false(hears_in_20_polls(l, "divert_confirm"));
	assert_int_equal(plc_rig_get(&l->plc, PLC_RIG_B + PLC_B_CONFIRM_ACK), 0);
	rig_outcome(&l->rig, command, true, "none");
	await_word(l, PLC_B_CONFIRM_ACK, 5);
}

static void modes_and_faults_reach_the_core(void **state)
{
	struct line *l = *state;
	const uint16_t words[] = { 6, 2 };

	plc_rig_set(&l->plc, PLC_RIG_A + PLC_A_MODE, words, 2);
	for (;;) {
		_cleanup_json_ json_t *command = rig_next(&l->rig, "command");

		rig_outcome(&l->rig, command, true, "none");
		if (strcmp(json_str(command, "kind"), "plc_state") == 0 && rig_int(command, "faults") == 2)
			break;
	}
}

static void after_a_reset_the_link_comes_back_and_goes_on(void **state)
{
	struct line *l = *state;

	divert(l, "d-1", 12, 7712);
	for (uint16_t i = 0; i < 3; i++) {
		char id[8];

		snprintf(id, sizeof(id), "d-%d", i + 2);
		l->plc.reset = true;
		json_decref(await_state(l, "gone"));
		json_decref(await_state(l, "up"));
		divert(l, id, (uint16_t)(13 + i), (uint16_t)(7713 + i));
	}
}

static void an_order_that_stands_over_a_reset_is_written_once_the_link_is_back(void **state)
{
	struct line *l = *state;
	_cleanup_json_ json_t *request = asked(l, 12, 7712), *take = NULL;

	order_divert(l, "d-1", 12, 7712, 4000);
	take = taken(l, "d-1");
	l->plc.reset = true;
	json_decref(await_state(l, "gone"));
	rig_outcome(&l->rig, take, true, "none");
	assert_ended(l, "d-1", "written");
	assert_int_equal(plc_rig_get(&l->plc, PLC_RIG_B + PLC_B_SEQ), 12);
}

static void a_plc_that_answers_nothing_is_gone_and_comes_back(void **state)
{
	struct line *l = *state;
	_cleanup_json_ json_t *gone = NULL;

	l->plc.mute = true;
	gone = await_state(l, "gone");
	assert_non_null(strstr(rig_text(gone, "reason"), "timed out"));
	l->plc.mute = false;
	json_decref(await_state(l, "up"));
	divert(l, "d-1", 12, 7712);
}

static void a_plc_that_lost_its_registers_begins_again_at_1(void **state)
{
	static const uint16_t zeros[PLC_RIG_WORDS];
	struct line *l = *state;

	divert(l, "d-1", 1, 7712);
	l->plc.refuse = true;
	json_decref(await_state(l, "gone"));
	plc_rig_set(&l->plc, 0, zeros, PLC_RIG_WORDS);
	l->plc.refuse = false;
	json_decref(await_state(l, "up"));
	divert(l, "d-2", 1, 7713);
}

static void killed_and_started_it_asks_about_open_requests_only(void **state)
{
	struct line *l = *state;
	_cleanup_json_ json_t *open = NULL, *again = NULL;

	divert(l, "d-1", 12, 7712);
	rig_kill(&l->rig);
	start(l);
	json_decref(await_state(l, "up"));
	assert_false(hears_in_20_polls(l, "divert_request"));
	open = asked(l, 13, 7713);
	rig_kill(&l->rig);
	start(l);
	again = rig_command(&l->rig, "divert_request");
	assert_int_equal(rig_int(again, "seq"), 13);
	assert_string_not_equal(json_str(again, "id"), json_str(open, "id"));
}

static void offer_recover(struct line *l, const char *id, uint16_t seq, uint16_t tracking)
{
	rig_send(&l->rig, json_pack("{s:{s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:i}}", "push", "topic", "orders/belt", "order",
				  "recover", "id", id, "tracking", 65536 + tracking, "seq", seq, "lane", 4,
				  "reason", 0, "deadline_us", 1));
}

static void killed_after_taking_a_divert_it_ends_it_by_the_registers_and_never_writes_it(void **state)
{
	struct line *l = *state;
	_cleanup_json_ json_t *request = NULL;

	divert(l, "d-1", 12, 7712);
	request = asked(l, 13, 7713);
	order_divert(l, "d-2", 13, 7713, 4000);
	json_decref(taken(l, "d-2"));
	rig_kill(&l->rig);
	start(l);
	json_decref(await_state(l, "up"));
	offer_recover(l, "d-1", 12, 7712);
	assert_ended(l, "d-1", "written");
	offer_recover(l, "d-2", 13, 7713);
	assert_ended(l, "d-2", "failed");
	assert_false(hears_in_20_polls(l, "divert_taken"));
	assert_int_equal(plc_rig_get(&l->plc, PLC_RIG_B + PLC_B_SEQ), 12);
}

static void without_the_core_the_plc_is_told_and_the_request_waits(void **state)
{
	struct line *l = *state;
	_cleanup_json_ json_t *request = NULL;

	await_word(l, PLC_B_STATE, PLC_HOST_READY);
	rig_kill(&l->rig);
	rig_hang_up(&l->rig);
	rig_start(&l->rig, "wharf-plc", "belt"); /* not let in yet */
	await_word(l, PLC_B_STATE, PLC_HOST_AWAY);
	plc_asks(l, 12, 7712);
	json_decref(rig_accept(&l->rig));
	request = rig_command(&l->rig, "divert_request");
	assert_int_equal(rig_int(request, "seq"), 12);
	await_word(l, PLC_B_STATE, PLC_HOST_READY);
}

static void say_accepting(struct line *l, bool accepting)
{
	rig_send(&l->rig, json_pack("{s:{s:s,s:b,s:s}}", "push", "topic", "status", "accepting", accepting, "reason",
				accepting ? "" : "Not accepting: the disk is full"));
}

static void a_core_that_takes_nothing_is_shown_to_the_plc_until_it_takes_again(void **state)
{
	struct line *l = *state;

	await_word(l, PLC_B_STATE, PLC_HOST_READY);
	say_accepting(l, false);
	await_word(l, PLC_B_STATE, PLC_HOST_AWAY);
	say_accepting(l, true);
	await_word(l, PLC_B_STATE, PLC_HOST_READY);
}

static void a_link_that_is_not_commissioned_reads_and_never_writes(void **state)
{
	struct line *l = *state;
	_cleanup_json_ json_t *request = asked(l, 12, 7712);

	order_divert(l, "d-1", 12, 7712, 4000);
	assert_false(hears_in_20_polls(l, "divert_taken"));
	assert_int_equal(l->plc.writes, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_decided_taken_written_and_ended),
		TEST(nothing_is_written_until_the_core_answers_and_nothing_after_the_deadline),
		TEST(a_confirmation_is_acknowledged_after_the_core_has_it),
		TEST(modes_and_faults_reach_the_core),
		TEST(after_a_reset_the_link_comes_back_and_goes_on),
		TEST(an_order_that_stands_over_a_reset_is_written_once_the_link_is_back),
		TEST(a_plc_that_answers_nothing_is_gone_and_comes_back),
		TEST(a_plc_that_lost_its_registers_begins_again_at_1),
		TEST(killed_and_started_it_asks_about_open_requests_only),
		TEST(killed_after_taking_a_divert_it_ends_it_by_the_registers_and_never_writes_it),
		TEST(without_the_core_the_plc_is_told_and_the_request_waits),
		TEST(a_core_that_takes_nothing_is_shown_to_the_plc_until_it_takes_again),
		cmocka_unit_test_setup_teardown(a_link_that_is_not_commissioned_reads_and_never_writes,
			setup_read_only, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
