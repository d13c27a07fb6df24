/* Online backup of HQ's store, and the reader of such a copy. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "store_private.h"

#define PAGES_PER_STEP 256

struct store_backup {
	struct store *store;
	sqlite3 *copy;
	sqlite3_backup *backup;
	char to[PATH_MAX];
	char part[PATH_MAX + 8];
};

int store_backup_start(
	struct store *s, const char *to, struct store_backup **ret, char *why, size_t why_size)
{
	struct store_backup *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->store = s;
	if (to[0] != '/' || text_copy(b->to, sizeof(b->to), to) < 0) {
		snprintf(why, why_size, "the path of a backup begins with / and is not too long");
		free(b);
		return -EINVAL;
	}
	snprintf(b->part, sizeof(b->part), "%s.part", b->to);
	unlink(b->part);
	if (sqlite3_open_v2(b->part, &b->copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
		SQLITE_OK)
		b->backup = sqlite3_backup_init(b->copy, "main", s->db, "main");
	if (!b->backup) {
		snprintf(why, why_size, "%s", sqlite3_errmsg(b->copy));
		store_backup_end(b);
		return -EIO;
	}
	*ret = b;
	return 0;
}

void store_backup_end(struct store_backup *b)
{
	if (!b)
		return;
	sqlite3_backup_finish(b->backup);
	sqlite3_close(b->copy);
	unlink(b->part);
	free(b);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *text)
{
	sqlite3_stmt *stmt = NULL;

	return sqlite3_prepare_v2(db, text, -1, &stmt, NULL) == SQLITE_OK ? stmt : NULL;
}

static bool says_ok(sqlite3 *db, const char *pragma)
{
	sqlite3_stmt *stmt = prepare(db, pragma);
	bool ok = stmt && sqlite3_step(stmt) == SQLITE_ROW &&
		  strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;

	sqlite3_finalize(stmt);
	return ok;
}

/* The copy counts as safe only if its log is 1..up_n without a gap. */
static bool is_gap_free(sqlite3 *db)
{
	sqlite3_stmt *stmt = prepare(db,
		"SELECT 1 FROM site WHERE up_n <> (SELECT count(*) FROM event e WHERE e.site = "
		"site.site) "
		"OR up_n <> (SELECT coalesce(max(n), 0) FROM event e WHERE e.site = site.site)");
	bool ok = stmt && sqlite3_step(stmt) == SQLITE_DONE;

	sqlite3_finalize(stmt);
	return ok;
}

static void raise_safe(struct store_backup *b)
{
	sqlite3_stmt *copy = prepare(b->copy, "SELECT site, up_n FROM site");

	while (copy && sqlite3_step(copy) == SQLITE_ROW) {
		sqlite3_stmt *stmt = store_statement(b->store, SQL_SITE_SAFE);

		store_bind_text(stmt, 1, (const char *)sqlite3_column_text(copy, 0));
		sqlite3_bind_int64(stmt, 2, sqlite3_column_int64(copy, 1));
		store_run(b->store, stmt);
	}
	sqlite3_finalize(copy);
}

/* The name appears only with the whole, checked content on disk. */
static int publish(struct store_backup *b)
{
	_cleanup_fd_ int fd = open(b->part, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0 || rename(b->part, b->to) < 0)
		return -errno;
	return 0;
}

static int finish(struct store_backup *b, char *why, size_t why_size)
{
	int r;

	sqlite3_backup_finish(b->backup);
	b->backup = NULL;
	/* A copy in WAL mode would need its -wal beside it: one file is what people carry away. */
	sqlite3_exec(b->copy, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (!says_ok(b->copy, "PRAGMA quick_check") || !is_gap_free(b->copy)) {
		snprintf(why, why_size, "the copy is damaged");
		return -EIO;
	}
	r = publish(b);
	if (r < 0)
		snprintf(why, why_size, "%s: %s", b->to, strerror(-r));
	else
		raise_safe(b);
	return r;
}

int store_backup_step(struct store_backup *b, char *why, size_t why_size)
{
	int r = sqlite3_backup_step(b->backup, PAGES_PER_STEP);

	if (r == SQLITE_OK || r == SQLITE_BUSY || r == SQLITE_LOCKED)
		return 1;
	if (r == SQLITE_DONE)
		return finish(b, why, why_size);
	snprintf(why, why_size, "%s", sqlite3_errmsg(b->copy));
	return -EIO;
}

static void print_event(sqlite3_stmt *stmt, FILE *out)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *line = NULL;
	char hash[HASH_HEX] = "";

	if (sqlite3_column_bytes(stmt, 3) == HASH_BYTES)
		text_hex(sqlite3_column_blob(stmt, 3), HASH_BYTES, hash);
	line = json_pack("{s:{s:I,s:s,s:s,s:s}}", "event", "n",
		(json_int_t)sqlite3_column_int64(stmt, 0), "id", sqlite3_column_text(stmt, 1),
		"type", sqlite3_column_text(stmt, 2), "hash", hash);
	text = json_text(line);
	fprintf(out, "%s\n", text ? text : "");
}

int store_facts(const char *path, const char *site, FILE *out)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int r = -EIO, code = SQLITE_ERROR;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
		stmt = prepare(db, "SELECT n, id, type, hash FROM event WHERE site = ?1 "
				   "ORDER BY arrival");
	if (stmt) {
		store_bind_text(stmt, 1, site);
		while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
			print_event(stmt, out);
		r = code == SQLITE_DONE ? 0 : -EIO;
	}
	if (r < 0)
		fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return r;
}
