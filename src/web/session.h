/* Who is behind a cookie. The core owns sessions; this is a small cache of its answers, keyed by a
 * hash of the token, so that neither the cache nor the door ever holds the token itself. */
#ifndef WHARF_WEB_SESSION_H
#define WHARF_WEB_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "door.h"

#define TOKEN_BYTES 32
#define TOKEN_HEX (TOKEN_BYTES * 2 + 1)
#define SESSION_ID_BYTES 16
#define SESSION_ID_HEX (SESSION_ID_BYTES * 2 + 1)
#define CSRF_HEX SESSION_ID_HEX
#define PERSON_NAME_MAX 96
#define ROLE_MAX 24

/* An answer of the core is believed until the door's topic "sessions" tells of a change, and never longer than this. */
#define SESSION_FRESH_US (INT64_C(60) * 1000 * 1000)

/* 256 sets of 4: a full set gives up its longest unused entry, which costs one query later. */
#define SESSION_SETS 256
#define SESSION_WAYS 4

struct session {
	char id[SESSION_ID_HEX]; /* "": empty entry */
	char badge[DOOR_NAME_MAX];
	char name[PERSON_NAME_MAX];
	char role[ROLE_MAX];
	char device[DOOR_NAME_MAX];
	int64_t checked_us;
	uint64_t changes;
	int64_t used_us;
};

struct sessions {
	uint64_t changes; /* told by the door; an entry is from one of these times */
	struct session entries[SESSION_SETS][SESSION_WAYS];
};

/* A fresh random token, as hex for the cookie. */
void session_new_token(char *ret_token);

/* The session's id (BLAKE2b-128 of the token) and the CSRF value (the same hash keyed with the token).
 * 0, or -EINVAL where `token` is not 64 hex digits. ret_csrf may be NULL. */
int session_ids(const char *token, char *ret_id, char *ret_csrf);

/* In constant time; false for NULL. */
bool session_csrf_ok(const char *expected, const char *given);

/* NULL when unknown or no longer fresh. Valid until the next put or drop. */
const struct session *sessions_find(struct sessions *sessions, const char *id, int64_t now_us);

/* Some session ended, or a person's role changed: no entry is believed any more. */
void sessions_changed(struct sessions *sessions);

void sessions_put(struct sessions *sessions, const struct session *session, int64_t now_us);
void sessions_drop(struct sessions *sessions, const char *id);

#endif
