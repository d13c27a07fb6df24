/* Topics that pages listen to: who may hear which, and the newest push of each. Pure memory. */
#ifndef WHARF_WEB_TOPICS_H
#define WHARF_WEB_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"

#define TOPICS_MAX 256 /* as many as one peer of the door may ask for */
#define TOPIC_NAME_MAX (DOOR_NAME_MAX + 8)

struct topic {
	char name[TOPIC_NAME_MAX]; /* "": free */
	unsigned listeners;
	uint64_t version;  /* 0: nothing heard yet; never repeats, also when the place is used again */
	char *event;       /* the newest push as a server-sent event */
	size_t event_len;
	char *json;        /* the push alone: a part of `event` */
	size_t json_len;
};

struct topics {
	struct topic list[TOPICS_MAX];
	uint64_t last_version;
};

/* Which stations a role may watch is asked of the caller. */
typedef bool topic_is_station(const void *user, const char *place);

/* devices, orders, cases, status, link: everybody who is signed in. prompt/PLACE: the place itself;
 * stations: packer and loader too; every place: supervisor, admin and maintenance. */
bool topic_allowed(const char *name, const struct session *session, topic_is_station *is_station,
	const void *user);

struct topic *topics_find(struct topics *topics, const char *name);

/* Finds or makes the entry. Where the table is full an entry without listeners is given up, and its
 * name written to ret_dropped (TOPIC_NAME_MAX, "" where none). NULL when all are listened to. */
struct topic *topics_get(struct topics *topics, const char *name, char *ret_dropped);

/* Gives up the entry. */
void topics_drop(struct topic *topic);

/* Keeps the push (JSON text without newline). 0 or -ENOMEM. */
int topic_set(struct topics *topics, struct topic *topic, const char *json, size_t len);

void topics_fini(struct topics *topics);

#endif
