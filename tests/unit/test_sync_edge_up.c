/* The edge's machine: welcome, histories, the up stream. */
#include "edge_rig.h"

static void the_state_table_allows_no_way_around_hello(void **state)
{
	(void)state;
	assert_int_equal(edge_states[EDGE_IDLE].next, 1U << EDGE_CONNECT);
	assert_false(edge_states[EDGE_CONNECT].next & (1U << EDGE_LIVE));
	for (int i = 1; i < EDGE_STATES; i++)
		assert_true(edge_states[i].next & (1U << EDGE_IDLE));
}

static void events_are_sent_as_stored_with_the_hash_before_and_after(void **state)
{
	struct site *s = make_live(3, 10);
	const struct sync_frame *up;

	(void)state;
	give_events(s);
	up = sent(s, SYNC_UP);
	assert_non_null(up);
	assert_int_equal(up->first, 1);
	assert_int_equal(up->bodies_n, 3);
	assert_ptr_equal(up->bodies[0].bytes, s->events[0].bytes);
	assert_memory_equal(up->prev, hash_of(s, 0), HASH_BYTES);
	assert_memory_equal(up->hash, hash_of(s, 3), HASH_BYTES);
	free(s);
}

static void the_credit_in_events_is_never_exceeded(void **state)
{
	struct site *s = make_live(1000, 10);

	(void)state;
	while (find(s, EDGE_OUT_READ)) {
		give_events(s);
		assert_true(s->edge.sent - s->edge.cum <= SYNC_CREDIT_EVENTS);
	}
	assert_int_equal(s->edge.sent, SYNC_CREDIT_EVENTS);
	message(s, ack_at(s, SYNC_UPACK, 100));
	assert_int_equal(find(s, EDGE_OUT_READ)->limit, 100);
	free(s);
}

static void the_credit_in_bytes_is_never_exceeded(void **state)
{
	struct site *s = make_live(100, 60000);

	(void)state;
	while (find(s, EDGE_OUT_READ)) {
		give_events(s);
		assert_true(edge_bytes_out(&s->edge) <= SYNC_CREDIT_BYTES);
		assert_true(sent(s, SYNC_UP)->bodies_n * 60000 <= SYNC_BATCH_BYTES);
	}
	assert_true(edge_bytes_out(&s->edge) > SYNC_CREDIT_BYTES - 2 * SYNC_EVENT_MAX);
	free(s);
}

static void a_credit_too_small_to_use_is_refused(void **state)
{
	struct site *s = make(1, 10);
	struct sync_frame f;

	(void)state;
	to_hello(s);
	f = welcome_at(s, 0);
	f.credit_events = 0;
	message(s, f);
	assert_int_equal(s->edge.state, EDGE_IDLE);
	free(s);
}

static void H3_one_acknowledgement_covers_all_before_it(void **state)
{
	struct site *s = make_live(200, 10);
	const struct edge_output *acked;

	(void)state;
	give_events(s);
	give_events(s);
	message(s, ack_at(s, SYNC_UPACK, 200));
	acked = find(s, EDGE_OUT_ACKED);
	assert_non_null(acked);
	assert_int_equal(acked->frame->up_n, 200);
	assert_int_equal(s->edge.cum, 200);
	message(s, ack_at(s, SYNC_UPACK, 128)); /* overtaken: no step back */
	assert_int_equal(s->edge.cum, 200);
	assert_null(find(s, EDGE_OUT_ACKED));
	free(s);
}

static void a_backup_at_HQ_moves_safe_up_between_events(void **state)
{
	struct site *s = make_live(5, 10);
	struct sync_frame f = frame(s, SYNC_PONG);

	(void)state;
	give_events(s);
	f.safe = 3;
	message(s, f); /* above the cursor: nothing of ours */
	assert_null(find(s, EDGE_OUT_ACKED));
	message(s, ack_at(s, SYNC_UPACK, 5));
	message(s, f);
	assert_int_equal(find(s, EDGE_OUT_ACKED)->frame->safe, 3);
	assert_int_equal(find(s, EDGE_OUT_ACKED)->frame->up_n, 5);
	message(s, f);
	assert_null(find(s, EDGE_OUT_ACKED));
	free(s);
}

static void an_acknowledgement_of_what_was_never_sent_ends_the_session(void **state)
{
	struct site *s = make_live(200, 10);

	(void)state;
	give_events(s);
	message(s, ack_at(s, SYNC_UPACK, 150));
	assert_int_equal(s->edge.state, EDGE_IDLE);
	assert_null(find(s, EDGE_OUT_ACKED));
	free(s);
}

static void frames_of_an_old_session_have_no_effect(void **state)
{
	struct site *s = make_live(10, 10);
	struct sync_frame f;

	(void)state;
	give_events(s);
	f = ack_at(s, SYNC_UPACK, 10);
	strcpy(f.hsid, "older");
	message(s, f);
	assert_int_equal(s->edge.cum, 0);
	f = ack_at(s, SYNC_UPACK, 10);
	strcpy(f.esid, "older");
	message(s, f);
	assert_int_equal(s->edge.cum, 0);
	f = frame(s, SYNC_RESET);
	strcpy(f.esid, "older");
	message(s, f);
	assert_int_equal(s->edge.state, EDGE_LIVE);
	assert_int_equal(s->edge.old_frames, 3);
	free(s);
}

static void an_upnak_rewinds_to_the_hubs_cursor_once(void **state)
{
	struct site *s = make_live(256, 10);

	(void)state;
	give_events(s);
	give_events(s);
	message(s, ack_at(s, SYNC_UPNAK, 100));
	assert_int_equal(s->edge.cum, 100);
	assert_int_equal(find(s, EDGE_OUT_READ)->after, 100);
	give_events(s);
	assert_int_equal(s->edge.sent, 228);
	message(s, ack_at(s, SYNC_UPNAK, 100)); /* of the second batch behind the same gap */
	assert_int_equal(s->edge.sent, 228);
	free(s);
}

static void a_batch_without_an_answer_goes_out_again(void **state)
{
	struct site *s = make_live(5, 10);

	(void)state;
	give_events(s);
	assert_null(find(s, EDGE_OUT_READ));
	message(s, frame(s, SYNC_PONG));
	timer_after(s, 5 * S);
	assert_int_equal(find(s, EDGE_OUT_READ)->after, 0);
	free(s);
}

static void a_hub_behind_is_served_from_its_cursor_though_it_acknowledged_more(void **state)
{
	struct site *s = make(50, 10);
	const struct edge_output *read;

	(void)state;
	s->link.acked = 50;
	step(s, (struct edge_input){.kind = EDGE_IN_LINK, .link = &s->link});
	to_hello(s);
	message(s, welcome_at(s, 20));
	assert_int_equal(s->edge.state, EDGE_RECONCILE); /* reads its hash at 20 first */
	read = find(s, EDGE_OUT_READ);
	assert_int_equal(read->after, 19);
	step(s, (struct edge_input){.kind = EDGE_IN_EVENTS,
			.read = read->read,
			.events = &s->events[19],
			.events_n = 1});
	assert_int_equal(s->edge.state, EDGE_LIVE);
	assert_int_equal(find(s, EDGE_OUT_READ)->after, 20);
	free(s);
}

static void a_site_that_went_back_stops_and_says_so(void **state)
{
	struct site *s = make(5, 10);
	struct sync_frame f;

	(void)state;
	to_hello(s);
	f = welcome_at(s, 0);
	f.up_n = 9;
	message(s, f);
	assert_int_equal(s->edge.state, EDGE_RECONCILE);
	assert_string_equal(find(s, EDGE_OUT_LINK)->word, "reconcile");
	assert_non_null(strstr(find(s, EDGE_OUT_LINK)->why, "went back"));
	message(s, frame(s, SYNC_PONG));
	timer_after(s, 3 * S);
	assert_int_equal(s->edge.state, EDGE_RECONCILE);
	assert_null(find(s, EDGE_OUT_READ));
	assert_string_equal(sent(s, SYNC_PING)->state, "reconcile");
	free(s);
}

static void a_fork_stops_at_the_welcome_and_at_an_acknowledgement(void **state)
{
	struct site *s = make(5, 10);
	struct sync_frame f;

	(void)state;
	to_hello(s);
	f = welcome_at(s, 5);
	f.up_hash[0] ^= 1;
	message(s, f);
	assert_int_equal(s->edge.state, EDGE_RECONCILE);
	assert_true(s->edge.refused);
	free(s);

	s = make_live(5, 10);
	give_events(s);
	f = ack_at(s, SYNC_UPACK, 5);
	f.up_hash[0] ^= 1;
	message(s, f);
	assert_int_equal(s->edge.state, EDGE_RECONCILE);
	assert_null(find(s, EDGE_OUT_ACKED));
	free(s);
}

static void an_outbox_that_does_not_chain_is_not_sent(void **state)
{
	struct site *s = make_live(5, 10);

	(void)state;
	s->events[2].hash[0] ^= 1;
	give_events(s);
	assert_null(sent(s, SYNC_UP));
	assert_int_equal(s->edge.state, EDGE_RECONCILE);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_table_allows_no_way_around_hello),
		cmocka_unit_test(events_are_sent_as_stored_with_the_hash_before_and_after),
		cmocka_unit_test(the_credit_in_events_is_never_exceeded),
		cmocka_unit_test(the_credit_in_bytes_is_never_exceeded),
		cmocka_unit_test(a_credit_too_small_to_use_is_refused),
		cmocka_unit_test(H3_one_acknowledgement_covers_all_before_it),
		cmocka_unit_test(a_backup_at_HQ_moves_safe_up_between_events),
		cmocka_unit_test(an_acknowledgement_of_what_was_never_sent_ends_the_session),
		cmocka_unit_test(frames_of_an_old_session_have_no_effect),
		cmocka_unit_test(an_upnak_rewinds_to_the_hubs_cursor_once),
		cmocka_unit_test(a_batch_without_an_answer_goes_out_again),
		cmocka_unit_test(
			a_hub_behind_is_served_from_its_cursor_though_it_acknowledged_more),
		cmocka_unit_test(a_site_that_went_back_stops_and_says_so),
		cmocka_unit_test(a_fork_stops_at_the_welcome_and_at_an_acknowledgement),
		cmocka_unit_test(an_outbox_that_does_not_chain_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
