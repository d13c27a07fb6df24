/* A small world for both machines of the link: virtual time, a seeded network that drops, doubles,
 * delays and reorders, and processes that are killed at any step. What is "on disk" survives. */
#ifndef WHARF_TEST_SYNC_WORLD_H
#define WHARF_TEST_SYNC_WORLD_H

#include <stdbool.h>
#include <stdint.h>

/* Bugs that can be planted into the stores around the machines: the world must find each. */
enum flaw {
	FLAW_NONE,
	FLAW_NO_COMPARE_AND_SET,   /* hub applies what only chains in itself */
	FLAW_ACK_BEFORE_COMMIT,	   /* hub says "applied" before it is on disk */
	FLAW_DOWN_CURSOR_FIRST,	   /* site says "done" before the effect is on disk */
	FLAW_LEASE_NOT_REMEMBERED, /* hub cuts the same serials again after a kill */
};

struct verdict {
	bool ok;
	char why[160];
	int64_t events, downs, leases, packets, kills;
	uint64_t digest; /* of all that happened: the same seed gives the same */
};

void world_run(uint64_t seed, enum flaw flaw, struct verdict *ret);

#endif
