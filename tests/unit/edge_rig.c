#include "edge_rig.h"

#include "chain.h"

void step(struct site *s, struct edge_input in)
{
	in.now_us = s->now_us;
	memset(in.random, ++s->dice, sizeof(in.random));
	edge_step(&s->edge, &in, &s->out);
}

const struct edge_output *find(const struct site *s, enum edge_output_kind kind)
{
	for (size_t i = 0; i < s->out.n; i++)
		if (s->out.out[i].kind == kind)
			return &s->out.out[i];
	return NULL;
}

const struct sync_frame *sent(const struct site *s, enum sync_type type)
{
	for (size_t i = 0; i < s->out.n; i++)
		if (s->out.out[i].kind == EDGE_OUT_SEND && s->out.out[i].frame->type == type)
			return s->out.out[i].frame;
	return NULL;
}

const uint8_t *hash_of(const struct site *s, int64_t n)
{
	static const uint8_t zero[HASH_BYTES];

	return n ? s->events[n - 1].hash : zero;
}

void add_events(struct site *s, int64_t n, size_t len)
{
	static char bytes[SYNC_EVENT_MAX];

	for (int64_t i = 0; i < n; i++) {
		int64_t number = ++s->link.head;
		struct edge_event *e = &s->events[number - 1];

		*e = (struct edge_event){.n = number, .bytes = bytes, .len = len};
		chain_next(hash_of(s, number - 1), (uint64_t)number, bytes, len, e->hash);
	}
	memcpy(s->link.head_hash, hash_of(s, s->link.head), HASH_BYTES);
}

struct site *make(int64_t events, size_t len)
{
	struct site *s = calloc(1, sizeof(*s));
	const struct edge_config config = {
		.site = "S1", .build = "t", .ping_us = 2 * S, .watchdog_us = 30 * S};

	assert_non_null(s);
	s->now_us = 1000 * S;
	strcpy(s->link.incarnation, "inc-1");
	edge_init(&s->edge, &config);
	add_events(s, events, len);
	step(s, (struct edge_input){.kind = EDGE_IN_LINK, .link = &s->link});
	return s;
}

struct sync_frame frame(const struct site *s, enum sync_type type)
{
	struct sync_frame f;

	sync_frame_init(&f, type, s->edge.esid, HSID);
	return f;
}

void message(struct site *s, struct sync_frame f)
{
	step(s, (struct edge_input){.kind = EDGE_IN_MESSAGE, .frame = &f});
}

void timer_after(struct site *s, int64_t us)
{
	s->now_us += us;
	step(s, (struct edge_input){.kind = EDGE_IN_TIMER});
}

struct sync_frame welcome_at(const struct site *s, int64_t cursor)
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

void to_hello(struct site *s)
{
	if (s->edge.state == EDGE_IDLE)
		timer_after(s, 61 * S);
	assert_int_equal(s->edge.state, EDGE_CONNECT);
	step(s, (struct edge_input){.kind = EDGE_IN_SOCKET_UP});
	assert_non_null(sent(s, SYNC_HELLO));
}

void give_events(struct site *s)
{
	const struct edge_output *read = find(s, EDGE_OUT_READ);
	int64_t left = read ? s->link.head - read->after : 0;

	assert_non_null(read);
	step(s, (struct edge_input){.kind = EDGE_IN_EVENTS,
			.read = read->read,
			.events = &s->events[read->after],
			.events_n = (size_t)(left < read->limit ? left : read->limit)});
}

struct site *make_live(int64_t events, size_t len)
{
	struct site *s = make(events, len);

	to_hello(s);
	message(s, welcome_at(s, 0));
	assert_int_equal(s->edge.state, EDGE_LIVE);
	return s;
}

struct sync_frame ack_at(const struct site *s, enum sync_type type, int64_t n)
{
	struct sync_frame f = frame(s, type);

	f.up_n = n;
	memcpy(f.up_hash, hash_of(s, n), HASH_BYTES);
	return f;
}
