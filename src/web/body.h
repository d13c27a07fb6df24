/* The bodies browsers send, checked before anything else sees them. Pure: bytes in, values out. */
#ifndef WHARF_WEB_BODY_H
#define WHARF_WEB_BODY_H

#include <jansson.h>
#include <stddef.h>

#include "door.h"

#define PIN_MAX 32

struct login_body {
	char badge[DOOR_NAME_MAX];
	char pin[PIN_MAX + 1];
	char device[DOOR_NAME_MAX];
};

/* {badge, pin, device}. 0, or -EINVAL with the reason in `why`, which never holds the PIN. The caller
 * wipes ret and its bytes. */
int body_login(const char *bytes, size_t len, struct login_body *ret, char *why, size_t why_size);

struct command_body {
	char id[DOOR_ID_MAX]; /* also after a failure, if it was readable: a refusal can name it */
	char kind[DOOR_NAME_MAX];
	int64_t age_ms;
	json_t *json; /* owned; with actor and device, without age_ms */
	char *text;   /* the same as JSON text, malloc'd */
};

/* The object inside {"command":…} as a browser sends it, with actor and device added: both are names, without anything
 * to escape. `ret` is to be finished in any case. 0 or -EINVAL. */
int body_command(const char *bytes, size_t len, const char *actor, const char *device,
	struct command_body *ret, char *why, size_t why_size);
void command_body_fini(struct command_body *body);

#endif
