/* The web server's side of the door: who waits for which answer. One exchange is one question (a command,
 * a query, a login) and is answered exactly once: by the core, or as lost. */
#ifndef WHARF_WEB_UPSTREAM_H
#define WHARF_WEB_UPSTREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "body.h"
#include "door_client.h"

/* A command that the core holds this long is answered "busy": the page asks again with the same id. */
#define EXCHANGE_LONGEST_US (INT64_C(10) * 1000 * 1000)

enum answer_kind {
	ANSWER_OUTCOME, /* body: the outcome object */
	ANSWER_REFUSED, /* body: the refused object */
	ANSWER_ROWS,    /* body: the rows object */
	ANSWER_LOST,    /* the door went away; body NULL. A command may have been decided */
	ANSWER_LATE,    /* no answer in time, or another request took over this id; body NULL */
};

struct exchange {
	/* May ask again with the same exchange. */
	void (*answered)(struct exchange *x, enum answer_kind kind, const json_t *body);
	char id[DOOR_ID_MAX];
	json_t *command; /* what was asked, to know a repetition; owned */
	/* For those that only relay: `body` is NULL then, and the whole message stands here during answered(). */
	bool wants_text;
	const char *text;
	size_t text_len;
	int64_t asked_us;
	bool waiting;
	struct exchange *next;
};

struct upstream;

struct upstream_events {
	/* `text` is the object inside {"push":…}. */
	void (*push)(void *user, const char *topic, const char *text, size_t len);
	void (*up)(void *user, bool up);
};

/* `run` is the folder of the door. 0 or -errno. */
int upstream_create(struct upstream **ret, const char *run, const struct upstream_events *events,
	void *user);
void upstream_destroy(struct upstream *u);

/* For poll(), as door_client's. */
int upstream_fd(const struct upstream *u);
short upstream_events(const struct upstream *u);
int upstream_timeout_ms(const struct upstream *u);
void upstream_process(struct upstream *u);

/* Sends what was asked in this turn. */
void upstream_flush(struct upstream *u);

/* Answers exchanges that wait too long. */
void upstream_sweep(struct upstream *u, int64_t now_us);

bool upstream_up(const struct upstream *u);

/* Each takes its JSON (of a command body json and text, which the caller still finishes). 0 and x waits; -ENOTCONN while the door is away; -EAGAIN when too much waits;
 * -EEXIST where another session's or another command has this id in the air. A repetition of what is in the air
 * takes the waiting place of the older one. */
int upstream_command(struct upstream *u, struct exchange *x, struct command_body *command);
int upstream_query(struct upstream *u, struct exchange *x, const char *name, json_t *body);
int upstream_login(struct upstream *u, struct exchange *x, json_t *login);

/* The asker is gone; its answer will be dropped. */
void upstream_forget(struct upstream *u, struct exchange *x);

int upstream_subscribe(struct upstream *u, const char *topic);
void upstream_unsubscribe(struct upstream *u, const char *topic);

#endif
