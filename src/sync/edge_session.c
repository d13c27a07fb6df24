/* A session from its first socket to its frames: HELLO, the comparison of histories, what HQ says.
 */
#include <stdio.h>
#include <string.h>

#include "edge_private.h"

void edge_session_connect(struct edge_turn *t)
{
	struct edge *edge = t->edge;

	text_hex(t->in->random, SYNC_SESSION_BYTES, edge->esid);
	edge_move(edge, EDGE_CONNECT);
	edge->give_up_us = t->in->now_us + EDGE_HANDSHAKE_US;
	edge_out(t, EDGE_OUT_OPEN);
}

void edge_session_hello(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	struct sync_frame *f;

	if (edge->state != EDGE_CONNECT)
		return;
	edge_move(edge, EDGE_HELLO_SENT);
	edge->give_up_us = t->in->now_us + EDGE_HANDSHAKE_US;
	f = edge_send(t, SYNC_HELLO);
	memcpy(f->build, edge->config.build, sizeof(f->build));
	memcpy(f->incarnation, edge->link.incarnation, sizeof(f->incarnation));
	memcpy(f->up_hash, edge->link.head_hash, HASH_BYTES);
	memcpy(f->gen, edge->gen, sizeof(f->gen));
	f->up_n = edge->link.head;
	f->oldest = edge->link.oldest;
	f->down_n = edge->down_done;
	f->epoch = edge->link.epoch;
	f->lease = edge->lease_have;
	f->clock_us = t->in->real_us;
}

/* The hub's cursor always wins over our own memory of what it acknowledged: it is the one on disk.
 */
static void go_live(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	const struct sync_frame *w = &edge->welcome;
	bool new_epoch = w->epoch != edge->link.epoch || strcmp(w->gen, edge->gen) != 0;

	edge_move(edge, EDGE_LIVE);
	snprintf(edge->why, sizeof(edge->why), "%s",
		w->up_n < edge->link.acked ? "HQ went back: events are sent again" : "");
	memcpy(edge->gen, w->gen, sizeof(edge->gen));
	edge->credit_events = w->credit_events;
	edge->credit_bytes = w->credit_bytes;
	edge->pause_us = 0;
	edge->lease_us = 0;
	edge_up_start(t, w->up_n, w->up_hash);
	if (new_epoch) {
		edge->link.epoch = w->epoch;
		edge_out(t, EDGE_OUT_EPOCH)->frame = w;
	}
	if (w->up_n > edge->link.acked) {
		edge->link.acked = w->up_n;
		edge_out(t, EDGE_OUT_ACKED)->frame = w;
	}
}

static void compare_hash(struct edge_turn *t, const uint8_t *mine)
{
	const struct sync_frame *w = &t->edge->welcome;

	if (memcmp(mine, w->up_hash, HASH_BYTES) != 0)
		edge_refuse(t, "event %lld at HQ is not this site's: the histories differ",
			(long long)w->up_n);
	else
		go_live(t);
}

/* The hub stands between our first and last event: only the outbox knows the hash there. */
static void read_hash_at_cursor(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	struct edge_output *out;

	edge_move(edge, EDGE_RECONCILE);
	snprintf(edge->why, sizeof(edge->why), "comparing with HQ");
	edge->give_up_us = t->in->now_us + EDGE_HANDSHAKE_US;
	out = edge_out(t, EDGE_OUT_READ);
	out->read = edge->read_open = ++edge->read;
	out->after = edge->welcome.up_n - 1;
	out->limit = 1;
}

void edge_session_hash(struct edge_turn *t)
{
	const struct edge_input *in = t->in;

	t->edge->read_open = 0;
	if (!in->events_n)
		edge_end(t, "the outbox did not answer");
	else if (in->events[0].n != t->edge->welcome.up_n)
		edge_refuse(t, "HQ stands at event %lld, which is not kept any more",
			(long long)t->edge->welcome.up_n);
	else
		compare_hash(t, in->events[0].hash);
}

static void on_welcome(struct edge_turn *t, const struct sync_frame *f)
{
	static const uint8_t zero[HASH_BYTES];
	struct edge *edge = t->edge;

	if (f->credit_events < 1 || f->credit_events > SYNC_CREDIT_EVENTS ||
		f->credit_bytes < SYNC_EVENT_MAX) {
		edge_end(t, "HQ offers a credit that cannot be used");
		return;
	}
	memcpy(edge->hsid, f->hsid, sizeof(edge->hsid));
	edge->welcome = *f;
	edge->welcome.bodies_n = 0;
	if (f->refused[0])
		edge_refuse(t, "HQ: %s", f->refused);
	else if (f->up_n > edge->link.head)
		edge_refuse(t, "HQ has %lld events, this site only %lld: this site went back",
			(long long)f->up_n, (long long)edge->link.head);
	else if (f->up_n == 0)
		compare_hash(t, zero);
	else if (f->up_n == edge->link.head)
		compare_hash(t, edge->link.head_hash);
	else
		read_hash_at_cursor(t);
}

static void on_busy(struct edge_turn *t, const struct sync_frame *f)
{
	struct edge *edge = t->edge;
	int64_t wait_us = f->retry_ms > EDGE_BACKOFF_LAST_US / 1000 ? EDGE_BACKOFF_LAST_US
								    : f->retry_ms * 1000;

	if (wait_us < EDGE_PAUSE_FIRST_US)
		wait_us = EDGE_PAUSE_FIRST_US;
	if (edge->state == EDGE_HELLO_SENT) {
		edge_end(t, "HQ is busy");
		if (edge->retry_us < t->in->now_us + wait_us)
			edge->retry_us = t->in->now_us + wait_us;
		return;
	}
	edge->pause_us = t->in->now_us + wait_us;
	edge_up_rewind(edge);
}

static void answer_unknown(struct edge_turn *t, const struct sync_frame *f)
{
	struct sync_frame *answer = edge_send(t, SYNC_UNKNOWN);

	t->edge->odd_frames++;
	snprintf(answer->of, sizeof(answer->of), "%s",
		f->type == SYNC_OTHER ? f->of : sync_type_name(f->type));
	snprintf(answer->why, sizeof(answer->why), "not understood by a site");
}

static void on_flow(struct edge_turn *t, const struct sync_frame *f)
{
	struct edge *edge = t->edge;

	if (edge->refused || (edge->state != EDGE_LIVE && edge->state != EDGE_DRAIN))
		return;
	if (f->type == SYNC_UPACK)
		edge_up_ack(t, f);
	else if (f->type == SYNC_UPNAK)
		edge_up_nak(t, f);
	else if (f->type == SYNC_DOWN)
		edge_down_message(t, f);
	else
		edge_lease_message(t, f);
}

/* What belongs to the session; a frame of an earlier one never comes here. */
static void on_frame(struct edge_turn *t, const struct sync_frame *f)
{
	switch (f->type) {
	case SYNC_WELCOME:
		if (t->edge->state == EDGE_HELLO_SENT)
			on_welcome(t, f);
		return;
	case SYNC_UPACK:
	case SYNC_UPNAK:
	case SYNC_DOWN:
	case SYNC_LEASE:
		on_flow(t, f);
		return;
	case SYNC_PONG:
		t->edge->backoff_us = 0;
		edge_up_safe(t, f);
		return;
	case SYNC_BUSY:
		on_busy(t, f);
		return;
	case SYNC_RESET:
	case SYNC_BYE:
		edge_end(t, f->why[0] ? f->why : "HQ ended the session");
		return;
	case SYNC_UNKNOWN:
		t->edge->odd_frames++;
		return;
	case SYNC_OTHER:
	case SYNC_HELLO:
	case SYNC_UP:
	case SYNC_DOWNACK:
	case SYNC_LEASE_REQ:
	case SYNC_PING:
	case SYNC_RESYNC:
	case SYNC_HIST:
	case SYNC_SNAP_REQ:
	case SYNC_SNAP:
	case SYNC_KEYROLL:
		answer_unknown(t, f);
		return;
	}
}

void edge_session_message(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	const struct sync_frame *f = t->in->frame;
	bool greeting = edge->state == EDGE_HELLO_SENT;

	if (!edge_states[edge->state].session || strcmp(f->esid, edge->esid) != 0 ||
		(!greeting && strcmp(f->hsid, edge->hsid) != 0)) {
		edge->old_frames++;
		return;
	}
	edge->silent_us = t->in->now_us + EDGE_SILENT_PINGS * edge->config.ping_us;
	if (edge->silent_us < t->in->now_us + EDGE_SILENT_LEAST_US)
		edge->silent_us = t->in->now_us + EDGE_SILENT_LEAST_US;
	on_frame(t, f);
}
