/* A polled scale: asks all the time, so that its state is known; gives a weight when one is ordered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "device.h"
#include "json.h"
#include "log.h"
#include "text.h"
#include "weigh.h"

#define REPLY_US (400 * US_PER_MS)
#define STALE_US (1500 * US_PER_MS)
#define STALE_POLL_US (1 * US_PER_S)
#define RETRY_US (1 * US_PER_S) /* after "not taken" */
#define UG_PER_G INT64_C(1000000)
#define ID_MAX DOOR_ID_MAX

struct scale {
	struct device device; /* first: the bridge knows this part */
	int64_t poll_us;
	int64_t ask_us;     /* when to ask next */
	int64_t asked_us;   /* 0: nothing asked */
	int64_t replied_us; /* last usable frame, or when the port was opened */

	struct weigh weigh;
	char order[ID_MAX]; /* the weigh order that stands, or "" */
	int64_t step;
	bool sent; /* a weight has no answer yet */
	char sent_for[ID_MAX];
	int64_t n, hold_us;

	/* RUN/bridge/NAME.pan names the order whose weight was given out last, as long as the pan was
	 * not seen empty since: a bridge that is killed must not weigh that carton for the next order. */
	char pan_path[256];
	char pan_order[ID_MAX]; /* found at the start */
};

static struct scale *of(struct device *device)
{
	return (struct scale *)device;
}

static void remember_pan(struct scale *s)
{
	int r = text_write_file(s->pan_path, s->order, strlen(s->order), 0600);

	if (r < 0)
		log_warning("cannot note that the pan is used: %s device=%s", strerror(-r),
			s->device.name);
}

static void recall_pan(struct scale *s)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (text_read_file(s->pan_path, sizeof(s->pan_order) - 1, &text, &len) < 0)
		return;
	text_copy(s->pan_order, sizeof(s->pan_order), text);
	weigh_used(&s->weigh);
}

static void on_fault(struct scale *s, const char *fault)
{
	if (strcmp(fault, "wrong_parity") == 0)
		teller_set(&s->device.teller, "fault",
			"wrong parity: set the scale to 7 data bits, even parity, 1 stop bit");
	else
		teller_set(&s->device.teller, "fault", fault);
}

static void on_reading(struct device *device, const struct reading *r)
{
	struct scale *s = of(device);
	int64_t now_us = clock_boot_us();

	s->asked_us = 0;
	s->replied_us = now_us;
	if (weigh_note(&s->weigh, r, now_us))
		unlink(s->pan_path);
	if (r->kind == READING_FAULT)
		on_fault(s, r->fault);
	else
		teller_set(&device->teller, "up", "");
}

static void on_partial(struct device *device, size_t bytes)
{
	(void)bytes; /* the missing answer is what counts */
	weigh_restart(&of(device)->weigh);
}

static void on_opened(struct device *device)
{
	struct scale *s = of(device);

	s->replied_us = clock_boot_us();
	s->asked_us = 0;
	s->ask_us = 0;
	weigh_restart(&s->weigh);
}

static bool is_stale(const struct scale *s, int64_t now_us)
{
	return now_us - s->replied_us >= STALE_US;
}

static void note_silence(struct scale *s, int64_t now_us)
{
	if (s->asked_us && now_us - s->asked_us >= REPLY_US) {
		s->asked_us = 0;
		s->device.driver->reset(&s->device.state);
		weigh_restart(&s->weigh);
	}
	if (is_stale(s, now_us))
		teller_set(&s->device.teller, "stale", "no answer");
}

static void ask(struct scale *s, int64_t now_us)
{
	uint8_t question[DRIVER_SAY_MAX];

	if (s->asked_us || now_us < s->ask_us)
		return;
	device_write(&s->device, question, s->device.driver->ask(question));
	s->asked_us = now_us;
	s->ask_us = now_us + (is_stale(s, now_us) ? STALE_POLL_US : s->poll_us);
}

static json_t *frame_hex(const struct weigh_frame *f)
{
	char hex[WEIGH_FRAME_MAX * 2 + 1];

	text_hex(f->bytes, f->len, hex);
	return json_string(hex);
}

static json_t *make_weight(const struct scale *s)
{
	const struct weigh *w = &s->weigh;
	json_t *readings = json_array(), *command;

	for (size_t i = 0; i < w->frames_n; i++)
		json_array_append_new(readings, frame_hex(&w->frames[i]));
	command = device_command("weight", s->device.name,
		json_pack("{s:I,s:s,s:o,s:o,s:s}", "value_ug", (json_int_t)w->value_ug, "unit",
			driver_unit_name(w->unit), "raw", frame_hex(&w->frames[w->frames_n - 1]),
			"readings", readings, "ask", s->order));
	json_object_set_new(command, "station", json_string(s->device.station));
	json_object_set_new(command, "step", json_integer(s->step));
	return command;
}

static void give_weight(struct scale *s, int64_t now_us)
{
	if (!s->order[0] || s->sent || now_us < s->hold_us || !weigh_ready(&s->weigh))
		return;
	remember_pan(s);
	if (door_client_command(s->device.door, make_weight(s), &s->n) < 0)
		return;
	s->sent = true;
	weigh_used(&s->weigh);
	text_copy(s->sent_for, sizeof(s->sent_for), s->order);
}

static void on_turn(struct device *device, int64_t now_us, int64_t *ret_due_us)
{
	struct scale *s = of(device);

	if (device->port.fd < 0)
		return;
	note_silence(s, now_us);
	ask(s, now_us);
	give_weight(s, now_us);
	*ret_due_us = s->asked_us ? s->asked_us + REPLY_US : s->ask_us;
}

static bool wants_bytes(const struct device *device)
{
	(void)device;
	return true;
}

/* A decided weight is used up even where it was not good enough: the carton must come off and on again. */
static void on_answer(struct device *device, int64_t n, const json_t *outcome, const json_t *refused)
{
	struct scale *s = of(device);

	if (!s->sent || s->n != n)
		return;
	s->sent = false;
	if (refused) {
		log_warning("weight not taken: %s device=%s", json_str(refused, "say"), device->name);
		s->hold_us = clock_boot_us() + RETRY_US;
		s->weigh.must_empty = false;
		return;
	}
	if (json_is_true(json_object_get(outcome, "ok")) && strcmp(s->order, s->sent_for) == 0)
		s->order[0] = '\0';
}

static void on_push(struct device *device, const json_t *push)
{
	struct scale *s = of(device);
	const char *id = json_str(push, "id");

	if (strcmp(json_str(push, "order"), "weigh") != 0) {
		s->order[0] = '\0';
		return;
	}
	s->step = json_int(push, "step");
	if (strcmp(s->order, id) == 0 || text_copy(s->order, sizeof(s->order), id) < 0)
		return;
	if (strcmp(id, s->pan_order) == 0) /* the weight before the restart was for this very carton */
		s->weigh.must_empty = false;
	s->pan_order[0] = '\0';
	weigh_restart(&s->weigh);
}

/* Standing orders are pushed again on the next connection. */
static void on_lost(struct device *device)
{
	of(device)->order[0] = '\0';
}

static void destroy_scale(struct device *device)
{
	device_fini(device);
	free(of(device));
}

static const struct device_kind scale_kind = { .reading = on_reading,
	.partial = on_partial,
	.opened = on_opened,
	.turn = on_turn,
	.wants = wants_bytes,
	.answer = on_answer,
	.push = on_push,
	.lost = on_lost,
	.destroy = destroy_scale };

static int open_pan(struct scale *s, const struct config *config)
{
	const char *run = config_text(config, "paths", "run");
	int r = text_format(s->pan_path, sizeof(s->pan_path), "%s/bridge", run);

	if (r < 0)
		return r;
	r = text_mkdirs(s->pan_path, 0755);
	if (r < 0)
		return r;
	r = text_format(s->pan_path, sizeof(s->pan_path), "%s/bridge/%s.pan", run, s->device.name);
	if (r == 0)
		recall_pan(s);
	return r;
}

struct device *scale_create(const struct config *config, const char *section, json_t *hello_devices)
{
	struct scale *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return NULL;
	weigh_init(&s->weigh, config_int(config, section, "min_g") * UG_PER_G);
	s->poll_us = config_int(config, section, "poll_ms") * US_PER_MS;
	r = device_init(&s->device, &scale_kind, config, section, hello_devices);
	if (r == 0)
		r = text_format(s->device.topic, sizeof(s->device.topic), "orders/%s", s->device.name);
	if (r == 0) {
		r = open_pan(s, config);
		if (r < 0)
			log_error("[%s]: run folder: %s", section, strerror(-r));
	}
	if (r < 0) {
		destroy_scale(&s->device);
		return NULL;
	}
	return &s->device;
}
