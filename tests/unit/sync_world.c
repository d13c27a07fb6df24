#include "sync_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "edge.h"
#include "hub.h"

#define S INT64_C(1000000)
#define EVENTS_MAX 512
#define PACKETS_MAX 2048
#define FAULTS_END (1000 * S + 90 * S)
#define WORLD_END (FAULTS_END + 120 * S)
#define BLOCK 10

struct packet {
	int64_t due_us;
	bool to_hub;
	size_t n;
	struct sync_part parts[SYNC_BATCH_EVENTS + 1];
	char *blob;
};

/* What the site's core does in its own time. */
struct pending {
	int64_t due_us;
	enum edge_input_kind kind;
	int64_t n, after, limit;
};

struct site_disk {
	uint8_t hash[EVENTS_MAX + 1][HASH_BYTES];
	int64_t head, acked, down_n, lease_wanted_until, blocks;
	int64_t block_first[EVENTS_MAX];
};

struct hub_disk {
	int64_t up_n, down_head, next_serial, leases;
	uint8_t up_hash[HASH_BYTES];
	int64_t lease_first[EVENTS_MAX];
};

struct world {
	uint64_t random;
	enum flaw flaw;
	struct verdict *verdict;
	int64_t now_us, edge_due, hub_due, work_due;

	struct edge edge;
	struct edge_outputs edge_out;
	struct site_disk site;
	struct pending pending[32];
	size_t pending_n;
	bool socket;

	struct hub_session hub;
	struct hub_outputs hub_out[4];
	int level;
	struct hub_disk hq;

	struct packet packets[PACKETS_MAX];
	size_t packets_n;
};

static void feed_edge(struct world *w, struct edge_input in);
static void feed_hub(struct world *w, struct hub_input in);

/* splitmix64 */
static uint64_t dice(struct world *w)
{
	uint64_t z = (w->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int64_t between(struct world *w, int64_t a, int64_t b)
{
	return a + (int64_t)(dice(w) % (uint64_t)(b - a + 1));
}

static bool chance(struct world *w, int per_mille)
{
	return w->now_us < FAULTS_END && between(w, 1, 1000) <= per_mille;
}

static void complain(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void complain(struct world *w, const char *format, ...)
{
	va_list args;

	if (!w->verdict->ok)
		return;
	w->verdict->ok = false;
	va_start(args, format);
	vsnprintf(w->verdict->why, sizeof(w->verdict->why), format, args);
	va_end(args);
}

static void note(struct world *w, uint64_t what)
{
	w->verdict->digest =
		(w->verdict->digest ^ what ^ (uint64_t)w->now_us) * UINT64_C(1099511628211);
}

static size_t event_bytes(int64_t n, char *out)
{
	return (size_t)sprintf(out, "{\"id\":\"%lld\"}", (long long)n);
}

/* ---- network ---- */

static void put_packet(struct world *w, const struct sync_frame *f, bool to_hub)
{
	struct packet *p = &w->packets[w->packets_n];
	char header[SYNC_HEADER_MAX];
	size_t len = sync_encode(f, header), at = len, total = len;

	if (w->packets_n == PACKETS_MAX)
		return;
	for (size_t i = 0; i < f->bodies_n; i++)
		total += f->bodies[i].len;
	*p = (struct packet){.due_us = w->now_us + between(w, 1000, 200000),
		.to_hub = to_hub,
		.n = f->bodies_n + 1,
		.blob = malloc(total + 1)};
	if (!p->blob)
		abort();
	memcpy(p->blob, header, len);
	p->parts[0] = (struct sync_part){p->blob, len};
	for (size_t i = 0; i < f->bodies_n; i++) {
		memcpy(p->blob + at, f->bodies[i].bytes, f->bodies[i].len);
		p->parts[i + 1] = (struct sync_part){p->blob + at, f->bodies[i].len};
		at += f->bodies[i].len;
	}
	w->packets_n++;
	w->verdict->packets++;
}

static void send_packet(struct world *w, const struct sync_frame *f, bool to_hub)
{
	note(w, (uint64_t)f->type);
	if (chance(w, 60))
		return;
	put_packet(w, f, to_hub);
	if (chance(w, 60))
		put_packet(w, f, to_hub);
}

static void deliver(struct world *w, size_t i)
{
	struct packet p = w->packets[i];
	struct sync_frame frame;
	char why[SYNC_WHY_MAX];

	w->packets[i] = w->packets[--w->packets_n];
	if (sync_decode(p.parts, p.n, &frame, why) < 0)
		complain(w, "own frame not readable: %s", why);
	else if (p.to_hub)
		feed_hub(w, (struct hub_input){
				    .kind = HUB_IN_MESSAGE, .frame = &frame, .active = true});
	else
		feed_edge(w, (struct edge_input){.kind = EDGE_IN_MESSAGE, .frame = &frame});
	free(p.blob);
}

/* ---- the site ---- */

static void later(
	struct world *w, enum edge_input_kind kind, int64_t n, int64_t after, int64_t limit)
{
	if (w->pending_n == 32)
		abort();
	w->pending[w->pending_n++] =
		(struct pending){w->now_us + between(w, 1000, 50000), kind, n, after, limit};
}

static void apply_down(struct world *w, int64_t n)
{
	if (n <= w->site.down_n)
		return; /* the id was decided before: first answer again */
	if (n != w->site.down_n + 1)
		complain(w, "down %lld applied behind %lld", (long long)n,
			(long long)w->site.down_n);
	w->site.down_n = n;
}

static void store_block(struct world *w, int64_t lease)
{
	int64_t first = w->hq.lease_first[lease - 1];

	if (lease <= w->site.blocks)
		return;
	for (int64_t i = 0; i < w->site.blocks; i++)
		if (w->site.block_first[i] == first)
			complain(w, "serial %lld leased twice", (long long)first);
	w->site.block_first[w->site.blocks++] = first;
}

static void edge_does(struct world *w, const struct edge_output *out)
{
	switch (out->kind) {
	case EDGE_OUT_OPEN:
		w->socket = true;
		later(w, EDGE_IN_SOCKET_UP, 0, 0, 0);
		return;
	case EDGE_OUT_CLOSE:
		w->socket = false;
		return;
	case EDGE_OUT_SEND:
		if (out->frame->type == SYNC_DOWNACK && out->frame->down_n > w->site.down_n)
			complain(w, "I4: down %lld acknowledged, on disk %lld",
				(long long)out->frame->down_n, (long long)w->site.down_n);
		send_packet(w, out->frame, true);
		return;
	case EDGE_OUT_READ:
		later(w, EDGE_IN_EVENTS, out->read, out->after, out->limit);
		return;
	case EDGE_OUT_ACKED:
		w->site.acked = out->frame->up_n;
		if (w->site.acked > w->hq.up_n)
			complain(w, "I4: event %lld acknowledged, on HQ's disk %lld",
				(long long)w->site.acked, (long long)w->hq.up_n);
		return;
	case EDGE_OUT_DOWN:
		later(w, EDGE_IN_DOWN_DONE, out->frame->down_n, 0, 0);
		return;
	case EDGE_OUT_LEASE:
		later(w, EDGE_IN_LEASE_DONE, out->frame->lease, 0, 0);
		return;
	case EDGE_OUT_EPOCH:
	case EDGE_OUT_LINK:
		return;
	}
}

static void feed_edge(struct world *w, struct edge_input in)
{
	in.now_us = w->now_us;
	for (size_t i = 0; i < sizeof(in.random); i++)
		in.random[i] = (uint8_t)dice(w);
	edge_step(&w->edge, &in, &w->edge_out);
	w->edge_due = w->edge_out.timer_us;
	for (size_t i = 0; i < w->edge_out.n; i++)
		edge_does(w, &w->edge_out.out[i]);
	if (w->edge.sent - w->edge.cum > SYNC_CREDIT_EVENTS)
		complain(w, "credit exceeded");
}

static struct edge_link link_of(const struct world *w)
{
	struct edge_link link = {.head = w->site.head,
		.acked = w->site.acked,
		.down_n = w->site.down_n,
		.incarnation = "i1",
		.lease_wanted = w->site.blocks < w->site.lease_wanted_until};

	memcpy(link.head_hash, w->site.hash[w->site.head], HASH_BYTES);
	return link;
}

static void start_edge(struct world *w)
{
	const struct edge_config config = {
		.site = "S1", .build = "sim", .ping_us = 2 * S, .watchdog_us = 30 * S};
	struct edge_link link = link_of(w);

	w->pending_n = 0;
	w->socket = false;
	edge_init(&w->edge, &config);
	feed_edge(w, (struct edge_input){.kind = EDGE_IN_LINK, .link = &link});
}

static void give_events(struct world *w, const struct pending *p)
{
	static char bytes[SYNC_BATCH_EVENTS][40];
	struct edge_event events[SYNC_BATCH_EVENTS];
	size_t n = 0;

	for (int64_t k = p->after + 1; k <= w->site.head && (int64_t)n < p->limit; k++, n++) {
		events[n] = (struct edge_event){
			.n = k, .bytes = bytes[n], .len = event_bytes(k, bytes[n])};
		memcpy(events[n].hash, w->site.hash[k], HASH_BYTES);
	}
	feed_edge(
		w, (struct edge_input){
			   .kind = EDGE_IN_EVENTS, .read = p->n, .events = events, .events_n = n});
}

/* The core applies a down message, then says so; the flaw says so first. */
static void finish_down(struct world *w, int64_t n)
{
	bool first = w->flaw == FLAW_DOWN_CURSOR_FIRST;

	if (!first)
		apply_down(w, n);
	feed_edge(w, (struct edge_input){.kind = EDGE_IN_DOWN_DONE, .n = n, .done = EDGE_DONE});
	if (first)
		apply_down(w, n);
}

static void do_pending(struct world *w, size_t i)
{
	struct pending p = w->pending[i];

	memmove(&w->pending[i], &w->pending[i + 1], (--w->pending_n - i) * sizeof(p));
	if (p.kind == EDGE_IN_EVENTS) {
		give_events(w, &p);
	} else if (p.kind == EDGE_IN_DOWN_DONE) {
		finish_down(w, p.n);
	} else if (p.kind == EDGE_IN_LEASE_DONE) {
		store_block(w, p.n);
		feed_edge(w, (struct edge_input){.kind = p.kind, .n = p.n, .done = EDGE_DONE});
	} else if (w->socket) {
		feed_edge(w, (struct edge_input){.kind = p.kind});
	}
}

/* A command that was under way may have been decided all the same. */
static void kill_edge(struct world *w)
{
	w->verdict->kills++;
	for (size_t i = 0; i < w->pending_n; i++) {
		if (w->pending[i].kind == EDGE_IN_DOWN_DONE && w->flaw != FLAW_DOWN_CURSOR_FIRST) {
			if (dice(w) & 1)
				break; /* in order: the rest was not reached */
			apply_down(w, w->pending[i].n);
		}
	}
	start_edge(w);
}

/* ---- HQ ---- */

static void kill_hub(struct world *w)
{
	w->verdict->kills++;
	if (w->flaw == FLAW_LEASE_NOT_REMEMBERED)
		w->hq.next_serial = 0;
	hub_init(&w->hub, "S1");
	w->hub_due = HUB_NEVER;
}

static struct hub_cursor cursor_of(const struct world *w)
{
	struct hub_cursor c = {.up_n = w->hq.up_n,
		.down_head = w->hq.down_head,
		.epoch = 1,
		.gen = "g1",
		.safe = w->hq.up_n};

	memcpy(c.up_hash, w->hq.up_hash, HASH_BYTES);
	return c;
}

/* HQ's log is 1..up_n in the site's order, byte for byte. */
static void check_log(struct world *w, const struct sync_frame *up)
{
	char bytes[40];

	if (up->first != w->hq.up_n + 1)
		complain(w, "I3: event %lld stored behind %lld", (long long)up->first,
			(long long)w->hq.up_n);
	for (size_t i = 0; i < up->bodies_n; i++) {
		size_t len = event_bytes(up->first + (int64_t)i, bytes);

		if (up->bodies[i].len != len || memcmp(up->bodies[i].bytes, bytes, len) != 0)
			complain(w, "I3: event %lld has other bytes",
				(long long)up->first + (long long)i);
	}
}

static void apply(struct world *w, const struct sync_frame *up)
{
	struct hub_cursor c;
	bool fits = up->first == w->hq.up_n + 1 && memcmp(up->prev, w->hq.up_hash, HASH_BYTES) == 0;
	int64_t last = up->first + (int64_t)up->bodies_n - 1;

	if (chance(w, 20)) { /* before the commit */
		kill_hub(w);
		return;
	}
	if (w->flaw == FLAW_ACK_BEFORE_COMMIT && fits) {
		c = cursor_of(w);
		c.up_n = last;
		memcpy(c.up_hash, up->hash, HASH_BYTES);
		feed_hub(w,
			(struct hub_input){.kind = HUB_IN_APPLIED, .result = HUB_OK, .cursor = &c});
		if (chance(w, 20)) {
			kill_hub(w);
			return;
		}
	}
	if (fits || w->flaw == FLAW_NO_COMPARE_AND_SET) {
		check_log(w, up);
		w->hq.up_n = last;
		memcpy(w->hq.up_hash, up->hash, HASH_BYTES);
	}
	if (chance(w, 20)) { /* after the commit, before the acknowledgement */
		kill_hub(w);
		return;
	}
	c = cursor_of(w);
	if (w->flaw != FLAW_ACK_BEFORE_COMMIT || !fits)
		feed_hub(w, (struct hub_input){.kind = HUB_IN_APPLIED,
				    .result = fits ? HUB_OK : HUB_MISMATCH,
				    .cursor = &c});
}

static void lease(struct world *w, int64_t have)
{
	struct sync_frame f = {.type = SYNC_LEASE, .lease_count = BLOCK, .gen = "g1"};

	if (have >= w->hq.leases && w->hq.leases < EVENTS_MAX) {
		w->hq.lease_first[w->hq.leases++] = w->hq.next_serial;
		w->hq.next_serial += BLOCK;
	}
	f.lease = have + 1;
	f.lease_first = w->hq.lease_first[have];
	feed_hub(w, (struct hub_input){.kind = HUB_IN_LEASED, .result = HUB_OK, .frame = &f});
}

static void read_downs(struct world *w, int64_t after, int64_t limit)
{
	struct hub_down downs[SYNC_DOWN_WINDOW];
	size_t n = 0;

	for (int64_t k = after + 1; k <= w->hq.down_head && (int64_t)n < limit; k++, n++)
		downs[n] = (struct hub_down){
			.n = k, .body = "{}", .len = 2, .kind = "order", .gen = "g1"};
	feed_hub(w, (struct hub_input){.kind = HUB_IN_DOWNS, .downs = downs, .downs_n = n});
}

static void hub_does(struct world *w, const struct hub_output *out)
{
	struct hub_cursor c;

	switch (out->kind) {
	case HUB_OUT_SEND:
		if (out->frame->type == SYNC_UPACK && out->frame->up_n > w->hq.up_n)
			complain(w, "I4: UPACK %lld, on disk %lld", (long long)out->frame->up_n,
				(long long)w->hq.up_n);
		send_packet(w, out->frame, false);
		return;
	case HUB_OUT_OPEN:
		c = cursor_of(w);
		feed_hub(w,
			(struct hub_input){.kind = HUB_IN_OPENED, .result = HUB_OK, .cursor = &c});
		return;
	case HUB_OUT_APPLY:
		apply(w, out->frame);
		return;
	case HUB_OUT_READ_DOWN:
		read_downs(w, out->after, out->limit);
		return;
	case HUB_OUT_LEASE:
		lease(w, out->frame->lease);
		return;
	case HUB_OUT_DOWN_ACK:
	case HUB_OUT_ENDED:
		return;
	}
}

static void feed_hub(struct world *w, struct hub_input in)
{
	struct hub_outputs *out = &w->hub_out[w->level++];

	in.now_us = w->now_us;
	for (size_t i = 0; i < sizeof(in.random); i++)
		in.random[i] = (uint8_t)dice(w);
	hub_step(&w->hub, &in, out);
	w->hub_due = out->timer_us;
	for (size_t i = 0; i < out->n; i++)
		hub_does(w, &out->out[i]);
	w->level--;
}

/* ---- time ---- */

static void work(struct world *w)
{
	struct edge_link link;
	char bytes[40];

	w->work_due = w->now_us + between(w, 50000, 800000);
	if (w->now_us >= FAULTS_END)
		return;
	for (int64_t n = between(w, 0, 5); n > 0 && w->site.head < EVENTS_MAX; n--) {
		int64_t k = ++w->site.head;

		chain_next(w->site.hash[k - 1], (uint64_t)k, bytes, event_bytes(k, bytes),
			w->site.hash[k]);
	}
	if (chance(w, 300))
		w->hq.down_head += between(w, 1, 3);
	if (chance(w, 50))
		w->site.lease_wanted_until++;
	link = link_of(w);
	feed_edge(w, (struct edge_input){.kind = EDGE_IN_OUTBOX, .link = &link});
	feed_hub(w, (struct hub_input){.kind = HUB_IN_DOWN});
	if (chance(w, 30))
		kill_edge(w);
	if (chance(w, 30))
		kill_hub(w);
	if (w->socket && chance(w, 30))
		feed_edge(w, (struct edge_input){.kind = EDGE_IN_SOCKET_DOWN, .why = "cut"});
}

/* Does the one thing that is due next. */
static void advance(struct world *w)
{
	int64_t next = w->work_due;
	size_t packet = PACKETS_MAX, pending = 32;

	next = w->edge_due < next ? w->edge_due : next;
	next = w->hub_due < next ? w->hub_due : next;
	for (size_t i = 0; i < w->packets_n; i++)
		if (w->packets[i].due_us < next) {
			next = w->packets[i].due_us;
			packet = i;
		}
	for (size_t i = 0; i < w->pending_n; i++) {
		/* The core decides in the order it was asked. */
		if (w->pending[i].due_us < next) {
			next = w->pending[i].due_us;
			pending = i;
		}
	}
	w->now_us = next > w->now_us ? next : w->now_us;
	for (size_t i = 0; pending < 32 && i < pending; i++)
		if (w->pending[i].kind == w->pending[pending].kind) {
			pending = i;
			break;
		}
	if (pending < 32)
		do_pending(w, pending);
	else if (packet < PACKETS_MAX)
		deliver(w, packet);
	else if (next == w->work_due)
		work(w);
	else if (next == w->edge_due)
		feed_edge(w, (struct edge_input){.kind = EDGE_IN_TIMER});
	else
		feed_hub(w, (struct hub_input){.kind = HUB_IN_TIMER});
}

static void check_end(struct world *w)
{
	if (w->hq.up_n != w->site.head ||
		memcmp(w->hq.up_hash, w->site.hash[w->site.head], HASH_BYTES) != 0)
		complain(w, "outbox not empty: %lld of %lld (%s)", (long long)w->hq.up_n,
			(long long)w->site.head, w->edge.why);
	if (w->site.acked != w->site.head)
		complain(w, "acknowledged %lld of %lld", (long long)w->site.acked,
			(long long)w->site.head);
	if (w->site.down_n != w->hq.down_head)
		complain(w, "down %lld of %lld delivered", (long long)w->site.down_n,
			(long long)w->hq.down_head);
	if (w->site.blocks < w->site.lease_wanted_until)
		complain(w, "a block is still missing");
}

void world_run(uint64_t seed, enum flaw flaw, struct verdict *ret)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	*ret = (struct verdict){.ok = true};
	w->random = seed;
	w->flaw = flaw;
	w->verdict = ret;
	w->now_us = w->work_due = 1000 * S;
	w->site.lease_wanted_until = 1;
	w->hub_due = HUB_NEVER;
	hub_init(&w->hub, "S1");
	start_edge(w);
	while (w->now_us < WORLD_END && ret->ok)
		advance(w);
	if (ret->ok)
		check_end(w);
	ret->events = w->hq.up_n;
	ret->downs = w->site.down_n;
	ret->leases = w->site.blocks;
	for (size_t i = 0; i < w->packets_n; i++)
		free(w->packets[i].blob);
	free(w);
}
