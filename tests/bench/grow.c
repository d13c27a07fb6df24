#include "grow.h"

#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "play.h"
#include "text.h"
#include "tool.h"

#define TEA_EACH 2
#define MUG_EACH 1

/* ---- the base ---- */

static void ship(struct play *p, int n)
{
	char order[32], sscc[19];

	snprintf(order, sizeof(order), "OLD-%06d", n);
	play_order(p, order, "NORTH", "TEA:2 MUG:1");
	play_pick(p, "T1");
	play_pack(p, "T1");
	snprintf(sscc, sizeof(sscc), "%s", play_words(p, "SELECT sscc FROM carton WHERE order_id = '%s'", order));
	play_convey(p, sscc);
	play_web(p, "desk", "load_close", json_pack("{s:s, s:s}", "lane", "north", "seal", "S1"));
	play_continue(p);
}

void grow_make_base(const char *path, int orders)
{
	static struct play p;

	play_open_floor(&p);
	play_stock(&p, "A1", "TEA", "OLD", "2026-12-31", (int64_t)TEA_EACH * orders);
	play_stock(&p, "B1", "MUG", "OLD", NULL, (int64_t)MUG_EACH * orders);
	play_lease(&p, "old", "34012345", 1000, orders + 1);
	for (int i = 0; i < orders; i++)
		ship(&p, i);
	play_words(&p, "VACUUM INTO '%s'", path);
	p.unproven = true;
	play_close(&p);
}

/* ---- hash chains as SQL functions: rows are written in the order of their numbers ---- */

struct heads {
	uint8_t journal[HASH_BYTES], event[HASH_BYTES];
};

static void journal_hash(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct heads *heads = sqlite3_user_data(context);
	int64_t numbers[3] = { sqlite3_value_int64(v[0]), sqlite3_value_int64(v[1]), sqlite3_value_int64(v[2]) };
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, HASH_BYTES);
	crypto_generichash_update(&state, heads->journal, HASH_BYTES);
	crypto_generichash_update(&state, (const uint8_t *)numbers, sizeof(numbers));
	for (int i = 3; i < n; i++)
		crypto_generichash_update(&state, sqlite3_value_text(v[i]), (size_t)sqlite3_value_bytes(v[i]) + 1);
	crypto_generichash_final(&state, heads->journal, HASH_BYTES);
	sqlite3_result_blob(context, heads->journal, HASH_BYTES, SQLITE_TRANSIENT);
}

static void event_hash(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct heads *heads = sqlite3_user_data(context);

	(void)n;
	chain_next(heads->event, (uint64_t)sqlite3_value_int64(v[0]), sqlite3_value_text(v[1]), (size_t)sqlite3_value_bytes(v[1]),
		heads->event);
	sqlite3_result_blob(context, heads->event, HASH_BYTES, SQLITE_TRANSIENT);
}

/* ---- copies ---- */

static void must(sqlite3 *db, int code, const char *what)
{
	if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW)
		die("growing: %.200s: %s", what, sqlite3_errmsg(db));
}

static void run(sqlite3 *db, const char *sql)
{
	must(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;
	int64_t value;

	must(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
	must(db, sqlite3_step(s), sql);
	value = sqlite3_column_int64(s, 0);
	must(db, sqlite3_finalize(s), sql);
	return value;
}

static void read_hash(sqlite3 *db, const char *sql, uint8_t *ret)
{
	sqlite3_stmt *s;

	must(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_bytes(s, 0) == HASH_BYTES)
		memcpy(ret, sqlite3_column_blob(s, 0), HASH_BYTES);
	must(db, sqlite3_finalize(s), sql);
}

/* What a number of each kind is moved by, and by how much more with each copy (k.k). */
static const char *const tables[][2] = {
	{ "journal", "MAX(seq)" },  { "outbox", "MAX(n)" },	  { "movement", "MAX(movement)" }, { "task", "MAX(task)" },
	{ "carton", "MAX(carton)" }, { "weight", "MAX(weight)" }, { "weigh", "MAX(weigh)" },	     { "label", "MAX(label)" },
	{ "induct", "MAX(induct)" }, { "divert", "MAX(divert)" }, { "load", "MAX(load)" },	     { "cases", "MAX(case_id)" },
	{ "origin", "MAX(origin)" },
};

/* A table of the numbers above: SQL then says step.journal_at + k * step.journal_by. */
static void make_steps(sqlite3 *db)
{
	run(db, "CREATE TEMP TABLE step (name TEXT PRIMARY KEY, at INTEGER, by INTEGER)");
	for (size_t i = 0; i < array_len(tables); i++) {
		char sql[400];

		snprintf(sql, sizeof(sql),
			"INSERT INTO step SELECT '%s', (SELECT ifnull(%s, 0) FROM main.%s), (SELECT ifnull(%s, 0) FROM base.%s)",
			tables[i][0], tables[i][1], tables[i][0], tables[i][1], tables[i][0]);
		run(db, sql);
	}
}

#define COPIES "WITH RECURSIVE k(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM k WHERE k + 1 < ?1) "
#define TO(name) "(SELECT at + k * by FROM step WHERE step.name = '" name "')"

static const char *const copies[] = {
	"INSERT INTO main.journal " COPIES "SELECT " TO("journal") " + seq, (SELECT max(segment) FROM main.segment), now_us, boot_us, "
	"0, peer, kind, command, outcome, journal_hash(" TO("journal") " + seq, now_us, boot_us, peer, command, outcome) "
	"FROM k CROSS JOIN base.journal",
	"INSERT INTO main.outbox " COPIES "SELECT " TO("outbox") " + n, id || '.' || k, type, key || '.' || k, bytes, "
	"event_hash(" TO("outbox") " + n, bytes), k * " GROW_DAY_MARKS " / ?1 FROM k CROSS JOIN base.outbox",
	"INSERT INTO main.origin SELECT (SELECT at FROM step WHERE name = 'origin') + origin, 'old-' || name, peer, device, "
	"?1 * last_n FROM base.origin",
	"INSERT INTO main.answer " COPIES "SELECT (SELECT at FROM step WHERE name = 'origin') + origin, k * last_n + n, "
	TO("journal") " + seq, digest FROM base.origin o CROSS JOIN k CROSS JOIN base.answer USING (origin)",
	"INSERT INTO main.movement " COPIES "SELECT " TO("movement") " + movement, " TO("journal") " + seq, item, lot, "
	"from_place, to_place, qty, reason FROM k CROSS JOIN base.movement",
	/* What the base has left is left by each copy of its movements. */
	"INSERT INTO main.stock SELECT place, item, lot, ?1 * qty, 0 FROM base.stock WHERE qty > 0",
	"INSERT INTO main.orders " COPIES "SELECT order_id || '.' || k, state, held_from, reason, allocation, customer, customer_po, "
	"carrier, service, ship_to, lines, tote, " TO("outbox") " + shipment_n, " TO("journal") " + created_seq, "
	"k * " GROW_DAY_MARKS " / ?1, wave, release_n FROM k CROSS JOIN base.orders",
	"INSERT INTO main.order_line " COPIES "SELECT order_id || '.' || k, line, item, ordered, allocated, picked, packed, shipped, "
	"short, short_reason FROM k CROSS JOIN base.order_line",
	"INSERT INTO main.task " COPIES "SELECT " TO("task") " + task, order_id || '.' || k, line, item, lot, location, walk, qty, done, "
	"state, device FROM k CROSS JOIN base.task",
	"INSERT INTO main.carton " COPIES "SELECT " TO("carton") " + carton, order_id || '.' || k, state, station, "
	"printf('9%017d', " TO("carton") " + carton), expected_ug, weight_ug, " TO("weight") " + weight, lane, "
	TO("load") " + load FROM k CROSS JOIN base.carton",
	"INSERT INTO main.sscc " COPIES "SELECT printf('9%017d', " TO("carton") " + carton), block, " TO("carton") " + carton, state "
	"FROM k CROSS JOIN base.sscc",
	"INSERT INTO main.label " COPIES "SELECT " TO("label") " + label, " TO("carton") " + carton, "
	"printf('9%017d', " TO("carton") " + carton), printer, template, data, state, attempt, evidence FROM k CROSS JOIN base.label",
	"INSERT INTO main.weight " COPIES "SELECT " TO("weight") " + weight, " TO("carton") " + carton, device, value_ug, unit, raw, "
	"readings, ok FROM k CROSS JOIN base.weight",
	"INSERT INTO main.weigh " COPIES "SELECT " TO("weigh") " + weigh, " TO("carton") " + carton, device, state "
	"FROM k CROSS JOIN base.weigh",
	"INSERT INTO main.induct " COPIES "SELECT " TO("induct") " + induct, station, " TO("carton") " + carton, boot_us, state "
	"FROM k CROSS JOIN base.induct",
	"INSERT INTO main.divert " COPIES "SELECT " TO("divert") " + divert, plc, tracking, seq, point, " TO("carton") " + carton, lane, "
	"reason, state, result, confirmed_lane, asked_us, deadline_us FROM k CROSS JOIN base.divert",
	"INSERT INTO main.load " COPIES "SELECT " TO("load") " + load, lane, carrier, number || '.' || k, seal, state "
	"FROM k CROSS JOIN base.load WHERE state <> 'open'",
	"INSERT INTO main.shipment " COPIES "SELECT number || '.' || k, order_id || '.' || k, " TO("load") " + load, "
	TO("outbox") " + n FROM k CROSS JOIN base.shipment",
	"UPDATE main.link SET up_head = (SELECT max(n) FROM main.outbox), up_hash = (SELECT hash FROM main.outbox ORDER BY n DESC LIMIT 1)",
	"UPDATE main.link SET up_acked = up_head, up_safe = up_head",
	/* Marks over the whole of it, each as far as its share of the copies. */
	"INSERT INTO main.day WITH RECURSIVE k(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM k WHERE k < " GROW_DAY_MARKS "), "
	"share(day, k) AS (SELECT (SELECT max(day) FROM main.day) + k, k * ?1 / " GROW_DAY_MARKS " FROM k) "
	"SELECT day, " TO("journal") ", 1, " TO("divert") ", " TO("induct") ", " TO("weigh") ", " TO("weight") ", " TO("movement") ", "
	TO("cases") " FROM share",
};

static void copy(sqlite3 *db, const char *sql, int64_t times)
{
	sqlite3_stmt *s;

	must(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
	if (sqlite3_bind_parameter_count(s))
		must(db, sqlite3_bind_int64(s, 1, times), sql);
	must(db, sqlite3_step(s), sql);
	must(db, sqlite3_finalize(s), sql);
}

void grow(const char *path, const char *base, int64_t rows)
{
	struct heads heads = { 0 };
	sqlite3 *db;
	char *attach = sqlite3_mprintf("ATTACH %Q AS base", base);
	int64_t times;

	must(NULL, sqlite3_open(path, &db), path);
	/* Nobody cuts the power here; what comes after is measured as it ships. */
	run(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000");
	run(db, attach);
	make_steps(db);
	read_hash(db, "SELECT hash FROM main.journal ORDER BY seq DESC LIMIT 1", heads.journal);
	read_hash(db, "SELECT up_hash FROM main.link", heads.event);
	sqlite3_create_function(db, "journal_hash", 6, SQLITE_UTF8, &heads, journal_hash, NULL, NULL);
	sqlite3_create_function(db, "event_hash", 2, SQLITE_UTF8, &heads, event_hash, NULL, NULL);
	times = (rows + number(db, "SELECT count(*) FROM base.journal") - 1) / number(db, "SELECT count(*) FROM base.journal");
	for (size_t i = 0; i < array_len(copies); i++)
		copy(db, copies[i], times);
	run(db, "PRAGMA locking_mode=NORMAL; PRAGMA journal_mode=WAL");
	must(db, sqlite3_close(db), "close");
	sqlite3_free(attach);
}
