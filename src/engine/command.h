/* A command as the engine sees it, and its outcome. */
#ifndef WHARF_COMMAND_H
#define WHARF_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "door.h"

/* Peers, as bits. The core itself is a peer too: timers and continuations. */
#define PEER_BIT(kind) (1u << (kind))
#define PEER_INTERNAL DOOR_KINDS
const char *peer_name(unsigned peer);

enum role {
	ROLE_NONE,
	ROLE_PICKER,
	ROLE_PACKER,
	ROLE_LOADER,
	ROLE_MAINTENANCE,
	ROLE_SUPERVISOR,
	ROLE_ADMIN,
	ROLES
};
#define ROLE_BIT(role) (1u << (role))
const char *role_name(enum role role);
int role_named(const char *name, enum role *ret); /* 0 or -EINVAL */

/* When a command is decided: arguments, never read from a clock in here. */
struct moment {
	int64_t now_us;   /* wall clock that never goes back */
	int64_t boot_us;
	bool doubtful;    /* the wall clock is not to be trusted */
};

struct kind;

struct command {
	unsigned peer;             /* enum door_kind or PEER_INTERNAL */
	char id[DOOR_ID_MAX];
	char origin[DOOR_ORIGIN_MAX];
	int64_t n;
	const struct kind *kind;
	const char *actor, *station, *device, *at, *heard; /* "" where not given */
	int64_t step;              /* -1: not given */
	int64_t age_ms;
	const json_t *args;
	struct moment moment;
	/* Found by the engine: */
	char badge[DOOR_NAME_MAX];
	enum role role;
	char place[DOOR_NAME_MAX]; /* handheld or station this belongs to, "" for none */
	int64_t seq;               /* journal row it will have */
	int events;                /* made so far by this command */
	/* Owned: */
	json_t *message;
	const char *text;          /* bytes that go into the journal; borrowed */
};

enum signal { SIGNAL_NONE, SIGNAL_GOOD, SIGNAL_BAD, SIGNAL_ALREADY };
const char *signal_name(enum signal signal);

/* What others must be told after the commit. */
#define TOUCHED_PRINT 1u
#define TOUCHED_DIVERT 2u
#define TOUCHED_WEIGH 4u
#define TOUCHED_OUTBOX 8u
#define TOUCHED_ORDERS 16u
#define TOUCHED_CASES 32u
#define TOUCHED_DEVICES 64u
#define TOUCHED_LINK 128u
#define TOUCHED_MORE 256u /* a continuation waits */
#define TOUCHED_SESSIONS 512u /* one began or ended, or a person changed */

#define OUTCOME_SAY_MAX 200
#define OUTCOME_PLACES_MAX 4

struct outcome {
	bool ok;
	bool keep;          /* not ok, but what was written stays (a case was opened) */
	bool effect;        /* something was counted or moved: a lost beep must not repeat it */
	const char *code;   /* literal */
	char say[OUTCOME_SAY_MAX];
	enum signal signal;
	json_t *data;       /* owned, may be NULL */
	unsigned touched;
	char places[OUTCOME_PLACES_MAX][DOOR_NAME_MAX]; /* whose prompt changed */
	size_t places_n;
};

void outcome_good(struct outcome *o, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void outcome_bad(struct outcome *o, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Fine, and nobody needs to hear it. */
void outcome_quiet(struct outcome *o, const char *code);
void outcome_touch_place(struct outcome *o, const char *place);
void outcome_fini(struct outcome *o);

/* What a command may say at most about why it was not taken. */
#define WHY_MAX 200

/* Reads the object inside {"command":…} that came from `peer`. `message` is taken (also on failure), `text` borrowed. 0, or
 * -EINVAL with `why`; *ret_code is the word for refused.why then. */
int command_parse(struct command *ret, unsigned peer, json_t *message, const char *text, const char **ret_code,
	char *why, size_t why_size);
void command_fini(struct command *command);

#endif
