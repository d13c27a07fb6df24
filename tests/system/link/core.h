/* A core for tests: it speaks the part of the door that the link uses and remembers what it
 * decided. */
#ifndef WHARF_TEST_LINK_CORE_H
#define WHARF_TEST_LINK_CORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "text.h"

#define CORE_EVENTS_MAX 4096

struct core {
	int listener, client;
	bool subscribed;
	char *events[CORE_EVENTS_MAX + 1];
	uint8_t hash[CORE_EVENTS_MAX + 1][HASH_BYTES];
	int64_t head, acked, safe;
	int64_t down_n, applied; /* applied: effects, also wrong ones */
	int busy_reads;		 /* the next queries are refused as busy */
	int busy_answers;	 /* the next commands of HQ are refused as busy */
	char last_down[256];
	bool lease_wanted;
	char block[64], prefix[32];
	int64_t first, count, leases;
	char state[32], reason[200], gen[32];
	int64_t epoch;
	char wrong[200]; /* the first thing that must not happen */
};

void core_open(struct core *core, const char *run);
void core_close(struct core *core);
void core_add_event(struct core *core, const char *type, const char *data);

/* Answers what waits. */
void core_pump(struct core *core);
void core_drop_client(struct core *core);

#endif
