/* From the start of wharfd to its first welcome, with an empty folder and with a long journal; and the memory of every program
 * of a floor that has its goods and its orders. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "pick_load.h"
#include "text.h"

#define NAME "start"
#define HANDHELDS 32
#define JOURNAL_ROWS 100000
#define JOURNAL_ROWS_SMOKE 500
#define ORDERS 40
#define LINE_MAX_BYTES 4096
#define SETTLE_S 3 /* links, ptys and page certificates come up */

static void report_start(const char *what, double seconds)
{
	report(NAME, what, seconds * 1000, "ms");
}

static int64_t journal_rows(const struct floor *f)
{
	_cleanup_json_ json_t *status = NULL;
	struct talk ctl;

	talk_open(&ctl, f->folder, DOOR_CTL);
	status = talk_row(&ctl, "status");
	talk_close(&ctl);
	return json_int(status, "seq");
}

static void fill_journal(struct floor *f, int64_t rows)
{
	static struct handheld handhelds[HANDHELDS];

	floor_handhelds(f, handhelds, HANDHELDS);
	while (journal_rows(f) < rows) {
		struct pick_load load = { .seconds = 0.2 };

		pick_load_run(f, handhelds, HANDHELDS, &load);
		samples_fini(&load.round_trips);
	}
}

static void run_starts(const struct bench_options *o)
{
	struct floor f;
	pid_t core;

	floor_open(&f);
	report_start("wharfd from nothing to welcome", floor_start_core(&f, &core));
	fill_journal(&f, o->smoke ? JOURNAL_ROWS_SMOKE : JOURNAL_ROWS);
	report(NAME, "memory of wharfd with that journal", (double)pss_kib(core) / 1024, "MiB");
	floor_stop(&f, core, SIGTERM);
	report_start("wharfd with 100,000 journal rows to welcome", floor_start_core(&f, &core));
	floor_stop(&f, core, SIGKILL);
	report_start("wharfd after a kill to welcome", floor_start_core(&f, &core));
	floor_close(&f);
}

static void load_demo(struct floor *f)
{
	_cleanup_file_ FILE *file = fopen(WHARF_SOURCE "/src/sim/floor/demo.jsonl", "re");
	char line[LINE_MAX_BYTES];
	struct talk ctl;

	if (!file)
		die("the demo floor is missing");
	talk_open(&ctl, f->folder, DOOR_CTL);
	while (fgets(line, sizeof(line), file)) {
		_cleanup_json_ json_t *object = json_loads(line, 0, NULL);

		talk_do(&ctl, json_str(object, "kind"), json_incref(json_object_get(object, "args")));
	}
	for (int i = 0; i < ORDERS; i++) {
		char item[32], barcode[32], bin[32], order[32];
		struct floor_goods goods = { item, barcode, bin, order, 5 };

		text_format(item, sizeof(item), "MEM-%d", i);
		text_format(bin, sizeof(bin), "M-%d", i);
		text_format(order, sizeof(order), "SO-%d", i);
		text_format(barcode, sizeof(barcode), "40123459%05d", i);
		floor_goods(&ctl, &goods);
	}
	talk_close(&ctl);
}

static void run_memory(const struct bench_options *o)
{
	static const char *const programs[] = { "wharf-web", "wharf-sync", "wharf-bridge", "wharf-print", "wharf-hq" };
	int64_t sum = 0;
	struct floor f;

	floor_open(&f);
	floor_start(&f, "wharfd", NULL);
	load_demo(&f);
	for (size_t i = 0; i < array_len(programs); i++)
		floor_start(&f, programs[i], NULL);
	floor_start(&f, "wharf-plc", "conveyor1");
	sleep(o->smoke ? 1 : SETTLE_S);
	for (size_t i = 0; i < f.programs_n; i++) {
		int64_t kib = pss_kib(f.programs[i].pid);
		char what[96];

		text_format(what, sizeof(what), "memory of %s, demo floor", f.programs[i].name);
		report(NAME, what, (double)kib / 1024, "MiB");
		sum += kib;
	}
	report(NAME, "memory of all of them", (double)sum / 1024, "MiB");
	floor_close(&f);
}

int main(int argc, char **argv)
{
	struct bench_options o = bench_options(argc, argv, "bench_start",
		"start of wharfd to welcome, memory of each program");

	for (int i = 0; i < o.runs; i++)
		run_starts(&o);
	run_memory(&o);
	return 0;
}
