/* A frame of the link between a site and HQ: a JSON header and, behind it, stored bytes that nobody
 * encodes again. One table in frame.c says which header key belongs to which type. docs/sync.md. */
#ifndef WHARF_SYNC_FRAME_H
#define WHARF_SYNC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define SYNC_VERSION 1
#define SYNC_HEADER_MAX 4096
#define SYNC_MESSAGE_MAX (256 * 1024)
#define SYNC_EVENT_MAX (64 * 1024) /* one event or one down body: no more passes the door */
#define SYNC_CREDIT_EVENTS 256	   /* events sent and not yet acknowledged */
#define SYNC_CREDIT_BYTES (1024 * 1024)
#define SYNC_BATCH_EVENTS 128 /* events in one UP */
#define SYNC_BATCH_BYTES (SYNC_MESSAGE_MAX - SYNC_HEADER_MAX)
#define SYNC_BAD_MAX 8	    /* poison events named in one acknowledgement */
#define SYNC_DOWN_WINDOW 16 /* down messages sent and not yet acknowledged */

#define SYNC_SESSION_BYTES 16
#define SYNC_SESSION_HEX (SYNC_SESSION_BYTES * 2 + 1)
#define SYNC_SITE_MAX 33
#define SYNC_GEN_MAX 17
#define SYNC_NAME_MAX 64
#define SYNC_WHY_MAX 160
#define SYNC_BAD_WHY_MAX 120

/* RESYNC, HIST, SNAP_REQ, SNAP and KEYROLL are names with a place in the numbering and no meaning
 * yet: they are answered like unknown ones. */
enum sync_type {
	SYNC_OTHER,   /* a type this version does not know; its name is in `of` */
	SYNC_UNKNOWN, /* the answer to such a frame; never answered itself */
	SYNC_HELLO,
	SYNC_WELCOME,
	SYNC_UP,
	SYNC_UPACK,
	SYNC_UPNAK,
	SYNC_DOWN,
	SYNC_DOWNACK,
	SYNC_LEASE_REQ,
	SYNC_LEASE,
	SYNC_PING,
	SYNC_PONG,
	SYNC_BUSY,
	SYNC_RESET,
	SYNC_BYE,
	SYNC_RESYNC,
	SYNC_HIST,
	SYNC_SNAP_REQ,
	SYNC_SNAP,
	SYNC_KEYROLL,
};
#define SYNC_TYPES (SYNC_KEYROLL + 1)

struct sync_part {
	const void *bytes;
	size_t len;
};

struct sync_bad {
	int64_t n;
	char why[SYNC_BAD_WHY_MAX];
};

struct sync_frame {
	enum sync_type type;
	char esid[SYNC_SESSION_HEX]; /* session ids: one chosen by each side, both in every frame */
	char hsid[SYNC_SESSION_HEX];

	char of[SYNC_NAME_MAX];	   /* OTHER, UNKNOWN: the type that was meant */
	char build[SYNC_NAME_MAX]; /* HELLO, WELCOME */
	char incarnation[SYNC_NAME_MAX];
	char state[SYNC_NAME_MAX]; /* PING: what the edge is in */
	int64_t clock_us;	   /* evidence only */

	/* The up stream. up_n with up_hash: in HELLO the edge's head, in all others the hub's
	 * cursor. */
	int64_t up_n;
	uint8_t up_hash[HASH_BYTES];
	int64_t oldest; /* HELLO: first event the edge still keeps */
	int64_t safe;
	int64_t first;		  /* UP */
	uint8_t prev[HASH_BYTES]; /* UP: hash before `first` ... */
	uint8_t hash[HASH_BYTES]; /* ... and after the last */
	int64_t credit_events, credit_bytes;
	int64_t depth, age_s; /* PING: events not acknowledged, age of the oldest */

	/* The down stream. down_n: HELLO, PING, DOWNACK the edge's cursor; WELCOME, PONG HQ's head;
	 * DOWN the number of the message. */
	int64_t down_n;
	char kind[SYNC_NAME_MAX]; /* DOWN */
	char gen[SYNC_GEN_MAX];	  /* hub_gen; in DOWN and LEASE that of the row's birth */
	int64_t epoch;

	/* SSCC blocks */
	int64_t lease; /* LEASE: its number; LEASE_REQ: the last one that was stored */
	char block[SYNC_NAME_MAX];
	char prefix[SYNC_NAME_MAX];
	int64_t lease_first, lease_count;
	int64_t reserve;

	int64_t retry_ms; /* BUSY */
	char why[SYNC_WHY_MAX];
	char refused[SYNC_WHY_MAX]; /* WELCOME: why this site must be reconciled first; "" when not
				     */
	struct sync_bad bad[SYNC_BAD_MAX];
	size_t bad_n;

	const struct sync_part *bodies; /* borrowed */
	size_t bodies_n;
};

const char *sync_type_name(enum sync_type type);

/* An empty frame of a type in a session. */
void sync_frame_init(
	struct sync_frame *frame, enum sync_type type, const char *esid, const char *hsid);

/* The header's JSON with a NUL behind it. Asserts that it fits: every text is bounded. */
size_t sync_encode(const struct sync_frame *frame, char *out /* SYNC_HEADER_MAX */);

/* Reads a message: parts[0] is the header, the rest become the bodies (borrowed). A type that is
 * not known gives SYNC_OTHER with its name in `of`; unknown keys are passed over.
 * 0, -EMSGSIZE or -EINVAL with the reason in `why` (SYNC_WHY_MAX). */
int sync_decode(const struct sync_part *parts, size_t parts_n, struct sync_frame *ret, char *why);

/* The chain over the frame's bodies from `prev`: true when it ends in `hash`. Each hash goes to
 * ret_hashes (bodies_n rows). */
bool sync_chain_ok(const struct sync_frame *up, uint8_t (*ret_hashes)[HASH_BYTES]);

#endif
