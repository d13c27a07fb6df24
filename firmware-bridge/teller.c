#include "teller.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "text.h"

#define RETELL_US (1 * US_PER_S) /* after "not taken" */

json_t *device_command(const char *kind, const char *device, json_t *args)
{
	char at[CLOCK_TEXT_MAX];

	clock_text(clock_real_us(), at);
	return json_pack("{s:s,s:s,s:s,s:o}", "kind", kind, "device", device, "at", at, "args", args);
}

static void note_hello(struct teller *t)
{
	json_object_set_new(t->hello, "state", json_string(t->state));
	if (t->reason[0])
		json_object_set_new(t->hello, "reason", json_string(t->reason));
	else
		json_object_del(t->hello, "reason");
}

void teller_init(struct teller *t, const char *device, json_t *hello_devices)
{
	*t = (struct teller){ .state = "gone", .changed = true };
	snprintf(t->device, sizeof(t->device), "%s", device);
	t->hello = json_pack("{s:s}", "device", device);
	note_hello(t);
	json_array_append(hello_devices, t->hello);
}

void teller_fini(struct teller *t)
{
	json_decref(t->hello);
	t->hello = NULL;
}

void teller_set(struct teller *t, const char *state, const char *reason)
{
	bool better = strcmp(state, "up") == 0;

	if (strcmp(t->state, state) == 0 && strncmp(t->reason, reason, sizeof(t->reason) - 1) == 0)
		return;
	if (strcmp(t->state, state) != 0 || !t->reason[0])
		log_write(better ? LOG_INFO : LOG_WARNING, "device is %s%s%s device=%s", state,
			reason[0] ? ": " : "", reason, t->device);
	t->state = state;
	snprintf(t->reason, sizeof(t->reason), "%s", reason);
	t->changed = true;
	note_hello(t);
}

void teller_tell_again(struct teller *t)
{
	t->changed = true;
}

void teller_send(struct teller *t, struct door_client *client)
{
	json_t *args;

	if (!t->changed || t->waiting || clock_boot_us() < t->hold_us)
		return;
	args = json_pack("{s:s,s:s}", "state", t->state, "reason", t->reason);
	if (door_client_command(client, device_command("device_state", t->device, args), &t->n) < 0)
		return;
	t->changed = false;
	t->waiting = true;
}

bool teller_answer(struct teller *t, int64_t n, bool refused)
{
	if (!t->waiting || t->n != n)
		return false;
	t->waiting = false;
	if (refused) {
		t->changed = true;
		t->hold_us = clock_boot_us() + RETELL_US;
	}
	return true;
}
