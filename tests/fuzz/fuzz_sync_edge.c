/* The site's side of the link, told anything in any order: frames of every type with right and wrong session, cursor and
 * hash, answers of the outbox and of the core that come late, twice or wrong, time that jumps. What must hold then stands
 * in check_edge() and check_output(). */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "edge.h"
#include "fuzz_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 400
#define EVENTS_MAX 1200
#define S INT64_C(1000000)

struct site {
	struct script script;
	struct edge edge;
	struct edge_outputs out;
	struct edge_event events[EVENTS_MAX];
	struct edge_link link;
	int64_t now_us, read, after, limit;
	int64_t down_disk, down_given; /* done by the core; given to it */
	bool socket;
};

static const char bytes[SYNC_EVENT_MAX];

static const uint8_t *hash_of(const struct site *s, int64_t n)
{
	static const uint8_t zero[HASH_BYTES];

	return n > 0 && n <= s->link.head ? s->events[n - 1].hash : zero;
}

static void add_events(struct site *s)
{
	static const size_t lengths[] = { 0, 1, 40, 3000, 60000, SYNC_EVENT_MAX };
	size_t len = lengths[script_choice(&s->script, 6)];

	unsigned n_max = len < 3000 ? 150 : 20;

	for (unsigned i = script_choice(&s->script, n_max); i > 0 && s->link.head < EVENTS_MAX; i--) {
		int64_t n = s->link.head + 1;
		struct edge_event *e = &s->events[n - 1];

		*e = (struct edge_event){ .n = n, .bytes = bytes, .len = len };
		chain_next(hash_of(s, n - 1), (uint64_t)n, bytes, len, e->hash);
		s->link.head = n;
	}
	memcpy(s->link.head_hash, hash_of(s, s->link.head), HASH_BYTES);
}

/* A number a peer might say: one that means something here, one beside it, or any. */
static int64_t some_number(struct site *s, const int64_t *known, unsigned n)
{
	unsigned choice = script_choice(&s->script, n * 3 + 1);
	int64_t value;

	if (choice == n * 3)
		return (int64_t)(script_number(&s->script, 7) >> 3);
	value = known[choice % n] + (int64_t)(choice / n) - 1;
	return value < 0 ? 0 : value;
}

static int64_t some_cursor(struct site *s)
{
	const struct edge *e = &s->edge;
	const int64_t known[] = { 0, e->cum, e->sent, e->known, s->link.head };

	return some_number(s, known, 5);
}

static void fill_numbers(struct site *s, struct sync_frame *f)
{
	const struct edge *e = &s->edge;
	const int64_t downs[] = { e->down_done, e->down_given }, leases[] = { e->lease_have, e->lease_open };

	f->up_n = some_cursor(s);
	f->safe = script_choice(&s->script, 2) ? f->up_n : 0;
	memcpy(f->up_hash, hash_of(s, f->up_n), HASH_BYTES);
	f->up_hash[0] ^= (uint8_t)(script_choice(&s->script, 8) == 7);
	f->down_n = some_number(s, downs, 2);
	f->lease = some_number(s, leases, 2);
	f->epoch = script_choice(&s->script, 3);
	f->credit_events = script_choice(&s->script, 4) ? SYNC_CREDIT_EVENTS : script_byte(&s->script) + 1;
	f->credit_bytes = script_choice(&s->script, 2) ? SYNC_CREDIT_BYTES : SYNC_EVENT_MAX;
	f->retry_ms = (int64_t)script_number(&s->script, 2);
}

static void fill_texts(struct site *s, struct sync_frame *f)
{
	const char *text = script_choice(&s->script, 6) == 5 ? "\xc3\xa4\"\x01 and more" : "";

	snprintf(f->why, sizeof(f->why), "%s", text);
	snprintf(f->refused, sizeof(f->refused), "%s", text);
	snprintf(f->gen, sizeof(f->gen), "g%u", script_choice(&s->script, 2));
}

static void step(struct site *s, struct edge_input in);

/* The frame goes over the wire as it would: written and read. */
static void send_to_edge(struct site *s, const struct sync_frame *f)
{
	char header[SYNC_HEADER_MAX], why[SYNC_WHY_MAX];
	struct sync_part parts[4] = { { header, sync_encode(f, header) }, { "{}", 2 }, { "{}", 2 }, { "", 0 } };
	struct sync_frame read;
	unsigned bodies = f->type == SYNC_DOWN ? 1 : 0;

	if (script_choice(&s->script, 16) == 15)
		bodies = script_choice(&s->script, 4);
	assert(sync_decode(parts, 1 + bodies, &read, why) == 0);
	step(s, (struct edge_input){ .kind = EDGE_IN_MESSAGE, .frame = &read });
}

static void message(struct site *s)
{
	static const enum sync_type likely[] = { SYNC_WELCOME, SYNC_UPACK, SYNC_UPNAK, SYNC_DOWN, SYNC_LEASE, SYNC_PONG, SYNC_BUSY };
	unsigned type = script_choice(&s->script, SYNC_TYPES + 21);
	struct sync_frame f;
	bool old = script_choice(&s->script, 16) == 15;
	const char *hsid = s->edge.hsid[0] ? s->edge.hsid : "hub";

	type = type < SYNC_TYPES ? type : likely[(type - SYNC_TYPES) % 7];
	sync_frame_init(&f, (enum sync_type)type, old ? "old" : s->edge.esid, hsid);
	if (type == SYNC_OTHER)
		return;
	fill_numbers(s, &f);
	fill_texts(s, &f);
	send_to_edge(s, &f);
}

static void give_events(struct site *s)
{
	struct edge_event events[SYNC_BATCH_EVENTS];
	int64_t n = s->link.head - s->after, flaw = script_choice(&s->script, 16);

	n = n < s->limit ? n : s->limit;
	n = n < 0 || n > SYNC_BATCH_EVENTS || flaw == 1 ? 0 : n;
	if (n > 0)
		memcpy(events, &s->events[s->after], (size_t)n * sizeof(events[0]));
	if (n > 0 && flaw == 2)
		events[n - 1].hash[5] ^= 1;
	if (n > 0 && flaw == 3)
		events[0].n++;
	step(s, (struct edge_input){
			.kind = EDGE_IN_EVENTS, .read = s->read - (flaw == 4), .events = events, .events_n = (size_t)n });
}

static void finish_down(struct site *s)
{
	enum edge_done done = (enum edge_done)script_choice(&s->script, EDGE_CONFLICT + 1);
	int64_t n = script_choice(&s->script, 8) ? s->down_disk + 1 : (int64_t)script_byte(&s->script);

	if (n == s->down_disk + 1 && n <= s->down_given && done != EDGE_CONFLICT)
		s->down_disk = n;
	if (done == EDGE_CONFLICT && n == s->down_disk + 1)
		s->down_given = s->down_disk;
	step(s, (struct edge_input){ .kind = EDGE_IN_DOWN_DONE, .n = n, .done = done, .why = "why not" });
}

static void new_link(struct site *s)
{
	if (script_choice(&s->script, 8) == 7) {
		s->link.incarnation[0] ^= 1;
		s->down_disk = s->down_given = s->link.down_n = script_choice(&s->script, 3);
	} else {
		s->link.down_n = s->down_disk;
	}
	step(s, (struct edge_input){ .kind = EDGE_IN_LINK, .link = &s->link });
}

/* A timer that was due and is served must not be due at once again: that would be a busy loop. */
static void timer(struct site *s)
{
	if (script_choice(&s->script, 2) && s->out.timer_us != EDGE_NEVER && s->out.timer_us > s->now_us)
		s->now_us = s->out.timer_us;
	else
		s->now_us += script_time_us(&s->script);
	step(s, (struct edge_input){ .kind = EDGE_IN_TIMER });
	assert(s->out.timer_us > s->now_us);
}

static void act(struct site *s)
{
	switch (script_choice(&s->script, 24)) {
	case 0:
		new_link(s);
		return;
	case 1:
	case 2:
		add_events(s);
		s->link.lease_wanted = script_choice(&s->script, 2);
		step(s, (struct edge_input){ .kind = EDGE_IN_OUTBOX, .link = &s->link });
		return;
	case 3:
	case 4:
		step(s, (struct edge_input){ .kind = EDGE_IN_SOCKET_UP });
		return;
	case 5:
		step(s, (struct edge_input){ .kind = EDGE_IN_SOCKET_DOWN, .why = "cut" });
		return;
	case 6:
		step(s, (struct edge_input){ .kind = EDGE_IN_MALFORMED, .why = "nonsense" });
		return;
	case 7:
	case 8:
	case 9:
		timer(s);
		return;
	case 10:
	case 11:
	case 12:
		give_events(s);
		return;
	case 13:
	case 14:
		finish_down(s);
		return;
	case 15:
		step(s, (struct edge_input){ .kind = EDGE_IN_LEASE_DONE,
				.n = s->edge.lease_open - (script_choice(&s->script, 8) == 7),
				.done = (enum edge_done)script_choice(&s->script, EDGE_CONFLICT + 1) });
		return;
	case 16:
		if (script_choice(&s->script, 16) == 15)
			step(s, (struct edge_input){ .kind = EDGE_IN_STOP });
		return;
	default:
		message(s);
		return;
	}
}

static void check_sent(struct site *s, const struct sync_frame *f)
{
	static uint8_t hashes[SYNC_BATCH_EVENTS][HASH_BYTES];
	char header[SYNC_HEADER_MAX];

	assert(s->socket);
	assert(sync_encode(f, header) > 0);
	assert(f->bodies_n <= SYNC_BATCH_EVENTS);
	/* Nothing is acknowledged that is not on the site's disk. */
	assert(f->type != SYNC_DOWNACK || f->down_n <= s->down_disk);
	if (f->type == SYNC_UP) {
		assert(f->first >= 1 && f->bodies_n >= 1 && f->first + (int64_t)f->bodies_n - 1 <= s->link.head);
		assert(sync_chain_ok(f, hashes));
	}
}

static void check_output(struct site *s, const struct edge_output *out)
{
	switch (out->kind) {
	case EDGE_OUT_OPEN:
		assert(!s->socket);
		s->socket = true;
		return;
	case EDGE_OUT_CLOSE:
		assert(s->socket);
		s->socket = false;
		return;
	case EDGE_OUT_SEND:
		check_sent(s, out->frame);
		return;
	case EDGE_OUT_READ:
		assert(out->after >= 0 && out->limit >= 1 && out->limit <= SYNC_BATCH_EVENTS);
		s->read = out->read;
		s->after = out->after;
		s->limit = out->limit;
		return;
	case EDGE_OUT_ACKED:
		assert(out->frame->up_n <= s->link.head);
		assert(memcmp(out->frame->up_hash, hash_of(s, out->frame->up_n), HASH_BYTES) == 0);
		return;
	case EDGE_OUT_DOWN:
		assert(out->frame->down_n == s->down_given + 1 && out->frame->bodies_n == 1);
		s->down_given = out->frame->down_n;
		return;
	case EDGE_OUT_LEASE:
		assert(out->frame->lease > s->edge.lease_have);
		return;
	case EDGE_OUT_EPOCH:
		return;
	case EDGE_OUT_LINK:
		assert(out->word && memchr(out->why, '\0', SYNC_WHY_MAX));
		return;
	}
}

static void check_edge(const struct site *s)
{
	const struct edge *e = &s->edge;

	assert(e->cum <= e->sent && e->sent <= e->known && e->known - e->cum <= SYNC_CREDIT_EVENTS);
	assert(!edge_states[e->state].session || e->sent - e->cum <= e->credit_events || e->sent == e->cum);
	assert(e->sent == e->cum || edge_bytes_out(e) <= e->credit_bytes);
	assert(e->down_done == s->down_disk && e->down_done <= e->down_given);
	assert(e->down_given - e->down_done <= SYNC_DOWN_WINDOW);
	assert(edge_states[e->state].socket == s->socket);
	/* Who waits for something waits with a limit. */
	assert(s->out.timer_us != EDGE_NEVER || (e->state == EDGE_IDLE && (!e->linked || e->stopping)));
}

static void step(struct site *s, struct edge_input in)
{
	in.now_us = s->now_us;
	for (size_t i = 0; i < sizeof(in.random); i++)
		in.random[i] = (uint8_t)(s->now_us >> i % 8);
	edge_step(&s->edge, &in, &s->out);
	assert(s->out.n <= EDGE_OUTPUTS_MAX && s->out.frames_n <= EDGE_SENDS_MAX);
	for (size_t i = 0; i < s->out.n; i++)
		check_output(s, &s->out.out[i]);
	check_edge(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct edge_config config = { .site = "S1", .build = "fuzz", .ping_us = 2 * S, .watchdog_us = 30 * S };
	struct site *s = calloc(1, sizeof(*s));

	assert(s);
	s->script = (struct script){ data, data + size };
	s->now_us = 1000 * S;
	s->link.incarnation[0] = 'i';
	edge_init(&s->edge, &config);
	step(s, (struct edge_input){ .kind = EDGE_IN_LINK, .link = &s->link });
	for (int i = 0; i < STEPS_MAX && s->script.p < s->script.end && !s->edge.stopped; i++)
		act(s);
	free(s);
	return 0;
}
