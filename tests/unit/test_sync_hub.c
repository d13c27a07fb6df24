#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "hub.h"

#define S INT64_C(1000000)
#define ESID "edge-session"

struct hq {
	struct hub_session session;
	struct hub_outputs out;
	int64_t now_us;
	uint8_t dice;
	bool blocked;
};

static void step(struct hq *h, struct hub_input in)
{
	in.now_us = h->now_us;
	in.active = !h->blocked;
	memset(in.random, ++h->dice, sizeof(in.random));
	hub_step(&h->session, &in, &h->out);
}

static const struct hub_output *find(const struct hq *h, enum hub_output_kind kind)
{
	for (size_t i = 0; i < h->out.n; i++)
		if (h->out.out[i].kind == kind)
			return &h->out.out[i];
	return NULL;
}

static const struct sync_frame *sent(const struct hq *h, enum sync_type type)
{
	for (size_t i = 0; i < h->out.n; i++)
		if (h->out.out[i].kind == HUB_OUT_SEND && h->out.out[i].frame->type == type)
			return h->out.out[i].frame;
	return NULL;
}

static struct sync_frame frame(const struct hq *h, enum sync_type type)
{
	struct sync_frame f;

	sync_frame_init(&f, type, ESID, h->session.hsid);
	return f;
}

static void message(struct hq *h, struct sync_frame f)
{
	step(h, (struct hub_input){.kind = HUB_IN_MESSAGE, .frame = &f});
}

static void hello(struct hq *h, const char *esid, int64_t up_n, int64_t down_n)
{
	struct sync_frame f = frame(h, SYNC_HELLO);

	snprintf(f.esid, sizeof(f.esid), "%s", esid);
	f.up_n = up_n;
	f.down_n = down_n;
	message(h, f);
}

static void opened(struct hq *h, struct hub_cursor cursor)
{
	strcpy(cursor.gen, "gen1");
	step(h, (struct hub_input){.kind = HUB_IN_OPENED, .result = HUB_OK, .cursor = &cursor});
}

static struct hq *make_live(int64_t down_head)
{
	struct hq *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	h->now_us = 1000 * S;
	hub_init(&h->session, "S1");
	hello(h, ESID, 0, 0);
	assert_non_null(find(h, HUB_OUT_OPEN));
	opened(h, (struct hub_cursor){.down_head = down_head});
	assert_int_equal(h->session.state, HUB_LIVE);
	assert_non_null(sent(h, SYNC_WELCOME));
	return h;
}

static const struct sync_part three[] = {{"one", 3}, {"two", 3}, {"three", 5}};

/* Events first .. first + n - 1 behind `prev`, with the right hash. */
static struct sync_frame batch(const struct hq *h, int64_t first, size_t n)
{
	struct sync_frame f = frame(h, SYNC_UP);

	f.first = first;
	f.bodies = three;
	f.bodies_n = n;
	for (size_t i = 0; i < n; i++)
		chain_next(f.hash, (uint64_t)first + i, three[i].bytes, three[i].len, f.hash);
	return f;
}

static void applied(struct hq *h, enum hub_result result, struct hub_cursor cursor)
{
	step(h, (struct hub_input){.kind = HUB_IN_APPLIED, .result = result, .cursor = &cursor});
}

static void H2_nothing_is_acknowledged_before_the_commit_returned(void **state)
{
	struct hq *h = make_live(0);

	(void)state;
	message(h, batch(h, 1, 3));
	assert_non_null(find(h, HUB_OUT_APPLY));
	assert_null(find(h, HUB_OUT_SEND));
	applied(h, HUB_OK, (struct hub_cursor){.up_n = 3, .safe = 1});
	assert_int_equal(sent(h, SYNC_UPACK)->up_n, 3);
	assert_int_equal(sent(h, SYNC_UPACK)->safe, 1);
	free(h);
}

static void a_batch_that_does_not_chain_never_reaches_the_store(void **state)
{
	struct hq *h = make_live(0);
	struct sync_frame f = batch(h, 1, 3);

	(void)state;
	f.hash[5] ^= 1;
	message(h, f);
	assert_null(find(h, HUB_OUT_APPLY));
	assert_int_equal(sent(h, SYNC_UPNAK)->up_n, 0);
	f = batch(h, 1, 3);
	f.first = 2;
	message(h, f);
	assert_null(find(h, HUB_OUT_APPLY));
	assert_non_null(sent(h, SYNC_UPNAK));
	free(h);
}

static void H1_a_batch_that_does_not_continue_is_refused_with_the_cursor(void **state)
{
	struct hq *h = make_live(0);

	(void)state;
	message(h, batch(h, 5, 3));
	applied(h, HUB_MISMATCH, (struct hub_cursor){.up_n = 2});
	assert_null(sent(h, SYNC_UPACK));
	assert_int_equal(sent(h, SYNC_UPNAK)->up_n, 2);
	free(h);
}

static void a_batch_applied_before_is_acknowledged_again(void **state)
{
	struct hq *h = make_live(0);

	(void)state;
	message(h, batch(h, 1, 3));
	applied(h, HUB_MISMATCH, (struct hub_cursor){.up_n = 7});
	assert_int_equal(sent(h, SYNC_UPACK)->up_n, 7);
	free(h);
}

static void a_busy_store_gives_no_acknowledgement(void **state)
{
	struct hq *h = make_live(0);

	(void)state;
	message(h, batch(h, 1, 3));
	applied(h, HUB_BUSY_STORE, (struct hub_cursor){0});
	assert_non_null(sent(h, SYNC_BUSY));
	assert_null(sent(h, SYNC_UPACK));
	free(h);
}

static void frames_of_an_old_session_have_no_effect_and_get_a_reset_in_their_words(void **state)
{
	struct hq *h = make_live(0);
	struct sync_frame f = batch(h, 1, 3);

	(void)state;
	strcpy(f.hsid, "older");
	message(h, f);
	assert_null(find(h, HUB_OUT_APPLY));
	assert_string_equal(sent(h, SYNC_RESET)->hsid, "older");
	f = batch(h, 1, 3);
	strcpy(f.esid, "older");
	message(h, f);
	assert_null(find(h, HUB_OUT_APPLY));
	assert_string_equal(sent(h, SYNC_RESET)->esid, "older");
	assert_int_equal(h->session.state, HUB_LIVE);
	f = frame(h, SYNC_BYE);
	strcpy(f.esid, "older");
	message(h, f);
	assert_int_equal(h->out.n, 0);
	assert_int_equal(h->session.state, HUB_LIVE);
	free(h);
}

static void a_hello_twice_is_one_session(void **state)
{
	struct hq *h = make_live(0);
	char hsid[SYNC_SESSION_HEX];

	(void)state;
	memcpy(hsid, h->session.hsid, sizeof(hsid));
	hello(h, ESID, 0, 0);
	assert_null(find(h, HUB_OUT_OPEN));
	assert_string_equal(sent(h, SYNC_WELCOME)->hsid, hsid);
	hello(h, "another", 0, 0);
	assert_non_null(find(h, HUB_OUT_OPEN));
	assert_string_not_equal(h->session.hsid, hsid);
	free(h);
}

static void expect_refused(int64_t site_n, uint8_t site_hash, struct hub_cursor cursor)
{
	struct hq *h = calloc(1, sizeof(*h));
	struct sync_frame f;

	assert_non_null(h);
	hub_init(&h->session, "S1");
	f = frame(h, SYNC_HELLO);
	f.up_n = site_n;
	f.up_hash[0] = site_hash;
	message(h, f);
	opened(h, cursor);
	assert_int_equal(h->session.state, HUB_RECONCILE);
	assert_true(sent(h, SYNC_WELCOME)->refused[0]);
	assert_null(find(h, HUB_OUT_READ_DOWN));
	message(h, batch(h, site_n + 1, 3));
	assert_null(find(h, HUB_OUT_APPLY));
	message(h, frame(h, SYNC_LEASE_REQ));
	assert_null(find(h, HUB_OUT_LEASE));
	free(h);
}

static void rollback_fork_and_another_database_are_refused_visibly(void **state)
{
	(void)state;
	expect_refused(3, 0, (struct hub_cursor){.up_n = 4});
	expect_refused(4, 1, (struct hub_cursor){.up_n = 4});
	expect_refused(4, 0, (struct hub_cursor){.up_n = 4, .other_incarnation = true});
}

static void a_blocked_site_is_sent_away_at_its_next_frame(void **state)
{
	struct hq *h = make_live(0);

	(void)state;
	h->blocked = true;
	message(h, batch(h, 1, 3));
	assert_null(find(h, HUB_OUT_APPLY));
	assert_non_null(sent(h, SYNC_BYE));
	assert_int_equal(h->session.state, HUB_NONE);
	free(h);
}

static void give_downs(struct hq *h, int64_t head)
{
	const struct hub_output *read = find(h, HUB_OUT_READ_DOWN);
	struct hub_down downs[SYNC_DOWN_WINDOW];
	size_t n = 0;

	assert_non_null(read);
	for (int64_t i = read->after + 1; i <= head && (int64_t)n < read->limit; i++, n++)
		downs[n] = (struct hub_down){.n = i, .body = "{}", .len = 2};
	step(h, (struct hub_input){.kind = HUB_IN_DOWNS, .downs = downs, .downs_n = n});
}

static void down_messages_stay_within_their_window_and_are_sent_again(void **state)
{
	struct hq *h = make_live(100);
	struct sync_frame f;

	(void)state;
	give_downs(h, 100);
	assert_int_equal(h->session.down_sent, SYNC_DOWN_WINDOW);
	step(h, (struct hub_input){.kind = HUB_IN_DOWN});
	assert_null(find(h, HUB_OUT_READ_DOWN));
	f = frame(h, SYNC_DOWNACK);
	f.down_n = 5;
	message(h, f);
	assert_non_null(find(h, HUB_OUT_DOWN_ACK));
	give_downs(h, 100);
	assert_int_equal(h->session.down_sent, SYNC_DOWN_WINDOW + 5);
	f.down_n = 4; /* overtaken */
	message(h, f);
	assert_null(find(h, HUB_OUT_DOWN_ACK));
	h->now_us += 5 * S;
	step(h, (struct hub_input){.kind = HUB_IN_TIMER});
	assert_int_equal(find(h, HUB_OUT_READ_DOWN)->after, 5);
	free(h);
}

static void a_gap_in_the_down_stream_is_answered_with_one_rewind(void **state)
{
	struct hq *h = make_live(10);
	struct sync_frame f = frame(h, SYNC_DOWNACK);

	(void)state;
	give_downs(h, 10);
	message(h, f);
	assert_int_equal(find(h, HUB_OUT_READ_DOWN)->after, 0);
	give_downs(h, 10);
	message(h, f);
	assert_null(find(h, HUB_OUT_READ_DOWN));
	free(h);
}

static void an_acknowledgement_beyond_the_head_has_no_effect(void **state)
{
	struct hq *h = make_live(2);
	struct sync_frame f = frame(h, SYNC_DOWNACK);

	(void)state;
	give_downs(h, 2);
	f.down_n = 3;
	message(h, f);
	assert_null(find(h, HUB_OUT_DOWN_ACK));
	assert_int_equal(h->session.down_acked, 0);
	free(h);
}

static void an_unknown_type_is_answered_and_the_session_lives(void **state)
{
	struct hq *h = make_live(0);
	struct sync_frame f = frame(h, SYNC_OTHER);

	(void)state;
	strcpy(f.of, "TELEPORT");
	message(h, f);
	assert_string_equal(sent(h, SYNC_UNKNOWN)->of, "TELEPORT");
	message(h, frame(h, SYNC_UNKNOWN)); /* an answer is not answered */
	assert_null(sent(h, SYNC_UNKNOWN));
	message(h, frame(h, SYNC_RESYNC));
	assert_string_equal(sent(h, SYNC_UNKNOWN)->of, "RESYNC");
	assert_int_equal(h->session.state, HUB_LIVE);
	free(h);
}

static void a_ping_brings_both_cursors_and_silence_ends_the_session(void **state)
{
	struct hq *h = make_live(4);

	(void)state;
	give_downs(h, 4);
	message(h, frame(h, SYNC_PING));
	assert_int_equal(sent(h, SYNC_PONG)->down_n, 4);
	h->now_us += 60 * S;
	step(h, (struct hub_input){.kind = HUB_IN_TIMER});
	assert_int_equal(h->session.state, HUB_NONE);
	assert_int_equal(h->out.timer_us, HUB_NEVER);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(H2_nothing_is_acknowledged_before_the_commit_returned),
		cmocka_unit_test(a_batch_that_does_not_chain_never_reaches_the_store),
		cmocka_unit_test(H1_a_batch_that_does_not_continue_is_refused_with_the_cursor),
		cmocka_unit_test(a_batch_applied_before_is_acknowledged_again),
		cmocka_unit_test(a_busy_store_gives_no_acknowledgement),
		cmocka_unit_test(
			frames_of_an_old_session_have_no_effect_and_get_a_reset_in_their_words),
		cmocka_unit_test(a_hello_twice_is_one_session),
		cmocka_unit_test(rollback_fork_and_another_database_are_refused_visibly),
		cmocka_unit_test(a_blocked_site_is_sent_away_at_its_next_frame),
		cmocka_unit_test(down_messages_stay_within_their_window_and_are_sent_again),
		cmocka_unit_test(a_gap_in_the_down_stream_is_answered_with_one_rewind),
		cmocka_unit_test(an_acknowledgement_beyond_the_head_has_no_effect),
		cmocka_unit_test(an_unknown_type_is_answered_and_the_session_lives),
		cmocka_unit_test(a_ping_brings_both_cursors_and_silence_ends_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
