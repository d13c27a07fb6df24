/* A PLC of two arrays, a core of a list, a clock that stands still: the world of the handshake's tests. */
#ifndef WHARF_TEST_PLC_WORLD_H
#define WHARF_TEST_PLC_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plc_handshake.h"

#define FACTS_MAX 64
#define WRITES_MAX 64
#define MS INT64_C(1000)

struct world {
	struct plc_handshake plc;
	uint16_t a[PLC_A_WORDS], b[PLC_B_WORDS];
	int64_t now_us;
	struct plc_fact facts[FACTS_MAX];
	char diverts[FACTS_MAX][PLC_ID_MAX];
	int facts_n;
	bool core_full;
	int fail_in;       /* the Nth call from now fails; 0: none */
	bool fail_after;   /* ... but the write arrives */
	bool lose_writes;  /* accepted and not kept */
	int lose_count;    /* so many of them only */
	int64_t cost_us;   /* of a register access */
	unsigned order[WRITES_MAX], order_n; /* first registers written */
	void (*on_read)(struct world *);
};

/* A commissioned host that has just connected, and its end. */
int world_open(void **state);
int world_close(void **state);

/* A new run of the host in the same world. */
void start_host(struct world *w, bool commissioned);
void reconnect(struct world *w);

/* The PLC beats, 20 ms pass, the host polls. */
void step(struct world *w);

void set_u32(uint16_t *words, uint32_t value);
void plc_asks(struct world *w, uint16_t seq, uint32_t tracking);

/* The latest fact of a kind, or NULL; how many there are. */
struct plc_fact *told(struct world *w, enum plc_fact_kind kind);
int count(struct world *w, enum plc_fact_kind kind);

/* The core's word on the latest of a kind. */
void answer(struct world *w, enum plc_fact_kind kind, enum plc_answer how);

/* An order with 200 ms to its deadline. */
int order(struct world *w, const char *id, uint16_t seq, uint32_t tracking, uint16_t lane);

/* Request 12 of carton 70007 seen, order d-1 to lane 4 given and taken: the next step writes. */
void ready_to_write(struct world *w);

#endif
