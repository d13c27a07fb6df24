/* Tells the core how a device is: on change, one word on its way at a time, the latest last. */
#ifndef WHARF_TELLER_H
#define WHARF_TELLER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "door_client.h"

#define TELLER_REASON_MAX 160

struct teller {
	char device[DOOR_NAME_MAX];
	const char *state; /* up, stale, gone, refused, fault */
	char reason[TELLER_REASON_MAX];
	bool changed, waiting;
	int64_t n, hold_us;
	json_t *hello; /* this device's entry in the hello: a reconnect says what is true then */
};

/* Starts as "gone"; adds the device to `hello_devices` (borrowed list of the hello message). */
void teller_init(struct teller *teller, const char *device, json_t *hello_devices);
void teller_fini(struct teller *teller);

/* `state` is a literal. Logs a change. */
void teller_set(struct teller *teller, const char *state, const char *reason);

/* A core that was started anew knows no device's state: it is told once more. */
void teller_tell_again(struct teller *teller);

/* Sends what changed. Call in each turn of the loop. */
void teller_send(struct teller *teller, struct door_client *client);

/* True where the answer was for this teller. */
bool teller_answer(struct teller *teller, int64_t n, bool refused);

/* A command object of a device with "at" set; takes `args`. */
json_t *device_command(const char *kind, const char *device, json_t *args);

#endif
