#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "edge.h"

#define S INT64_C(1000000)
#define HSID "hub-session"

/* A site with `events` events in its outbox and the machine under test. */
struct site {
	struct edge edge;
	struct edge_outputs out;
	struct edge_event events[2000];
	struct edge_link link;
	int64_t now_us;
	uint8_t dice;
};

static void step(struct site *s, struct edge_input in)
{
	in.now_us = s->now_us;
	memset(in.random, ++s->dice, sizeof(in.random));
	edge_step(&s->edge, &in, &s->out);
}

static const struct edge_output *find(const struct site *s, enum edge_output_kind kind)
{
	for (size_t i = 0; i < s->out.n; i++)
		if (s->out.out[i].kind == kind)
			return &s->out.out[i];
	return NULL;
}

static const struct sync_frame *sent(const struct site *s, enum sync_type type)
{
	for (size_t i = 0; i < s->out.n; i++)
		if (s->out.out[i].kind == EDGE_OUT_SEND && s->out.out[i].frame->type == type)
			return s->out.out[i].frame;
	return NULL;
}

static const uint8_t *hash_of(const struct site *s, int64_t n)
{
	static const uint8_t zero[HASH_BYTES];

	return n ? s->events[n - 1].hash : zero;
}

static void add_events(struct site *s, int64_t n, size_t len)
{
	static char bytes[SYNC_EVENT_MAX];

	for (int64_t i = 0; i < n; i++) {
		int64_t number = ++s->link.head;
		struct edge_event *e = &s->events[number - 1];

		*e = (struct edge_event){ .n = number, .bytes = bytes, .len = len };
		chain_next(hash_of(s, number - 1), (uint64_t)number, bytes, len, e->hash);
	}
	memcpy(s->link.head_hash, hash_of(s, s->link.head), HASH_BYTES);
}

static struct site *make(int64_t events, size_t len)
{
	struct site *s = calloc(1, sizeof(*s));
	const struct edge_config config = { .site = "S1", .build = "t", .ping_us = 2 * S,
		.watchdog_us = 30 * S };

	assert_non_null(s);
	s->now_us = 1000 * S;
	strcpy(s->link.incarnation, "inc-1");
	edge_init(&s->edge, &config);
	add_events(s, events, len);
	step(s, (struct edge_input){ .kind = EDGE_IN_LINK, .link = &s->link });
	return s;
}

static struct sync_frame frame(const struct site *s, enum sync_type type)
{
	struct sync_frame f;

	sync_frame_init(&f, type, s->edge.esid, HSID);
	return f;
}

static void message(struct site *s, struct sync_frame f)
{
	step(s, (struct edge_input){ .kind = EDGE_IN_MESSAGE, .frame = &f });
}

static void timer_after(struct site *s, int64_t us)
{
	s->now_us += us;
	step(s, (struct edge_input){ .kind = EDGE_IN_TIMER });
}

static struct sync_frame welcome_at(const struct site *s, int64_t cursor)
{
	struct sync_frame f = frame(s, SYNC_WELCOME);

	f.up_n = cursor;
	memcpy(f.up_hash, hash_of(s, cursor), HASH_BYTES);
	f.credit_events = SYNC_CREDIT_EVENTS;
	f.credit_bytes = SYNC_CREDIT_BYTES;
	f.epoch = 1;
	strcpy(f.gen, "gen1");
	return f;
}

static void to_hello(struct site *s)
{
	if (s->edge.state == EDGE_IDLE)
		timer_after(s, 61 * S);
	assert_int_equal(s->edge.state, EDGE_CONNECT);
	step(s, (struct edge_input){ .kind = EDGE_IN_SOCKET_UP });
	assert_non_null(sent(s, SYNC_HELLO));
}

static void give_events(struct site *s)
{
	const struct edge_output *read = find(s, EDGE_OUT_READ);
	int64_t left = read ? s->link.head - read->after : 0;

	assert_non_null(read);
	step(s, (struct edge_input){ .kind = EDGE_IN_EVENTS, .read = read->read,
		.events = &s->events[read->after],
		.events_n = (size_t)(left < read->limit ? left : read->limit) });
}

static struct site *make_live(int64_t events, size_t len)
{
	struct site *s = make(events, len);

	to_hello(s);
	message(s, welcome_at(s, 0));
	assert_int_equal(s->edge.state, EDGE_LIVE);
	return s;
}

static struct sync_frame ack_at(const struct site *s, enum sync_type type, int64_t n)
{
	struct sync_frame f = frame(s, type);

	f.up_n = n;
	memcpy(f.up_hash, hash_of(s, n), HASH_BYTES);
	return f;
}

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
	step(s, (struct edge_input){ .kind = EDGE_IN_LINK, .link = &s->link });
	to_hello(s);
	message(s, welcome_at(s, 20));
	assert_int_equal(s->edge.state, EDGE_RECONCILE); /* reads its hash at 20 first */
	read = find(s, EDGE_OUT_READ);
	assert_int_equal(read->after, 19);
	step(s, (struct edge_input){ .kind = EDGE_IN_EVENTS, .read = read->read,
		.events = &s->events[19], .events_n = 1 });
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

static void down(struct site *s, int64_t n)
{
	struct sync_part body = { "{}", 2 };
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
	step(s, (struct edge_input){ .kind = EDGE_IN_DOWN_DONE, .n = 1, .done = EDGE_DONE });
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
	step(s, (struct edge_input){ .kind = EDGE_IN_DOWN_DONE, .n = 1, .done = EDGE_POISON,
		.why = "no such order" });
	assert_int_equal(sent(s, SYNC_DOWNACK)->bad[0].n, 1);
	assert_string_equal(sent(s, SYNC_DOWNACK)->bad[0].why, "no such order");
	down(s, 2);
	assert_non_null(find(s, EDGE_OUT_DOWN));
	free(s);
}

static void a_number_with_other_content_stops_the_link(void **state)
{
	struct site *s = make_live(0, 0);

	(void)state;
	down(s, 1);
	step(s, (struct edge_input){ .kind = EDGE_IN_DOWN_DONE, .n = 1, .done = EDGE_CONFLICT });
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
	step(s, (struct edge_input){ .kind = EDGE_IN_OUTBOX, .link = &s->link });
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
	step(s, (struct edge_input){ .kind = EDGE_IN_LEASE_DONE, .n = 1, .done = EDGE_DONE });
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
		struct edge_input in = { .kind = EDGE_IN_SOCKET_DOWN, .why = "cut" };

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
	step(s, (struct edge_input){ .kind = EDGE_IN_SOCKET_DOWN, .why = "cut" });
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
	step(s, (struct edge_input){ .kind = EDGE_IN_STOP });
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
		step(s, (struct edge_input){ .kind = EDGE_IN_SOCKET_DOWN, .why = "no connection" });
		assert_int_equal(find(s, EDGE_OUT_LINK) != NULL, i == 0);
		timer_after(s, 60 * S);
		assert_null(find(s, EDGE_OUT_LINK));
	}
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
		cmocka_unit_test(a_hub_behind_is_served_from_its_cursor_though_it_acknowledged_more),
		cmocka_unit_test(a_site_that_went_back_stops_and_says_so),
		cmocka_unit_test(a_fork_stops_at_the_welcome_and_at_an_acknowledgement),
		cmocka_unit_test(an_outbox_that_does_not_chain_is_not_sent),
		cmocka_unit_test(E3_a_down_message_is_acknowledged_only_when_its_effect_is_on_disk),
		cmocka_unit_test(a_refused_down_message_is_named_and_does_not_hold_up_the_rest),
		cmocka_unit_test(a_number_with_other_content_stops_the_link),
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
