/* Scans become commands, one at a time; the answer becomes a beep, and only then. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "device.h"
#include "json.h"
#include "log.h"
#include "text.h"

struct scanner {
	struct device device; /* first: the bridge knows this part */
	bool beeps;
	int64_t dedup_us;

	bool waiting; /* a scan has no answer yet */
	int64_t n;
	char heard[DOOR_ID_MAX]; /* last outcome that was beeped here */
	bool step_known;
	int64_t step; /* of the prompt that stands at the station */

	uint8_t last_hash[HASH_BYTES];
	int64_t last_us;
};

static struct scanner *of(struct device *device)
{
	return (struct scanner *)device;
}

/* 0 when the person heard it, or when nobody at this device is told by sound. */
static int beep(struct scanner *s, enum driver_answer answer)
{
	uint8_t bytes[DRIVER_SAY_MAX];

	if (!s->beeps || !s->device.driver->answer)
		return 0;
	return device_write(&s->device, bytes, s->device.driver->answer(answer, bytes));
}

static void refuse(struct scanner *s, const char *why)
{
	log_warning("scan not accepted: %s device=%s", why, s->device.name);
	beep(s, ANSWER_BAD);
}

static bool is_repeat(struct scanner *s, const struct reading *r)
{
	uint8_t hash[HASH_BYTES];
	int64_t now_us = clock_boot_us();

	if (!s->dedup_us)
		return false;
	text_hash(r->aim, sizeof(r->aim), r->data, r->data_len, hash);
	if (s->last_us && now_us - s->last_us < s->dedup_us &&
		memcmp(hash, s->last_hash, sizeof(hash)) == 0)
		return true;
	memcpy(s->last_hash, hash, sizeof(hash));
	s->last_us = now_us;
	return false;
}

static json_t *make_scan(const struct scanner *s, const struct reading *r)
{
	json_t *args = json_pack("{s:s,s:o}", "aim", r->aim, "data",
		json_stringn((const char *)r->data, r->data_len));
	json_t *command = device_command("scan", s->device.name, args);

	json_object_set_new(command, "station", json_string(s->device.station));
	if (s->step_known)
		json_object_set_new(command, "step", json_integer(s->step));
	if (s->heard[0])
		json_object_set_new(command, "heard", json_string(s->heard));
	return command;
}

static void send_scan(struct scanner *s, const struct reading *r)
{
	if (door_client_command(s->device.door, make_scan(s, r), &s->n) < 0) {
		s->last_us = 0;
		refuse(s, "too much waits for the core");
	} else {
		s->waiting = true;
	}
}

static void take_scan(struct scanner *s, const struct reading *r)
{
	if (!text_is_utf8((const char *)r->data, r->data_len) || memchr(r->data, 0, r->data_len))
		refuse(s, "the data is no text");
	else if (s->waiting)
		refuse(s, "the scan before has no answer yet");
	else if (is_repeat(s, r))
		return;
	else
		send_scan(s, r);
}

static void on_reading(struct device *device, const struct reading *r)
{
	switch (r->kind) {
	case READING_SCAN:
		take_scan(of(device), r);
		break;
	case READING_FAULT:
		refuse(of(device), r->fault);
		break;
	case READING_SERVICE:
	case READING_NONE:
	case READING_WEIGHT:
	case READING_STATUS:
		break;
	}
}

static void on_partial(struct device *device, size_t bytes)
{
	log_warning("half a scan dropped bytes=%zu device=%s", bytes, device->name);
	beep(of(device), ANSWER_BAD);
}

static void on_opened(struct device *device)
{
	teller_set(&device->teller, "up", "");
}

/* Where a person hears a beep, a scan too many is refused aloud; where nobody does, its bytes stay with
 * the device until the one before is answered. */
static bool wants_bytes(const struct device *device)
{
	const struct scanner *s = (const struct scanner *)device;

	return s->beeps || !s->waiting;
}

static void note_step(struct scanner *s, const json_t *prompt)
{
	const json_t *step = json_object_get(prompt, "step");

	if (!json_is_integer(step))
		return;
	s->step = json_integer_value(step);
	s->step_known = true;
}

static void hear_outcome(struct scanner *s, const json_t *outcome)
{
	const char *signal = json_str(outcome, "signal");
	int r = 0;

	if (strcmp(signal, "good") == 0)
		r = beep(s, ANSWER_GOOD);
	else if (strcmp(signal, "none") != 0) /* bad, already: look at the screen */
		r = beep(s, ANSWER_BAD);
	if (r == 0)
		text_copy(s->heard, sizeof(s->heard), json_str(outcome, "id"));
}

static void on_answer(struct device *device, int64_t n, const json_t *outcome, const json_t *refused)
{
	struct scanner *s = of(device);

	if (!s->waiting || s->n != n)
		return;
	s->waiting = false;
	if (outcome) {
		note_step(s, json_object_get(outcome, "prompt"));
		hear_outcome(s, outcome);
	} else {
		s->last_us = 0; /* not taken: the same code again is no repeat */
		refuse(s, json_str(refused, "say"));
	}
}

static void on_push(struct device *device, const json_t *push)
{
	note_step(of(device), push);
}

static void destroy_scanner(struct device *device)
{
	device_fini(device);
	free(of(device));
}

static const struct device_kind scanner_kind = { .reading = on_reading,
	.partial = on_partial,
	.opened = on_opened,
	.wants = wants_bytes,
	.answer = on_answer,
	.push = on_push,
	.destroy = destroy_scanner };

struct device *scanner_create(const struct config *config, const char *section, json_t *hello_devices)
{
	struct scanner *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (device_init(&s->device, &scanner_kind, config, section, hello_devices) < 0 ||
		text_format(s->device.topic, sizeof(s->device.topic), "prompt/%s", s->device.station) < 0) {
		destroy_scanner(&s->device);
		return NULL;
	}
	s->beeps = strcmp(config_text(config, section, "answer"), "beep") == 0;
	s->dedup_us = config_int(config, section, "dedup_ms") * US_PER_MS;
	return &s->device;
}
