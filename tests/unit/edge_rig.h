/* A site with events in its outbox around the edge's machine, for the tests of the machine. */
#ifndef WHARF_TEST_EDGE_RIG_H
#define WHARF_TEST_EDGE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge.h"

#define S INT64_C(1000000)
#define HSID "hub-session"

/* A site with `events` events in its outbox and the machine under test. */
struct site {
	struct edge edge;
	struct edge_outputs out;
	struct edge_event events[2000];
	struct edge_link link;
	int64_t now_us;
	uint8_t dice;
};

void step(struct site *s, struct edge_input in);
const struct edge_output *find(const struct site *s, enum edge_output_kind kind);
const struct sync_frame *sent(const struct site *s, enum sync_type type);
const uint8_t *hash_of(const struct site *s, int64_t n);
void add_events(struct site *s, int64_t n, size_t len);
struct site *make(int64_t events, size_t len);
struct sync_frame frame(const struct site *s, enum sync_type type);
void message(struct site *s, struct sync_frame f);
void timer_after(struct site *s, int64_t us);
struct sync_frame welcome_at(const struct site *s, int64_t cursor);
void to_hello(struct site *s);
void give_events(struct site *s);
struct site *make_live(int64_t events, size_t len);
struct sync_frame ack_at(const struct site *s, enum sync_type type, int64_t n);

#endif
