/* Captured bytes of a device, fed to its driver: the tests' and technicians' way to see what comes out.
 * A capture is text: "driver NAME [key=value]..." first, then lines of hex, "reset" for a silence, and
 * comments behind '#'. */
#ifndef WHARF_REPLAY_H
#define WHARF_REPLAY_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "driver.h"

#define CAPTURE_RESETS_MAX 64

struct capture {
	const struct driver *driver;
	struct driver_settings settings;
	uint8_t *bytes;
	size_t n;
	size_t resets[CAPTURE_RESETS_MAX]; /* a silence before the byte of this index */
	size_t resets_n;
};

/* 0 or -EINVAL with the line in `why`; -ENOMEM. */
int capture_parse(const char *text, size_t len, struct capture *ret, char *why, size_t why_size);
void capture_fini(struct capture *capture);

/* "serial suffix=cr prefix=stx". 0 or -EINVAL. */
int capture_set_driver(struct capture *capture, const char *words);

/* Feeds it in pieces: `piece` says how long the next one is, of at most `left` bytes. */
void capture_replay(const struct capture *capture, size_t (*piece)(void *user, size_t left),
	void (*reading)(void *user, const struct reading *reading), void *user);

/* One reading as an object: kind, aim, data, value_ug, unit, flags, fault, raw. */
json_t *reading_json(const struct reading *reading);

/* wharf-bridge replay DRIVER [FILE]: a capture, or raw bytes for the driver named. Exit code. */
int replay_main(int argc, char **argv);

#endif
