/* The site's side of the link as a pure state machine: no socket, clock, random source or thread.
 * The caller brings what happened with the time and fresh random bytes, and does what comes back,
 * in order. Rules and tables: docs/sync.md. */
#ifndef WHARF_SYNC_EDGE_H
#define WHARF_SYNC_EDGE_H

#include "frame.h"

#define EDGE_RANDOM_BYTES (SYNC_SESSION_BYTES + 8)
#define EDGE_SENDS_MAX 4
#define EDGE_OUTPUTS_MAX 16
#define EDGE_NEVER INT64_MAX

enum edge_state {
	EDGE_IDLE,    /* no socket; waits for its next try */
	EDGE_CONNECT, /* socket made; waits for the CURVE handshake */
	EDGE_HELLO_SENT,
	EDGE_RECONCILE, /* compares histories; stays and says why when they differ */
	EDGE_LIVE,
	EDGE_DRAIN, /* stopping: waits for the last acknowledgement */
};
#define EDGE_STATES (EDGE_DRAIN + 1)

/* A row per state; edge_step() can make no other moves (asserted). */
struct edge_state_row {
	const char *name;
	unsigned next; /* bit per allowed successor */
	bool session;  /* frames of the session mean something */
	bool socket;   /* a socket is open */
};
extern const struct edge_state_row edge_states[EDGE_STATES];

struct edge_config {
	char site[SYNC_SITE_MAX];
	char build[SYNC_NAME_MAX];
	int64_t ping_us;
	int64_t watchdog_us;
};

/* A row of the outbox; bytes are borrowed. */
struct edge_event {
	int64_t n;
	const void *bytes;
	size_t len;
	uint8_t hash[HASH_BYTES];
};

/* What the core's database says of the link. */
struct edge_link {
	char incarnation[SYNC_NAME_MAX];
	int64_t head; /* last event */
	uint8_t head_hash[HASH_BYTES];
	int64_t acked, safe;
	int64_t oldest;
	int64_t down_n; /* last down message whose effect is on disk */
	int64_t epoch;
	bool lease_wanted;
};

enum edge_done {
	EDGE_DONE,     /* decided and on disk */
	EDGE_POISON,   /* decided against, and on disk; `why` says it */
	EDGE_CONFLICT, /* cannot be decided (malformed, other content before): the cursor stands */
};

enum edge_input_kind {
	EDGE_IN_LINK,	     /* link: at start and after each reconnect of the door */
	EDGE_IN_OUTBOX,	     /* link: head, head_hash, lease_wanted */
	EDGE_IN_SOCKET_UP,   /* handshake done */
	EDGE_IN_SOCKET_DOWN, /* why */
	EDGE_IN_MESSAGE,     /* frame */
	EDGE_IN_MALFORMED,   /* why: a message that is no frame */
	EDGE_IN_TIMER,
	EDGE_IN_EVENTS, /* answer to EDGE_OUT_READ: read, events (none: failed or nothing there) */
	EDGE_IN_DOWN_DONE,  /* n, done, why */
	EDGE_IN_LEASE_DONE, /* n, done */
	EDGE_IN_STOP,	    /* finish and end */
};

struct edge_input {
	enum edge_input_kind kind;
	int64_t now_us;			   /* monotonic */
	int64_t real_us;		   /* evidence in HELLO */
	uint8_t random[EDGE_RANDOM_BYTES]; /* fresh with every input */
	const struct sync_frame *frame;
	const struct edge_link *link;
	const struct edge_event *events;
	size_t events_n;
	int64_t read;
	int64_t n;
	enum edge_done done;
	const char *why;
};

enum edge_output_kind {
	EDGE_OUT_OPEN,	/* make a new socket */
	EDGE_OUT_CLOSE, /* close it, drop what it holds */
	EDGE_OUT_SEND,	/* frame */
	EDGE_OUT_READ,	/* read (echo it), after, limit: events from the outbox */
	EDGE_OUT_ACKED, /* frame: up_n, up_hash, safe, gen; the newest replaces one not yet stored
			 */
	EDGE_OUT_DOWN,	/* frame, bodies[0]: apply in order; answer with EDGE_IN_DOWN_DONE */
	EDGE_OUT_LEASE, /* frame: store the block; answer with EDGE_IN_LEASE_DONE */
	EDGE_OUT_EPOCH, /* frame: epoch, gen */
	EDGE_OUT_LINK,	/* word, why: the visible state changed */
};

struct edge_output {
	enum edge_output_kind kind;
	const struct sync_frame *frame;
	int64_t read, after, limit;
	const char *word;
	const char *why;
};

/* Borrowed from the edge and the input: valid until either changes. */
struct edge_outputs {
	struct edge_output out[EDGE_OUTPUTS_MAX];
	size_t n;
	int64_t timer_us; /* when EDGE_IN_TIMER is due at the latest; EDGE_NEVER */
	struct sync_frame frames[EDGE_SENDS_MAX];
	size_t frames_n;
	struct sync_part bodies[SYNC_BATCH_EVENTS];
};

/* An event that was sent, or was before a rewind. */
struct edge_sent {
	uint8_t hash[HASH_BYTES];
	size_t len;
};

struct edge {
	struct edge_config config;
	enum edge_state state;
	bool linked, stopping, stopped;
	char why[SYNC_WHY_MAX];
	const char *word; /* as last made visible */
	char said[SYNC_WHY_MAX];
	char esid[SYNC_SESSION_HEX], hsid[SYNC_SESSION_HEX];
	char gen[SYNC_GEN_MAX];
	struct edge_link link;
	bool refused;		   /* RECONCILE: histories differ, stay */
	struct sync_frame welcome; /* kept while RECONCILE reads the hash it compares */

	/* up: cum <= sent <= known; ring[(n - 1) % CREDIT] holds cum < n <= known */
	int64_t cum, sent, known;
	uint8_t cum_hash[HASH_BYTES];
	struct edge_sent ring[SYNC_CREDIT_EVENTS];
	int64_t credit_events, credit_bytes;
	int64_t read, read_open; /* number of the last read; the one not answered or 0 */
	int64_t nak_at;		 /* cursor of the last rewind: further NAKs there mean the same */

	/* down: done <= given */
	int64_t down_done, down_given;

	int64_t lease_have, lease_open; /* last block stored; the one being stored or 0 */

	int64_t retry_us, give_up_us, ping_us, silent_us, progress_us, resend_us, pause_us;
	int64_t lease_us, backoff_us;
	int stalls;			/* sessions in a row ended by the progress watchdog */
	int64_t old_frames, odd_frames; /* counted outside nonsense */
};

void edge_init(struct edge *edge, const struct edge_config *config);
void edge_step(struct edge *edge, const struct edge_input *in, struct edge_outputs *ret);

/* Bytes of the events that were sent and not acknowledged. */
int64_t edge_bytes_out(const struct edge *edge);

#endif
