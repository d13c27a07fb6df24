/* Shared by the parts of the edge's machine; nobody else includes it. */
#ifndef WHARF_SYNC_EDGE_PRIVATE_H
#define WHARF_SYNC_EDGE_PRIVATE_H

#include "edge.h"

#define EDGE_HANDSHAKE_US (10 * INT64_C(1000000))
#define EDGE_RESEND_US (5 * INT64_C(1000000)) /* batch without an answer goes out again */
#define EDGE_LEASE_US (5 * INT64_C(1000000))
#define EDGE_DRAIN_US (2 * INT64_C(1000000))
#define EDGE_SILENT_PINGS 5 /* PINGs without any answer */
#define EDGE_SILENT_LEAST_US (5 * INT64_C(1000000))
#define EDGE_BACKOFF_FIRST_US (INT64_C(1000000) / 2)
#define EDGE_BACKOFF_LAST_US (60 * INT64_C(1000000))
#define EDGE_PAUSE_FIRST_US (INT64_C(1000000) / 10)
#define EDGE_STALLS_ALARM 3

struct edge_turn {
	struct edge *edge;
	const struct edge_input *in;
	struct edge_outputs *out;
};

struct edge_output *edge_out(struct edge_turn *t, enum edge_output_kind kind);
struct sync_frame *edge_send(struct edge_turn *t, enum sync_type type);
void edge_move(struct edge *edge, enum edge_state next);

/* Closes the session and waits for the next try. */
void edge_end(struct edge_turn *t, const char *why);

/* Histories differ: stay in RECONCILE, visible, nothing moves. */
void edge_refuse(struct edge_turn *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* edge_session.c */
void edge_session_connect(struct edge_turn *t);
void edge_session_hello(struct edge_turn *t);
void edge_session_hash(struct edge_turn *t);
void edge_session_message(struct edge_turn *t);

/* edge_up.c */
void edge_up_start(struct edge_turn *t, int64_t cum, const uint8_t *hash);
void edge_up_read(struct edge_turn *t);
void edge_up_events(struct edge_turn *t);
void edge_up_ack(struct edge_turn *t, const struct sync_frame *f);
void edge_up_safe(struct edge_turn *t, const struct sync_frame *f);
void edge_up_nak(struct edge_turn *t, const struct sync_frame *f);
void edge_up_rewind(struct edge *edge);
void edge_up_timer(struct edge_turn *t);

/* edge_down.c */
void edge_down_message(struct edge_turn *t, const struct sync_frame *f);
void edge_down_done(struct edge_turn *t);
void edge_lease_ask(struct edge_turn *t);
void edge_lease_message(struct edge_turn *t, const struct sync_frame *f);
void edge_lease_done(struct edge_turn *t);

#endif
