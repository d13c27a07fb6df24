#include "edge.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "edge_private.h"

#define TO(state) (1U << EDGE_##state)

const struct edge_state_row edge_states[EDGE_STATES] = {
	[EDGE_IDLE] = {"idle", TO(CONNECT), false, false},
	[EDGE_CONNECT] = {"connect", TO(HELLO_SENT) | TO(IDLE), false, true},
	[EDGE_HELLO_SENT] = {"hello_sent", TO(RECONCILE) | TO(LIVE) | TO(IDLE), true, true},
	[EDGE_RECONCILE] = {"reconcile", TO(LIVE) | TO(IDLE), true, true},
	[EDGE_LIVE] = {"live", TO(RECONCILE) | TO(DRAIN) | TO(IDLE), true, true},
	[EDGE_DRAIN] = {"drain", TO(RECONCILE) | TO(IDLE), true, true},
};

void edge_init(struct edge *edge, const struct edge_config *config)
{
	*edge = (struct edge){.config = *config, .state = EDGE_IDLE};
	snprintf(edge->why, sizeof(edge->why), "starting");
}

void edge_move(struct edge *edge, enum edge_state next)
{
	assert(edge_states[edge->state].next & (1U << next));
	edge->state = next;
}

struct edge_output *edge_out(struct edge_turn *t, enum edge_output_kind kind)
{
	struct edge_output *out = &t->out->out[t->out->n];

	assert(t->out->n < EDGE_OUTPUTS_MAX);
	t->out->n++;
	*out = (struct edge_output){.kind = kind};
	return out;
}

struct sync_frame *edge_send(struct edge_turn *t, enum sync_type type)
{
	struct sync_frame *frame = &t->out->frames[t->out->frames_n];

	assert(t->out->frames_n < EDGE_SENDS_MAX);
	t->out->frames_n++;
	sync_frame_init(frame, type, t->edge->esid, t->edge->hsid);
	edge_out(t, EDGE_OUT_SEND)->frame = frame;
	t->edge->ping_us = t->in->now_us + t->edge->config.ping_us;
	return frame;
}

/* Decorrelated jitter: the next wait is drawn between the first wait and three times the last one,
 * so that sites cut off together do not come back together. */
static int64_t next_backoff(struct edge *edge, const uint8_t *random)
{
	int64_t span = edge->backoff_us * 3 - EDGE_BACKOFF_FIRST_US;
	uint64_t dice;

	memcpy(&dice, random, sizeof(dice));
	if (edge->backoff_us == 0)
		span = EDGE_BACKOFF_FIRST_US;
	edge->backoff_us = EDGE_BACKOFF_FIRST_US + (int64_t)(dice % (uint64_t)(span + 1));
	if (edge->backoff_us > EDGE_BACKOFF_LAST_US)
		edge->backoff_us = EDGE_BACKOFF_LAST_US;
	return edge->backoff_us;
}

void edge_end(struct edge_turn *t, const char *why)
{
	struct edge *edge = t->edge;

	if (edge_states[edge->state].socket)
		edge_out(t, EDGE_OUT_CLOSE);
	if (edge->state != EDGE_IDLE)
		edge_move(edge, EDGE_IDLE);
	snprintf(edge->why, sizeof(edge->why), "%s", why);
	edge->refused = false;
	edge->read_open = 0;
	edge->hsid[0] = '\0';
	edge->esid[0] = '\0';
	edge->retry_us = t->in->now_us + next_backoff(edge, t->in->random + SYNC_SESSION_BYTES);
	edge->stopped = edge->stopping;
}

void edge_refuse(struct edge_turn *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->edge->why, sizeof(t->edge->why), format, args);
	va_end(args);
	if (t->edge->state != EDGE_RECONCILE)
		edge_move(t->edge, EDGE_RECONCILE);
	t->edge->refused = true;
	t->edge->read_open = 0;
}

/* Happens at start and when the door came back; another incarnation is another database. */
static void on_link(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	bool first = !edge->linked;

	if (edge->linked && strcmp(edge->link.incarnation, t->in->link->incarnation) != 0) {
		edge_end(t, "the site's database was exchanged");
		edge->down_done = edge->down_given = 0;
		edge->lease_have = edge->lease_open = 0;
		first = true;
	}
	edge->link = *t->in->link;
	edge->linked = true;
	if (first) {
		edge->down_done = edge->down_given = edge->link.down_n;
		edge->retry_us = t->in->now_us;
	}
}

static void on_outbox(struct edge_turn *t)
{
	struct edge *edge = t->edge;

	if (edge->link.head <= edge->cum && t->in->link->head > edge->cum)
		edge->progress_us = t->in->now_us;
	edge->link.head = t->in->link->head;
	memcpy(edge->link.head_hash, t->in->link->head_hash, HASH_BYTES);
	edge->link.lease_wanted = t->in->link->lease_wanted;
}

static void send_ping(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	struct sync_frame *f = edge_send(t, SYNC_PING);

	f->up_n = edge->cum;
	f->down_n = edge->down_done;
	f->depth = edge->link.head > edge->cum ? edge->link.head - edge->cum : 0;
	f->age_s = f->depth ? (t->in->now_us - edge->progress_us) / 1000000 : 0;
	snprintf(f->state, sizeof(f->state), "%s", edge_states[edge->state].name);
}

/* A peer that breathes and does not move is as dead as one that does not breathe. */
static bool stalled(struct edge_turn *t)
{
	struct edge *edge = t->edge;

	if (edge->state != EDGE_LIVE || edge->link.head <= edge->cum ||
		t->in->now_us < edge->progress_us + edge->config.watchdog_us)
		return false;
	edge->stalls++;
	edge_end(t, edge->stalls >= EDGE_STALLS_ALARM
			    ? "alarm: HQ takes no events, three sessions in a row"
			    : "HQ takes no events: new session");
	return true;
}

static void on_session_timer(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	int64_t now = t->in->now_us;

	if (stalled(t))
		return;
	if (now >= edge->silent_us) {
		edge_end(t, "HQ is silent");
		return;
	}
	if (edge->state == EDGE_RECONCILE && !edge->refused && now >= edge->give_up_us) {
		edge_end(t, "the outbox did not answer");
		return;
	}
	if (edge->state == EDGE_LIVE)
		edge_up_timer(t);
	if (now >= edge->ping_us)
		send_ping(t);
}

static void finish_drain(struct edge_turn *t)
{
	const struct edge *edge = t->edge;

	if (!edge->stopping || !edge_states[edge->state].session)
		return;
	if (edge->state == EDGE_DRAIN && edge->sent > edge->cum && t->in->now_us < edge->give_up_us)
		return;
	snprintf(edge_send(t, SYNC_BYE)->why, SYNC_WHY_MAX, "the site's link stops");
	edge_end(t, "stopped");
}

static void on_timer(struct edge_turn *t)
{
	struct edge *edge = t->edge;

	switch (edge->state) {
	case EDGE_IDLE:
		if (edge->linked && !edge->stopping && t->in->now_us >= edge->retry_us)
			edge_session_connect(t);
		return;
	case EDGE_CONNECT:
		if (t->in->now_us >= edge->give_up_us)
			edge_end(t, "no connection to HQ");
		return;
	case EDGE_HELLO_SENT:
		if (t->in->now_us >= edge->give_up_us)
			edge_end(t, "HQ did not answer HELLO");
		return;
	case EDGE_RECONCILE:
	case EDGE_LIVE:
		on_session_timer(t);
		return;
	case EDGE_DRAIN:
		return;
	}
}

static void on_stop(struct edge_turn *t)
{
	t->edge->stopping = true;
	if (t->edge->state != EDGE_LIVE) {
		edge_end(t, "stopped");
		return;
	}
	edge_move(t->edge, EDGE_DRAIN);
	t->edge->give_up_us = t->in->now_us + EDGE_DRAIN_US;
}

static void on_events(struct edge_turn *t)
{
	if (t->in->read != t->edge->read_open)
		return;
	if (t->edge->state == EDGE_RECONCILE)
		edge_session_hash(t);
	else
		edge_up_events(t);
}

static void take_input(struct edge_turn *t)
{
	switch (t->in->kind) {
	case EDGE_IN_LINK:
		on_link(t);
		return;
	case EDGE_IN_OUTBOX:
		on_outbox(t);
		return;
	case EDGE_IN_SOCKET_UP:
		edge_session_hello(t);
		return;
	case EDGE_IN_SOCKET_DOWN:
		if (edge_states[t->edge->state].socket)
			edge_end(t, t->in->why);
		return;
	case EDGE_IN_MESSAGE:
		edge_session_message(t);
		return;
	case EDGE_IN_MALFORMED:
		t->edge->odd_frames++;
		if (edge_states[t->edge->state].socket)
			edge_end(t, "HQ sent a frame that cannot be read");
		return;
	case EDGE_IN_TIMER:
		return;
	case EDGE_IN_EVENTS:
		on_events(t);
		return;
	case EDGE_IN_DOWN_DONE:
		edge_down_done(t);
		return;
	case EDGE_IN_LEASE_DONE:
		edge_lease_done(t);
		return;
	case EDGE_IN_STOP:
		on_stop(t);
		return;
	}
}

/* IDLE, CONNECT and HELLO_SENT look the same to people: no link. Said once per change. */
static void say_state(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	bool shown = edge->state >= EDGE_RECONCILE;
	const char *word = shown ? edge_states[edge->state].name : "idle";
	struct edge_output *out;

	if (edge->state == EDGE_CONNECT || edge->state == EDGE_HELLO_SENT ||
		(edge->state == EDGE_RECONCILE && !edge->refused))
		return;
	if (edge->word == word && strcmp(edge->said, edge->why) == 0)
		return;
	edge->word = word;
	memcpy(edge->said, edge->why, sizeof(edge->said));
	out = edge_out(t, EDGE_OUT_LINK);
	out->word = word;
	out->why = edge->said;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t live_timer(const struct edge *edge)
{
	int64_t at = sooner(edge->ping_us, edge->silent_us);

	if (edge->state != EDGE_LIVE)
		return edge->refused ? at : sooner(at, edge->give_up_us);
	if (edge->link.head > edge->cum)
		at = sooner(at, edge->progress_us + edge->config.watchdog_us);
	if (edge->sent > edge->cum)
		at = sooner(at, edge->resend_us);
	if (edge->pause_us)
		at = sooner(at, edge->pause_us);
	if (edge->link.lease_wanted && !edge->lease_open)
		at = sooner(at, edge->lease_us);
	return at;
}

static int64_t next_timer(const struct edge *edge)
{
	switch (edge->state) {
	case EDGE_IDLE:
		return edge->linked && !edge->stopping ? edge->retry_us : EDGE_NEVER;
	case EDGE_CONNECT:
	case EDGE_HELLO_SENT:
	case EDGE_DRAIN:
		return edge->give_up_us;
	case EDGE_RECONCILE:
	case EDGE_LIVE:
		return live_timer(edge);
	}
	return EDGE_NEVER;
}

void edge_step(struct edge *edge, const struct edge_input *in, struct edge_outputs *ret)
{
	struct edge_turn t = {edge, in, ret};

	ret->n = 0;
	ret->frames_n = 0;
	take_input(&t);
	on_timer(&t);
	finish_drain(&t);
	if (edge->state == EDGE_LIVE) {
		edge_up_read(&t);
		edge_lease_ask(&t);
	}
	say_state(&t);
	ret->timer_us = next_timer(edge);
}
