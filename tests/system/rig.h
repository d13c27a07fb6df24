/* What the system tests of the bridges stand on: a core that answers what the test says, real programs,
 * ptys in the place of devices. Every wait is for a condition, with one long limit. */
#ifndef WHARF_TEST_RIG_H
#define WHARF_TEST_RIG_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "door.h"

#define RIG_LIMIT_MS 20000 /* a test that waits so long has failed */

struct rig {
	char folder[64]; /* RUN, removed at the end */
	char config[96];
	enum door_kind kind;
	int listener, door; /* -1: nobody is connected */
	pid_t pid;
	void (*idle)(void *user); /* called while waiting, every few ms at the most */
	void *user;
	char in[DOOR_MESSAGE_MAX + 1];
};

/* Makes the folder, RUN/wharf.conf with [paths] run and `floor`, and the door. */
void rig_open(struct rig *rig, enum door_kind kind, const char *floor);
void rig_close(struct rig *rig);

/* Starts BIN/program -c CONFIG [argument]; kills it with -9 and waits. */
void rig_start(struct rig *rig, const char *program, const char *argument);
void rig_kill(struct rig *rig);

/* Lets the program in. Returns its hello (owned by the caller). */
json_t *rig_accept(struct rig *rig);
void rig_hang_up(struct rig *rig);

/* The next message with this word. Owned. */
json_t *rig_next(struct rig *rig, const char *word);

/* The next command of this kind; device_state and plc_state in between are answered ok. Owned. */
json_t *rig_command(struct rig *rig, const char *kind);

/* Whether a command of this kind comes before `done` says true. */
bool rig_hears(struct rig *rig, const char *kind, bool (*done)(void *user));

/* Takes the object. */
void rig_send(struct rig *rig, json_t *message);
void rig_outcome(struct rig *rig, const json_t *command, bool ok, const char *signal);
void rig_refuse(struct rig *rig, const json_t *command, const char *why);

/* Waits until `done` says true. */
void rig_until(struct rig *rig, bool (*done)(void *user));

/* A string inside the command, or inside its args. */
const char *rig_text(const json_t *command, const char *key);
json_int_t rig_int(const json_t *command, const char *key);

/* A pty in raw mode whose other end is linked as RUN/tty/NAME. Returns the master. */
int rig_pty(struct rig *rig, const char *name);

#endif
