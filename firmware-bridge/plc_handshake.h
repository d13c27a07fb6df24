/* The host's half of the divert handshake, without sockets: it sees registers, orders and answers
 * through the verbs it is lent, so that every restart and every torn or late word can be tested.
 *
 * 1. Payload first, sequence last; both are verified by reading back, written once more, then a fault.
 * 2. A request is acted on when its sequence changes. After a (re)connect the first one seen counts as
 *    done where block B already answers it.
 * 3. A reply echoes sequence and tracking id of the request that stands in block A at that moment.
 * 4. Nothing is written before the core answered divert_taken, and nothing after the deadline.
 * 5. A confirmation is acknowledged when the core has it on disk.
 * 6. An order that an earlier run of the link took is never written: it ends as written where block B held that
 *    very reply when this run first read it, else as failed. */
#ifndef WHARF_PLC_HANDSHAKE_H
#define WHARF_PLC_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plc_map.h"

#define PLC_ORDERS_MAX 8 /* a PLC has one request at a time; the rest are late ones on their way out */
#define PLC_ID_MAX 96
#define PLC_HEARTBEAT_US INT64_C(1000000)
#define PLC_DEAD_US (3 * PLC_HEARTBEAT_US)

enum plc_block {
	PLC_A,
	PLC_B,
};

enum plc_fact_kind {
	PLC_FACT_REQUEST, /* seq, tracking, point, read, code, watch_ms */
	PLC_FACT_TAKEN,   /* divert */
	PLC_FACT_ENDED,   /* divert, result_word, reason */
	PLC_FACT_CONFIRM, /* seq, tracking, lane, result */
	PLC_FACT_STATE,   /* mode, faults */
};

struct plc_fact {
	enum plc_fact_kind kind;
	uint16_t seq, point, read, lane, result, mode, faults;
	uint32_t tracking;
	char code[PLC_CODE_MAX + 1];
	int64_t watch_ms; /* so long every request was seen */
	const char *divert, *result_word, *reason;
};

struct plc_verbs {
	/* Any failure of these two ends the connection: return it from plc_step(). */
	int (*read)(void *user, enum plc_block block, unsigned first, unsigned n, uint16_t *ret);
	int (*write)(void *user, unsigned first, unsigned n, const uint16_t *words); /* block B */
	/* Queues a command for the core. *ret_n comes back in plc_answer(). 0, or -EAGAIN: later. */
	int (*tell)(void *user, const struct plc_fact *fact, int64_t *ret_n);
	int64_t (*now_us)(void *user); /* CLOCK_BOOTTIME, the clock of deadline_us */
};

enum plc_answer {
	PLC_ANSWER_OK,
	PLC_ANSWER_NO,      /* decided, and not so */
	PLC_ANSWER_REFUSED, /* not taken: say it again */
};

struct plc_divert {
	char id[PLC_ID_MAX];
	uint16_t seq, lane, reason;
	uint32_t tracking;
	int64_t deadline_us;
};

enum plc_order_state {
	PLC_ORDER_FREE,
	PLC_ORDER_OFFERED, /* divert_taken not sent yet */
	PLC_ORDER_TAKING,  /* sent, no answer yet */
	PLC_ORDER_WRITING, /* ours: write it or end it */
	PLC_ORDER_ENDING,  /* divert_ended to be sent */
	PLC_ORDER_ENDED,   /* sent, no answer yet */
	PLC_ORDER_LOST,    /* taken by an earlier run: what became of it is in block B, or nowhere */
};

struct plc_order {
	enum plc_order_state state;
	struct plc_divert divert;
	bool touched; /* the sequence may have been written: the PLC may have acted */
	int64_t n, hold_us;
	const char *result_word, *reason;
};

enum plc_health {
	PLC_UP,
	PLC_STALE,
	PLC_FAULT,
};

struct plc_settings {
	bool commissioned;   /* else nothing is ever written */
	int64_t deadline_us; /* longest time from seeing a request to its reply */
};

/* One fact that is told until it is decided. */
struct plc_told {
	bool waiting;
	int64_t n, hold_us;
};

struct plc_handshake {
	struct plc_settings settings;
	const struct plc_verbs *verbs;
	void *user;

	bool synced; /* everything was read since the connection was made */
	bool found;  /* `left` was read */
	uint16_t left[PLC_REPLY_WORDS]; /* the reply that an earlier run left in block B */
	uint16_t a[PLC_A_WORDS], b[PLC_B_WORDS]; /* b: what the PLC holds as far as we know */

	int64_t watch_us; /* since when no request passed unseen */
	uint16_t seq; /* last request told */
	uint32_t tracking;
	int64_t seq_us;
	struct plc_told request;

	uint16_t confirm_seq, ack; /* last confirmation told; what B10 shall be */
	struct plc_told confirm;

	bool state_known;
	uint16_t mode, faults;
	struct plc_told state;

	bool host_ready, beat_now;
	int64_t beat_us, seen_us;
	bool write_fault;
	struct plc_order orders[PLC_ORDERS_MAX];
};

void plc_init(struct plc_handshake *plc, const struct plc_settings *settings,
	const struct plc_verbs *verbs, void *user);

/* A new connection: the next step reads everything before it writes anything. */
void plc_connected(struct plc_handshake *plc);
void plc_disconnected(struct plc_handshake *plc);

/* One poll. 0, or -errno of a read or write: drop the connection. */
int plc_step(struct plc_handshake *plc);

/* What does not need the connection: orders that are taken, late or ended. Call it often. */
void plc_tick(struct plc_handshake *plc);

/* An order to divert. 0; -EEXIST: have it already; -ETIME: too late; -EPERM: not commissioned;
 * -ENOSPC: too many at once. Nothing happens to an order that is not accepted. */
int plc_take_order(struct plc_handshake *plc, const struct plc_divert *divert);

/* An order that was taken and has no end. 0; -EEXIST: this run has it, its end follows by itself; -ENOSPC. */
int plc_recover_order(struct plc_handshake *plc, const struct plc_divert *divert);

/* The core's word on a fact. */
void plc_answer(struct plc_handshake *plc, int64_t n, enum plc_answer answer);

/* Whether the core can decide at all: shown to the PLC in B1. */
void plc_host_ready(struct plc_handshake *plc, bool ready);

/* An order waits to be written: do not wait for the next poll. */
bool plc_urgent(const struct plc_handshake *plc);

enum plc_health plc_health(const struct plc_handshake *plc, const char **ret_reason);

/* CRC-16/MODBUS over words, high byte first. */
uint16_t plc_crc(const uint16_t *words, size_t n);

uint32_t plc_u32(const uint16_t *words);

/* For plc_handshake.c: writes what may be written. 0 or -errno of the connection. */
int plc_write_orders(struct plc_handshake *plc);
bool plc_has_order(const struct plc_handshake *plc, uint16_t seq, uint32_t tracking);
bool plc_answer_order(struct plc_handshake *plc, int64_t n, enum plc_answer answer);
/* Tells a fact and remembers that. */
int plc_tell(struct plc_handshake *plc, const struct plc_fact *fact, struct plc_told *told);

#define PLC_RETELL_US INT64_C(100000) /* after "not taken" */

#endif
