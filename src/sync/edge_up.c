/* The up stream: from the outbox to HQ within the credit, again from HQ's cursor whenever in doubt.
 */
#include <string.h>

#include "chain.h"
#include "edge_private.h"

static struct edge_sent *slot(struct edge *edge, int64_t n)
{
	return &edge->ring[(n - 1) % SYNC_CREDIT_EVENTS];
}

static const uint8_t *hash_at(struct edge *edge, int64_t n)
{
	return n == edge->cum ? edge->cum_hash : slot(edge, n)->hash;
}

int64_t edge_bytes_out(const struct edge *edge)
{
	int64_t bytes = 0;

	for (int64_t n = edge->cum + 1; n <= edge->sent; n++)
		bytes += (int64_t)edge->ring[(n - 1) % SYNC_CREDIT_EVENTS].len;
	return bytes;
}

void edge_up_start(struct edge_turn *t, int64_t cum, const uint8_t *hash)
{
	struct edge *edge = t->edge;

	edge->cum = edge->sent = edge->known = cum;
	memcpy(edge->cum_hash, hash, HASH_BYTES);
	edge->read_open = 0;
	edge->nak_at = -1;
	edge->progress_us = t->in->now_us;
}

void edge_up_rewind(struct edge *edge)
{
	edge->sent = edge->cum;
	edge->read_open = 0; /* what a read under way brings starts too late */
}

/* The smallest room worth a read: one event of any size, or all of it where nothing is out. */
static bool has_credit(const struct edge *edge)
{
	return edge->sent - edge->cum < edge->credit_events &&
	       edge_bytes_out(edge) + SYNC_EVENT_MAX <= edge->credit_bytes;
}

void edge_up_read(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	int64_t room = edge->credit_events - (edge->sent - edge->cum);
	struct edge_output *out;

	if (edge->read_open || edge->link.head <= edge->sent || t->in->now_us < edge->pause_us ||
		!has_credit(edge))
		return;
	out = edge_out(t, EDGE_OUT_READ);
	out->read = edge->read_open = ++edge->read;
	out->after = edge->sent;
	out->limit = room < SYNC_BATCH_EVENTS ? room : SYNC_BATCH_EVENTS;
}

/* How many of the events that came fit into one UP and into the credit. */
static size_t batch_size(const struct edge *edge, const struct edge_input *in)
{
	int64_t events = edge->credit_events - (edge->sent - edge->cum);
	int64_t bytes = edge->credit_bytes - edge_bytes_out(edge);
	size_t n = 0;

	if (bytes > SYNC_BATCH_BYTES)
		bytes = SYNC_BATCH_BYTES;
	if (events > SYNC_BATCH_EVENTS)
		events = SYNC_BATCH_EVENTS;
	while (n < in->events_n && (int64_t)n < events && (int64_t)in->events[n].len <= bytes)
		bytes -= (int64_t)in->events[n++].len;
	return n;
}

/* Our own rows are checked too: what does not chain here would be refused there. */
static bool rows_chain(struct edge *edge, const struct edge_input *in, size_t n)
{
	uint8_t hash[HASH_BYTES];

	memcpy(hash, hash_at(edge, edge->sent), HASH_BYTES);
	for (size_t i = 0; i < n; i++) {
		const struct edge_event *e = &in->events[i];

		if (e->n != edge->sent + 1 + (int64_t)i)
			return false;
		chain_next(hash, (uint64_t)e->n, e->bytes, e->len, hash);
		if (memcmp(hash, e->hash, HASH_BYTES) != 0)
			return false;
	}
	return true;
}

static void send_batch(struct edge_turn *t, size_t n)
{
	struct edge *edge = t->edge;
	struct sync_frame *f = edge_send(t, SYNC_UP);

	f->first = edge->sent + 1;
	memcpy(f->prev, hash_at(edge, edge->sent), HASH_BYTES);
	for (size_t i = 0; i < n; i++) {
		const struct edge_event *e = &t->in->events[i];

		memcpy(slot(edge, e->n)->hash, e->hash, HASH_BYTES);
		slot(edge, e->n)->len = e->len;
		t->out->bodies[i] = (struct sync_part){e->bytes, e->len};
	}
	if (edge->sent == edge->cum)
		edge->resend_us = t->in->now_us + EDGE_RESEND_US;
	edge->sent += (int64_t)n;
	if (edge->known < edge->sent)
		edge->known = edge->sent;
	memcpy(f->hash, hash_at(edge, edge->sent), HASH_BYTES);
	f->bodies = t->out->bodies;
	f->bodies_n = n;
}

void edge_up_events(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	size_t n;

	edge->read_open = 0;
	if (edge->state != EDGE_LIVE || t->in->now_us < edge->pause_us)
		return;
	if (!t->in->events_n) { /* the door is away: the next push or timer asks again */
		edge->pause_us = t->in->now_us + EDGE_PAUSE_FIRST_US;
		return;
	}
	n = batch_size(edge, t->in);
	if (!n || !rows_chain(edge, t->in, n)) {
		edge_refuse(
			t, "the outbox does not chain behind event %lld", (long long)edge->sent);
		return;
	}
	send_batch(t, n);
}

static void move_cursor(struct edge_turn *t, int64_t cum)
{
	struct edge *edge = t->edge;

	if (cum == edge->cum)
		return;
	memcpy(edge->cum_hash, slot(edge, cum)->hash, HASH_BYTES);
	edge->cum = cum;
	if (edge->sent < cum) {
		edge->sent = cum;
		edge->read_open = 0;
	}
	edge->nak_at = -1;
	edge->stalls = 0;
	edge->backoff_us = 0;
	edge->progress_us = t->in->now_us;
	edge->resend_us = t->in->now_us + EDGE_RESEND_US;
}

/* A cursor of this session that is ours: within what was sent, with our hash. */
static bool cursor_ok(struct edge_turn *t, const struct sync_frame *f)
{
	struct edge *edge = t->edge;

	if (f->up_n > edge->known) {
		edge_end(t, "HQ acknowledges what was never sent");
		return false;
	}
	if (memcmp(hash_at(edge, f->up_n), f->up_hash, HASH_BYTES) != 0) {
		edge_refuse(t, "event %lld at HQ is not this site's: the histories differ",
			(long long)f->up_n);
		return false;
	}
	return true;
}

/* The welcome's fields carry what the core shall remember of the link. */
static void tell_acked(struct edge_turn *t, int64_t safe)
{
	struct edge *edge = t->edge;

	edge->link.acked = edge->welcome.up_n = edge->cum;
	edge->link.safe = edge->welcome.safe = safe;
	memcpy(edge->welcome.up_hash, edge->cum_hash, HASH_BYTES);
	edge_out(t, EDGE_OUT_ACKED)->frame = &edge->welcome;
}

void edge_up_ack(struct edge_turn *t, const struct sync_frame *f)
{
	struct edge *edge = t->edge;

	/* Below the cursor: an earlier acknowledgement that was overtaken. Cumulative, so no loss.
	 */
	if (f->up_n < edge->cum || !cursor_ok(t, f))
		return;
	if (f->up_n == edge->cum && f->safe <= edge->link.safe)
		return;
	move_cursor(t, f->up_n);
	tell_acked(t, f->safe);
}

/* A backup at HQ moves `safe` up without any event. */
void edge_up_safe(struct edge_turn *t, const struct sync_frame *f)
{
	if (t->edge->state == EDGE_LIVE && f->safe > t->edge->link.safe && f->safe <= t->edge->cum)
		tell_acked(t, f->safe);
}

void edge_up_nak(struct edge_turn *t, const struct sync_frame *f)
{
	struct edge *edge = t->edge;

	if (f->up_n < edge->cum) {
		edge_end(t, "HQ went back: new session");
		return;
	}
	if (!cursor_ok(t, f))
		return;
	move_cursor(t, f->up_n);
	/* Every batch behind a gap is refused at the same cursor: one rewind answers them all. */
	if (edge->nak_at == f->up_n)
		return;
	edge->nak_at = f->up_n;
	edge_up_rewind(edge);
}

void edge_up_timer(struct edge_turn *t)
{
	struct edge *edge = t->edge;

	if (edge->pause_us && t->in->now_us >= edge->pause_us)
		edge->pause_us = 0;
	if (edge->sent == edge->cum || t->in->now_us < edge->resend_us)
		return;
	edge->nak_at = -1;
	edge_up_rewind(edge);
}
