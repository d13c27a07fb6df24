/* From the scan at the induct to the moment the PLC link may write, and to its word that it has written. The PLC's request
 * waits already: what is measured is the decision. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "pick_load.h"
#include "raw.h"
#include "spine.h"
#include "text.h"

#define NAME "divert"
#define PLC "conveyor1"
#define NEIGHBOURS 8
#define CARTONS_PER_SECOND 200 /* of measurement; one carton after the other */
#define TRACKING_FIRST 1000

struct times {
	struct samples pushed, taken, written;
};

struct wires {
	struct talk scanner, plc;
	char label[SSCC_SCAN_MAX], heard[DOOR_ID_MAX];
	int64_t tracking;
};

static void request(struct wires *w)
{
	json_decref(talk_ask(&w->plc, json_pack("{s:s,s:s,s:{s:I,s:I,s:i,s:i,s:s}}", "kind", "divert_request", "device", PLC,
		"args", "seq", (json_int_t)(w->tracking % 65535 + 1), "tracking", (json_int_t)w->tracking, "point", 1,
		"read", 1, "code", "")));
	w->tracking++;
}

static void scan(struct wires *w)
{
	json_t *command = json_pack("{s:s,s:s,s:{s:s,s:s}}", "kind", "scan", "device", "induct1-scanner", "args", "aim", "]C1",
		"data", w->label);

	if (w->heard[0])
		json_object_set_new(command, "heard", json_string(w->heard));
	talk_command(&w->scanner, command);
}

/* 0, or -1 where the core said late: then the PLC link writes nothing. */
static int take(struct wires *w, const char *id)
{
	_cleanup_json_ json_t *outcome = talk_ask(&w->plc, json_pack("{s:s,s:s,s:{s:s}}", "kind", "divert_taken", "device",
		PLC, "args", "divert", id));

	return json_is_true(json_object_get(outcome, "ok")) ? 0 : -1;
}

static void divert_once(struct wires *w, struct times *t)
{
	_cleanup_json_ json_t *order = NULL, *outcome = NULL;
	int64_t start;

	request(w);
	start = now_ns();
	scan(w);
	order = talk_next(&w->plc, "push");
	samples_add(&t->pushed, now_ns() - start);
	if (take(w, json_str(order, "id")) < 0)
		die("a divert was late");
	samples_add(&t->taken, now_ns() - start);
	json_decref(talk_ask(&w->plc, json_pack("{s:s,s:s,s:{s:s,s:s}}", "kind", "divert_ended", "device", PLC, "args",
		"divert", json_str(order, "id"), "result", "written")));
	samples_add(&t->written, now_ns() - start);
	outcome = talk_next(&w->scanner, "outcome");
	text_copy(w->heard, sizeof(w->heard), json_str(outcome, "id"));
}

static void report_times(const char *when, struct times *t)
{
	struct {
		const char *what;
		struct samples *samples;
	} rows[] = { { "scan to order at the PLC's door", &t->pushed }, { "scan to leave to write", &t->taken },
		{ "scan to written, on disk", &t->written } };
	char what[96];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text_format(what, sizeof(what), "%s, %s, p50", rows[i].what, when);
		report(NAME, what, samples_ms(rows[i].samples, 50), "ms");
		text_format(what, sizeof(what), "%s, %s, p99", rows[i].what, when);
		report(NAME, what, samples_ms(rows[i].samples, 99), "ms");
		samples_fini(rows[i].samples);
	}
}

static void measure(struct wires *w, const char *when, int cartons)
{
	struct times times = { 0 };

	for (int i = 0; i < cartons; i++)
		divert_once(w, &times);
	report_times(when, &times);
}

/* Handhelds at work beside, in a process of their own. */
static pid_t start_neighbours(struct floor *f, struct handheld *handhelds)
{
	struct pick_load load = { .seconds = 3600 };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pick_load_run(f, handhelds, NEIGHBOURS, &load);
	_exit(0);
}

static void run(const struct bench_options *o)
{
	static struct handheld handhelds[NEIGHBOURS];
	int cartons = (int)(o->seconds * CARTONS_PER_SECOND);
	struct wires w = { .tracking = TRACKING_FIRST };
	struct samples waits = { 0 };
	struct floor f;
	pid_t neighbours;

	floor_open(&f);
	raw_fdatasync(f.folder, o->seconds / 5, &waits);
	report(NAME, "raw disk: fdatasync p50", samples_ms(&waits, 50), "ms");
	report(NAME, "raw disk: fdatasync p99", samples_ms(&waits, 99), "ms");
	samples_fini(&waits);
	floor_start(&f, "wharfd", NULL);
	spine_carton(&f, w.label);
	floor_handhelds(&f, handhelds, NEIGHBOURS);
	talk_open(&w.scanner, f.folder, DOOR_BRIDGE);
	talk_open(&w.plc, f.folder, DOOR_PLC);
	talk_send(&w.plc, json_pack("{s:{s:s}}", "subscribe", "topic", "orders/" PLC));
	measure(&w, "quiet", cartons);
	neighbours = start_neighbours(&f, handhelds);
	measure(&w, "beside 8 busy handhelds", cartons);
	kill(neighbours, SIGKILL);
	waitpid(neighbours, NULL, 0);
	talk_close(&w.plc);
	talk_close(&w.scanner);
	floor_close(&f);
}

int main(int argc, char **argv)
{
	struct bench_options o = bench_options(argc, argv, "bench_divert",
		"scan at the induct to divert order, leave to write and written");

	for (int i = 0; i < o.runs; i++)
		run(&o);
	return 0;
}
