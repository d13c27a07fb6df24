/* The WAN was cut for long: how fast do the waiting events reach HQ's disk once it is back? Real wharf-sync and wharf-hq,
 * CURVE and all, on one machine. Beside it: the same rows into SQLite by groups as large as HQ's. */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "floor.h"
#include "frame.h"
#include "json.h"
#include "link.h"
#include "text.h"
#include "tool.h"

#define NAME "drain"
#define EVENTS 20000
#define EVENTS_SMOKE 300
#define ORDER_ONE_IN 10 /* the others are stock adjustments */
#define OUTSTANDING_MAX 64
#define LOOK_US 2000
#define LIMIT_S 120

static void ask_event(struct talk *ctl, int i)
{
	char order[32];

	if (i % ORDER_ONE_IN) {
		talk_command(ctl, json_pack("{s:s,s:{s:s,s:s,s:i,s:s}}", "kind", "stock_adjust", "args", "location", "A-01",
			"item", "TEA-1", "qty", 5, "reason", "bench"));
		return;
	}
	text_format(order, sizeof(order), "SO-%d", 100000 + i);
	talk_command(ctl, json_pack("{s:s,s:{s:s,s:s,s:s,s:[{s:i,s:s,s:i}]}}", "kind", "order_put", "args", "order", order,
		"customer", "C-1", "carrier", "NORTH", "lines", "line", 1, "item", "TEA-1", "qty", 2));
}

/* Returns the head of the outbox. */
static int64_t make_backlog(const struct floor *f, int events)
{
	static const struct floor_goods goods = { "TEA-1", "4012345000016", "A-01", "SO-1", 1000 };
	_cleanup_json_ json_t *link = NULL;
	struct talk ctl;
	int open = 0;

	talk_open(&ctl, f->folder, DOOR_CTL);
	floor_goods(&ctl, &goods);
	for (int i = 0; i < events; i++, open++) {
		if (open == OUTSTANDING_MAX) {
			json_decref(talk_next(&ctl, "outcome"));
			open--;
		}
		ask_event(&ctl, i);
	}
	for (; open; open--)
		json_decref(talk_next(&ctl, "outcome"));
	link = talk_row(&ctl, "link");
	talk_close(&ctl);
	return json_int(link, "up_head");
}

/* What HQ has committed for our site. */
static int64_t hq_has(struct talk *hq)
{
	_cleanup_json_ json_t *status = NULL;

	talk_send(hq, json_pack("{s:{}}", "status"));
	status = talk_next(hq, "status");
	return json_int(json_array_get(json_object_get(status, "sites"), 0), "up_n");
}

static double drain(struct floor *f, struct talk *hq, int64_t head)
{
	int64_t start = now_ns();

	floor_start(f, "wharf-sync", NULL);
	while (hq_has(hq) < head) {
		if (seconds_since(start) > LIMIT_S)
			die("HQ has %lld of %lld events", (long long)hq_has(hq), (long long)head);
		usleep(LOOK_US);
	}
	return seconds_since(start);
}

static void must(sqlite3 *db, int code, const char *doing)
{
	if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW)
		die("raw SQLite, %s: %s", doing, sqlite3_errmsg(db));
}

/* HQ's own rows, read back from its store and written again, with nothing between. */
static double raw_rows(const struct floor *f, int64_t events)
{
	char from[256], path[256], sql[300], *attach;
	sqlite3 *db;
	double seconds;
	int64_t start;

	text_format(from, sizeof(from), "%s/hq.db", f->folder);
	text_format(path, sizeof(path), "%s/raw-hq.db", f->folder);
	must(NULL, sqlite3_open(path, &db), path);
	attach = sqlite3_mprintf("ATTACH %Q AS hq", from);
	must(db, sqlite3_exec(db,
			 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE event (arrival INTEGER PRIMARY KEY, "
			 "site TEXT, n INTEGER, id TEXT, type TEXT, bytes BLOB, hash BLOB, UNIQUE (site, n)) STRICT;"
			 "CREATE TABLE site (site TEXT PRIMARY KEY, up_n INTEGER, up_h BLOB) STRICT, WITHOUT ROWID",
			 NULL, NULL, NULL), "schema");
	must(db, sqlite3_exec(db, attach, NULL, NULL, NULL), "attach");
	must(db, sqlite3_exec(db, "CREATE TEMP TABLE all_events AS SELECT * FROM hq.event ORDER BY arrival; INSERT INTO site SELECT site, up_n, "
				  "up_h FROM hq.site; DETACH hq", NULL, NULL, NULL), "copy");
	start = now_ns();
	for (int64_t first = 1; first <= events; first += SYNC_BATCH_EVENTS) {
		long long from_n = first, to_n = first + SYNC_BATCH_EVENTS - 1;

		snprintf(sql, sizeof(sql), "BEGIN; INSERT INTO event SELECT * FROM all_events WHERE arrival BETWEEN %lld AND %lld; "
					   "UPDATE site SET up_n = %lld; COMMIT", from_n, to_n, to_n);
		must(db, sqlite3_exec(db, sql, NULL, NULL, NULL), "insert");
	}
	sqlite3_free(attach);
	seconds = seconds_since(start);
	must(db, sqlite3_close(db), "close");
	return seconds;
}

static void run(const struct bench_options *o)
{
	struct floor f;
	struct talk hq = { 0 };
	char socket[160];
	double seconds, raw_s;
	int64_t head;

	floor_open(&f);
	link_enrol(&f);
	floor_start(&f, "wharfd", NULL);
	head = make_backlog(&f, o->smoke ? EVENTS_SMOKE : EVENTS);
	floor_start(&f, "wharf-hq", NULL);
	text_format(socket, sizeof(socket), "%s/hq.sock", f.folder);
	hq.fd = talk_connect(socket);
	seconds = drain(&f, &hq, head);
	talk_close(&hq);
	floor_stop(&f, f.programs[1].pid, SIGTERM);
	raw_s = raw_rows(&f, head);
	report_ratio(NAME, "events from the edge to HQ's disk, link's start included", (double)head / seconds, "events/s",
		(double)head / raw_s, "raw SQLite");
	report(NAME, "backlog", (double)head, "events");
	report(NAME, "time to be level again", seconds, "s");
	floor_close(&f);
}

int main(int argc, char **argv)
{
	struct bench_options o = bench_options(argc, argv, "bench_drain",
		"events a second from a backlog at the edge to HQ's disk");

	for (int i = 0; i < o.runs; i++)
		run(&o);
	return 0;
}
