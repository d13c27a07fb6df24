#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "json.h"

static bool known_word(const char *state)
{
	static const char *const words[] = { "up", "stale", "gone", "refused", "fault" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], state) == 0)
			return true;
	return false;
}

int on_device_state(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *state = NULL, *reason = "";
	const struct json_field fields[] = {
		{ "state", JSON_REQUIRED, JSON_STRING, &state, 1, 20 },
		{ "reason", JSON_OPTIONAL, JSON_STRING, &reason, 0, 200 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (!known_word(state)) {
		snprintf(why, WHY_MAX, "\"state\" must be up, stale, gone, refused or fault");
		return -EINVAL;
	}
	if (!store_run(e->store, SQL_DEVICE_STATE, "ttit", state, reason, c->moment.now_us, c->device)) {
		outcome_bad(o, "unknown_device", "There is no device %s in the configuration", c->device);
		return 0;
	}
	o->touched |= TOUCHED_DEVICES;
	outcome_quiet(o, "noted");
	return 0;
}
