/* The edge's machine: down stream, blocks, time, sessions. */
#include "edge_rig.h"

static void down(struct site *s, int64_t n)
{
	struct sync_part body = {"{}", 2};
	struct sync_frame f = frame(s, SYNC_DOWN);

	f.down_n = n;
	f.bodies = &body;
	f.bodies_n = 1;
	message(s, f);
}

static void E3_a_down_message_is_acknowledged_only_when_its_effect_is_on_disk(void **state)
{
	struct site *s = make_live(0, 0);

	(void)state;
	down(s, 1);
	assert_non_null(find(s, EDGE_OUT_DOWN));
	assert_null(sent(s, SYNC_DOWNACK));
	down(s, 1); /* twice while it is being applied */
	assert_null(find(s, EDGE_OUT_DOWN));
	assert_null(sent(s, SYNC_DOWNACK));
	step(s, (struct edge_input){.kind = EDGE_IN_DOWN_DONE, .n = 1, .done = EDGE_DONE});
	assert_int_equal(sent(s, SYNC_DOWNACK)->down_n, 1);
	down(s, 1); /* again after it: the same answer, no effect */
	assert_null(find(s, EDGE_OUT_DOWN));
	assert_int_equal(sent(s, SYNC_DOWNACK)->down_n, 1);
	down(s, 3); /* a gap */
	assert_null(find(s, EDGE_OUT_DOWN));
	assert_int_equal(sent(s, SYNC_DOWNACK)->down_n, 1);
	free(s);
}

static void a_refused_down_message_is_named_and_does_not_hold_up_the_rest(void **state)
{
	struct site *s = make_live(0, 0);

	(void)state;
	down(s, 1);
	step(s, (struct edge_input){.kind = EDGE_IN_DOWN_DONE,
			.n = 1,
			.done = EDGE_POISON,
			.why = "no such order"});
	assert_int_equal(sent(s, SYNC_DOWNACK)->bad[0].n, 1);
	assert_string_equal(sent(s, SYNC_DOWNACK)->bad[0].why, "no such order");
	down(s, 2);
	assert_non_null(find(s, EDGE_OUT_DOWN));
	free(s);
}

static void a_message_the_core_cannot_take_stops_the_link(void **state)
{
	struct site *s = make_live(0, 0);

	(void)state;
	down(s, 1);
	step(s, (struct edge_input){.kind = EDGE_IN_DOWN_DONE,
			.n = 1,
			.done = EDGE_CONFLICT,
			.why = "id_reused"});
	assert_int_equal(s->edge.state, EDGE_RECONCILE);
	assert_null(sent(s, SYNC_DOWNACK));
	free(s);
}

static void a_block_is_asked_for_until_it_is_stored(void **state)
{
	struct site *s = make_live(0, 0);
	struct sync_frame f;

	(void)state;
	s->link.lease_wanted = true;
	step(s, (struct edge_input){.kind = EDGE_IN_OUTBOX, .link = &s->link});
	assert_int_equal(sent(s, SYNC_LEASE_REQ)->lease, 0);
	message(s, frame(s, SYNC_PONG));
	timer_after(s, 5 * S);
	assert_int_equal(sent(s, SYNC_LEASE_REQ)->lease, 0);
	f = frame(s, SYNC_LEASE);
	f.lease = 1;
	message(s, f);
	assert_non_null(find(s, EDGE_OUT_LEASE));
	message(s, f);
	assert_null(find(s, EDGE_OUT_LEASE));
	step(s, (struct edge_input){.kind = EDGE_IN_LEASE_DONE, .n = 1, .done = EDGE_DONE});
	timer_after(s, 1 * S);
	assert_int_equal(sent(s, SYNC_LEASE_REQ)->lease, 1);
	free(s);
}

/* The peer breathes (it answers every PING) and does not move. */
static bool breathe_until_ended(struct site *s)
{
	for (int i = 0; i < 40; i++) {
		if (s->edge.state != EDGE_LIVE)
			return true;
		message(s, frame(s, SYNC_PONG));
		timer_after(s, 1 * S);
		if (find(s, EDGE_OUT_READ))
			give_events(s);
	}
	return false;
}

static void the_progress_watchdog_makes_a_new_session_and_alarms_at_the_third(void **state)
{
	struct site *s = make_live(5, 10);

	(void)state;
	give_events(s);
	for (int i = 1; i <= 3; i++) {
		assert_true(breathe_until_ended(s));
		assert_int_equal(s->edge.stalls, i);
		assert_int_equal(strncmp(s->edge.why, "alarm", 5) == 0, i == 3);
		to_hello(s);
		message(s, welcome_at(s, 0));
		give_events(s);
	}
	message(s, ack_at(s, SYNC_UPACK, 5));
	assert_int_equal(s->edge.stalls, 0);
	assert_false(breathe_until_ended(s)); /* an empty outbox is no stall */
	free(s);
}

static void a_silent_hub_is_left_and_a_quiet_one_is_pinged(void **state)
{
	struct site *s = make_live(0, 0);

	(void)state;
	timer_after(s, 2 * S);
	assert_non_null(sent(s, SYNC_PING));
	timer_after(s, 7 * S);
	assert_int_equal(s->edge.state, EDGE_LIVE);
	timer_after(s, 2 * S);
	assert_int_equal(s->edge.state, EDGE_IDLE);
	assert_non_null(find(s, EDGE_OUT_CLOSE));
	free(s);
}

static void the_jitter_stays_between_half_a_second_and_a_minute(void **state)
{
	struct site *s = make(0, 0);
	int64_t longest = 0, previous = 0;

	(void)state;
	srand(1);
	for (int i = 0; i < 2000; i++) {
		int64_t wait;
		struct edge_input in = {.kind = EDGE_IN_SOCKET_DOWN, .why = "cut"};

		if (s->edge.state == EDGE_IDLE)
			timer_after(s, 60 * S);
		assert_int_equal(s->edge.state, EDGE_CONNECT);
		in.now_us = s->now_us;
		for (size_t k = 0; k < sizeof(in.random); k++)
			in.random[k] = (uint8_t)rand();
		edge_step(&s->edge, &in, &s->out);
		wait = s->edge.retry_us - s->now_us;
		assert_true(wait >= S / 2 && wait <= 60 * S);
		assert_true(previous == 0 ? wait <= S : wait <= previous * 3);
		assert_int_equal(s->out.timer_us, s->edge.retry_us);
		previous = wait;
		longest = wait > longest ? wait : longest;
	}
	assert_int_equal(longest, 60 * S);
	free(s);
}

static void a_new_session_has_a_new_id_and_a_new_socket(void **state)
{
	struct site *s = make_live(0, 0);
	char before[SYNC_SESSION_HEX];

	(void)state;
	memcpy(before, s->edge.esid, sizeof(before));
	step(s, (struct edge_input){.kind = EDGE_IN_SOCKET_DOWN, .why = "cut"});
	assert_non_null(find(s, EDGE_OUT_CLOSE));
	timer_after(s, 60 * S);
	assert_non_null(find(s, EDGE_OUT_OPEN));
	assert_string_not_equal(before, s->edge.esid);
	free(s);
}

static void an_unknown_type_is_answered_and_the_session_lives(void **state)
{
	struct site *s = make_live(0, 0);
	struct sync_frame f = frame(s, SYNC_OTHER);

	(void)state;
	strcpy(f.of, "TELEPORT");
	message(s, f);
	assert_string_equal(sent(s, SYNC_UNKNOWN)->of, "TELEPORT");
	assert_int_equal(s->edge.state, EDGE_LIVE);
	message(s, frame(s, SYNC_UNKNOWN)); /* an answer is not answered */
	assert_null(sent(s, SYNC_UNKNOWN));
	message(s, frame(s, SYNC_SNAP));
	assert_string_equal(sent(s, SYNC_UNKNOWN)->of, "SNAP");
	free(s);
}

static void busy_pauses_and_then_sends_from_the_cursor_again(void **state)
{
	struct site *s = make_live(5, 10);
	struct sync_frame f = frame(s, SYNC_BUSY);

	(void)state;
	give_events(s);
	f.retry_ms = 1500;
	message(s, f);
	assert_null(find(s, EDGE_OUT_READ));
	timer_after(s, 1 * S);
	assert_null(find(s, EDGE_OUT_READ));
	timer_after(s, S / 2);
	assert_int_equal(find(s, EDGE_OUT_READ)->after, 0);
	free(s);
}

static void a_stop_waits_for_the_last_acknowledgement_and_says_bye(void **state)
{
	struct site *s = make_live(5, 10);

	(void)state;
	give_events(s);
	step(s, (struct edge_input){.kind = EDGE_IN_STOP});
	assert_int_equal(s->edge.state, EDGE_DRAIN);
	assert_false(s->edge.stopped);
	message(s, ack_at(s, SYNC_UPACK, 5));
	assert_non_null(find(s, EDGE_OUT_ACKED));
	assert_non_null(sent(s, SYNC_BYE));
	assert_true(s->edge.stopped);
	free(s);
}

static void the_visible_state_is_said_once_per_change(void **state)
{
	struct site *s = make_live(0, 0);

	(void)state;
	assert_string_equal(find(s, EDGE_OUT_LINK)->word, "live");
	for (int i = 0; i < 3; i++) {
		step(s, (struct edge_input){.kind = EDGE_IN_SOCKET_DOWN, .why = "no connection"});
		assert_int_equal(find(s, EDGE_OUT_LINK) != NULL, i == 0);
		timer_after(s, 60 * S);
		assert_null(find(s, EDGE_OUT_LINK));
	}
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(E3_a_down_message_is_acknowledged_only_when_its_effect_is_on_disk),
		cmocka_unit_test(a_refused_down_message_is_named_and_does_not_hold_up_the_rest),
		cmocka_unit_test(a_message_the_core_cannot_take_stops_the_link),
		cmocka_unit_test(a_block_is_asked_for_until_it_is_stored),
		cmocka_unit_test(the_progress_watchdog_makes_a_new_session_and_alarms_at_the_third),
		cmocka_unit_test(a_silent_hub_is_left_and_a_quiet_one_is_pinged),
		cmocka_unit_test(the_jitter_stays_between_half_a_second_and_a_minute),
		cmocka_unit_test(a_new_session_has_a_new_id_and_a_new_socket),
		cmocka_unit_test(an_unknown_type_is_answered_and_the_session_lives),
		cmocka_unit_test(busy_pauses_and_then_sends_from_the_cursor_again),
		cmocka_unit_test(a_stop_waits_for_the_last_acknowledgement_and_says_bye),
		cmocka_unit_test(the_visible_state_is_said_once_per_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
