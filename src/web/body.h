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

/* The object inside {"command":…} as a browser sends it: its keys are checked, "actor" and "device" are
 * added. ret_id (DOOR_ID_MAX) gets the id as soon as it is readable, so a refusal can name it. */
int body_command(const char *bytes, size_t len, const char *actor, const char *device, char *ret_id,
	json_t **ret, char *why, size_t why_size);

#endif
