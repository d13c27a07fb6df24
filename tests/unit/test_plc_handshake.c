#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plc_world.h"

static void a_request_is_told_once_with_its_code(void **state)
{
	struct world *w = *state;

	plc_asks(w, 12, 70007);
	step(w);
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 1);
	assert_int_equal(told(w, PLC_FACT_REQUEST)->seq, 12);
	assert_int_equal(told(w, PLC_FACT_REQUEST)->tracking, 70007);
	assert_int_equal(told(w, PLC_FACT_REQUEST)->point, 3);
	assert_string_equal(told(w, PLC_FACT_REQUEST)->code, "012");
}

static void tear(struct world *w)
{
	w->a[PLC_A_TRACKING + 1]++; /* after every look the payload is another one */
}

static void a_payload_that_changes_between_two_looks_is_not_acted_on(void **state)
{
	struct world *w = *state;

	plc_asks(w, 12, 70007);
	w->on_read = tear;
	step(w);
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 0);
	w->on_read = NULL;
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 1);
}

static void a_host_that_restarts_does_not_ask_about_an_answered_request(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	step(w);
	w->facts_n = 0;
	start_host(w, true);
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 0);
}

static void a_host_that_restarts_asks_again_about_an_open_request(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	w->facts_n = 0;
	start_host(w, true);
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 1);
}

static void a_plc_that_restarts_is_heard_again_from_sequence_1(void **state)
{
	struct world *w = *state;

	plc_asks(w, 1, 70007);
	step(w);
	memset(w->a, 0, sizeof(w->a));
	memset(w->b, 0, sizeof(w->b));
	step(w);
	plc_asks(w, 1, 8);
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 2);
}

static void a_break_while_waiting_for_the_core_does_not_ask_twice(void **state)
{
	struct world *w = *state;

	plc_asks(w, 12, 70007);
	step(w);
	reconnect(w);
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 1);
}

static void everything_is_read_before_anything_is_written(void **state)
{
	struct world *w = *state;

	w->fail_in = 2; /* block B cannot be read */
	assert_true(plc_step(&w->plc) < 0);
	assert_int_equal(w->order_n, 0);
}

static void what_the_core_did_not_take_is_told_again(void **state)
{
	struct world *w = *state;

	plc_asks(w, 12, 70007);
	step(w);
	answer(w, PLC_FACT_REQUEST, PLC_ANSWER_REFUSED);
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 1);
	w->now_us += PLC_RETELL_US;
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 2);
}

static void a_full_core_delays_a_request_and_loses_nothing(void **state)
{
	struct world *w = *state;

	w->core_full = true;
	plc_asks(w, 12, 70007);
	step(w);
	w->core_full = false;
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 1);
}

static void plc_confirms(struct world *w, uint16_t seq, uint16_t result)
{
	set_u32(&w->a[PLC_A_CONFIRM_TRACKING], 70007);
	w->a[PLC_A_CONFIRM_LANE] = 9;
	w->a[PLC_A_CONFIRM_RESULT] = result;
	w->a[PLC_A_CONFIRM] = seq;
}

static void a_confirmation_is_acknowledged_when_the_core_has_it(void **state)
{
	struct world *w = *state;

	plc_confirms(w, 7, 2);
	step(w);
	step(w);
	assert_int_equal(count(w, PLC_FACT_CONFIRM), 1);
	assert_int_equal(told(w, PLC_FACT_CONFIRM)->lane, 9);
	assert_int_equal(w->b[PLC_B_CONFIRM_ACK], 0);
	answer(w, PLC_FACT_CONFIRM, PLC_ANSWER_NO); /* decided is decided */
	step(w);
	assert_int_equal(w->b[PLC_B_CONFIRM_ACK], 7);
}

static void a_confirmation_the_core_did_not_take_is_told_again(void **state)
{
	struct world *w = *state;

	plc_confirms(w, 6, 1);
	w->b[PLC_B_CONFIRM_ACK] = 6;
	step(w);
	plc_confirms(w, 7, 1);
	step(w);
	answer(w, PLC_FACT_CONFIRM, PLC_ANSWER_REFUSED);
	step(w);
	w->now_us += PLC_RETELL_US;
	step(w);
	assert_int_equal(count(w, PLC_FACT_CONFIRM), 2);
	assert_int_equal(w->b[PLC_B_CONFIRM_ACK], 6);
}

static void a_host_that_restarts_hears_an_unacknowledged_confirmation_again(void **state)
{
	struct world *w = *state;

	plc_confirms(w, 7, 1);
	step(w);
	w->facts_n = 0;
	start_host(w, true);
	step(w);
	assert_int_equal(count(w, PLC_FACT_CONFIRM), 1);
	answer(w, PLC_FACT_CONFIRM, PLC_ANSWER_OK);
	step(w);
	start_host(w, true);
	w->facts_n = 0;
	step(w);
	assert_int_equal(count(w, PLC_FACT_CONFIRM), 0);
}

static void a_plc_that_began_anew_gets_its_acknowledgement_cleared(void **state)
{
	struct world *w = *state;

	w->b[PLC_B_CONFIRM_ACK] = 7;
	step(w);
	assert_int_equal(w->b[PLC_B_CONFIRM_ACK], 0);
}

static void the_host_beats_once_a_second_and_says_when_it_cannot_decide(void **state)
{
	struct world *w = *state;
	uint16_t before;

	step(w);
	before = w->b[PLC_B_BEAT];
	assert_int_equal(w->b[PLC_B_STATE], PLC_HOST_READY);
	for (int i = 0; i < 100; i++)
		step(w);
	assert_int_equal(w->b[PLC_B_BEAT], before + 2);
	plc_host_ready(&w->plc, false);
	step(w);
	assert_int_equal(w->b[PLC_B_STATE], PLC_HOST_AWAY);
}

static void a_plc_without_heartbeat_is_stale_after_3_s(void **state)
{
	struct world *w = *state;
	const char *reason;

	step(w);
	assert_int_equal(plc_health(&w->plc, &reason), PLC_UP);
	for (int i = 0; i < 160; i++) {
		w->now_us += 20 * MS;
		assert_int_equal(plc_step(&w->plc), 0);
	}
	assert_int_equal(plc_health(&w->plc, &reason), PLC_STALE);
	step(w);
	assert_int_equal(plc_health(&w->plc, &reason), PLC_UP);
}

static void a_link_that_is_not_commissioned_only_reads(void **state)
{
	struct world *w = *state;

	start_host(w, false);
	plc_asks(w, 12, 70007);
	plc_confirms(w, 7, 1);
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 1);
	answer(w, PLC_FACT_CONFIRM, PLC_ANSWER_OK);
	assert_int_equal(order(w, "d-1", 12, 70007, 4), -EPERM);
	for (int i = 0; i < 100; i++)
		step(w);
	assert_int_equal(w->order_n, 0);
}

static void modes_and_faults_are_told_on_change(void **state)
{
	struct world *w = *state;

	w->a[PLC_A_MODE] = 6;
	step(w);
	step(w);
	assert_int_equal(count(w, PLC_FACT_STATE), 1);
	w->a[PLC_A_FAULTS] = 1;
	step(w); /* the first is still on its way: the latest is told after it */
	assert_int_equal(count(w, PLC_FACT_STATE), 1);
	answer(w, PLC_FACT_STATE, PLC_ANSWER_OK);
	step(w);
	assert_int_equal(count(w, PLC_FACT_STATE), 2);
	assert_int_equal(told(w, PLC_FACT_STATE)->faults, 1);
}

static void outside_values_are_brought_into_range(void **state)
{
	struct world *w = *state;

	plc_asks(w, 12, 70007);
	w->a[PLC_A_READ] = 77;
	w->a[PLC_A_CODE] = 0xC3A4;
	plc_confirms(w, 7, 0);
	step(w);
	assert_int_equal(told(w, PLC_FACT_REQUEST)->read, PLC_READ_CONFLICT);
	assert_string_equal(told(w, PLC_FACT_REQUEST)->code, "");
	assert_int_equal(told(w, PLC_FACT_CONFIRM)->result, PLC_RESULT_UNKNOWN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_told_once_with_its_code),
		TEST(a_payload_that_changes_between_two_looks_is_not_acted_on),
		TEST(a_host_that_restarts_does_not_ask_about_an_answered_request),
		TEST(a_host_that_restarts_asks_again_about_an_open_request),
		TEST(a_plc_that_restarts_is_heard_again_from_sequence_1),
		TEST(a_break_while_waiting_for_the_core_does_not_ask_twice),
		TEST(everything_is_read_before_anything_is_written),
		TEST(what_the_core_did_not_take_is_told_again),
		TEST(a_full_core_delays_a_request_and_loses_nothing),
		TEST(a_confirmation_is_acknowledged_when_the_core_has_it),
		TEST(a_confirmation_the_core_did_not_take_is_told_again),
		TEST(a_host_that_restarts_hears_an_unacknowledged_confirmation_again),
		TEST(a_plc_that_began_anew_gets_its_acknowledgement_cleared),
		TEST(the_host_beats_once_a_second_and_says_when_it_cannot_decide),
		TEST(a_plc_without_heartbeat_is_stale_after_3_s),
		TEST(a_link_that_is_not_commissioned_only_reads),
		TEST(modes_and_faults_are_told_on_change),
		TEST(outside_values_are_brought_into_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
