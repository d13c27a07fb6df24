#include "edge.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "edge_private.h"

#define TO(state) (1U << EDGE_##state)

const struct edge_state_row edge_states[EDGE_STATES] = {
	[EDGE_IDLE] = { "idle", TO(CONNECT), false, false },
	[EDGE_CONNECT] = { "connect", TO(HELLO_SENT) | TO(IDLE), false, true },
	[EDGE_HELLO_SENT] = { "hello_sent", TO(RECONCILE) | TO(LIVE) | TO(IDLE), true, true },
	[EDGE_RECONCILE] = { "reconcile", TO(LIVE) | TO(IDLE), true, true },
	[EDGE_LIVE] = { "live", TO(RECONCILE) | TO(DRAIN) | TO(IDLE), true, true },
	[EDGE_DRAIN] = { "drain", TO(RECONCILE) | TO(IDLE), true, true },
};

void edge_init(struct edge *edge, const struct edge_config *config)
{
	*edge = (struct edge){ .config = *config, .state = EDGE_IDLE };
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
	*out = (struct edge_output){ .kind = kind };
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

static void connect_now(struct edge_turn *t)
{
	struct edge *edge = t->edge;

	text_hex(t->in->random, SYNC_SESSION_BYTES, edge->esid);
	edge_move(edge, EDGE_CONNECT);
	edge->give_up_us = t->in->now_us + EDGE_HANDSHAKE_US;
	edge_out(t, EDGE_OUT_OPEN);
}

static void say_hello(struct edge_turn *t)
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

/* The hub's cursor always wins over our own memory of what it acknowledged: it is the one on disk. */
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

static void on_hash_read(struct edge_turn *t)
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

static void on_message(struct edge_turn *t)
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
	if (edge->state == EDGE_DRAIN && edge->sent > edge->cum &&
		t->in->now_us < edge->give_up_us)
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
			connect_now(t);
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
		on_hash_read(t);
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
		say_hello(t);
		return;
	case EDGE_IN_SOCKET_DOWN:
		if (edge_states[t->edge->state].socket)
			edge_end(t, t->in->why);
		return;
	case EDGE_IN_MESSAGE:
		on_message(t);
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
	struct edge_turn t = { edge, in, ret };

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
