/* HQ's side of the link, told anything in any order by one site, over a store that keeps the compare-and-set and may be
 * busy or refuse. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "fuzz_script.h"
#include "hub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 400
#define LEVELS 8 /* a store's answer may lead to another question */
#define S INT64_C(1000000)

struct hq {
	struct script script;
	struct hub_session session;
	struct hub_outputs out[LEVELS];
	int level;
	struct hub_cursor store;
	int64_t now_us, timer_us, asked_lease;
};

static void step(struct hq *q, struct hub_input in);

static int64_t some_number(struct hq *q, const int64_t *known, unsigned n)
{
	unsigned choice = script_choice(&q->script, n * 3 + 1);
	int64_t value;

	if (choice == n * 3)
		return (int64_t)(script_number(&q->script, 7) >> 3);
	value = known[choice % n] + (int64_t)(choice / n) - 1;
	return value < 0 ? 0 : value;
}

static size_t fill_up(struct hq *q, struct sync_frame *f, struct sync_part *bodies)
{
	size_t n = script_choice(&q->script, 16) ? script_choice(&q->script, 6) : (size_t)script_byte(&q->script) + 1;
	const int64_t firsts[] = { q->store.up_n + 1 };

	f->first = some_number(q, firsts, 1);
	memcpy(f->prev, q->store.up_hash, HASH_BYTES);
	memcpy(f->hash, f->prev, HASH_BYTES);
	for (size_t i = 0; i < n; i++) {
		bodies[i] = (struct sync_part){ "{\"kind\":\"x\"}", 12 };
		chain_next(f->hash, (uint64_t)(f->first + (int64_t)i), bodies[i].bytes, bodies[i].len, f->hash);
	}
	f->hash[0] ^= (uint8_t)(script_choice(&q->script, 8) == 7);
	return n;
}

static void fill_frame(struct hq *q, struct sync_frame *f)
{
	const struct hub_session *s = &q->session;
	const int64_t ups[] = { q->store.up_n }, downs[] = { s->down_acked, s->down_sent, q->store.down_head };

	f->up_n = some_number(q, ups, 1);
	memcpy(f->up_hash, q->store.up_hash, HASH_BYTES);
	f->up_hash[0] ^= (uint8_t)(script_choice(&q->script, 8) == 7);
	f->down_n = some_number(q, downs, 3);
	f->lease = script_choice(&q->script, 3);
	f->depth = script_byte(&q->script);
	snprintf(f->build, sizeof(f->build), "%s", script_choice(&q->script, 8) ? "fuzz" : "\xc3\xa4 \x02");
}

static void message(struct hq *q)
{
	static const enum sync_type likely[] = { SYNC_HELLO, SYNC_UP, SYNC_UP, SYNC_DOWNACK, SYNC_LEASE_REQ, SYNC_PING };
	char header[SYNC_HEADER_MAX], why[SYNC_WHY_MAX], esid[SYNC_SESSION_HEX];
	struct sync_part parts[SYNC_CREDIT_EVENTS + 1] = { { header, 0 } };
	unsigned type = script_choice(&q->script, SYNC_TYPES + 24);
	struct sync_frame f, read;
	size_t bodies = 0;

	type = type < SYNC_TYPES ? type : likely[(type - SYNC_TYPES) % 6];
	if (type == SYNC_OTHER)
		return;
	snprintf(esid, sizeof(esid), "e%u", script_choice(&q->script, 2));
	sync_frame_init(&f, (enum sync_type)type, type == SYNC_HELLO ? esid : q->session.esid, q->session.hsid);
	if (script_choice(&q->script, 16) == 15)
		snprintf(f.hsid, sizeof(f.hsid), "old");
	fill_frame(q, &f);
	if (type == SYNC_UP)
		bodies = fill_up(q, &f, parts + 1);
	parts[0].len = sync_encode(&f, header);
	assert(sync_decode(parts, 1 + bodies, &read, why) == 0);
	step(q, (struct hub_input){ .kind = HUB_IN_MESSAGE, .frame = &read, .active = script_choice(&q->script, 32) != 31,
			.safe = q->store.up_n });
}

static void timer(struct hq *q)
{
	if (script_choice(&q->script, 2) && q->timer_us != HUB_NEVER && q->timer_us > q->now_us)
		q->now_us = q->timer_us;
	else
		q->now_us += script_time_us(&q->script);
	step(q, (struct hub_input){ .kind = HUB_IN_TIMER });
	assert(q->timer_us > q->now_us);
}

static void act(struct hq *q)
{
	switch (script_choice(&q->script, 12)) {
	case 0:
		step(q, (struct hub_input){ .kind = HUB_IN_MALFORMED, .why = "\xc3\xa4 \"nonsense\"" });
		return;
	case 1:
	case 2:
		timer(q);
		return;
	case 3:
		q->store.down_head += script_choice(&q->script, 40);
		step(q, (struct hub_input){ .kind = HUB_IN_DOWN });
		return;
	default:
		message(q);
		return;
	}
}

static enum hub_result mood(struct hq *q)
{
	switch (script_choice(&q->script, 16)) {
	case 14:
		return HUB_REFUSED;
	case 15:
		return HUB_BUSY_STORE;
	default:
		return HUB_OK;
	}
}

static void apply(struct hq *q, const struct hub_output *out)
{
	const struct sync_frame *f = out->frame;
	struct sync_bad bad[SYNC_BAD_MAX + 1];
	struct hub_input in = { .kind = HUB_IN_APPLIED, .result = mood(q), .cursor = &q->store, .bad = bad };

	/* What comes here chains; whether it continues what is stored, the store decides. */
	assert(f->bodies_n >= 1 && f->first >= 1);
	assert(memcmp(out->hashes[f->bodies_n - 1], f->hash, HASH_BYTES) == 0);
	memset(bad, 'x', sizeof(bad));
	for (size_t i = 0; i <= SYNC_BAD_MAX; i++)
		bad[i] = (struct sync_bad){ .n = f->first, .why = "\xc3\xa4 no order" };
	in.bad_n = script_choice(&q->script, SYNC_BAD_MAX + 2);
	if (in.result == HUB_OK && (f->first != q->store.up_n + 1 || memcmp(f->prev, q->store.up_hash, HASH_BYTES) != 0))
		in.result = HUB_MISMATCH;
	if (in.result == HUB_OK) {
		q->store.up_n += (int64_t)f->bodies_n;
		memcpy(q->store.up_hash, f->hash, HASH_BYTES);
	}
	step(q, in);
}

static void read_down(struct hq *q, const struct hub_output *out)
{
	struct hub_down downs[SYNC_DOWN_WINDOW];
	struct hub_input in = { .kind = HUB_IN_DOWNS, .downs = downs };

	assert(out->limit >= 1 && out->limit <= SYNC_DOWN_WINDOW);
	for (int64_t n = out->after + 1; n <= q->store.down_head && (int64_t)in.downs_n < out->limit; n++)
		downs[in.downs_n++] = (struct hub_down){ .n = n, .kind = "order", .gen = "g", .body = "{}", .len = 2 };
	step(q, in);
}

static void check_sent(const struct hq *q, const struct sync_frame *f)
{
	char header[SYNC_HEADER_MAX];

	assert(sync_encode(f, header) > 0);
	/* Nothing is acknowledged before the store has it, nothing sent down that is not there. */
	assert(f->type != SYNC_UPACK || f->up_n <= q->store.up_n);
	assert(f->type != SYNC_DOWN || (f->down_n <= q->store.down_head && f->bodies_n == 1));
	assert(f->type != SYNC_LEASE || f->lease == q->asked_lease + 1);
}

static void take_output(struct hq *q, const struct hub_output *out)
{
	struct sync_frame lease = { .type = SYNC_LEASE, .lease_count = 100, .gen = "g" };

	switch (out->kind) {
	case HUB_OUT_SEND:
		check_sent(q, out->frame);
		return;
	case HUB_OUT_OPEN:
		q->store.other_incarnation = script_choice(&q->script, 16) == 15;
		step(q, (struct hub_input){ .kind = HUB_IN_OPENED, .result = mood(q), .cursor = &q->store });
		return;
	case HUB_OUT_APPLY:
		apply(q, out);
		return;
	case HUB_OUT_READ_DOWN:
		read_down(q, out);
		return;
	case HUB_OUT_LEASE:
		q->asked_lease = out->frame->lease;
		lease.lease = q->asked_lease + 1;
		step(q, (struct hub_input){ .kind = HUB_IN_LEASED, .result = mood(q), .frame = &lease });
		return;
	case HUB_OUT_DOWN_ACK:
		assert(out->frame->down_n <= q->store.down_head);
		return;
	case HUB_OUT_ENDED:
		assert(out->why);
		return;
	}
}

static void step(struct hq *q, struct hub_input in)
{
	struct hub_outputs *out = &q->out[q->level++];

	assert(q->level < LEVELS);
	in.now_us = q->now_us;
	memset(in.random, (int)(q->now_us % 251), sizeof(in.random));
	hub_step(&q->session, &in, out);
	q->timer_us = out->timer_us;
	for (size_t i = 0; i < out->n; i++)
		take_output(q, &out->out[i]);
	assert(q->session.down_sent >= q->session.down_acked);
	assert(q->session.down_sent - q->session.down_acked <= SYNC_DOWN_WINDOW);
	assert(!hub_states[q->session.state].session || q->timer_us != HUB_NEVER);
	q->level--;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hq *q = calloc(1, sizeof(*q));

	assert(q);
	q->script = (struct script){ data, data + size };
	q->now_us = 1000 * S;
	q->timer_us = HUB_NEVER;
	memcpy(q->store.gen, "g1", 3);
	hub_init(&q->session, "S1");
	for (int i = 0; i < STEPS_MAX && q->script.p < q->script.end; i++)
		act(q);
	free(q);
	return 0;
}
