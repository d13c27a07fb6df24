/* Durable picks a second at the door, as a ratio to SQLite's own group commit of the same rows. */
#include <signal.h>
#include <stdio.h>

#include "pick_load.h"
#include "raw.h"
#include "text.h"

#define NAME "picks"
#define HANDHELDS_MAX 32

static void report_run(size_t n, struct pick_load *load, const struct raw_rows *raw, double cpu_s)
{
	char what[64];
	double rate = (double)load->picks / load->seconds;

	text_format(what, sizeof(what), "%zu outstanding", n);
	report_ratio(NAME, what, rate, "picks/s", raw->commands_per_s, "raw SQLite");
	text_format(what, sizeof(what), "%zu outstanding, p50", n);
	report(NAME, what, samples_ms(&load->round_trips, 50), "ms");
	text_format(what, sizeof(what), "%zu outstanding, p99", n);
	report(NAME, what, samples_ms(&load->round_trips, 99), "ms");
	text_format(what, sizeof(what), "%zu outstanding, commands per commit", n);
	report(NAME, what, raw->commands_per_commit, "commands");
	text_format(what, sizeof(what), "%zu outstanding, processor time of wharfd", n);
	report(NAME, what, cpu_s * 1e6 / (double)load->picks, "us/pick");
}

static void run_one(size_t n, double seconds)
{
	static struct handheld handhelds[HANDHELDS_MAX];
	struct pick_load load = { .seconds = seconds };
	struct raw_rows raw;
	struct floor floor;
	char database[256];
	double cpu_s;
	pid_t core;

	floor_open(&floor);
	core = floor_start(&floor, "wharfd", NULL);
	floor_handhelds(&floor, handhelds, n);
	cpu_s = cpu_seconds(core);
	pick_load_run(&floor, handhelds, n, &load);
	cpu_s = cpu_seconds(core) - cpu_s;
	floor_stop(&floor, core, SIGTERM);
	text_format(database, sizeof(database), "%s/wharf.db", floor.folder);
	raw_sqlite(database, floor.folder, &raw);
	report_run(n, &load, &raw, cpu_s);
	samples_fini(&load.round_trips);
	floor_close(&floor);
}

static void run_disk(double seconds)
{
	struct samples waits = { 0 };
	struct floor floor;
	double rate;

	floor_open(&floor);
	rate = raw_fdatasync(floor.folder, seconds, &waits);
	report(NAME, "raw disk: page written and fdatasync", rate, "1/s");
	report(NAME, "raw disk: fdatasync p50", samples_ms(&waits, 50), "ms");
	report(NAME, "raw disk: fdatasync p99", samples_ms(&waits, 99), "ms");
	samples_fini(&waits);
	floor_close(&floor);
}

int main(int argc, char **argv)
{
	static const size_t outstanding[] = { 1, 8, 32 };
	struct bench_options o = bench_options(argc, argv, "bench_picks",
		"durable picks a second at the door, against raw SQLite group commit of the same rows");

	for (int run = 0; run < o.runs; run++) {
		run_disk(o.smoke ? o.seconds : o.seconds / 5);
		for (size_t i = 0; i < sizeof(outstanding) / sizeof(outstanding[0]); i++)
			run_one(outstanding[i], o.seconds);
	}
	return 0;
}
