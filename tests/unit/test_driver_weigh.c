#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "weigh.h"

#define MS INT64_C(1000)
#define G INT64_C(1000000)
#define MIN_UG (20 * G)

static struct weigh weigh;
static int64_t now_us;

static bool note(enum reading_kind kind, int64_t value_ug, unsigned flags, int after_ms)
{
	static const uint8_t raw[] = "frame";
	const struct reading r = { .kind = kind,
		.raw = raw,
		.raw_len = 5,
		.value_ug = value_ug,
		.flags = flags };

	now_us += after_ms * MS;
	return weigh_note(&weigh, &r, now_us);
}

static int setup(void **state)
{
	(void)state;
	weigh_init(&weigh, MIN_UG);
	now_us = 1000 * MS;
	return 0;
}

static void settle(int64_t value_ug)
{
	for (int i = 0; i < 3; i++)
		note(READING_WEIGHT, value_ug, 0, 200);
}

static void three_equal_readings_over_300_ms_are_a_weight(void **state)
{
	(void)state;
	note(READING_WEIGHT, 500 * G, 0, 200);
	note(READING_WEIGHT, 500 * G, 0, 200);
	assert_false(weigh_ready(&weigh));
	note(READING_WEIGHT, 500 * G, 0, 200);
	assert_true(weigh_ready(&weigh));
	assert_int_equal(weigh.frames_n, 3);
}

static void many_equal_readings_in_less_than_300_ms_are_not(void **state)
{
	(void)state;
	for (int i = 0; i < 15; i++)
		note(READING_WEIGHT, 500 * G, 0, 20);
	assert_false(weigh_ready(&weigh));
	note(READING_WEIGHT, 500 * G, 0, 20);
	assert_true(weigh_ready(&weigh));
	assert_int_equal(weigh.frames_n, WEIGH_EVIDENCE_MAX);
}

static void another_value_a_motion_or_a_fault_begins_anew(void **state)
{
	(void)state;
	settle(500 * G);
	note(READING_WEIGHT, 501 * G, 0, 200);
	assert_false(weigh_ready(&weigh));
	settle(500 * G);
	note(READING_STATUS, 0, WEIGHT_MOTION, 200);
	assert_false(weigh_ready(&weigh));
	settle(500 * G);
	note(READING_FAULT, 0, 0, 200);
	note(READING_WEIGHT, 500 * G, 0, 200);
	assert_false(weigh_ready(&weigh));
}

static void a_weight_that_turns_net_begins_anew(void **state)
{
	(void)state;
	note(READING_WEIGHT, 500 * G, 0, 200);
	note(READING_WEIGHT, 500 * G, 0, 200);
	note(READING_WEIGHT, 500 * G, WEIGHT_NET, 200);
	assert_false(weigh_ready(&weigh));
}

static void flags_of_motion_over_or_under_are_never_a_weight(void **state)
{
	static const unsigned flags[] = { WEIGHT_MOTION, WEIGHT_OVER, WEIGHT_UNDER };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (int k = 0; k < 5; k++)
			note(READING_WEIGHT, 500 * G, flags[i], 200);
		assert_false(weigh_ready(&weigh));
	}
}

static void less_than_the_least_weight_is_none(void **state)
{
	(void)state;
	settle(MIN_UG - 1);
	assert_false(weigh_ready(&weigh));
	settle(MIN_UG);
	assert_true(weigh_ready(&weigh));
}

static void the_next_weight_needs_an_empty_pan_in_between(void **state)
{
	(void)state;
	settle(500 * G);
	weigh_used(&weigh);
	settle(500 * G);
	assert_false(weigh_ready(&weigh));
	settle(700 * G); /* another carton beside it does not help */
	assert_false(weigh_ready(&weigh));
	assert_true(note(READING_WEIGHT, 0, 0, 200));
	assert_false(note(READING_WEIGHT, 0, 0, 200));
	settle(700 * G);
	assert_true(weigh_ready(&weigh));
}

static void a_status_of_zero_at_rest_is_an_empty_pan(void **state)
{
	(void)state;
	weigh_used(&weigh);
	assert_false(note(READING_STATUS, 0, WEIGHT_CENTRE_ZERO | WEIGHT_MOTION, 200));
	assert_false(note(READING_STATUS, 0, WEIGHT_OVER, 200));
	assert_true(note(READING_STATUS, 0, WEIGHT_CENTRE_ZERO, 200));
	weigh_used(&weigh);
	assert_true(note(READING_STATUS, 0, WEIGHT_UNDER, 200));
}

static void without_a_least_weight_zero_is_still_none(void **state)
{
	(void)state;
	weigh_init(&weigh, 0);
	settle(0);
	assert_false(weigh_ready(&weigh));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(three_equal_readings_over_300_ms_are_a_weight, setup),
		cmocka_unit_test_setup(many_equal_readings_in_less_than_300_ms_are_not, setup),
		cmocka_unit_test_setup(another_value_a_motion_or_a_fault_begins_anew, setup),
		cmocka_unit_test_setup(a_weight_that_turns_net_begins_anew, setup),
		cmocka_unit_test_setup(flags_of_motion_over_or_under_are_never_a_weight, setup),
		cmocka_unit_test_setup(less_than_the_least_weight_is_none, setup),
		cmocka_unit_test_setup(the_next_weight_needs_an_empty_pan_in_between, setup),
		cmocka_unit_test_setup(a_status_of_zero_at_rest_is_an_empty_pan, setup),
		cmocka_unit_test_setup(without_a_least_weight_zero_is_still_none, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
