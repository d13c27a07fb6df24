/* A scanner or scale: port, driver and the word on how it is. What its readings mean is its kind's. */
#ifndef WHARF_DEVICE_H
#define WHARF_DEVICE_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "door_client.h"
#include "driver.h"
#include "port.h"
#include "teller.h"

#define DEVICE_READ_MAX 512
#define DEVICE_PARTIAL_US INT64_C(300000) /* silence after which half a frame is dropped */

struct device;

struct device_kind {
	void (*reading)(struct device *device, const struct reading *reading);
	/* Half a frame was dropped. */
	void (*partial)(struct device *device, size_t bytes);
	void (*opened)(struct device *device);
	/* Each turn; *ret_due_us (INT64_MAX: none) is when it wants the next one. */
	void (*turn)(struct device *device, int64_t now_us, int64_t *ret_due_us);
	/* False: leave further bytes with the device. */
	bool (*wants)(const struct device *device);
	/* Decided (`outcome`) or not taken (`refused`); the other is NULL. */
	void (*answer)(struct device *device, int64_t n, const json_t *outcome, const json_t *refused);
	void (*push)(struct device *device, const json_t *push);
	void (*lost)(struct device *device);
	void (*destroy)(struct device *device);
};

struct device {
	const struct device_kind *kind;
	const char *section, *name, *station; /* borrowed from the configuration */
	const struct driver *driver;
	union driver_state state;
	struct port port;
	struct teller teller;
	struct door_client *door; /* borrowed */
	char topic[DOOR_NAME_MAX + 8];
	uint8_t in[DEVICE_READ_MAX]; /* read, not yet taken by the driver */
	size_t in_first, in_n;
	int64_t byte_us;
	bool fed; /* bytes since the last reset */
};

/* What the configuration's table cannot say about a section. 0 or -EINVAL (logged with the section). */
int device_check(const struct config *config, const char *section);

/* Common part, from the device's section. 0 or -EINVAL (logged). */
int device_init(struct device *device, const struct device_kind *kind, const struct config *config,
	const char *section, json_t *hello_devices);
void device_fini(struct device *device);

/* Opens, reads, feeds. *ret_due_us: when it wants the next turn. */
void device_turn(struct device *device, int64_t now_us, int64_t *ret_due_us);

/* For poll(). */
int device_fd(const struct device *device);
short device_events(const struct device *device);
/* What poll() saw. */
void device_ready(struct device *device, short revents, int64_t now_us);

int device_write(struct device *device, const uint8_t *bytes, size_t n);

/* Both return NULL after logging what is wrong with the section. */
struct device *scanner_create(const struct config *config, const char *section, json_t *hello_devices);
struct device *scale_create(const struct config *config, const char *section, json_t *hello_devices);

#endif
