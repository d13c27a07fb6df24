#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plc_handshake.h"

#define FACTS_MAX 64
#define MS INT64_C(1000)

/* A PLC of two arrays, a core of a list, a clock that stands still. */
struct world {
	struct plc_handshake plc;
	uint16_t a[PLC_A_WORDS], b[PLC_B_WORDS];
	int64_t now_us;
	struct plc_fact facts[FACTS_MAX];
	char diverts[FACTS_MAX][PLC_ID_MAX];
	int facts_n;
	bool core_full;
	int fail_in;       /* the Nth call from now fails; 0: none */
	bool fail_after;   /* ... but the write arrives */
	bool lose_writes;  /* accepted and not kept */
	int lose_count;    /* so many of them only */
	int64_t cost_us;   /* of a register access */
	unsigned order[64], order_n; /* first registers written */
	void (*on_read)(struct world *);
};

static bool fails_now(struct world *w)
{
	return w->fail_in && --w->fail_in == 0;
}

static int fake_read(void *user, enum plc_block block, unsigned first, unsigned n, uint16_t *ret)
{
	struct world *w = user;

	w->now_us += w->cost_us;
	if (fails_now(w))
		return -ETIMEDOUT;
	memcpy(ret, (block == PLC_A ? w->a : w->b) + first, n * sizeof(*ret));
	if (w->on_read)
		w->on_read(w);
	return 0;
}

static int fake_write(void *user, unsigned first, unsigned n, const uint16_t *words)
{
	struct world *w = user;
	bool fail = fails_now(w);

	assert_true(first + n <= PLC_B_WORDS);
	w->now_us += w->cost_us;
	w->order[w->order_n++ % 64] = first;
	if (w->lose_writes && first >= PLC_B_SEQ && w->lose_count-- > 0)
		return 0;
	if (!fail || w->fail_after)
		memcpy(w->b + first, words, n * sizeof(*words));
	return fail ? -ECONNRESET : 0;
}

static int fake_tell(void *user, const struct plc_fact *fact, int64_t *ret_n)
{
	struct world *w = user;

	if (w->core_full)
		return -EAGAIN;
	assert_true(w->facts_n < FACTS_MAX);
	w->facts[w->facts_n] = *fact;
	if (fact->divert)
		strcpy(w->diverts[w->facts_n], fact->divert);
	*ret_n = ++w->facts_n;
	return 0;
}

static int64_t fake_now(void *user)
{
	return ((struct world *)user)->now_us;
}

static const struct plc_verbs verbs = { fake_read, fake_write, fake_tell, fake_now };

static void start_host(struct world *w, bool commissioned)
{
	const struct plc_settings settings = { .commissioned = commissioned, .deadline_us = 250 * MS };

	plc_init(&w->plc, &settings, &verbs, w);
	plc_host_ready(&w->plc, true);
	plc_connected(&w->plc);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->now_us = 10 * 1000 * MS;
	start_host(w, true);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void set_u32(uint16_t *words, uint32_t value)
{
	words[0] = (uint16_t)(value >> 16);
	words[1] = (uint16_t)value;
}

static void plc_asks(struct world *w, uint16_t seq, uint32_t tracking)
{
	set_u32(&w->a[PLC_A_TRACKING], tracking);
	w->a[PLC_A_POINT] = 3;
	w->a[PLC_A_READ] = PLC_READ_OK;
	w->a[PLC_A_CODE] = '0' << 8 | '1';
	w->a[PLC_A_CODE + 1] = '2' << 8;
	w->a[PLC_A_SEQ] = seq;
}

static void step(struct world *w)
{
	w->a[PLC_A_BEAT]++;
	w->now_us += 20 * MS;
	assert_int_equal(plc_step(&w->plc), 0);
}

/* The latest fact of a kind, or NULL. */
static struct plc_fact *told(struct world *w, enum plc_fact_kind kind)
{
	for (int i = w->facts_n - 1; i >= 0; i--)
		if (w->facts[i].kind == kind)
			return &w->facts[i];
	return NULL;
}

static int count(struct world *w, enum plc_fact_kind kind)
{
	int n = 0;

	for (int i = 0; i < w->facts_n; i++)
		n += w->facts[i].kind == kind;
	return n;
}

static void answer(struct world *w, enum plc_fact_kind kind, enum plc_answer how)
{
	struct plc_fact *fact = told(w, kind);

	assert_non_null(fact);
	plc_answer(&w->plc, fact - w->facts + 1, how);
}

static int order(struct world *w, const char *id, uint16_t seq, uint32_t tracking, uint16_t lane)
{
	struct plc_divert divert = { .seq = seq,
		.tracking = tracking,
		.lane = lane,
		.deadline_us = w->now_us + 200 * MS };

	strcpy(divert.id, id);
	return plc_take_order(&w->plc, &divert);
}

/* Request seen, order given and taken: the next step writes. */
static void ready_to_write(struct world *w)
{
	plc_asks(w, 12, 70007);
	step(w);
	answer(w, PLC_FACT_REQUEST, PLC_ANSWER_OK);
	assert_int_equal(order(w, "d-1", 12, 70007, 4), 0);
	plc_tick(&w->plc);
	answer(w, PLC_FACT_TAKEN, PLC_ANSWER_OK);
}

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

static void reconnect(struct world *w)
{
	plc_disconnected(&w->plc);
	plc_tick(&w->plc);
	plc_connected(&w->plc);
	w->order_n = 0;
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

static void everything_is_read_before_anything_is_written(void **state)
{
	struct world *w = *state;

	w->fail_in = 2; /* block B cannot be read */
	assert_true(plc_step(&w->plc) < 0);
	assert_int_equal(w->order_n, 0);
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

static void the_crc_is_the_one_of_modbus(void **state)
{
	const uint16_t words[] = { 0x0103, 0x0000, 0x000A }; /* 01 03 00 00 00 0A: C5 CD on the wire */

	(void)state;
	assert_int_equal(plc_crc(words, 3), 0xCDC5);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_told_once_with_its_code),
		TEST(a_decision_is_written_payload_first_and_verified),
		TEST(nothing_is_written_before_divert_taken_is_answered),
		TEST(a_late_decision_is_never_written),
		TEST(a_deadline_that_passes_between_payload_and_sequence_stops_the_sequence),
		TEST(the_configured_deadline_counts_from_the_moment_the_request_was_seen),
		TEST(a_plc_that_moved_on_gets_no_old_reply),
		TEST(a_tracking_id_that_differs_is_not_written),
		TEST(a_lost_write_is_written_once_more),
		TEST(a_plc_that_keeps_nothing_is_a_fault),
		TEST(a_payload_that_changes_between_two_looks_is_not_acted_on),
		TEST(a_host_that_restarts_does_not_ask_about_an_answered_request),
		TEST(a_host_that_restarts_asks_again_about_an_open_request),
		TEST(an_old_echo_of_the_same_sequence_does_not_count_as_answered),
		TEST(a_plc_that_restarts_is_heard_again_from_sequence_1),
		TEST(a_break_while_waiting_for_the_core_does_not_ask_twice),
		TEST(a_break_before_the_payload_is_mended_before_the_deadline),
		TEST(a_break_in_the_payload_is_mended_before_the_deadline),
		TEST(a_break_in_the_sequence_is_mended_before_the_deadline),
		TEST(a_sequence_that_arrived_before_the_break_is_found_and_not_written_again),
		TEST(a_break_in_the_verification_is_mended_without_writing),
		TEST(everything_is_read_before_anything_is_written),
		TEST(a_break_that_outlasts_the_deadline_ends_unwritten_orders_as_late),
		TEST(a_break_after_the_sequence_that_outlasts_the_deadline_is_failed_not_late),
		TEST(an_order_offered_twice_is_one_order),
		TEST(too_many_orders_are_not_accepted),
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
		TEST(the_crc_is_the_one_of_modbus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
