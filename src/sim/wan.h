/* The WAN between the floor and HQ: a TCP proxy that can be cut, healed and slowed down. A cut is
 * silence, as on a real line: connections stay open, nothing passes, new ones are taken and left
 * without an answer. Healing resets them all, since what was sent meanwhile is lost. */
#ifndef WHARF_SIM_WAN_H
#define WHARF_SIM_WAN_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"

#define WAN_PAIRS_MAX 16
#define WAN_BUFFER (64 * 1024)

struct wan;

/* Bytes on their way in one direction. With a delay a full buffer also waits for its time. */
struct wan_flow {
	struct wan_pair *pair;
	int from, to;
	char *bytes;
	size_t len;
	int64_t due_us;
	bool ended;       /* `from` sent its end */
};

struct wan_pair {
	struct wan *wan;
	bool used;
	struct wan_flow up, down;
};

struct wan {
	struct loop *loop;
	int listener, target_port, delay_ms;
	bool cut;
	unsigned connections, cuts;
	uint64_t passed_bytes, lost_bytes;
	struct wan_pair pairs[WAN_PAIRS_MAX];
};

int wan_open(struct wan *wan, struct loop *loop, int listen_port, int target_port);
void wan_close(struct wan *wan);

/* With the lock held. */
void wan_cut(struct wan *wan);
void wan_heal(struct wan *wan);
void wan_delay(struct wan *wan, int delay_ms);

#endif
