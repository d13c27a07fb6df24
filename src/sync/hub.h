/* HQ's side of the link as a pure state machine, one per site that speaks: no socket, clock, random
 * source or database. What it keeps is a hint; the store's compare-and-set decides.
 *
 * A store operation is answered (HUB_IN_OPENED and such) before the next message of the same site
 * is brought. Nothing is acknowledged before its answer says that the commit returned.
 * docs/sync.md. */
#ifndef WHARF_SYNC_HUB_H
#define WHARF_SYNC_HUB_H

#include "frame.h"

#define HUB_OUTPUTS_MAX (SYNC_DOWN_WINDOW + 4)
#define HUB_NEVER INT64_MAX

enum hub_state {
	HUB_NONE,      /* no session */
	HUB_OPENING,   /* HELLO came; the store is asked */
	HUB_RECONCILE, /* the histories differ: nothing moves until that is settled */
	HUB_LIVE,
};
#define HUB_STATES (HUB_LIVE + 1)

struct hub_state_row {
	const char *name;
	unsigned next;
	bool session;
};
extern const struct hub_state_row hub_states[HUB_STATES];

enum hub_result {
	HUB_OK,
	HUB_MISMATCH,	/* compare-and-set found no row: cursor says where the site stands */
	HUB_REFUSED,	/* site unknown or not active */
	HUB_BUSY_STORE, /* transient: nothing was written */
};

/* What the store knows of a site. */
struct hub_cursor {
	int64_t up_n;
	uint8_t up_hash[HASH_BYTES];
	int64_t safe;
	int64_t down_head, down_acked;
	int64_t epoch;
	char gen[SYNC_GEN_MAX];
	bool other_incarnation; /* another database than the one this site had */
};

struct hub_down {
	int64_t n;
	char kind[SYNC_NAME_MAX];
	char gen[SYNC_GEN_MAX];
	const char *body;
	size_t len;
};

enum hub_input_kind {
	HUB_IN_MESSAGE,	  /* frame, active */
	HUB_IN_MALFORMED, /* why */
	HUB_IN_TIMER,
	HUB_IN_DOWN,	/* something was put into the down stream */
	HUB_IN_OPENED,	/* result, cursor */
	HUB_IN_APPLIED, /* result, cursor, bad */
	HUB_IN_DOWNS,	/* downs, downs_n */
	HUB_IN_LEASED,	/* result, frame: a LEASE frame's fields */
};

struct hub_input {
	enum hub_input_kind kind;
	int64_t now_us;
	int64_t real_us;
	uint8_t random[SYNC_SESSION_BYTES];
	bool active; /* the site's status and verified backup, read again for every frame */
	int64_t safe;
	const struct sync_frame *frame;
	const char *why;
	enum hub_result result;
	const struct hub_cursor *cursor;
	const struct sync_bad *bad;
	size_t bad_n;
	const struct hub_down *downs;
	size_t downs_n;
};

enum hub_output_kind {
	HUB_OUT_SEND,
	HUB_OUT_OPEN,	   /* frame: HELLO; answer HUB_IN_OPENED */
	HUB_OUT_APPLY,	   /* frame: UP, hashes: one per body; answer HUB_IN_APPLIED */
	HUB_OUT_READ_DOWN, /* after, limit; answer HUB_IN_DOWNS */
	HUB_OUT_DOWN_ACK,  /* frame: DOWNACK; no answer */
	HUB_OUT_LEASE,	   /* frame: LEASE_REQ; answer HUB_IN_LEASED */
	HUB_OUT_ENDED,	   /* why */
};

struct hub_output {
	enum hub_output_kind kind;
	const struct sync_frame *frame;
	const uint8_t (*hashes)[HASH_BYTES];
	int64_t after, limit;
	const char *why;
};

/* Borrowed from the session and the input: valid until either changes. */
struct hub_outputs {
	struct hub_output out[HUB_OUTPUTS_MAX];
	size_t n;
	int64_t timer_us;
	struct sync_frame frames[HUB_OUTPUTS_MAX];
	size_t frames_n;
	struct sync_part bodies[SYNC_DOWN_WINDOW];
	uint8_t hashes[SYNC_CREDIT_EVENTS][HASH_BYTES];
};

struct hub_session {
	char site[SYNC_SITE_MAX];
	char build[SYNC_NAME_MAX];
	enum hub_state state;
	char esid[SYNC_SESSION_HEX], hsid[SYNC_SESSION_HEX];
	struct sync_frame hello;
	char refused[SYNC_WHY_MAX];

	struct hub_cursor cursor; /* as of the last answer: a hint */
	int64_t applying_last;	  /* of the UP that is being applied */
	int64_t down_acked, down_sent;
	int64_t down_rewound; /* cursor of the last rewind */
	bool down_open;	      /* a read is under way */
	int64_t down_resend_us, silent_us;

	int64_t depth, age_s; /* as the site said in its last PING */
	int64_t old_frames, odd_frames;
};

void hub_init(struct hub_session *session, const char *site);
void hub_step(struct hub_session *session, const struct hub_input *in, struct hub_outputs *ret);

#endif
