/* The real core in the test's own process: its door, its turns, its database in a folder; no loop runs by itself, so a
 * test says what is read, when a turn comes, and what fails in it. */
#ifndef WHARF_CORE_RIG_H
#define WHARF_CORE_RIG_H

#include "core.h"

#define RIG_PEERS_MAX 8

struct core_rig {
	char folder[64];
	struct config *config;
	struct core *core;
	int fds[RIG_PEERS_MAX]; /* the peers' ends */
	size_t fds_n;
};

/* A peer that has said hello. */
struct rig_peer {
	struct core_rig *rig;
	uint64_t serial;
	int fd;
	char in[DOOR_MESSAGE_MAX + 1]; /* the last message read */
};

void core_rig_open(struct core_rig *rig);
void core_rig_close(struct core_rig *rig);
/* The next run of wharfd in the same folder; whoever had the last one forked for this, or has ended it. */
void core_rig_start(struct core_rig *rig);

void rig_connect(struct core_rig *rig, enum door_kind kind, const char *boot, struct rig_peer *ret);

/* The core has read this message, whatever its loop would have taken first. */
void rig_say(struct rig_peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One turn. */
void rig_turn(struct core_rig *rig);
/* The next message the core wrote, "" where there is none. */
const char *rig_hear(struct rig_peer *peer);

int64_t rig_number(struct core_rig *rig, const char *sql);
/* First column of all rows, a blank between; a buffer that is used again. */
const char *rig_words(struct core_rig *rig, const char *sql);

#endif
