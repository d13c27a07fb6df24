/* wharf-bridge: all scanners and scales of the floor, one poll() loop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "config.h"
#include "device.h"
#include "door_client.h"
#include "json.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "replay.h"
#include "text.h"

#define DEVICES_MAX 128

struct bridge {
	struct config *config;
	char origin[BOOT_ID_MAX];
	struct door_client *door;
	struct device *devices[DEVICES_MAX];
	size_t devices_n;
};

/* Each device looks whether the number is its own: a handful of comparisons per answer. */
static void answer_devices(struct bridge *b, const json_t *outcome, const json_t *refused)
{
	char origin[DOOR_ORIGIN_MAX];
	int64_t n;

	if (door_parse_id(json_str(outcome ? outcome : refused, "id"), origin, &n) < 0 ||
		strcmp(origin, b->origin) != 0)
		return;
	for (size_t i = 0; i < b->devices_n; i++) {
		struct device *d = b->devices[i];

		if (!teller_answer(&d->teller, n, refused != NULL))
			d->kind->answer(d, n, outcome, refused);
	}
}

static void on_outcome(void *user, const json_t *outcome)
{
	answer_devices(user, outcome, NULL);
}

static void on_refused(void *user, const json_t *refused)
{
	answer_devices(user, NULL, refused);
}

static void on_push(void *user, const json_t *push)
{
	struct bridge *b = user;
	const char *topic = json_str(push, "topic");

	for (size_t i = 0; i < b->devices_n; i++)
		if (strcmp(b->devices[i]->topic, topic) == 0)
			b->devices[i]->kind->push(b->devices[i], push);
}

static void on_welcome(void *user, const json_t *welcome)
{
	struct bridge *b = user;

	(void)welcome;
	for (size_t i = 0; i < b->devices_n; i++)
		teller_tell_again(&b->devices[i]->teller);
}

static void on_other(void *user, const json_t *message)
{
	const json_t *error = json_object_get(message, "error");

	(void)user;
	if (error)
		log_error("the core refused a message: %s", json_str(error, "say"));
}

static void on_lost(void *user)
{
	struct bridge *b = user;

	for (size_t i = 0; i < b->devices_n; i++)
		if (b->devices[i]->kind->lost)
			b->devices[i]->kind->lost(b->devices[i]);
}

static const struct door_handlers handlers = { .welcome = on_welcome, .outcome = on_outcome,
	.refused = on_refused,
	.push = on_push,
	.other = on_other,
	.lost = on_lost };

typedef struct device *device_create_fn(const struct config *, const char *, json_t *);

static int add_devices(struct bridge *b, const char *kind, device_create_fn *create, json_t *hello)
{
	const char *section;

	for (size_t i = 0; (section = config_section(b->config, kind, i)); i++) {
		if (b->devices_n == DEVICES_MAX) {
			log_error("[%s]: more than %d devices", section, DEVICES_MAX);
			return -ENOSPC;
		}
		b->devices[b->devices_n] = create(b->config, section, hello);
		if (!b->devices[b->devices_n])
			return -EINVAL;
		b->devices_n++;
	}
	return 0;
}

static int open_devices(struct bridge *b, json_t *hello)
{
	int r = add_devices(b, "scanner", scanner_create, hello);

	return r < 0 ? r : add_devices(b, "scale", scale_create, hello);
}

static int open_door(struct bridge *b, json_t *devices)
{
	json_t *hello = json_pack("{s:O}", "devices", devices);
	char path[108];
	int r = door_path(config_text(b->config, "paths", "run"), DOOR_BRIDGE, path, sizeof(path));

	if (r < 0) {
		json_decref(hello);
		return r;
	}
	text_boot_id(b->origin);
	r = door_client_create(&b->door, path, DOOR_BRIDGE, b->origin, hello, &handlers, b);
	for (size_t i = 0; r == 0 && i < b->devices_n; i++) {
		b->devices[i]->door = b->door;
		r = door_client_subscribe(b->door, b->devices[i]->topic);
	}
	return r;
}

static int turn_devices(struct bridge *b)
{
	int64_t now_us = clock_boot_us(), soonest_us = INT64_MAX, due_us;

	for (size_t i = 0; i < b->devices_n; i++) {
		device_turn(b->devices[i], now_us, &due_us);
		if (due_us < soonest_us)
			soonest_us = due_us;
	}
	return soonest_us == INT64_MAX ? -1 : loop_ms_until(soonest_us, clock_boot_us());
}

static size_t fill_fds(const struct bridge *b, struct pollfd *fds)
{
	for (size_t i = 0; i < b->devices_n; i++)
		fds[i] = (struct pollfd){ .fd = device_fd(b->devices[i]),
			.events = device_events(b->devices[i]) };
	fds[b->devices_n] = (struct pollfd){ .fd = door_client_fd(b->door),
		.events = door_client_events(b->door) };
	return b->devices_n + 1;
}

static void run(struct bridge *b)
{
	struct pollfd fds[DEVICES_MAX + 1];
	bool go_on = true;

	while (go_on) {
		int wait_ms = turn_devices(b);
		size_t n = fill_fds(b, fds);

		go_on = loop_wait(fds, n, loop_sooner(wait_ms, door_client_timeout_ms(b->door)));
		door_client_process(b->door); /* first: an answer frees its scanner for the next scan */
		for (size_t i = 0; i < b->devices_n; i++)
			device_ready(b->devices[i], fds[i].revents, clock_boot_us());
	}
}

static void close_bridge(struct bridge *b)
{
	door_client_destroy(b->door);
	for (size_t i = 0; i < b->devices_n; i++)
		b->devices[i]->kind->destroy(b->devices[i]);
	config_destroy(b->config);
}

static int check_devices(const struct config *config)
{
	static const char *const kinds[] = { "scanner", "scale" };
	const char *section;
	int r = 0;

	for (size_t k = 0; k < array_len(kinds); k++)
		for (size_t i = 0; (section = config_section(config, kinds[k], i)); i++)
			if (device_check(config, section) < 0)
				r = -EINVAL;
	if (r == 0)
		puts("configuration OK");
	return r;
}

static int start(struct bridge *b)
{
	_cleanup_json_ json_t *devices = json_array();
	int r = open_devices(b, devices);

	return r < 0 ? r : open_door(b, devices);
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	bool check = false;
	const struct option_row options[] = { COMMON_OPTIONS(path, check) };
	const struct program_info info = { "wharf-bridge", "scanners and scales of one warehouse floor",
		"[OPTIONS] [replay DRIVER[,KEY=VALUE]... [FILE]]",
		"Reports what the devices of all \\fB[scanner NAME]\\fR and \\fB[scale NAME]\\fR sections "
		"read to the core, and answers with a beep after the core has decided. A device that is "
		"unplugged is opened again by itself.\n.P\n\\fBreplay\\fR feeds captured bytes (raw, or a "
		"capture of hex lines) to a driver and prints one JSON object per reading.",
		options, array_len(options) };
	int word = options_parse(&info, argc, argv), r;
	struct bridge b = { 0 };

	if (word < argc && strcmp(argv[word], "replay") == 0)
		return replay_main(argc - word - 1, argv + word + 1);
	log_open("wharf-bridge", LOG_INFO);
	if (config_load(path, stderr, &b.config) < 0)
		return 2;
	loop_open();
	r = check ? check_devices(b.config) : start(&b);
	if (r < 0 && !check) {
		log_error("cannot start: %s", strerror(-r));
	} else if (!check) {
		loop_ready();
		run(&b);
	}
	close_bridge(&b);
	return r < 0 ? 1 : 0;
}
