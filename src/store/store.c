#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "text.h"

#define COPY_BYTES (1 << 20)
#define APPLICATION_ID 0x57485246 /* "WHRF" in the file header */

const char *const store_sql_texts[SQL_COUNT] = {
#define STATEMENT(name, text) [SQL_##name] = (text),
#include "statements.def"
#undef STATEMENT
};

static enum store_failure sort_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return STORE_FULL;
	case SQLITE_INTERRUPT:
		return STORE_LIMIT;
	default:
		return STORE_BROKEN;
	}
}

void store_note_failure(struct store *store, int code, const char *doing)
{
	if (store->failure != STORE_OK)
		return;
	store->failure = sort_of(code);
	snprintf(store->failure_text, sizeof(store->failure_text), "%s: %s (%d)", doing,
		sqlite3_errmsg(store->db), sqlite3_extended_errcode(store->db));
}

enum store_failure store_failure(const struct store *store)
{
	return store->failure;
}

const char *store_failure_text(const struct store *store)
{
	return store->failure_text;
}

void store_clear(struct store *store)
{
	store->failure = STORE_OK;
	store->failure_text[0] = '\0';
}

static int exec(struct store *store, const char *sql)
{
	int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	if (code == SQLITE_OK)
		return 0;
	store_note_failure(store, code, sql);
	return -EIO;
}

static int64_t pragma(struct store *store, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t value = -1;

	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) == SQLITE_OK &&
		sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static int create_schema(struct store *store)
{
	char version[64];

	if (exec(store, "BEGIN IMMEDIATE") < 0 || exec(store, store_schema) < 0)
		return -EIO;
	snprintf(version, sizeof(version), "PRAGMA application_id=%d", APPLICATION_ID);
	if (exec(store, version) < 0)
		return -EIO;
	snprintf(version, sizeof(version), "PRAGMA user_version=%d", STORE_SCHEMA_VERSION);
	if (exec(store, version) < 0)
		return -EIO;
	return exec(store, "COMMIT");
}

static int check_schema(struct store *store, bool may_create)
{
	int64_t version = pragma(store, "PRAGMA user_version");
	int64_t tables = pragma(store, "SELECT count(*) FROM sqlite_schema");

	if (tables == 0 && may_create)
		return create_schema(store);
	if (pragma(store, "PRAGMA application_id") != APPLICATION_ID)
		return -EILSEQ;
	return version > STORE_SCHEMA_VERSION ? -EPROTO : 0;
}

static int prepare_all(struct store *store)
{
	for (int i = 0; i < SQL_COUNT; i++) {
		int code = sqlite3_prepare_v3(store->db, store_sql_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
			&store->statements[i], NULL);

		if (code != SQLITE_OK) {
			log_error("statement does not fit the schema: %s: %s", store_sql_texts[i],
				sqlite3_errmsg(store->db));
			return -EIO;
		}
	}
	return 0;
}

void store_single_thread(void)
{
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* FULL: an acknowledged command survives a power cut. The log is ours to checkpoint between turns, never inside one.
 * Exclusive: one program, one connection. It needs no shared memory file and asks the kernel for no lock per statement, and
 * nobody can look at the living database by mistake. */
#define WRITER_PRAGMAS                                                                                                 \
	"PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0"
/* Gone with its process: nothing has to survive. */
#define SCRATCH_PRAGMAS "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF"

/* SQLite calls it behind each commit. */
static int on_logged(void *user, sqlite3 *db, const char *name, int frames)
{
	struct store *store = user;

	(void)db;
	(void)name;
	store->log_frames = frames;
	return SQLITE_OK;
}

static int open_file(const char *path, const char *vfs, int flags, const char *pragmas, struct store **ret)
{
	struct store *store = calloc(1, sizeof(*store));
	int r = -EIO;

	if (!store)
		return -ENOMEM;
	if (sqlite3_open_v2(path, &store->db, flags, vfs) != SQLITE_OK)
		goto fail;
	sqlite3_extended_result_codes(store->db, 1);
	if (exec(store, pragmas) < 0 || exec(store, "PRAGMA foreign_keys=ON") < 0 || exec(store, "PRAGMA cache_size=-32768") < 0 ||
		exec(store, "PRAGMA temp_store=MEMORY") < 0)
		goto fail;
	/* Behind the pragma, which sets a hook of its own. */
	sqlite3_wal_hook(store->db, on_logged, store);
	r = check_schema(store, flags & SQLITE_OPEN_READWRITE);
	if (r == 0)
		r = prepare_all(store);
	if (r < 0)
		goto fail;
	*ret = store;
	return 0;
fail:
	if (store->failure != STORE_OK)
		log_error("database cannot be opened: %s path=%s", store->failure_text, path);
	store_close(store);
	return r;
}

int store_open(const char *path, const char *vfs, struct store **ret)
{
	return open_file(path, vfs,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
		WRITER_PRAGMAS, ret);
}

int store_open_readonly(const char *path, struct store **ret)
{
	return open_file(path, NULL, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, "", ret);
}

static int copy_file(const char *from, int to)
{
	_cleanup_fd_ int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = sendfile(to, fd, NULL, COPY_BYTES);
	while (n > 0);
	return n < 0 ? -errno : 0;
}

int store_open_scratch(const char *from, struct store **ret)
{
	const char *folder = getenv("TMPDIR");
	_cleanup_fd_ int fd = -1;
	char path[PATH_MAX];
	int r;

	if (text_format(path, sizeof(path), "%s/wharf-scratch.XXXXXX", folder && folder[0] ? folder : "/var/tmp") < 0)
		return -ENAMETOOLONG;
	fd = mkstemp(path);
	if (fd < 0)
		return -errno;
	r = from ? copy_file(from, fd) : 0;
	if (r == 0)
		r = open_file(path, NULL, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, SCRATCH_PRAGMAS, ret);
	unlink(path);
	return r;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	free(store);
}

bool store_in_transaction(const struct store *store)
{
	return !sqlite3_get_autocommit(store->db);
}

void store_begin(struct store *store)
{
	store_run(store, SQL_BEGIN, "");
}

int store_commit(struct store *store)
{
	store_run(store, SQL_COMMIT, "");
	if (store->failure == STORE_OK)
		return 0;
	store_rollback(store);
	return -1;
}

void store_rollback(struct store *store)
{
	if (store_in_transaction(store))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

void store_savepoint(struct store *store)
{
	store_run(store, SQL_SAVEPOINT, "");
}

void store_release(struct store *store)
{
	store_run(store, SQL_RELEASE, "");
}

void store_undo(struct store *store)
{
	store_run(store, SQL_UNDO, "");
	store_run(store, SQL_RELEASE, "");
}

int store_meta(struct store *store, const char *key, char *out, size_t size)
{
	struct store_cursor q = store_query(store, SQL_META_GET, "t", key);
	int r = -ENOENT;

	if (store_first(&q)) {
		r = text_copy(out, size, store_text(&q, 0));
		store_end(&q);
	}
	return r;
}

void store_set_meta(struct store *store, const char *key, const char *value)
{
	store_run(store, SQL_META_SET, "tt", key, value);
}

int64_t store_counter(struct store *store, const char *key)
{
	return store_number(store, 0, SQL_META_COUNT, "t", key);
}

int store_log_frames(const struct store *store)
{
	return store->log_frames;
}

int store_checkpoint(struct store *store, bool truncate)
{
	int frames = 0, done = 0;
	/* A failed checkpoint never unsays a commit: the log keeps what it has. */
	int code = sqlite3_wal_checkpoint_v2(store->db, NULL,
		truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &frames, &done);

	if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_LOCKED && sort_of(code) != STORE_FULL)
		store_note_failure(store, code, "checkpoint");
	if (code == SQLITE_OK && done == frames)
		store->log_frames = 0;
	return frames;
}

int64_t store_size(struct store *store)
{
	return pragma(store, "PRAGMA page_count") * pragma(store, "PRAGMA page_size");
}

int store_integrity(struct store *store, char *why, size_t why_size)
{
	sqlite3_stmt *statement = NULL;
	int r = -EILSEQ;

	snprintf(why, why_size, "cannot be read");
	if (sqlite3_prepare_v2(store->db, "PRAGMA integrity_check(1)", -1, &statement, NULL) == SQLITE_OK &&
		sqlite3_step(statement) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(statement, 0);

		snprintf(why, why_size, "%s", text ? text : "");
		r = strcmp(why, "ok") == 0 ? 0 : -EILSEQ;
	}
	sqlite3_finalize(statement);
	return r;
}
