#include "store.h"

#include <assert.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "store_private.h"

#define BUSY_TIMEOUT_MS 2000
#define GEN_BYTES ((SYNC_GEN_MAX - 1) / 2)

static const char *const sql[STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_META_GET] = "SELECT value FROM meta WHERE key = ?1",
	[SQL_SITE_ADD] =
		"INSERT INTO site VALUES (?1, 'active', '', 1, 0, zeroblob(32), 0, 0, 0, 0) "
		"ON CONFLICT DO NOTHING",
	[SQL_SITE_GET] =
		"SELECT up_n, up_h, safe, down_head, down_acked, epoch, incarnation, status "
		"FROM site WHERE site = ?1",
	[SQL_SITE_STATUS] = "SELECT status = 'active', safe FROM site WHERE site = ?1",
	[SQL_SITE_SET] = "UPDATE site SET status = ?2 WHERE site = ?1",
	[SQL_SITE_INCARNATION] = "UPDATE site SET incarnation = ?2 WHERE site = ?1",
	[SQL_SITE_ADVANCE] = "UPDATE site SET up_n = ?2, up_h = ?3 WHERE site = ?1 AND up_n = ?4 "
			     "AND up_h = ?5 AND status = 'active'",
	[SQL_SITE_SAFE] = "UPDATE site SET safe = ?2 WHERE site = ?1 AND safe < ?2",
	[SQL_SITE_DUPLICATE] = "UPDATE site SET duplicates = duplicates + 1 WHERE site = ?1",
	[SQL_SITE_DOWN_HEAD] = "UPDATE site SET down_head = ?2 WHERE site = ?1 AND down_head < ?2",
	[SQL_SITE_DOWN_NEXT] = "UPDATE site SET down_head = down_head + 1 WHERE site = ?1 "
			       "RETURNING down_head",
	[SQL_SITE_DOWN_ACK] = "UPDATE site SET down_acked = ?2 WHERE site = ?1 AND down_acked < ?2 "
			      "AND down_head >= ?2",
	[SQL_EVENT_ADD] = "INSERT INTO event (site, n, id, type, bytes, hash) "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_SHIPMENT_ADD] = "INSERT INTO shipment VALUES (?1, ?2, ?3, ?4, ?5, 1)",
	[SQL_SHIPMENT_TOLD] =
		"UPDATE shipment SET told = told + 1 WHERE site = ?1 AND shipment = ?2",
	[SQL_QUARANTINE_ADD] = "INSERT INTO quarantine VALUES (?1, ?2, ?3, ?4)",
	[SQL_QUARANTINE_KEY] = "SELECT min(n) FROM quarantine WHERE site = ?1 AND key = ?2",
	[SQL_DOWN_ADD] = "INSERT INTO down VALUES (?1, ?2, ?3, ?4, ?5, '')",
	[SQL_DOWN_PAGE] = "SELECT n, type, gen, body FROM down WHERE site = ?1 AND n > ?2 "
			  "ORDER BY n LIMIT ?3",
	[SQL_DOWN_REFUSE] = "UPDATE down SET refused = ?3 WHERE site = ?1 AND n = ?2",
	[SQL_LEASE_NEXT] = "SELECT n, prefix, first, count, gen, epoch, block FROM lease "
			   "WHERE site = ?1 AND n > ?2 ORDER BY n DESC LIMIT 1",
	[SQL_LEASE_END] = "SELECT coalesce(max(first + count), 0) FROM lease WHERE prefix = ?1",
	[SQL_LEASE_LAST] = "SELECT coalesce(max(n), 0) FROM lease WHERE site = ?1",
	[SQL_LEASE_ADD] = "INSERT INTO lease SELECT ?1, ?2, ?3, site, ?5, ?6, epoch, ?7 FROM site "
			  "WHERE site = ?4",
	[SQL_STATUS] = "SELECT site, status, up_n, safe, down_head, down_acked, epoch, duplicates, "
		       "(SELECT count(*) FROM shipment s WHERE s.site = site.site), "
		       "(SELECT count(*) FROM quarantine q WHERE q.site = site.site) "
		       "FROM site ORDER BY site",
};

static void die(struct store *s, const char *doing)
{
	log_error("HQ's store: %s: %s: ending, nothing was acknowledged", doing,
		sqlite3_errmsg(s->db));
	exit(EXIT_FAILURE);
}

sqlite3_stmt *store_statement(struct store *s, enum statement statement)
{
	sqlite3_stmt **stmt = &s->statements[statement];

	if (!*stmt && sqlite3_prepare_v3(s->db, sql[statement], -1, SQLITE_PREPARE_PERSISTENT, stmt,
			      NULL) != SQLITE_OK)
		die(s, sql[statement]);
	sqlite3_reset(*stmt);
	sqlite3_clear_bindings(*stmt);
	return *stmt;
}

int store_step(struct store *s, sqlite3_stmt *stmt)
{
	int r = sqlite3_step(stmt);

	if (r == SQLITE_ROW)
		return r;
	if (r != SQLITE_DONE && (r & 0xff) != SQLITE_CONSTRAINT && r != SQLITE_FULL &&
		(r & 0xff) != SQLITE_BUSY)
		die(s, sqlite3_sql(stmt));
	sqlite3_reset(stmt);
	return r & 0xff;
}

int store_run(struct store *s, sqlite3_stmt *stmt)
{
	int r = store_step(s, stmt);

	sqlite3_reset(stmt);
	switch (r) {
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_FULL:
		return -ENOSPC;
	default:
		return -EBUSY;
	}
}

int store_begin(struct store *s)
{
	return store_run(s, store_statement(s, SQL_BEGIN));
}

int store_commit(struct store *s)
{
	return store_run(s, store_statement(s, SQL_COMMIT));
}

void store_rollback(struct store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		store_run(s, store_statement(s, SQL_ROLLBACK));
}

void store_bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

void store_copy_text(sqlite3_stmt *stmt, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	snprintf(out, size, "%s", text ? text : "");
}

enum hub_result store_result(int r)
{
	if (r == 0)
		return HUB_OK;
	return r == -ENOENT ? HUB_REFUSED : HUB_BUSY_STORE;
}

static int exec(struct store *s, const char *text)
{
	if (sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	log_error("HQ's store: %s", sqlite3_errmsg(s->db));
	return -EIO;
}

/* One transaction: a store is whole or not there. */
static int make_tables(struct store *s)
{
	uint8_t bytes[GEN_BYTES];
	char gen[SYNC_GEN_MAX], insert[160];

	randombytes_buf(bytes, sizeof(bytes));
	text_hex(bytes, sizeof(bytes), gen);
	snprintf(insert, sizeof(insert),
		"INSERT INTO meta VALUES ('hub_gen', '%s'); PRAGMA user_version = 1; COMMIT;", gen);
	if (exec(s, "BEGIN IMMEDIATE") < 0 || exec(s, hq_schema) < 0 || exec(s, insert) < 0) {
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		return -EIO;
	}
	return 0;
}

static int64_t read_version(struct store *s)
{
	sqlite3_stmt *stmt = NULL;
	int64_t version = -1;

	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return version;
}

static int prepare_database(struct store *s)
{
	sqlite3_stmt *stmt;
	int64_t version;

	sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
	if (exec(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
		    "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;") < 0)
		return -EIO;
	version = read_version(s);
	if (version == 0 && make_tables(s) < 0)
		return -EIO;
	if (version < 0 || version > 1) {
		log_error("HQ's store has version %lld, this program knows 1", (long long)version);
		return -EINVAL;
	}
	stmt = store_statement(s, SQL_META_GET);
	store_bind_text(stmt, 1, "hub_gen");
	if (store_step(s, stmt) == SQLITE_ROW)
		store_copy_text(stmt, 0, s->gen, sizeof(s->gen));
	sqlite3_reset(stmt);
	return s->gen[0] ? 0 : -EINVAL;
}

int store_open(const char *path, struct store **ret)
{
	struct store *s = calloc(1, sizeof(*s));
	char folder[PATH_MAX];
	int r = -ENOMEM;

	if (!s)
		return r;
	r = text_copy(folder, sizeof(folder), path);
	if (r == 0)
		r = text_mkdirs(dirname(folder), 0750);
	if (r == 0 && sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			      NULL) != SQLITE_OK)
		r = -EIO;
	if (r < 0)
		log_error("HQ's store %s cannot be opened", path);
	else
		r = prepare_database(s);
	if (r < 0) {
		store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void drop_bodies(struct store *s)
{
	for (size_t i = 0; i < SYNC_DOWN_WINDOW; i++) {
		free(s->bodies[i]);
		s->bodies[i] = NULL;
	}
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	drop_bodies(s);
	sqlite3_close(s->db);
	free(s);
}

const char *store_gen(const struct store *s)
{
	return s->gen;
}

/* ---- sites ---- */

int store_site_add(struct store *s, const char *site)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SITE_ADD);

	store_bind_text(stmt, 1, site);
	return store_run(s, stmt);
}

int store_site_active(struct store *s, const char *site, bool *ret_active, int64_t *ret_safe)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SITE_STATUS);
	bool found;

	store_bind_text(stmt, 1, site);
	found = store_step(s, stmt) == SQLITE_ROW;
	if (found) {
		*ret_active = sqlite3_column_int(stmt, 0) != 0;
		*ret_safe = sqlite3_column_int64(stmt, 1);
	}
	sqlite3_reset(stmt);
	return found ? 0 : -ENOENT;
}

int store_site_set(struct store *s, const char *site, bool active)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SITE_SET);
	int r;

	store_bind_text(stmt, 1, site);
	store_bind_text(stmt, 2, active ? "active" : "blocked");
	r = store_run(s, stmt);
	return r == 0 && sqlite3_changes(s->db) == 0 ? -ENOENT : r;
}

static bool read_cursor(
	struct store *s, const char *site, struct hub_cursor *ret, char *incarnation)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SITE_GET);
	bool active = false;

	store_bind_text(stmt, 1, site);
	if (store_step(s, stmt) == SQLITE_ROW) {
		assert(sqlite3_column_bytes(stmt, 1) == HASH_BYTES);
		*ret = (struct hub_cursor){.up_n = sqlite3_column_int64(stmt, 0),
			.safe = sqlite3_column_int64(stmt, 2),
			.down_head = sqlite3_column_int64(stmt, 3),
			.down_acked = sqlite3_column_int64(stmt, 4),
			.epoch = sqlite3_column_int64(stmt, 5)};
		memcpy(ret->up_hash, sqlite3_column_blob(stmt, 1), HASH_BYTES);
		memcpy(ret->gen, s->gen, sizeof(ret->gen));
		store_copy_text(stmt, 6, incarnation, SYNC_NAME_MAX);
		active = strcmp((const char *)sqlite3_column_text(stmt, 7), "active") == 0;
	}
	sqlite3_reset(stmt);
	return active;
}

bool store_cursor(struct store *s, const char *site, struct hub_cursor *ret)
{
	char incarnation[SYNC_NAME_MAX];

	return read_cursor(s, site, ret, incarnation);
}

/* The first database a site comes with is its database. */
static int keep_incarnation(struct store *s, const char *site, const char *incarnation)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SITE_INCARNATION);

	store_bind_text(stmt, 1, site);
	store_bind_text(stmt, 2, incarnation);
	return store_run(s, stmt);
}

static int raise_down_head(struct store *s, const char *site, int64_t n)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SITE_DOWN_HEAD);

	store_bind_text(stmt, 1, site);
	sqlite3_bind_int64(stmt, 2, n);
	return store_run(s, stmt);
}

enum hub_result store_hello(
	struct store *s, const char *site, const struct sync_frame *hello, struct hub_cursor *ret)
{
	char incarnation[SYNC_NAME_MAX] = "";
	int r = 0;

	if (!read_cursor(s, site, ret, incarnation))
		return HUB_REFUSED;
	ret->other_incarnation = incarnation[0] && strcmp(incarnation, hello->incarnation) != 0;
	if (!incarnation[0])
		r = keep_incarnation(s, site, hello->incarnation);
	if (r == 0 && hello->down_n > ret->down_head && !ret->other_incarnation) {
		r = raise_down_head(s, site, hello->down_n);
		ret->down_head = hello->down_n;
	}
	return store_result(r);
}

/* ---- the down stream ---- */

size_t store_downs(
	struct store *s, const char *site, int64_t after, int64_t limit, struct hub_down *ret)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_DOWN_PAGE);
	size_t n = 0;

	drop_bodies(s);
	store_bind_text(stmt, 1, site);
	sqlite3_bind_int64(stmt, 2, after);
	sqlite3_bind_int64(stmt, 3, limit < SYNC_DOWN_WINDOW ? limit : SYNC_DOWN_WINDOW);
	while (store_step(s, stmt) == SQLITE_ROW) {
		ret[n] = (struct hub_down){.n = sqlite3_column_int64(stmt, 0)};
		store_copy_text(stmt, 1, ret[n].kind, sizeof(ret[n].kind));
		store_copy_text(stmt, 2, ret[n].gen, sizeof(ret[n].gen));
		s->bodies[n] = strdup((const char *)sqlite3_column_text(stmt, 3));
		if (!s->bodies[n])
			abort();
		ret[n].body = s->bodies[n];
		ret[n].len = strlen(s->bodies[n]);
		n++;
	}
	sqlite3_reset(stmt);
	return n;
}

/* The number and the message are one transaction: no number without a message, none twice. */
static int next_down(struct store *s, const char *site, int64_t *ret_n)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SITE_DOWN_NEXT);
	int r = -ENOENT, code;

	store_bind_text(stmt, 1, site);
	code = store_step(s, stmt);
	if (code == SQLITE_ROW) {
		*ret_n = sqlite3_column_int64(stmt, 0);
		r = 0;
	} else if (code != SQLITE_DONE) {
		r = -ENOSPC;
	}
	sqlite3_reset(stmt);
	return r;
}

int store_down_put(
	struct store *s, const char *site, const char *type, const char *body, int64_t *ret_n)
{
	int64_t n = 0;
	int r = store_begin(s);

	if (r < 0)
		return r;
	r = next_down(s, site, &n);
	if (r == 0) {
		sqlite3_stmt *stmt = store_statement(s, SQL_DOWN_ADD);

		store_bind_text(stmt, 1, site);
		sqlite3_bind_int64(stmt, 2, n);
		store_bind_text(stmt, 3, s->gen);
		store_bind_text(stmt, 4, type);
		store_bind_text(stmt, 5, body);
		r = store_run(s, stmt);
	}
	if (r == 0)
		r = store_commit(s);
	if (r < 0)
		store_rollback(s);
	else
		*ret_n = n;
	return r;
}

void store_down_ack(struct store *s, const char *site, const struct sync_frame *ack)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SITE_DOWN_ACK);

	/* A hint for people: the edge's own cursor decides what is sent again. */
	store_bind_text(stmt, 1, site);
	sqlite3_bind_int64(stmt, 2, ack->down_n);
	store_run(s, stmt);
	for (size_t i = 0; i < ack->bad_n; i++) {
		stmt = store_statement(s, SQL_DOWN_REFUSE);
		store_bind_text(stmt, 1, site);
		sqlite3_bind_int64(stmt, 2, ack->bad[i].n);
		store_bind_text(stmt, 3, ack->bad[i].why);
		store_run(s, stmt);
		log_warning("a site refused a message site=%s n=%lld: %s", site,
			(long long)ack->bad[i].n, ack->bad[i].why);
	}
}

json_t *store_status(struct store *s)
{
	static const char *const keys[] = {"up_n", "safe", "down_head", "down_acked", "epoch",
		"duplicates", "shipments", "quarantined"};
	sqlite3_stmt *stmt = store_statement(s, SQL_STATUS);
	json_t *list = json_array();

	while (store_step(s, stmt) == SQLITE_ROW) {
		json_t *row = json_pack("{s:s,s:s}", "site", sqlite3_column_text(stmt, 0), "status",
			sqlite3_column_text(stmt, 1));

		for (int i = 0; i < (int)(sizeof(keys) / sizeof(keys[0])); i++)
			json_object_set_new(
				row, keys[i], json_integer(sqlite3_column_int64(stmt, i + 2)));
		json_array_append_new(list, row);
	}
	sqlite3_reset(stmt);
	return list;
}
