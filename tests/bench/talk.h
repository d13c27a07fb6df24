/* A peer of the door that does one thing after the other: for setting a floor up and for playing devices. */
#ifndef WHARF_BENCH_TALK_H
#define WHARF_BENCH_TALK_H

#include <jansson.h>
#include <stdint.h>

#include "door.h"

struct talk {
	int fd;
	char origin[DOOR_ORIGIN_MAX];
	int64_t n;
	char in[DOOR_MESSAGE_MAX + 1];
};

/* Connects (the core may still be starting) and says hello. */
void talk_open(struct talk *t, const char *run, enum door_kind kind);
void talk_close(struct talk *t);

/* `message` is taken. */
void talk_send(struct talk *t, json_t *message);

/* The body of the next message with this word; others are dropped. Owned. */
json_t *talk_next(struct talk *t, const char *word);

/* Numbers and sends a command (taken); the _ask form waits for its outcome (owned) and dies on a refusal. */
void talk_command(struct talk *t, json_t *command);
json_t *talk_ask(struct talk *t, json_t *command);

/* The same, where only success is of interest. */
void talk_do(struct talk *t, const char *kind, json_t *args);

/* The first row of a query; NULL where there is none. Owned. */
json_t *talk_row(struct talk *t, const char *name);

/* A bare SEQPACKET connection, tried again until somebody listens. */
int talk_connect(const char *path);

#endif
