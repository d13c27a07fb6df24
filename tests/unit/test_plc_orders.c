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

static void assert_replied(const struct world *w, uint16_t seq, uint32_t tracking, uint16_t lane)
{
	assert_int_equal(w->b[PLC_B_SEQ], seq);
	assert_int_equal(plc_u32(&w->b[PLC_B_TRACKING]), tracking);
	assert_int_equal(w->b[PLC_B_LANE], lane);
	assert_int_equal(w->b[PLC_B_CRC], plc_crc(&w->b[PLC_B_SEQ], 6));
}

static void assert_ended(struct world *w, const char *result)
{
	assert_non_null(told(w, PLC_FACT_ENDED));
	assert_string_equal(told(w, PLC_FACT_ENDED)->result_word, result);
	assert_int_equal(count(w, PLC_FACT_ENDED), 1);
}

static void a_decision_is_written_payload_first_and_verified(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	assert_true(plc_urgent(&w->plc));
	w->order_n = 0;
	step(w);
	assert_replied(w, 12, 70007, 4);
	assert_int_equal(w->order[0], PLC_B_TRACKING);
	assert_int_equal(w->order[1], PLC_B_SEQ);
	assert_ended(w, "written");
	assert_false(plc_urgent(&w->plc));
}

static void nothing_is_written_before_divert_taken_is_answered(void **state)
{
	struct world *w = *state;

	plc_asks(w, 12, 70007);
	step(w);
	order(w, "d-1", 12, 70007, 4);
	for (int i = 0; i < 5; i++)
		step(w);
	assert_int_equal(count(w, PLC_FACT_TAKEN), 1);
	assert_int_equal(w->b[PLC_B_SEQ], 0);
	answer(w, PLC_FACT_TAKEN, PLC_ANSWER_NO);
	step(w);
	assert_int_equal(w->b[PLC_B_SEQ], 0);
	assert_int_equal(count(w, PLC_FACT_ENDED), 0);
}

static void a_late_decision_is_never_written(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	w->now_us += 200 * MS;
	step(w);
	assert_int_equal(w->b[PLC_B_SEQ], 0);
	assert_ended(w, "late");
	w->now_us += 50 * MS; /* a later order with its own deadline does not help */
	assert_int_equal(order(w, "d-2", 12, 70007, 4), -ETIME);
}

static void a_deadline_that_passes_between_payload_and_sequence_stops_the_sequence(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	w->cost_us = 90 * MS; /* read A, write payload: 180 of the 200 are gone with the poll's 20 */
	step(w);
	assert_int_equal(w->b[PLC_B_SEQ], 0);
	assert_ended(w, "late");
}

static void the_configured_deadline_counts_from_the_moment_the_request_was_seen(void **state)
{
	struct world *w = *state;
	struct plc_divert divert = { .id = "d-1", .seq = 12, .tracking = 70007, .lane = 4 };

	plc_asks(w, 12, 70007);
	step(w);
	divert.deadline_us = w->now_us + 60 * 1000 * MS;
	w->now_us += 250 * MS;
	assert_int_equal(plc_take_order(&w->plc, &divert), -ETIME);
}

static void a_plc_that_moved_on_gets_no_old_reply(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	plc_asks(w, 13, 70008);
	step(w);
	assert_int_equal(w->b[PLC_B_SEQ], 0);
	assert_ended(w, "late");
	assert_int_equal(count(w, PLC_FACT_REQUEST), 2);
}

static void a_tracking_id_that_differs_is_not_written(void **state)
{
	struct world *w = *state;

	plc_asks(w, 12, 70007);
	step(w);
	order(w, "d-1", 12, 99999, 4);
	plc_tick(&w->plc);
	answer(w, PLC_FACT_TAKEN, PLC_ANSWER_OK);
	step(w);
	assert_int_equal(w->b[PLC_B_SEQ], 0);
	assert_ended(w, "failed");
}

static void a_lost_write_is_written_once_more(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	w->lose_writes = true;
	w->lose_count = 1;
	step(w);
	assert_replied(w, 12, 70007, 4);
	assert_ended(w, "written");
}

static void a_plc_that_keeps_nothing_is_a_fault(void **state)
{
	struct world *w = *state;
	const char *reason;

	ready_to_write(w);
	w->lose_writes = true;
	w->lose_count = 1000;
	step(w);
	assert_ended(w, "failed");
	assert_int_equal(plc_health(&w->plc, &reason), PLC_FAULT);
}

static void an_old_echo_of_the_same_sequence_does_not_count_as_answered(void **state)
{
	struct world *w = *state;

	w->b[PLC_B_SEQ] = 12;
	set_u32(&w->b[PLC_B_TRACKING], 5);
	plc_asks(w, 12, 70007);
	step(w);
	assert_int_equal(count(w, PLC_FACT_REQUEST), 1);
	w->order_n = 0;
	order(w, "d-1", 12, 70007, 4);
	plc_tick(&w->plc);
	answer(w, PLC_FACT_TAKEN, PLC_ANSWER_OK);
	step(w);
	/* The stale sequence goes first, or the PLC would act on the payload half-way. */
	assert_int_equal(w->order[0], PLC_B_SEQ);
	assert_int_equal(w->order[1], PLC_B_TRACKING);
	assert_int_equal(w->order[2], PLC_B_SEQ);
	assert_replied(w, 12, 70007, 4);
}

/* 1 is the read of A, 2 the payload, 3 the sequence, 4 the verification. */
static void break_at(struct world *w, int call, bool arrives)
{
	ready_to_write(w);
	w->fail_in = call;
	w->fail_after = arrives;
	w->a[PLC_A_BEAT]++;
	assert_true(plc_step(&w->plc) < 0);
	assert_int_equal(count(w, PLC_FACT_ENDED), 0);
	reconnect(w);
	step(w);
	assert_replied(w, 12, 70007, 4);
	assert_ended(w, "written");
}

static void a_break_before_the_payload_is_mended_before_the_deadline(void **state)
{
	break_at(*state, 1, false);
}

static void a_break_in_the_payload_is_mended_before_the_deadline(void **state)
{
	break_at(*state, 2, true);
}

static void a_break_in_the_sequence_is_mended_before_the_deadline(void **state)
{
	break_at(*state, 3, false);
}

static void a_sequence_that_arrived_before_the_break_is_found_and_not_written_again(void **state)
{
	struct world *w = *state;

	break_at(w, 3, true);
	for (unsigned i = 0; i < w->order_n; i++)
		assert_int_not_equal(w->order[i], PLC_B_SEQ);
}

static void a_break_in_the_verification_is_mended_without_writing(void **state)
{
	struct world *w = *state;

	break_at(w, 4, false);
	for (unsigned i = 0; i < w->order_n; i++)
		assert_int_not_equal(w->order[i], PLC_B_SEQ);
}

static void a_break_that_outlasts_the_deadline_ends_unwritten_orders_as_late(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	plc_disconnected(&w->plc);
	w->now_us += 300 * MS;
	plc_tick(&w->plc);
	plc_tick(&w->plc);
	assert_ended(w, "late");
}

static void a_break_after_the_sequence_that_outlasts_the_deadline_is_failed_not_late(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	w->fail_in = 3;
	w->a[PLC_A_BEAT]++;
	assert_true(plc_step(&w->plc) < 0);
	plc_disconnected(&w->plc);
	w->now_us += 300 * MS;
	plc_tick(&w->plc);
	plc_tick(&w->plc);
	assert_ended(w, "failed");
}

static void an_order_offered_twice_is_one_order(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	assert_int_equal(order(w, "d-1", 12, 70007, 5), -EEXIST);
	step(w);
	assert_replied(w, 12, 70007, 4);
}

static void too_many_orders_are_not_accepted(void **state)
{
	struct world *w = *state;
	char id[16];

	step(w);
	for (int i = 0; i < PLC_ORDERS_MAX; i++) {
		snprintf(id, sizeof(id), "d-%d", i);
		assert_int_equal(order(w, id, (uint16_t)(i + 1), 1, 1), 0);
	}
	assert_int_equal(order(w, "d-x", 99, 1, 1), -ENOSPC);
}

/* As the core offers an order that it knows as taken. */
static int recover(struct world *w, const char *id, uint16_t seq, uint32_t tracking, uint16_t lane)
{
	struct plc_divert divert = { .seq = seq, .tracking = tracking, .lane = lane };

	snprintf(divert.id, sizeof(divert.id), "%s", id);
	return plc_recover_order(&w->plc, &divert);
}

static void an_order_taken_by_a_run_that_died_before_writing_ends_as_failed_and_is_never_written(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	start_host(w, true);
	assert_int_equal(recover(w, "d-1", 12, 70007, 4), 0);
	w->order_n = 0;
	for (int i = 0; i < 5; i++)
		step(w);
	assert_ended(w, "failed");
	assert_int_equal(w->b[PLC_B_SEQ], 0);
	answer(w, PLC_FACT_ENDED, PLC_ANSWER_OK);
	step(w);
	assert_ended(w, "failed");
}

static void an_order_written_by_a_run_that_died_before_saying_so_is_found_in_the_registers(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	step(w);
	w->facts_n = 0;
	start_host(w, true);
	assert_int_equal(recover(w, "d-1", 12, 70007, 4), 0);
	w->order_n = 0;
	step(w);
	assert_ended(w, "written");
	assert_replied(w, 12, 70007, 4);
}

static void what_this_run_wrote_is_no_evidence_for_an_order_of_another(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	start_host(w, true);
	ready_to_write(w);
	step(w);
	assert_replied(w, 12, 70007, 4);
	w->facts_n = 0;
	assert_int_equal(recover(w, "d-0", 12, 70007, 4), 0);
	step(w);
	assert_ended(w, "failed");
}

static void an_order_this_run_has_is_not_recovered(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	assert_int_equal(recover(w, "d-1", 12, 70007, 4), -EEXIST);
	step(w);
	assert_ended(w, "written");
}

static void a_lost_order_waits_until_the_registers_can_be_read(void **state)
{
	struct world *w = *state;

	ready_to_write(w);
	start_host(w, true);
	assert_int_equal(recover(w, "d-1", 12, 70007, 4), 0);
	plc_tick(&w->plc);
	assert_int_equal(count(w, PLC_FACT_ENDED), 0);
	step(w);
	assert_ended(w, "failed");
}

static void the_crc_is_the_one_of_modbus(void **state)
{
	const uint16_t words[] = { 0x0103, 0x0000, 0x000A }; /* 01 03 00 00 00 0A: C5 CD on the wire */

	(void)state;
	assert_int_equal(plc_crc(words, 3), 0xCDC5);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_decision_is_written_payload_first_and_verified),
		TEST(nothing_is_written_before_divert_taken_is_answered),
		TEST(a_late_decision_is_never_written),
		TEST(a_deadline_that_passes_between_payload_and_sequence_stops_the_sequence),
		TEST(the_configured_deadline_counts_from_the_moment_the_request_was_seen),
		TEST(a_plc_that_moved_on_gets_no_old_reply),
		TEST(a_tracking_id_that_differs_is_not_written),
		TEST(a_lost_write_is_written_once_more),
		TEST(a_plc_that_keeps_nothing_is_a_fault),
		TEST(an_old_echo_of_the_same_sequence_does_not_count_as_answered),
		TEST(a_break_before_the_payload_is_mended_before_the_deadline),
		TEST(a_break_in_the_payload_is_mended_before_the_deadline),
		TEST(a_break_in_the_sequence_is_mended_before_the_deadline),
		TEST(a_sequence_that_arrived_before_the_break_is_found_and_not_written_again),
		TEST(a_break_in_the_verification_is_mended_without_writing),
		TEST(a_break_that_outlasts_the_deadline_ends_unwritten_orders_as_late),
		TEST(a_break_after_the_sequence_that_outlasts_the_deadline_is_failed_not_late),
		TEST(an_order_offered_twice_is_one_order),
		TEST(too_many_orders_are_not_accepted),
		TEST(an_order_taken_by_a_run_that_died_before_writing_ends_as_failed_and_is_never_written),
		TEST(an_order_written_by_a_run_that_died_before_saying_so_is_found_in_the_registers),
		TEST(what_this_run_wrote_is_no_evidence_for_an_order_of_another),
		TEST(an_order_this_run_has_is_not_recovered),
		TEST(a_lost_order_waits_until_the_registers_can_be_read),
		TEST(the_crc_is_the_one_of_modbus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
