/* When a program under `wharf run` is started, started again and ended. Pure: the time is given. */
#ifndef WHARF_CHILDREN_H
#define WHARF_CHILDREN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "door.h"
#include "programs.h"

#define CHILDREN_MAX 64
#define CHILD_COMMAND_MAX 512

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 5000
#define STEADY_MS 10000       /* up so long: the next death starts again at the first backoff */
#define STOP_ALL_MS 5000      /* then SIGKILL */
#define STOP_STEP_MS 500      /* a program that is slow to end does not hold up the next */

struct child {
	char name[DOOR_NAME_MAX];
	char path[PATH_MAX];
	char command[CHILD_COMMAND_MAX];           /* the words, a NUL behind each; argv points here */
	const char *argv[PROGRAM_WORDS_MAX];
	bool needs_door;                           /* not before the core's door is open */
	pid_t pid;                                 /* 0: not running */
	int64_t started_us;
	int64_t due_us;                            /* of the next start */
	int64_t backoff_ms;
	bool told_to_end;
};

struct children {
	struct child list[CHILDREN_MAX];           /* in the order of starting; the core is the first */
	size_t n;
	bool door_open;                            /* stays true: peers wait for a lost core by themselves */
	bool stopping;
	int64_t stop_us;                           /* when the end was asked for */
	int64_t step_us;                           /* when the last program was told to end */
};

/* Adds a program; copies `words`, its argv with a NULL at the end. 0 or -errno. */
int children_add(struct children *children, const char *name, const char *path,
	const char *const *words, bool needs_door);

/* The next program to start now, or NULL. */
struct child *children_next_start(struct children *children, int64_t now_us);
void child_started(struct child *child, pid_t pid, int64_t now_us);

/* A program has ended: when it is due again. */
void child_ended(struct child *child, int64_t now_us);
struct child *children_by_pid(struct children *children, pid_t pid);

/* Asked to end: the next program to tell now (in the reverse order of starting, the core last), or
 * NULL. Mark it with child_told(). */
void children_stop(struct children *children, int64_t now_us);
struct child *children_next_stop(struct children *children, int64_t now_us);
void child_told(struct children *children, struct child *child, int64_t now_us);
bool children_kill_now(const struct children *children, int64_t now_us);

bool children_running(const struct children *children);

/* How long nothing is to do by itself, in ms; -1: until something ends. */
int children_timeout_ms(const struct children *children, int64_t now_us);

#endif
