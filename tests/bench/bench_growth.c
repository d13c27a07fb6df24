/* Does a pick wait longer on a database of many years, and beside all that else goes on? Picks at eight handhelds, alone and
 * with neighbours (a wave of 5,000 lines, an import of 100,000 items, the drain to HQ, what a day mark lets go, checkpoints),
 * on a fresh database and on a grown one, in one run. WHARF_BENCH_ROWS says how many journal rows (default: a million). */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "grow.h"
#include "json.h"
#include "link.h"
#include "pick_load.h"
#include "text.h"

#define NAME "growth"
#define HANDHELDS 8
#define ROWS 1000000
#define SLICE_S 0.5
#define LIMIT_S 300
#define LINES_PER_ORDER 20
#define WAVE_LOOK_US 100000
#define DAY_US (INT64_C(20) * 3600 * 1000000) /* of uptime: a day mark */
#define UNTIL_MARK_US (INT64_C(2) * 1000000)

struct size {
	int64_t rows;
	int base_orders, wave_orders, items;
};

static const struct size full = { ROWS, 400, 250, 100000 }, smoke = { 10000, 20, 3, 500 };

/* ---- a site ---- */

/* The next day mark comes soon after the start. */
static void set_uptime(const struct floor *f)
{
	char path[160], text[40];

	text_format(path, sizeof(path), "%s/uptime", f->folder);
	text_format(text, sizeof(text), "%lld\n", (long long)(DAY_US - UNTIL_MARK_US));
	if (text_write_file(path, text, strlen(text), 0600) < 0)
		die("%s cannot be written", path);
}

/* HQ has heard all that the grown site has told. */
static void level_hq(struct floor *f)
{
	char site[160], socket[160], *attach;
	struct talk hq = { 0 };
	pid_t pid;
	sqlite3 *db;
	char *why = NULL;

	link_enrol(f);
	pid = floor_start(f, "wharf-hq", NULL);
	text_format(socket, sizeof(socket), "%s/hq.sock", f->folder);
	hq.fd = talk_connect(socket);
	talk_close(&hq);
	floor_stop(f, pid, SIGTERM);
	text_format(site, sizeof(site), "%s/hq.db", f->folder);
	attach = sqlite3_mprintf("ATTACH '%q/wharf.db' AS edge; INSERT INTO site "
				 "SELECT 'DEMO', 'active', '', 1, up_head, up_hash, up_safe, 0, 0, 0 FROM edge.link", f->folder);
	if (sqlite3_open(site, &db) != SQLITE_OK || sqlite3_exec(db, attach, NULL, NULL, &why) != SQLITE_OK || sqlite3_changes(db) != 1)
		die("HQ cannot be made level: %s", why ? why : "no site");
	sqlite3_close(db);
	sqlite3_free(attach);
}

static void open_site(struct floor *f, const struct size *size, bool grown)
{
	char base[160], database[160];
	int64_t start = now_ns();
	pid_t core;

	floor_open(f);
	floor_start_core(f, &core);
	floor_stop(f, core, SIGTERM);
	if (grown) {
		text_format(base, sizeof(base), "%s/base.db", f->folder);
		text_format(database, sizeof(database), "%s/wharf.db", f->folder);
		grow_make_base(base, size->base_orders);
		grow(database, base, size->rows);
		unlink(base);
		report(NAME, "time to grow", seconds_since(start), "s");
	}
	level_hq(f);
	set_uptime(f);
}

/* ---- neighbours ---- */

static void write_items(const struct floor *f, int items, char *out, size_t size)
{
	_cleanup_file_ FILE *file = NULL;

	text_format(out, size, "%s/items.csv", f->folder);
	file = fopen(out, "we");
	if (!file)
		die("%s: %s", out, strerror(errno));
	fprintf(file, "item,title,barcode,weight_g\n");
	for (int i = 0; i < items; i++)
		fprintf(file, "IMP-%d,Imported goods %d,4198765%06d,%d\n", i, i, i, 100 + i % 900);
}

static pid_t start_import(const struct floor *f, const char *file)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout))
			_exit(127);
		execl(WHARF_BIN "/wharf", "wharf", "-c", f->config, "import", "items", file, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void put_order(struct talk *ctl, int n)
{
	char order[32];
	json_t *lines = json_array();

	text_format(order, sizeof(order), "WAVE-%d", n);
	for (int i = 1; i <= LINES_PER_ORDER; i++)
		json_array_append_new(lines, json_pack("{s:i,s:s,s:i}", "line", i, "item", "WAVE", "qty", 1));
	talk_do(ctl, "order_put", json_pack("{s:s,s:s,s:s,s:s,s:o}", "order", order, "customer", "C-1", "carrier", "NORTH",
					"wave", "WAVE", "lines", lines));
}

static bool is_released(struct talk *ctl)
{
	json_t *wave = talk_row(ctl, "waves");
	const char *state = json_string_value(json_object_get(wave, "state"));
	bool released = state && strcmp(state, "released") == 0;

	json_decref(wave);
	return released;
}

static pid_t start_wave(const struct floor *f, int orders)
{
	static const struct floor_goods goods = { "WAVE", "4012345999999", "W-01", "WAVE-0", 1000000 };
	struct talk ctl;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	talk_open(&ctl, f->folder, DOOR_CTL);
	floor_goods(&ctl, &goods);
	for (int i = 1; i <= orders; i++)
		put_order(&ctl, i);
	talk_do(&ctl, "wave_release", json_pack("{s:s}", "wave", "WAVE"));
	while (!is_released(&ctl))
		usleep(WAVE_LOOK_US);
	_exit(0);
}

static bool ended(pid_t *pid, const char *what)
{
	int status;

	if (*pid && waitpid(*pid, &status, WNOHANG) == *pid) {
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			die("%s failed", what);
		*pid = 0;
	}
	return *pid == 0;
}

/* ---- picks ---- */

static void pick_for(const struct floor *f, struct handheld *h, double seconds, struct pick_load *load)
{
	load->seconds = seconds;
	pick_load_run(f, h, HANDHELDS, load);
}

static void pick_beside(struct floor *f, struct handheld *h, const struct size *size, double seconds, struct pick_load *load)
{
	char file[160];
	int64_t start;
	pid_t import, wave;

	write_items(f, size->items, file, sizeof(file));
	floor_start(f, "wharf-hq", NULL);
	floor_start(f, "wharf-sync", NULL);
	import = start_import(f, file);
	wave = start_wave(f, size->wave_orders);
	start = now_ns();
	for (bool over = false; !over || seconds_since(start) < seconds;) {
		pick_for(f, h, SLICE_S, load);
		over = ended(&import, "the import") & ended(&wave, "the wave");
		if (seconds_since(start) > LIMIT_S)
			die("the neighbours do not end");
	}
	report(NAME, "time the neighbours took", seconds_since(start), "s");
}

struct figures {
	double start_ms, alone_ms[2], beside_ms[2];
};

static const double percentiles[] = { 50, 99 };

static void take(struct pick_load *load, double *ret_ms)
{
	for (size_t i = 0; i < array_len(percentiles); i++)
		ret_ms[i] = samples_ms(&load->round_trips, percentiles[i]);
	samples_fini(&load->round_trips);
	*load = (struct pick_load){ 0 };
}

static void measure(const struct size *size, bool grown, double seconds, struct figures *ret)
{
	static struct handheld handhelds[HANDHELDS];
	struct pick_load load = { 0 };
	struct floor f;
	pid_t core;

	open_site(&f, size, grown);
	sync(); /* what growing left to be written is not the site's */
	ret->start_ms = floor_start_core(&f, &core) * 1000;
	floor_handhelds(&f, handhelds, HANDHELDS);
	pick_for(&f, handhelds, seconds, &load);
	take(&load, ret->alone_ms);
	pick_beside(&f, handhelds, size, seconds, &load);
	take(&load, ret->beside_ms);
	report(NAME, grown ? "memory of wharfd, grown" : "memory of wharfd, fresh", (double)pss_kib(core) / 1024, "MiB");
	floor_close(&f);
}

static void run(const struct bench_options *o, const struct size *size)
{
	struct figures fresh, grown;
	char what[96];

	measure(size, false, o->seconds, &fresh);
	measure(size, true, o->seconds, &grown);
	report(NAME, "journal rows", (double)size->rows, "rows");
	report_ratio(NAME, "start to welcome, grown", grown.start_ms, "ms", fresh.start_ms, "fresh database");
	for (size_t i = 0; i < array_len(percentiles); i++) {
		int p = (int)percentiles[i];

		text_format(what, sizeof(what), "pick p%d, grown, alone", p);
		report_ratio(NAME, what, grown.alone_ms[i], "ms", fresh.alone_ms[i], "fresh, alone");
		text_format(what, sizeof(what), "pick p%d, grown, with neighbours", p);
		report_ratio(NAME, what, grown.beside_ms[i], "ms", fresh.beside_ms[i], "fresh, with neighbours");
		text_format(what, sizeof(what), "pick p%d, fresh, with neighbours", p);
		report_ratio(NAME, what, fresh.beside_ms[i], "ms", fresh.alone_ms[i], "fresh, alone");
	}
}

int main(int argc, char **argv)
{
	struct bench_options o = bench_options(argc, argv, "bench_growth",
		"picks beside neighbours, on a fresh database and on a grown one");
	struct size size = o.smoke ? smoke : full;
	const char *rows = getenv("WHARF_BENCH_ROWS");

	if (rows && !o.smoke)
		size.rows = strtoll(rows, NULL, 10);
	for (int i = 0; i < o.runs; i++)
		run(&o, &size);
	return 0;
}
