/* The door's named queries: one row of the table each, paged by a key, bounded in rows, bytes and time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

#define ROWS_MAX 200
#define PAGE_BYTES_MAX (48 * 1024)
#define ROW_BYTES_MAX (60 * 1024) /* more does not fit a message */
#define READ_US_MAX 5000
#define PROGRESS_STEPS 2000

struct named_query {
	const char *name;
	/* First column: the paging key (as text it is ?1). "…_json" columns are embedded as JSON. ?2 is the limit;
	 * further parameters are the arguments in order. */
	const char *sql;
	const char *args[2]; /* names; a missing argument is NULL in SQL */
};

static const struct named_query queries[] = {
	{ "status",
		"SELECT 1 AS page, (SELECT value FROM meta WHERE key = 'site') AS site, "
		"(SELECT value FROM meta WHERE key = 'epoch') AS epoch, "
		"(SELECT value FROM meta WHERE key = 'incarnation') AS incarnation, "
		"(SELECT max(seq) FROM journal) AS seq, (SELECT json_group_object(state, n) FROM "
		"(SELECT state, count(*) AS n FROM orders GROUP BY state)) AS orders_json, "
		"(SELECT count(*) FROM cases WHERE state = 'open') AS cases, "
		"(SELECT state FROM link) AS link, (SELECT up_head - up_acked FROM link) AS backlog "
		"WHERE ?1 < '1' LIMIT ?2",
		{ 0 } },
	{ "orders",
		"SELECT created_seq AS page, order_id AS \"order\", state, wave, customer, carrier, lines, reason AS held_reason, "
		"(SELECT sum(ordered) FROM order_line l WHERE l.order_id = o.order_id) AS ordered, "
		"(SELECT sum(picked) FROM order_line l WHERE l.order_id = o.order_id) AS picked, "
		"(SELECT sum(packed) FROM order_line l WHERE l.order_id = o.order_id) AS packed, "
		"(SELECT sum(shipped) FROM order_line l WHERE l.order_id = o.order_id) AS shipped, "
		"(SELECT sum(short) FROM order_line l WHERE l.order_id = o.order_id) AS short "
		"FROM orders o WHERE created_seq > CAST(?1 AS INTEGER) AND (?3 IS NULL OR state = ?3) ORDER BY created_seq LIMIT ?2",
		{ "state" } },
	{ "order",
		"SELECT 1 AS page, order_id AS \"order\", state, wave, reason, customer, customer_po, carrier, service, tote, ship_to AS ship_to_json, "
		"(SELECT json_group_array(json_object('line', line, 'item', item, 'ordered', ordered, 'allocated', allocated, 'picked', "
		"picked, 'packed', packed, 'shipped', shipped, 'short', short, 'reason', short_reason)) FROM order_line l WHERE "
		"l.order_id = o.order_id) AS lines_json, (SELECT json_group_array(json_object('task', task, 'item', item, 'location', "
		"location, 'qty', qty, 'done', done, 'state', state, 'device', device)) FROM task t WHERE t.order_id = o.order_id) AS "
		"tasks_json, (SELECT json_group_array(json_object('carton', carton, 'sscc', sscc, 'state', state, 'weight_ug', "
		"weight_ug, 'lane', lane)) FROM carton c WHERE c.order_id = o.order_id) AS cartons_json "
		"FROM orders o WHERE ?1 < '1' AND order_id = ?3 LIMIT ?2",
		{ "order" } },
	{ "waves",
		"SELECT wave AS page, wave, state, orders, lines, done, short FROM wave WHERE wave > ?1 AND (?3 IS NULL OR state = ?3) "
		"ORDER BY wave LIMIT ?2",
		{ "state" } },
	{ "cases",
		"SELECT case_id AS page, case_id AS \"case\", kind, state, role, subject, say, choices, opened_us, resolution, resolved_by "
		"FROM cases WHERE case_id > CAST(?1 AS INTEGER) AND (?3 IS NULL OR state = ?3) ORDER BY case_id LIMIT ?2",
		{ "state" } },
	{ "devices",
		"SELECT device AS page, device, kind, station, state, since_us, reason FROM device WHERE device > ?1 ORDER BY device LIMIT ?2",
		{ 0 } },
	{ "cartons",
		"SELECT carton AS page, carton, order_id AS \"order\", sscc, state, weight_ug, expected_ug, lane FROM carton WHERE "
		"carton > CAST(?1 AS INTEGER) AND (?3 IS NULL OR state = ?3) ORDER BY carton LIMIT ?2",
		{ "state" } },
	{ "lanes",
		"SELECT lane AS page, lane, number, plc, carrier, role, state, (SELECT load FROM load WHERE load.lane = lane.lane AND "
		"load.state = 'open') AS load, (SELECT count(*) FROM carton JOIN load USING (load) WHERE load.lane = lane.lane AND "
		"load.state = 'open' AND carton.state = 'staged') AS cartons FROM lane WHERE lane > ?1 ORDER BY lane LIMIT ?2",
		{ 0 } },
	{ "labels",
		"SELECT label AS page, label AS job, carton, sscc, printer, state, attempt, evidence FROM label WHERE "
		"label > CAST(?1 AS INTEGER) AND (?3 IS NULL OR state = ?3) ORDER BY label LIMIT ?2",
		{ "state" } },
	{ "diverts",
		"SELECT divert AS page, 'd-' || divert AS divert, plc, tracking, (SELECT sscc FROM carton c WHERE c.carton = d.carton) AS "
		"sscc, lane, reason, state, result, confirmed_lane FROM divert d WHERE divert > CAST(?1 AS INTEGER) ORDER BY divert LIMIT ?2",
		{ 0 } },
	{ "stock",
		"SELECT place || char(31) || item || char(31) || lot AS page, place, item, lot, qty, allocated FROM stock WHERE "
		"(place, item, lot) > (substr(?1, 1, instr(?1 || char(31), char(31)) - 1), "
		"CASE WHEN ?1 = '' THEN '' ELSE substr(?1, instr(?1, char(31)) + 1, "
		"instr(substr(?1, instr(?1, char(31)) + 1), char(31)) - 1) END, "
		"CASE WHEN ?1 = '' THEN '' ELSE substr(?1, instr(?1, char(31)) + 1 + "
		"instr(substr(?1, instr(?1, char(31)) + 1), char(31))) END) "
		"AND (?3 IS NULL OR place = ?3) ORDER BY place, item, lot LIMIT ?2",
		{ "place" } },
	{ "imports",
		"SELECT import AS page, import, what, rows, state, parts, staged, applied FROM import WHERE import > ?1 "
		"AND (?3 IS NULL OR import = ?3) ORDER BY import LIMIT ?2",
		{ "import" } },
	{ "outbox",
		"SELECT n AS page, n, type, key, bytes, lower(hex(hash)) AS hash FROM outbox WHERE n > CAST(?1 AS INTEGER) ORDER BY n LIMIT ?2",
		{ 0 } },
	{ "link",
		"SELECT 1 AS page, state, reason, since_us, up_head, up_acked, up_safe, down_n, hub_gen, lower(hex(up_hash)) AS head_hash, "
		"CAST((SELECT value FROM meta WHERE key = 'epoch') AS INTEGER) AS epoch, "
		"(SELECT value FROM meta WHERE key = 'incarnation') AS incarnation, "
		"(SELECT coalesce(sum(count - used), 0) FROM sscc_block WHERE state = 'open' AND kind = 'normal') AS sscc_free, "
		"(SELECT coalesce(sum(count - used), 0) FROM sscc_block WHERE state = 'open' AND kind = 'normal') < "
		"CAST((SELECT value FROM meta WHERE key = 'setting/sscc_low') AS INTEGER) AS lease_wanted, "
		"(SELECT min(n) FROM outbox) AS up_oldest "
		"FROM link WHERE ?1 < '1' LIMIT ?2",
		{ 0 } },
	{ "audit",
		"SELECT seq AS page, seq, now_us, peer, kind, json_extract(outcome, '$.id') AS id, json_extract(outcome, '$.ok') AS ok, "
		"json_extract(outcome, '$.say') AS say, lower(hex(hash)) AS hash FROM journal WHERE seq > CAST(?1 AS INTEGER) ORDER BY seq LIMIT ?2",
		{ 0 } },
	{ "segments",
		"SELECT segment AS page, segment, engine, first_seq, last_seq, lower(hex(last_hash)) AS last_hash, snapshot, "
		"lower(hex(state_hash)) AS state_hash, witnessed, dropped FROM segment WHERE segment > CAST(?1 AS INTEGER) "
		"ORDER BY segment LIMIT ?2",
		{ 0 } },
	{ "session",
		"SELECT 1 AS page, badge, name, role, device FROM session JOIN user USING (badge) WHERE ?1 < '1' AND session = ?3 AND "
		"session.state = 'open' AND user.state = 'active' LIMIT ?2",
		{ "session" } },
};

static const struct named_query *find_query(const char *name)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		if (strcmp(queries[i].name, name) == 0)
			return &queries[i];
	return NULL;
}

static int check_args(const struct named_query *query, const json_t *args, char *why, size_t why_size)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)args, key, value) {
		bool known = false;

		for (size_t i = 0; i < 2; i++)
			known |= query->args[i] && strcmp(query->args[i], key) == 0;
		if (!known || !json_is_string(value)) {
			snprintf(why, why_size, known ? "\"%.40s\" must be a string" : "unknown argument \"%.40s\"", key);
			return -EINVAL;
		}
	}
	return 0;
}

static void bind(sqlite3_stmt *s, const struct named_query *query, const json_t *args, const char *after, int limit)
{
	sqlite3_bind_text(s, 1, after, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 2, limit);
	for (int i = 0; i < 2 && query->args[i]; i++) {
		const char *text = json_string_value(json_object_get(args, query->args[i]));

		if (text)
			sqlite3_bind_text(s, 3 + i, text, -1, SQLITE_STATIC);
	}
}

static json_t *column_value(sqlite3_stmt *s, int i, bool embed)
{
	switch (sqlite3_column_type(s, i)) {
	case SQLITE_INTEGER:
		return json_integer(sqlite3_column_int64(s, i));
	case SQLITE_NULL:
		return json_null();
	default:
		break;
	}
	if (embed) {
		json_t *value = json_loads((const char *)sqlite3_column_text(s, i), JSON_DECODE_ANY, NULL);

		return value ? value : json_null();
	}
	return json_string((const char *)sqlite3_column_text(s, i));
}

static json_t *row_object(sqlite3_stmt *s)
{
	json_t *row = json_object();

	for (int i = 1; i < sqlite3_column_count(s); i++) {
		char name[64];
		size_t len;
		bool embed;

		snprintf(name, sizeof(name), "%s", sqlite3_column_name(s, i));
		len = strlen(name);
		embed = len > 5 && strcmp(name + len - 5, "_json") == 0;
		if (embed)
			name[len - 5] = '\0';
		json_object_set_new(row, name, column_value(s, i, embed));
	}
	return row;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The one place below the loops that looks at a clock: a read that takes too long is stopped. */
static int too_long(void *user)
{
	return now_us() > *(const int64_t *)user;
}

/* Adds a row where the page has room for it, as it will be written. False: the page ends before it. */
static bool add_row(json_t *rows, json_t *row, size_t *bytes)
{
	size_t len = json_dumpb(row, NULL, 0, JSON_COMPACT) + 1;

	if (json_array_size(rows) && *bytes + len > PAGE_BYTES_MAX) {
		json_decref(row);
		return false;
	}
	*bytes += len;
	return json_array_append_new(rows, row) == 0;
}

static int read_page(sqlite3_stmt *s, int limit, json_t *rows, char *ret_next, size_t next_size)
{
	size_t bytes = 0;
	int code = SQLITE_DONE;

	ret_next[0] = '\0';
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if ((int)json_array_size(rows) == limit || !add_row(rows, row_object(s), &bytes))
			return SQLITE_DONE;
		if (bytes > ROW_BYTES_MAX)
			return SQLITE_TOOBIG;
		snprintf(ret_next, next_size, "%s", (const char *)sqlite3_column_text(s, 0));
	}
	ret_next[0] = '\0';
	return code;
}

static int page_error(int code)
{
	return code == SQLITE_INTERRUPT ? -ETIMEDOUT : code == SQLITE_TOOBIG ? -EMSGSIZE : -EIO;
}

int store_rows(struct store *store, const char *name, const json_t *args, const char *after, int limit,
	json_t **ret_rows, char *ret_next, size_t next_size, char *why, size_t why_size)
{
	const struct named_query *query = find_query(name);
	int64_t end_us = now_us() + READ_US_MAX;
	json_t *rows = json_array();
	sqlite3_stmt *s = NULL;
	int code = SQLITE_ERROR;

	if (!query || check_args(query, args, why, why_size) < 0) {
		json_decref(rows);
		if (!query)
			snprintf(why, why_size, "there is no query \"%.40s\"", name);
		return query ? -EINVAL : -ENOENT;
	}
	if (limit > ROWS_MAX)
		limit = ROWS_MAX;
	sqlite3_progress_handler(store->db, PROGRESS_STEPS, too_long, &end_us);
	if (sqlite3_prepare_v2(store->db, query->sql, -1, &s, NULL) == SQLITE_OK) {
		bind(s, query, args, after, limit + 1);
		code = read_page(s, limit, rows, ret_next, next_size);
	}
	sqlite3_finalize(s);
	sqlite3_progress_handler(store->db, 0, NULL, NULL);
	if ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOMEM)
		store_note_failure(store, code, name);
	if (code != SQLITE_DONE) {
		snprintf(why, why_size, "%s", code == SQLITE_TOOBIG ? "a row is longer than a message" : sqlite3_errmsg(store->db));
		json_decref(rows);
		return page_error(code);
	}
	*ret_rows = rows;
	return 0;
}
