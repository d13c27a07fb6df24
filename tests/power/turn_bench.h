/* The real core on a disk in memory, with a short play of commands in turns. Each run of it is a fork, so that a core that
 * ends itself takes nothing along: what it had said waits in its peers' sockets, what it had written is on the disk. */
#ifndef WHARF_TURN_BENCH_H
#define WHARF_TURN_BENCH_H

#include <stdlib.h>

#include "core_rig.h"
#include "crash_disk.h"

#define BENCH_COMMANDS_MAX 48
#define BENCH_TEXT_MAX 700

enum heard { HEARD_NOTHING, HEARD_FULL, HEARD_OUTCOME };

/* What whoever forked knows of a run; shared with it. */
struct ledger {
	enum heard heard[BENCH_COMMANDS_MAX];
	char text[BENCH_COMMANDS_MAX][BENCH_TEXT_MAX]; /* the outcomes, as they came */
	int64_t head_heard;                            /* last event HQ's link was told of */
	/* Journal rows: in the last transaction that ended, and in the one that was about to. */
	int64_t committed_seq, tried_seq;
	int commits;                                   /* in this turn */
};

struct bench {
	struct disk *disk, *image; /* the image: as the play begins */
	struct core_rig rig;
	struct rig_peer ctl, sync, plc;
	struct ledger *ledger;
	int64_t first_seq;         /* last row before the play */
	char poison_path[96];
};

/* `cache_pages` 0: the store's own. */
void bench_open(struct bench *b, int cache_pages);
void bench_close(struct bench *b);
/* The disk and the ledger as they were after opening. */
void bench_reset(struct bench *b);

/* Runs `act` in a fork. Its exit code; a failed assertion in it fails the test. */
int bench_fork(struct bench *b, void (*act)(struct bench *b, void *user), void *user);
#define BENCH_ENDED EXIT_FAILURE /* the core ended itself */

/* All commands of the play, in turns, with checkpoints between them; what was answered is heard. */
void bench_play(struct bench *b);
/* Takes what the core had said before it ended. */
void bench_hear(struct bench *b);
/* Its peers come to a core that has just started. */
void bench_join(struct bench *b);
/* In the running core: sound, audited, every command decided once; and its journal decided again gives the same. */
void bench_prove(struct bench *b);
void bench_replay(struct bench *b);
size_t bench_commands(void);

#endif
