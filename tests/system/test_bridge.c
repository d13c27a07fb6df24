/* wharf-bridge itself, with ptys for scanner and scale and a test for a core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "rig.h"

#define BELLS_MAX 64

struct floor {
	struct rig rig;
	int scanner, fixed, scale; /* masters */
	char frame[40];            /* what the scale answers; "": nothing */
	size_t frame_len;
	int asked;
	int goal;                  /* of `asked`, for waits */
	char bells[BELLS_MAX + 1]; /* what the scanner was told since the last look */
	size_t bells_n;
};

static const char floor_text[] =
	"[station pack1]\nkind = pack\nscale = bench\n"
	"[scanner gun]\nstation = pack1\nport = @run@/tty/gun\n"
	"[scanner tunnel]\nstation = pack1\nport = @run@/tty/tunnel\nanswer = none\ndedup_ms = 10000\n"
	"[scale bench]\nstation = pack1\nport = @run@/tty/bench\nunit = kg\npoll_ms = 20\nmin_g = 20\n";

static void play_devices(void *user)
{
	struct floor *f = user;
	char byte;
	ssize_t n;

	while (f->scale >= 0 && read(f->scale, &byte, 1) == 1) {
		f->asked++;
		if (f->frame_len)
			assert_true(write(f->scale, f->frame, f->frame_len) > 0);
	}
	n = f->scanner < 0 ? 0 : read(f->scanner, f->bells + f->bells_n, BELLS_MAX - f->bells_n);
	if (n > 0)
		f->bells_n += (size_t)n;
}

static void show_frame(struct floor *f, const char *bytes)
{
	f->frame_len = strlen(bytes);
	memcpy(f->frame, bytes, f->frame_len);
	f->goal = f->asked + 40; /* 800 ms: twice what a weight needs to settle */
}

static bool asked_enough(void *user)
{
	const struct floor *f = user;

	return f->asked >= f->goal;
}

static bool one_bell(void *user)
{
	return ((struct floor *)user)->bells_n >= 1;
}

static bool three_bells(void *user)
{
	return ((struct floor *)user)->bells_n >= 3;
}

static void start(struct floor *f)
{
	rig_start(&f->rig, "wharf-bridge", NULL);
	json_decref(rig_accept(&f->rig));
}

/* Commands about the state of a device until it is this one. */
static json_t *await_state(struct floor *f, const char *device, const char *wanted)
{
	for (;;) {
		json_t *command = rig_next(&f->rig, "command");

		rig_outcome(&f->rig, command, true, "none");
		assert_string_equal(json_str(command, "kind"), "device_state");
		if (strcmp(json_str(command, "device"), device) == 0 &&
			strcmp(rig_text(command, "state"), wanted) == 0)
			return command;
		json_decref(command);
	}
}

static int setup(void **state)
{
	struct floor *f = calloc(1, sizeof(*f));

	rig_open(&f->rig, DOOR_BRIDGE, floor_text);
	f->rig.idle = play_devices;
	f->rig.user = f;
	f->scanner = rig_pty(&f->rig, "gun");
	f->fixed = rig_pty(&f->rig, "tunnel");
	f->scale = rig_pty(&f->rig, "bench");
	show_frame(f, "\x02 0.000\r");
	start(f);
	json_decref(await_state(f, "bench", "up"));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct floor *f = *state;

	rig_close(&f->rig);
	close(f->scanner);
	close(f->fixed);
	close(f->scale);
	free(f);
	return 0;
}

static void scan(int master, const char *bytes)
{
	assert_int_equal(write(master, bytes, strlen(bytes)), strlen(bytes));
}

static json_t *scanned(struct floor *f, const char *bytes)
{
	f->bells_n = 0;
	scan(f->scanner, bytes);
	return rig_command(&f->rig, "scan");
}

static void a_scan_is_beeped_after_the_outcome_and_not_before(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *command = scanned(f, "]C100354123450000000014\r\n");

	assert_string_equal(json_str(command, "device"), "gun");
	assert_string_equal(json_str(command, "station"), "pack1");
	assert_string_equal(rig_text(command, "aim"), "]C1");
	assert_string_equal(rig_text(command, "data"), "00354123450000000014");
	assert_null(json_object_get(command, "heard"));
	assert_null(json_object_get(command, "step"));
	show_frame(f, "\x02 0.000\r");
	rig_until(&f->rig, asked_enough);
	assert_int_equal(f->bells_n, 0);
	rig_outcome(&f->rig, command, true, "good");
	rig_until(&f->rig, one_bell);
}

static void the_next_scan_carries_what_was_heard_and_the_step_of_the_prompt(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *first = scanned(f, "A\r\n"), *second = NULL, *third = NULL;

	rig_send(&f->rig, json_pack("{s:{s:s,s:s,s:i}}", "push", "topic", "prompt/pack1", "place",
				  "pack1", "step", 16));
	rig_send(&f->rig,
		json_pack("{s:{s:s,s:b,s:s,s:{s:i}}}", "outcome", "id", json_str(first, "id"), "ok", 1,
			"signal", "good", "prompt", "step", 17));
	rig_until(&f->rig, one_bell);
	second = scanned(f, "A\r\n");
	assert_string_equal(json_str(second, "heard"), json_str(first, "id"));
	assert_int_equal(rig_int(second, "step"), 17);
	rig_send(&f->rig, json_pack("{s:{s:s,s:s,s:i}}", "push", "topic", "prompt/pack1", "place",
				  "pack1", "step", 18));
	rig_outcome(&f->rig, second, false, "bad");
	rig_until(&f->rig, three_bells);
	third = scanned(f, "B\r\n");
	assert_string_equal(json_str(third, "heard"), json_str(second, "id"));
	assert_int_equal(rig_int(third, "step"), 18);
}

static void a_scan_while_one_is_unanswered_is_refused_aloud_and_not_sent(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *first = scanned(f, "A\r\n"), *next = NULL;

	scan(f->scanner, "B\r\n");
	rig_until(&f->rig, three_bells);
	f->bells_n = 0;
	rig_outcome(&f->rig, first, true, "good");
	rig_until(&f->rig, one_bell);
	next = scanned(f, "C\r\n");
	assert_string_equal(rig_text(next, "data"), "C");
}

static void what_the_core_did_not_take_sounds_bad_and_counts_as_unheard(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *first = scanned(f, "A\r\n"), *again = NULL;

	rig_refuse(&f->rig, first, "disk_full");
	rig_until(&f->rig, three_bells);
	again = scanned(f, "A\r\n");
	assert_string_not_equal(json_str(again, "id"), json_str(first, "id"));
	assert_null(json_object_get(again, "heard"));
}

static void bytes_that_are_no_text_are_refused_aloud(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *next = NULL;

	scan(f->scanner, "\xff\xfe\r\n");
	rig_until(&f->rig, three_bells);
	next = scanned(f, "\xc5\x81\r\n");
	assert_string_equal(rig_text(next, "data"), "\xc5\x81");
}

static void half_a_scan_is_refused_aloud_after_a_silence(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *next = NULL;

	scan(f->scanner, "]C1003541");
	rig_until(&f->rig, three_bells);
	next = scanned(f, "whole\r\n");
	assert_string_equal(rig_text(next, "data"), "whole");
}

static void an_unanswered_scan_comes_again_with_its_id_when_the_core_is_back(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *first = scanned(f, "A\r\n"), *hello = NULL, *again = NULL;

	hello = rig_accept(&f->rig);
	assert_int_equal(json_array_size(json_object_get(hello, "devices")), 3);
	again = rig_command(&f->rig, "scan");
	assert_string_equal(json_str(again, "id"), json_str(first, "id"));
	assert_true(rig_int(again, "age_ms") >= 0);
	rig_outcome(&f->rig, again, true, "good");
	rig_until(&f->rig, one_bell);
}

static void a_new_core_is_told_how_the_devices_are(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *up = NULL;

	rig_hang_up(&f->rig);
	json_decref(rig_accept(&f->rig));
	up = await_state(f, "gun", "up");
}

static void a_fixed_reader_keeps_its_next_scan_and_repeats_nothing(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *first = NULL, *second = NULL;

	scan(f->fixed, "A\r\nA\r\nB\r\n");
	first = rig_command(&f->rig, "scan");
	assert_string_equal(rig_text(first, "data"), "A");
	show_frame(f, "\x02 0.000\r");
	assert_false(rig_hears(&f->rig, "scan", asked_enough));
	rig_outcome(&f->rig, first, true, "good");
	second = rig_command(&f->rig, "scan");
	assert_string_equal(rig_text(second, "data"), "B");
	assert_string_equal(json_str(second, "heard"), json_str(first, "id"));
}

static void a_device_that_is_pulled_is_gone_and_found_again_within_2_s(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *gone = NULL, *up = NULL, *command = NULL;
	int64_t from_us;

	close(f->scanner);
	f->scanner = -1;
	gone = await_state(f, "gun", "gone");
	assert_true(strlen(rig_text(gone, "reason")) > 0);
	f->scanner = rig_pty(&f->rig, "gun");
	from_us = clock_boot_us();
	up = await_state(f, "gun", "up");
	assert_true(clock_boot_us() - from_us < 2 * US_PER_S);
	command = scanned(f, "A\r\n");
	assert_string_equal(rig_text(command, "data"), "A");
}

static void order_weight(struct floor *f, const char *id)
{
	rig_send(&f->rig, json_pack("{s:{s:s,s:s,s:s,s:i}}", "push", "topic", "orders/bench", "order",
				  "weigh", "id", id, "step", 17));
}

static void a_weight_comes_when_it_is_ordered_with_its_evidence(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *command = NULL;
	const json_t *args;

	show_frame(f, "\x02 5.480\r");
	assert_false(rig_hears(&f->rig, "weight", asked_enough));
	order_weight(f, "w-7");
	command = rig_command(&f->rig, "weight");
	args = json_object_get(command, "args");
	assert_int_equal(rig_int(command, "value_ug"), 5480000000);
	assert_string_equal(rig_text(command, "unit"), "kg");
	assert_string_equal(rig_text(command, "ask"), "w-7");
	assert_string_equal(rig_text(command, "raw"), "0220352e3438300d");
	assert_true(json_array_size(json_object_get(args, "readings")) >= 3);
	assert_int_equal(rig_int(command, "step"), 17);
}

static void weigh_first(struct floor *f)
{
	_cleanup_json_ json_t *command = NULL;

	order_weight(f, "w-7");
	show_frame(f, "\x02 5.480\r");
	command = rig_command(&f->rig, "weight");
	rig_outcome(&f->rig, command, true, "good");
}

static void one_carton_is_not_weighed_for_two_orders(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *command = NULL;

	weigh_first(f);
	order_weight(f, "w-8");
	show_frame(f, "\x02 5.480\r");
	assert_false(rig_hears(&f->rig, "weight", asked_enough));
	show_frame(f, "\x02 0.000\r");
	rig_until(&f->rig, asked_enough);
	show_frame(f, "\x02 6.100\r");
	command = rig_command(&f->rig, "weight");
	assert_string_equal(rig_text(command, "ask"), "w-8");
	assert_int_equal(rig_int(command, "value_ug"), 6100000000);
}

static void not_even_after_the_bridge_was_killed(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *command = NULL;

	weigh_first(f);
	rig_kill(&f->rig);
	start(f);
	order_weight(f, "w-8");
	json_decref(await_state(f, "bench", "up"));
	show_frame(f, "\x02 5.480\r");
	assert_false(rig_hears(&f->rig, "weight", asked_enough));
	show_frame(f, "\x02?p\r"); /* the empty pan as a status */
	rig_until(&f->rig, asked_enough);
	show_frame(f, "\x02 6.100\r");
	command = rig_command(&f->rig, "weight");
	assert_int_equal(rig_int(command, "value_ug"), 6100000000);
}

static void a_weight_that_died_with_the_bridge_is_taken_again_for_the_same_order(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *lost = NULL, *again = NULL;

	order_weight(f, "w-7");
	show_frame(f, "\x02 5.480\r");
	lost = rig_command(&f->rig, "weight");
	rig_kill(&f->rig);
	start(f);
	order_weight(f, "w-7");
	again = rig_command(&f->rig, "weight");
	assert_string_not_equal(json_str(again, "id"), json_str(lost, "id"));
	assert_string_equal(rig_text(again, "ask"), "w-7");
}

static void a_weight_the_core_did_not_take_is_given_again(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *first = NULL, *again = NULL;

	order_weight(f, "w-7");
	show_frame(f, "\x02 5.480\r");
	first = rig_command(&f->rig, "weight");
	rig_refuse(&f->rig, first, "busy");
	again = rig_command(&f->rig, "weight");
	assert_string_equal(rig_text(again, "ask"), "w-7");
}

static void motion_over_capacity_and_too_little_are_no_weights(void **state)
{
	static const char *const frames[] = { "\x02?a\r", "\x02?b\r", "\x02 0.019\r" };
	struct floor *f = *state;

	order_weight(f, "w-7");
	for (size_t i = 0; i < array_len(frames); i++) {
		show_frame(f, frames[i]);
		assert_false(rig_hears(&f->rig, "weight", asked_enough));
	}
}

static void a_silent_scale_is_stale_and_a_wrong_parity_is_named(void **state)
{
	struct floor *f = *state;
	_cleanup_json_ json_t *fault = NULL;

	show_frame(f, "");
	json_decref(await_state(f, "bench", "stale"));
	show_frame(f, "\x82\xa0\x35\x2e\xb4\xb8\x30\x8d");
	fault = await_state(f, "bench", "fault");
	assert_non_null(strstr(rig_text(fault, "reason"), "wrong parity"));
	show_frame(f, "\x02 0.000\r");
	json_decref(await_state(f, "bench", "up"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_scan_is_beeped_after_the_outcome_and_not_before),
		TEST(the_next_scan_carries_what_was_heard_and_the_step_of_the_prompt),
		TEST(a_scan_while_one_is_unanswered_is_refused_aloud_and_not_sent),
		TEST(what_the_core_did_not_take_sounds_bad_and_counts_as_unheard),
		TEST(bytes_that_are_no_text_are_refused_aloud),
		TEST(half_a_scan_is_refused_aloud_after_a_silence),
		TEST(an_unanswered_scan_comes_again_with_its_id_when_the_core_is_back),
		TEST(a_new_core_is_told_how_the_devices_are),
		TEST(a_fixed_reader_keeps_its_next_scan_and_repeats_nothing),
		TEST(a_device_that_is_pulled_is_gone_and_found_again_within_2_s),
		TEST(a_weight_comes_when_it_is_ordered_with_its_evidence),
		TEST(one_carton_is_not_weighed_for_two_orders),
		TEST(not_even_after_the_bridge_was_killed),
		TEST(a_weight_that_died_with_the_bridge_is_taken_again_for_the_same_order),
		TEST(a_weight_the_core_did_not_take_is_given_again),
		TEST(motion_over_capacity_and_too_little_are_no_weights),
		TEST(a_silent_scale_is_stale_and_a_wrong_parity_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
