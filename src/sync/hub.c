#include "hub.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define RESEND_US (5 * INT64_C(1000000))  /* down messages without an answer go out again */
#define SILENT_US (60 * INT64_C(1000000)) /* a site that pings every few seconds is gone */
#define BUSY_MS 1000
#define TO(state) (1U << HUB_##state)

const struct hub_state_row hub_states[HUB_STATES] = {
	[HUB_NONE] = {"none", TO(OPENING), false},
	[HUB_OPENING] = {"opening", TO(LIVE) | TO(RECONCILE) | TO(NONE), false},
	[HUB_RECONCILE] = {"reconcile", TO(OPENING) | TO(NONE), true},
	[HUB_LIVE] = {"live", TO(OPENING) | TO(RECONCILE) | TO(NONE), true},
};

struct turn {
	struct hub_session *s;
	const struct hub_input *in;
	struct hub_outputs *out;
};

void hub_init(struct hub_session *s, const char *site)
{
	*s = (struct hub_session){.state = HUB_NONE};
	snprintf(s->site, sizeof(s->site), "%s", site);
}

static void move(struct hub_session *s, enum hub_state next)
{
	assert(hub_states[s->state].next & (1U << next));
	s->state = next;
}

static struct hub_output *put(struct turn *t, enum hub_output_kind kind)
{
	struct hub_output *out = &t->out->out[t->out->n];

	assert(t->out->n < HUB_OUTPUTS_MAX);
	t->out->n++;
	*out = (struct hub_output){.kind = kind};
	return out;
}

static struct sync_frame *send_as(
	struct turn *t, enum sync_type type, const char *esid, const char *hsid)
{
	struct sync_frame *f = &t->out->frames[t->out->frames_n];

	assert(t->out->frames_n < HUB_OUTPUTS_MAX);
	t->out->frames_n++;
	sync_frame_init(f, type, esid, hsid);
	put(t, HUB_OUT_SEND)->frame = f;
	return f;
}

static struct sync_frame *send_frame(struct turn *t, enum sync_type type)
{
	return send_as(t, type, t->s->esid, t->s->hsid);
}

static void send_cursor(struct turn *t, struct sync_frame *f)
{
	f->up_n = t->s->cursor.up_n;
	memcpy(f->up_hash, t->s->cursor.up_hash, HASH_BYTES);
	f->safe = t->s->cursor.safe;
	f->down_n = t->s->cursor.down_head;
}

static void say_why(struct sync_frame *f, const char *why)
{
	snprintf(f->why, sizeof(f->why), "%s", why);
}

static void end_session(struct turn *t, const char *why)
{
	if (t->s->state == HUB_NONE)
		return;
	move(t->s, HUB_NONE);
	t->s->esid[0] = t->s->hsid[0] = '\0';
	t->s->down_open = false;
	put(t, HUB_OUT_ENDED)->why = why;
}

static void send_busy(struct turn *t)
{
	struct sync_frame *f = send_frame(t, SYNC_BUSY);

	f->retry_ms = BUSY_MS;
	say_why(f, "HQ's store is busy");
}

static void send_welcome(struct turn *t)
{
	struct sync_frame *f = send_frame(t, SYNC_WELCOME);

	send_cursor(t, f);
	f->clock_us = t->in->real_us;
	f->epoch = t->s->cursor.epoch;
	f->credit_events = SYNC_CREDIT_EVENTS;
	f->credit_bytes = SYNC_CREDIT_BYTES;
	memcpy(f->gen, t->s->cursor.gen, sizeof(f->gen));
	memcpy(f->refused, t->s->refused, sizeof(f->refused));
	snprintf(f->build, sizeof(f->build), "wharf %s", WHARF_VERSION);
}

static void read_down(struct turn *t)
{
	struct hub_session *s = t->s;
	struct hub_output *out;

	if (s->state != HUB_LIVE || s->down_open ||
		s->down_sent - s->down_acked >= SYNC_DOWN_WINDOW)
		return;
	s->down_open = true;
	out = put(t, HUB_OUT_READ_DOWN);
	out->after = s->down_sent;
	out->limit = SYNC_DOWN_WINDOW - (s->down_sent - s->down_acked);
}

static void on_hello(struct turn *t, const struct sync_frame *f)
{
	struct hub_session *s = t->s;

	/* The same HELLO twice: the same answer, and no second session. */
	if (hub_states[s->state].session && strcmp(f->esid, s->esid) == 0) {
		send_welcome(t);
		return;
	}
	end_session(t, "the site began a new session");
	move(s, HUB_OPENING);
	memcpy(s->esid, f->esid, sizeof(s->esid));
	text_hex(t->in->random, SYNC_SESSION_BYTES, s->hsid);
	s->hello = *f;
	s->hello.bodies_n = 0;
	memcpy(s->build, f->build, sizeof(s->build));
	put(t, HUB_OUT_OPEN)->frame = &s->hello;
}

/* Why this site must be reconciled before anything moves; "" when its history goes on from ours. */
static void judge_history(struct hub_session *s)
{
	s->refused[0] = '\0';
	if (s->hello.up_n < s->cursor.up_n)
		snprintf(s->refused, sizeof(s->refused),
			"HQ has %lld events of this site, the site only %lld",
			(long long)s->cursor.up_n, (long long)s->hello.up_n);
	else if (s->hello.up_n == s->cursor.up_n &&
		 memcmp(s->hello.up_hash, s->cursor.up_hash, HASH_BYTES) != 0)
		snprintf(s->refused, sizeof(s->refused), "the histories differ at event %lld",
			(long long)s->cursor.up_n);
	else if (s->cursor.other_incarnation)
		snprintf(s->refused, sizeof(s->refused),
			"this is another database than the one this site had");
}

static void on_opened(struct turn *t)
{
	struct hub_session *s = t->s;

	if (s->state != HUB_OPENING)
		return;
	if (t->in->result != HUB_OK) {
		if (t->in->result == HUB_BUSY_STORE)
			send_busy(t);
		else
			say_why(send_frame(t, SYNC_BYE), "this site is not active at HQ");
		end_session(t, "not opened");
		return;
	}
	s->cursor = *t->in->cursor;
	judge_history(s);
	move(s, s->refused[0] ? HUB_RECONCILE : HUB_LIVE);
	s->down_acked = s->down_sent = s->hello.down_n;
	s->down_rewound = -1;
	s->down_resend_us = t->in->now_us + RESEND_US;
	send_welcome(t);
	read_down(t);
}

static void on_up(struct turn *t, const struct sync_frame *f)
{
	struct hub_session *s = t->s;
	struct hub_output *out;

	if (s->state != HUB_LIVE || f->first < 1 || f->bodies_n < 1 ||
		!sync_chain_ok(f, t->out->hashes)) {
		struct sync_frame *nak = send_frame(t, SYNC_UPNAK);

		send_cursor(t, nak);
		say_why(nak, s->state != HUB_LIVE ? "reconcile first" : "the batch does not chain");
		s->odd_frames++;
		return;
	}
	s->applying_last = f->first + (int64_t)f->bodies_n - 1;
	out = put(t, HUB_OUT_APPLY);
	out->frame = f;
	out->hashes = (const uint8_t(*)[HASH_BYTES])t->out->hashes;
}

static void take_cursor(struct hub_session *s, const struct hub_cursor *cursor)
{
	s->cursor.up_n = cursor->up_n;
	s->cursor.safe = cursor->safe;
	memcpy(s->cursor.up_hash, cursor->up_hash, HASH_BYTES);
}

/* No row matched: either the batch was applied before (its acknowledgement got lost), or it does
 * not continue what is stored. */
static void on_mismatch(struct turn *t)
{
	struct hub_session *s = t->s;
	bool before = s->applying_last <= s->cursor.up_n;
	struct sync_frame *f = send_frame(t, before ? SYNC_UPACK : SYNC_UPNAK);

	send_cursor(t, f);
	if (!before)
		say_why(f, "the batch does not continue what HQ has");
}

static void on_applied(struct turn *t)
{
	struct hub_session *s = t->s;
	struct sync_frame *f;

	if (s->state != HUB_LIVE)
		return;
	switch (t->in->result) {
	case HUB_OK:
		take_cursor(s, t->in->cursor);
		f = send_frame(t, SYNC_UPACK);
		send_cursor(t, f);
		f->bad_n = t->in->bad_n < SYNC_BAD_MAX ? t->in->bad_n : SYNC_BAD_MAX;
		for (size_t i = 0; i < f->bad_n; i++)
			f->bad[i] = t->in->bad[i];
		return;
	case HUB_MISMATCH:
		take_cursor(s, t->in->cursor);
		on_mismatch(t);
		return;
	case HUB_REFUSED:
		say_why(send_frame(t, SYNC_BYE), "this site is not active at HQ");
		end_session(t, "not active");
		return;
	case HUB_BUSY_STORE:
		send_busy(t);
		return;
	}
}

static void on_downs(struct turn *t)
{
	struct hub_session *s = t->s;

	s->down_open = false;
	if (s->state != HUB_LIVE)
		return;
	if (s->down_sent == s->down_acked)
		s->down_resend_us = t->in->now_us + RESEND_US;
	for (size_t i = 0; i < t->in->downs_n && i < SYNC_DOWN_WINDOW; i++) {
		const struct hub_down *d = &t->in->downs[i];
		struct sync_frame *f;

		if (d->n != s->down_sent + 1)
			continue;
		f = send_frame(t, SYNC_DOWN);
		f->down_n = d->n;
		memcpy(f->kind, d->kind, sizeof(f->kind));
		memcpy(f->gen, d->gen, sizeof(f->gen));
		t->out->bodies[i] = (struct sync_part){d->body, d->len};
		f->bodies = &t->out->bodies[i];
		f->bodies_n = 1;
		s->down_sent = d->n;
		if (s->cursor.down_head < d->n)
			s->cursor.down_head = d->n;
	}
}

static void on_downack(struct turn *t, const struct sync_frame *f)
{
	struct hub_session *s = t->s;

	if (s->state != HUB_LIVE || f->down_n < s->down_acked)
		return;
	/* The same cursor again: a gap. One rewind answers all of them. */
	if (f->down_n == s->down_acked) {
		if (s->down_rewound == s->down_acked || s->down_sent == s->down_acked)
			return;
		s->down_rewound = s->down_sent = s->down_acked;
		read_down(t);
		return;
	}
	if (f->down_n > s->cursor.down_head) {
		s->odd_frames++;
		return;
	}
	s->down_acked = f->down_n;
	if (s->down_sent < s->down_acked)
		s->down_sent = s->down_acked;
	s->down_resend_us = t->in->now_us + RESEND_US;
	put(t, HUB_OUT_DOWN_ACK)->frame = f;
	read_down(t);
}

static void on_leased(struct turn *t)
{
	struct sync_frame *f;

	if (t->s->state != HUB_LIVE)
		return;
	if (t->in->result != HUB_OK) {
		send_busy(t);
		return;
	}
	f = send_frame(t, SYNC_LEASE);
	f->lease = t->in->frame->lease;
	f->lease_first = t->in->frame->lease_first;
	f->lease_count = t->in->frame->lease_count;
	f->reserve = t->in->frame->reserve;
	f->epoch = t->in->frame->epoch;
	memcpy(f->gen, t->in->frame->gen, sizeof(f->gen));
	memcpy(f->block, t->in->frame->block, sizeof(f->block));
	memcpy(f->prefix, t->in->frame->prefix, sizeof(f->prefix));
}

static void on_ping(struct turn *t, const struct sync_frame *f)
{
	t->s->depth = f->depth;
	t->s->age_s = f->age_s;
	send_cursor(t, send_frame(t, SYNC_PONG));
	read_down(t); /* another hub process may have put something there */
}

static void answer_unknown(struct turn *t, const struct sync_frame *f)
{
	struct sync_frame *answer;

	t->s->odd_frames++;
	answer = send_as(t, SYNC_UNKNOWN, f->esid, f->hsid);
	snprintf(answer->of, sizeof(answer->of), "%s",
		f->type == SYNC_OTHER ? f->of : sync_type_name(f->type));
	say_why(answer, "not understood by HQ");
}

static void on_frame(struct turn *t, const struct sync_frame *f)
{
	switch (f->type) {
	case SYNC_HELLO:
		on_hello(t, f);
		return;
	case SYNC_UP:
		on_up(t, f);
		return;
	case SYNC_DOWNACK:
		on_downack(t, f);
		return;
	case SYNC_LEASE_REQ:
		if (t->s->state == HUB_LIVE)
			put(t, HUB_OUT_LEASE)->frame = f;
		return;
	case SYNC_PING:
		on_ping(t, f);
		return;
	case SYNC_RESET:
	case SYNC_BYE:
		end_session(t, "the site ended the session");
		return;
	case SYNC_UNKNOWN:
		t->s->odd_frames++;
		return;
	case SYNC_OTHER:
	case SYNC_WELCOME:
	case SYNC_UPACK:
	case SYNC_UPNAK:
	case SYNC_DOWN:
	case SYNC_LEASE:
	case SYNC_PONG:
	case SYNC_BUSY:
	case SYNC_RESYNC:
	case SYNC_HIST:
	case SYNC_SNAP_REQ:
	case SYNC_SNAP:
	case SYNC_KEYROLL:
		answer_unknown(t, f);
		return;
	}
}

/* A frame of a session that is not this one has no effect; its sender is told so in its own words.
 */
static bool of_session(struct turn *t, const struct sync_frame *f)
{
	struct hub_session *s = t->s;

	if (f->type == SYNC_HELLO ||
		(hub_states[s->state].session && strcmp(f->esid, s->esid) == 0 &&
			strcmp(f->hsid, s->hsid) == 0))
		return true;
	s->old_frames++;
	if (f->type != SYNC_RESET && f->type != SYNC_BYE && f->type != SYNC_UNKNOWN)
		say_why(send_as(t, SYNC_RESET, f->esid, f->hsid), "HQ does not know this session");
	return false;
}

static void on_message(struct turn *t)
{
	const struct sync_frame *f = t->in->frame;

	if (!t->in->active) {
		say_why(send_as(t, SYNC_BYE, f->esid, f->hsid), "this site is not active at HQ");
		end_session(t, "not active");
		return;
	}
	if (!of_session(t, f))
		return;
	t->s->silent_us = t->in->now_us + SILENT_US;
	t->s->cursor.safe = t->in->safe;
	on_frame(t, f);
}

static void on_malformed(struct turn *t)
{
	t->s->odd_frames++;
	if (!hub_states[t->s->state].session)
		return;
	say_why(send_frame(t, SYNC_RESET), t->in->why);
	end_session(t, "a frame that cannot be read");
}

static void on_timer(struct turn *t)
{
	struct hub_session *s = t->s;

	if (!hub_states[s->state].session)
		return;
	if (t->in->now_us >= s->silent_us) {
		end_session(t, "the site is silent");
		return;
	}
	if (s->down_sent > s->down_acked && t->in->now_us >= s->down_resend_us) {
		s->down_sent = s->down_acked;
		s->down_resend_us = t->in->now_us + RESEND_US;
		read_down(t);
	}
}

static void take_input(struct turn *t)
{
	switch (t->in->kind) {
	case HUB_IN_MESSAGE:
		on_message(t);
		return;
	case HUB_IN_MALFORMED:
		on_malformed(t);
		return;
	case HUB_IN_TIMER:
		on_timer(t);
		return;
	case HUB_IN_DOWN:
		read_down(t);
		return;
	case HUB_IN_OPENED:
		on_opened(t);
		return;
	case HUB_IN_APPLIED:
		on_applied(t);
		return;
	case HUB_IN_DOWNS:
		on_downs(t);
		return;
	case HUB_IN_LEASED:
		on_leased(t);
		return;
	}
}

void hub_step(struct hub_session *s, const struct hub_input *in, struct hub_outputs *ret)
{
	struct turn t = {s, in, ret};

	ret->n = 0;
	ret->frames_n = 0;
	take_input(&t);
	ret->timer_us = HUB_NEVER;
	if (!hub_states[s->state].session)
		return;
	ret->timer_us = s->silent_us;
	if (s->down_sent > s->down_acked && s->down_resend_us < ret->timer_us)
		ret->timer_us = s->down_resend_us;
}
