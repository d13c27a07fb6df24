#include "raw.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"

#define ROWS_MAX 60000

/* One scan as the core wrote it. */
struct row {
	sqlite3_int64 seq, now_us, boot_us, origin, n, step, counted;
	int doubtful;
	char *command, *outcome, *device, *name, *data;
	unsigned char hash[32], digest[16];
};

struct raw {
	sqlite3 *from, *to;
	struct row *rows;
	size_t n;
	sqlite3_stmt *begin, *commit, *journal, *answer, *origin, *dialogue, *device_row;
};

static void check(struct raw *raw, int code, const char *doing)
{
	if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
		die("raw SQLite, %s: %s", doing, sqlite3_errmsg(raw->to ? raw->to : raw->from));
}

static sqlite3_stmt *prepare(struct raw *raw, sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;

	check(raw, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
	return s;
}

static char *text_of(sqlite3_stmt *s, int column)
{
	const char *value = (const char *)sqlite3_column_text(s, column);

	return strdup(value ? value : "");
}

static void read_row(sqlite3_stmt *s, struct row *r)
{
	*r = (struct row){ .seq = sqlite3_column_int64(s, 0), .now_us = sqlite3_column_int64(s, 1),
		.boot_us = sqlite3_column_int64(s, 2), .doubtful = sqlite3_column_int(s, 3),
		.command = text_of(s, 4), .outcome = text_of(s, 5), .origin = sqlite3_column_int64(s, 7),
		.n = sqlite3_column_int64(s, 8), .name = text_of(s, 10), .device = text_of(s, 11),
		.data = text_of(s, 12), .step = sqlite3_column_int64(s, 13) + 1 };
	r->counted = r->step;
	memcpy(r->hash, sqlite3_column_blob(s, 6), sizeof(r->hash));
	memcpy(r->digest, sqlite3_column_blob(s, 9), sizeof(r->digest));
}

static void read_rows(struct raw *raw, const char *database)
{
	sqlite3_stmt *s;

	check(raw, sqlite3_open_v2(database, &raw->from, SQLITE_OPEN_READONLY, NULL), database);
	s = prepare(raw, raw->from,
		"SELECT j.seq, now_us, boot_us, doubtful, command, outcome, hash, a.origin, a.n, digest, o.name, o.device, "
		"command ->> '$.command.args.data', command ->> '$.command.step' "
		"FROM journal j JOIN answer a USING (seq) JOIN origin o USING (origin) WHERE kind = 'scan' ORDER BY j.seq");
	raw->rows = calloc(ROWS_MAX, sizeof(*raw->rows));
	if (!raw->rows)
		die("out of memory");
	while (raw->n < ROWS_MAX && sqlite3_step(s) == SQLITE_ROW)
		read_row(s, &raw->rows[raw->n++]);
	sqlite3_finalize(s);
}

static void copy_schema(struct raw *raw)
{
	sqlite3_stmt *s = prepare(raw, raw->from,
		"SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name");

	while (sqlite3_step(s) == SQLITE_ROW)
		check(raw, sqlite3_exec(raw->to, (const char *)sqlite3_column_text(s, 0), NULL, NULL, NULL), "schema");
	sqlite3_finalize(s);
}

static void open_copy(struct raw *raw, const char *database, const char *path)
{
	char *attach = sqlite3_mprintf("ATTACH %Q AS old", database);

	unlink(path);
	check(raw, sqlite3_open(path, &raw->to), path);
	check(raw, sqlite3_exec(raw->to,
			   "PRAGMA main.locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000;"
			   "PRAGMA foreign_keys=ON; PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY",
			   NULL, NULL, NULL),
		"pragmas");
	copy_schema(raw);
	check(raw, sqlite3_exec(raw->to, attach, NULL, NULL, NULL), "attach");
	check(raw, sqlite3_exec(raw->to,
			   "INSERT INTO origin SELECT * FROM old.origin; INSERT INTO dialogue SELECT * FROM old.dialogue;"
			   "INSERT INTO device SELECT * FROM old.device; DETACH old",
			   NULL, NULL, NULL),
		"copy");
	sqlite3_free(attach);
}

static void prepare_all(struct raw *raw)
{
	raw->begin = prepare(raw, raw->to, "BEGIN IMMEDIATE");
	raw->commit = prepare(raw, raw->to, "COMMIT");
	raw->journal = prepare(raw, raw->to, "INSERT INTO journal VALUES (?1, 1, ?2, ?3, ?4, 'web', 'scan', ?5, ?6, ?7)");
	raw->answer = prepare(raw, raw->to, "INSERT INTO answer VALUES (?1, ?2, ?3, ?4)");
	raw->origin = prepare(raw, raw->to, "UPDATE origin SET last_n = ?1 WHERE origin = ?2");
	raw->dialogue = prepare(raw, raw->to,
		"UPDATE dialogue SET state = 'item', step = ?1, counted = ?2, last_id = ?3, last_ok = 1, last_code = 'counted', "
		"last_say = ?4, last_signal = 'good' WHERE place = ?5");
	raw->device_row = prepare(raw, raw->to,
		"UPDATE device SET last_origin = ?1, last_n = ?2, last_data = ?3, last_effect = 1, last_say = ?4 WHERE device = ?5");
}

static void step(struct raw *raw, sqlite3_stmt *s)
{
	check(raw, sqlite3_step(s), sqlite3_sql(s));
	sqlite3_reset(s);
}

static void text(sqlite3_stmt *s, int at, const char *value)
{
	sqlite3_bind_text(s, at, value, -1, SQLITE_STATIC);
}

static void write_journal(struct raw *raw, const struct row *r)
{
	sqlite3_stmt *s = raw->journal;

	sqlite3_bind_int64(s, 1, r->seq);
	sqlite3_bind_int64(s, 2, r->now_us);
	sqlite3_bind_int64(s, 3, r->boot_us);
	sqlite3_bind_int(s, 4, r->doubtful);
	text(s, 5, r->command);
	text(s, 6, r->outcome);
	sqlite3_bind_blob(s, 7, r->hash, sizeof(r->hash), SQLITE_STATIC);
	step(raw, s);
	s = raw->answer;
	sqlite3_bind_int64(s, 1, r->origin);
	sqlite3_bind_int64(s, 2, r->n);
	sqlite3_bind_int64(s, 3, r->seq);
	sqlite3_bind_blob(s, 4, r->digest, sizeof(r->digest), SQLITE_STATIC);
	step(raw, s);
	sqlite3_bind_int64(raw->origin, 1, r->n);
	sqlite3_bind_int64(raw->origin, 2, r->origin);
	step(raw, raw->origin);
}

static void write_state(struct raw *raw, const struct row *r)
{
	char id[128], say[32];

	snprintf(id, sizeof(id), "%s:%lld", r->name, (long long)r->n);
	snprintf(say, sizeof(say), "%lld of 1000000", (long long)r->counted);
	sqlite3_bind_int64(raw->dialogue, 1, r->step);
	sqlite3_bind_int64(raw->dialogue, 2, r->counted);
	text(raw->dialogue, 3, id);
	text(raw->dialogue, 4, say);
	text(raw->dialogue, 5, r->device);
	step(raw, raw->dialogue);
	text(raw->device_row, 1, r->name);
	sqlite3_bind_int64(raw->device_row, 2, r->n);
	text(raw->device_row, 3, r->data);
	text(raw->device_row, 4, say);
	text(raw->device_row, 5, r->device);
	step(raw, raw->device_row);
}

/* Commands of one turn have one time: that is how their transactions are known. */
static void write_rows(struct raw *raw, struct raw_rows *ret)
{
	int64_t start = now_ns();
	double seconds;

	for (size_t i = 0; i < raw->n; i++) {
		if (i == 0 || raw->rows[i].now_us != raw->rows[i - 1].now_us)
			step(raw, raw->begin);
		write_journal(raw, &raw->rows[i]);
		write_state(raw, &raw->rows[i]);
		if (i + 1 < raw->n && raw->rows[i].now_us == raw->rows[i + 1].now_us)
			continue;
		step(raw, raw->commit);
		ret->commits++;
	}
	seconds = seconds_since(start);
	ret->commands = raw->n;
	ret->commands_per_s = (double)raw->n / seconds;
	ret->commands_per_commit = (double)raw->n / (double)(ret->commits ? ret->commits : 1);
}

static void fini(struct raw *raw)
{
	sqlite3_stmt *const all[] = { raw->begin, raw->commit, raw->journal, raw->answer, raw->origin, raw->dialogue,
		raw->device_row };

	for (size_t i = 0; i < array_len(all); i++)
		sqlite3_finalize(all[i]);
	sqlite3_close(raw->from);
	sqlite3_close(raw->to);
	for (size_t i = 0; i < raw->n; i++) {
		struct row *r = &raw->rows[i];

		free(r->command);
		free(r->outcome);
		free(r->device);
		free(r->name);
		free(r->data);
	}
	free(raw->rows);
}

void raw_sqlite(const char *database, const char *folder, struct raw_rows *ret)
{
	struct raw raw = { 0 };
	char path[256];

	*ret = (struct raw_rows){ 0 };
	text_format(path, sizeof(path), "%s/raw.db", folder);
	read_rows(&raw, database);
	open_copy(&raw, database, path);
	prepare_all(&raw);
	write_rows(&raw, ret);
	fini(&raw);
}
