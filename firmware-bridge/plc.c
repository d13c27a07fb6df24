/* wharf-plc: the link to one conveyor PLC. The handshake decides, this file lends it registers, the
 * door and a clock. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "config.h"
#include "door_client.h"
#include "json.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "plc_handshake.h"
#include "plc_link.h"
#include "teller.h"
#include "text.h"

struct worker {
	struct config *config;
	const char *name, *section;
	unsigned a_base, b_base;
	int64_t poll_us, next_poll_us;
	char origin[BOOT_ID_MAX];
	struct plc_link *link;
	struct plc_handshake plc;
	struct teller teller;
	struct door_client *door;
};

static int read_words(void *user, enum plc_block block, unsigned first, unsigned n, uint16_t *ret)
{
	struct worker *w = user;

	return plc_link_read(w->link, (block == PLC_A ? w->a_base : w->b_base) + first, n, ret);
}

static int write_words(void *user, unsigned first, unsigned n, const uint16_t *words)
{
	struct worker *w = user;

	return plc_link_write(w->link, w->b_base + first, n, words);
}

static int64_t read_clock(void *user)
{
	(void)user;
	return clock_boot_us();
}

static json_t *make_command(const struct worker *w, const struct plc_fact *f)
{
	switch (f->kind) {
	case PLC_FACT_REQUEST:
		return device_command("divert_request", w->name,
			json_pack("{s:i,s:I,s:i,s:i,s:s,s:I}", "seq", f->seq, "tracking",
				(json_int_t)f->tracking, "point", f->point, "read", f->read, "code", f->code,
				"watch_ms", (json_int_t)f->watch_ms));
	case PLC_FACT_TAKEN:
		return device_command("divert_taken", w->name, json_pack("{s:s}", "divert", f->divert));
	case PLC_FACT_ENDED:
		return device_command("divert_ended", w->name,
			json_pack("{s:s,s:s,s:s}", "divert", f->divert, "result", f->result_word,
				"reason", f->reason));
	case PLC_FACT_CONFIRM:
		return device_command("divert_confirm", w->name,
			json_pack("{s:i,s:I,s:i,s:i}", "seq", f->seq, "tracking",
				(json_int_t)f->tracking, "lane", f->lane, "result", f->result));
	case PLC_FACT_STATE:
		return device_command("plc_state", w->name,
			json_pack("{s:i,s:i}", "mode", f->mode, "faults", f->faults));
	}
	return NULL;
}

static void log_fact(const struct worker *w, const struct plc_fact *f)
{
	if (f->kind == PLC_FACT_ENDED && strcmp(f->result_word, "written") != 0)
		log_warning("divert %s: %s device=%s divert=%s", f->result_word, f->reason, w->name,
			f->divert);
	else if (f->kind == PLC_FACT_STATE)
		log_info("plc mode=%u faults=0x%x device=%s", f->mode, f->faults, w->name);
}

static int tell_core(void *user, const struct plc_fact *fact, int64_t *ret_n)
{
	struct worker *w = user;
	int r = door_client_command(w->door, make_command(w, fact), ret_n);

	if (r == 0)
		log_fact(w, fact);
	return r;
}

static const struct plc_verbs verbs = { read_words, write_words, tell_core, read_clock };

/* n of an id of ours, else 0. */
static int64_t own_n(const struct worker *w, const json_t *answer)
{
	char origin[DOOR_ORIGIN_MAX];
	int64_t n;

	if (door_parse_id(json_str(answer, "id"), origin, &n) < 0 || strcmp(origin, w->origin) != 0)
		return 0;
	return n;
}

static void on_outcome(void *user, const json_t *outcome)
{
	struct worker *w = user;
	int64_t n = own_n(w, outcome);
	bool ok = json_is_true(json_object_get(outcome, "ok"));

	if (!teller_answer(&w->teller, n, false))
		plc_answer(&w->plc, n, ok ? PLC_ANSWER_OK : PLC_ANSWER_NO);
}

static void on_refused(void *user, const json_t *refused)
{
	struct worker *w = user;
	int64_t n = own_n(w, refused);

	log_warning("the core did not take a command: %s (%s) device=%s", json_str(refused, "say"),
		json_str(refused, "why"), w->name);
	if (!teller_answer(&w->teller, n, true))
		plc_answer(&w->plc, n, PLC_ANSWER_REFUSED);
}

/* A core that takes nothing decides nothing: cartons need not wait for it. */
static void note_accepting(struct worker *w, const json_t *said)
{
	bool accepting = !json_is_false(json_object_get(said, "accepting"));

	if (!accepting)
		log_warning("the core takes nothing: %s device=%s", json_str(said, "reason"), w->name);
	plc_host_ready(&w->plc, accepting);
}

static void on_welcome(void *user, const json_t *welcome)
{
	struct worker *w = user;

	teller_tell_again(&w->teller);
	note_accepting(w, welcome);
}

static void on_lost(void *user)
{
	struct worker *w = user;

	plc_host_ready(&w->plc, false);
}

static bool read_word(const json_t *push, const char *key, int64_t max, int64_t *ret)
{
	const json_t *value = json_object_get(push, key);

	*ret = json_integer_value(value);
	return json_is_integer(value) && *ret >= 0 && *ret <= max;
}

static int read_order(const json_t *push, struct plc_divert *ret)
{
	int64_t tracking, seq, lane, reason;

	if (!read_word(push, "tracking", UINT32_MAX, &tracking) ||
		!read_word(push, "seq", UINT16_MAX, &seq) || !read_word(push, "lane", UINT16_MAX, &lane) ||
		!read_word(push, "reason", UINT16_MAX, &reason) ||
		!read_word(push, "deadline_us", INT64_MAX, &ret->deadline_us) || !seq)
		return -EINVAL;
	ret->seq = (uint16_t)seq;
	ret->lane = (uint16_t)lane;
	ret->reason = (uint16_t)reason;
	ret->tracking = (uint32_t)tracking;
	return text_copy(ret->id, sizeof(ret->id), json_str(push, "id"));
}

static void on_push(void *user, const json_t *push)
{
	struct worker *w = user;
	bool recover = strcmp(json_str(push, "order"), "recover") == 0;
	struct plc_divert divert = { 0 };
	int r;

	if (strcmp(json_str(push, "topic"), "status") == 0)
		note_accepting(w, push);
	if (!recover && strcmp(json_str(push, "order"), "divert") != 0)
		return;
	r = read_order(push, &divert);
	if (r == 0)
		r = recover ? plc_recover_order(&w->plc, &divert) : plc_take_order(&w->plc, &divert);
	if (r < 0 && r != -EEXIST)
		log_warning("divert order not accepted: %s device=%s divert=%s",
			r == -EPERM ? "the link is read-only until it is commissioned" : strerror(-r),
			w->name, json_str(push, "id"));
}

static void on_other(void *user, const json_t *message)
{
	const struct worker *w = user;
	const json_t *error = json_object_get(message, "error");

	if (error)
		log_error("the core refused a message: %s device=%s", json_str(error, "say"), w->name);
}

static const struct door_handlers handlers = { .welcome = on_welcome,
	.outcome = on_outcome,
	.refused = on_refused,
	.push = on_push,
	.other = on_other,
	.lost = on_lost };

static void try_connect(struct worker *w)
{
	if (clock_boot_us() < plc_link_due_us(w->link))
		return;
	if (plc_link_connect(w->link) < 0) {
		teller_set(&w->teller, "gone", plc_link_reason(w->link));
		return;
	}
	plc_connected(&w->plc);
	w->next_poll_us = 0;
}

static void note_health(struct worker *w)
{
	const char *reason;

	switch (plc_health(&w->plc, &reason)) {
	case PLC_UP:
		teller_set(&w->teller, "up", reason);
		break;
	case PLC_STALE:
		teller_set(&w->teller, "stale", reason);
		break;
	case PLC_FAULT:
		teller_set(&w->teller, "fault", reason);
		break;
	}
}

static void poll_plc(struct worker *w)
{
	int64_t now_us = clock_boot_us();

	if (now_us < w->next_poll_us && !plc_urgent(&w->plc))
		return;
	w->next_poll_us = now_us + w->poll_us;
	if (plc_step(&w->plc) < 0) {
		plc_disconnected(&w->plc);
		plc_link_drop(w->link);
		teller_set(&w->teller, "gone", plc_link_reason(w->link));
		return;
	}
	plc_link_good(w->link);
	note_health(w);
}

static void turn(struct worker *w)
{
	if (!plc_link_up(w->link))
		try_connect(w);
	if (plc_link_up(w->link))
		poll_plc(w);
	plc_tick(&w->plc);
	teller_send(&w->teller, w->door);
}

static int wait_ms(const struct worker *w)
{
	int64_t due_us = plc_link_up(w->link) ? w->next_poll_us : plc_link_due_us(w->link);

	if (!plc_link_up(w->link) && plc_urgent(&w->plc)) /* an order may become late meanwhile */
		due_us = clock_boot_us() + w->poll_us;
	return loop_sooner(loop_ms_until(due_us, clock_boot_us()), door_client_timeout_ms(w->door));
}

static void run(struct worker *w)
{
	struct pollfd fd;

	do {
		door_client_process(w->door);
		turn(w);
		fd = (struct pollfd){ .fd = door_client_fd(w->door),
			.events = door_client_events(w->door) };
	} while (loop_wait(&fd, 1, wait_ms(w)));
}

static int open_door(struct worker *w, json_t *devices)
{
	char path[108], topic[DOOR_NAME_MAX + 8];
	int r = door_path(config_text(w->config, "paths", "run"), DOOR_PLC, path, sizeof(path));
	json_t *hello = json_pack("{s:O}", "devices", devices);

	if (r < 0) {
		json_decref(hello);
		return r;
	}
	text_boot_id(w->origin);
	r = door_client_create(&w->door, path, DOOR_PLC, w->origin, hello, &handlers, w);
	if (r < 0)
		return r;
	snprintf(topic, sizeof(topic), "orders/%s", w->name);
	r = door_client_subscribe(w->door, topic);
	return r < 0 ? r : door_client_subscribe(w->door, "status");
}

static int open_link(struct worker *w)
{
	const struct plc_link_settings settings = { .host = config_text(w->config, w->section, "host"),
		.port = (int)config_int(w->config, w->section, "port"),
		.unit = (int)config_int(w->config, w->section, "unit"),
		.response_ms = (int)config_int(w->config, w->section, "response_ms") };

	return plc_link_create(&w->link, &settings);
}

static int open_worker(struct worker *w)
{
	const struct plc_settings settings = {
		.commissioned = config_bool(w->config, w->section, "commissioned"),
		.deadline_us = config_int(w->config, w->section, "deadline_ms") * US_PER_MS };
	_cleanup_json_ json_t *devices = json_array();
	int r;

	w->a_base = (unsigned)config_int(w->config, w->section, "a_base");
	w->b_base = (unsigned)config_int(w->config, w->section, "b_base");
	w->poll_us = config_int(w->config, w->section, "poll_ms") * US_PER_MS;
	teller_init(&w->teller, w->name, devices);
	plc_init(&w->plc, &settings, &verbs, w);
	r = open_link(w);
	return r < 0 ? r : open_door(w, devices);
}

static void close_worker(struct worker *w)
{
	door_client_destroy(w->door);
	plc_link_destroy(w->link);
	teller_fini(&w->teller);
	config_destroy(w->config);
}

static int find_section(struct worker *w, char *section, size_t size)
{
	if (text_format(section, size, "plc %s", w->name) < 0 || !config_has(w->config, section)) {
		fprintf(stderr, "wharf-plc: no [plc %s] in the configuration\n", w->name);
		return -ENOENT;
	}
	if (config_int(w->config, section, "a_base") + PLC_A_WORDS > 65536 ||
		config_int(w->config, section, "b_base") + PLC_B_WORDS > 65536) {
		fprintf(stderr, "wharf-plc: [%s]: a block reaches beyond register 65535\n", section);
		return -EINVAL;
	}
	w->section = section;
	return 0;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	bool check = false;
	const struct option_row options[] = { COMMON_OPTIONS(path, check) };
	const struct program_info info = { "wharf-plc", "link to one conveyor PLC", "[OPTIONS] NAME",
		"Polls the PLC of section \\fB[plc NAME]\\fR over Modbus TCP, reports its divert requests, "
		"confirmations and state to the core and writes the core's decisions into its registers. "
		"A decision is written after the core has it on disk, before its deadline, and is read "
		"back. The link only reads until \\fBcommissioned\\fR is set.",
		options, array_len(options) };
	int word = options_parse(&info, argc, argv), r;
	struct worker w = { .name = word < argc ? argv[word] : NULL };
	char section[DOOR_NAME_MAX + 8];

	if (!w.name) {
		fprintf(stderr, "wharf-plc: which PLC?\n");
		return 2;
	}
	log_open("wharf-plc", LOG_INFO);
	if (config_load(path, stderr, &w.config) < 0)
		return 2;
	r = find_section(&w, section, sizeof(section));
	if (r == 0 && check) {
		puts("configuration OK");
	} else if (r == 0) {
		loop_open();
		r = open_worker(&w);
		if (r < 0)
			log_error("cannot start: %s device=%s", strerror(-r), w.name);
	}
	if (r == 0 && !check) {
		loop_ready();
		run(&w);
	}
	close_worker(&w);
	return r == 0 ? 0 : 1;
}
