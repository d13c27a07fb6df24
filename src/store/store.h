/* The only place that speaks SQLite. One connection, one writer, WAL with synchronous=FULL.
 *
 * Errors are sticky: after the first failed statement every other does nothing and says "no row",
 * so that the rules above read straight. Whoever runs the turn asks store_failure() and decides. */
#ifndef WHARF_STORE_H
#define WHARF_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_SCHEMA_VERSION 1

struct store;

/* For a program with one thread, before its first store: SQLite then takes no locks and counts no memory. */
void store_single_thread(void);

/* Opens or creates; `vfs` names an SQLite VFS (NULL: the system's). 0 or -errno; -EILSEQ where the file is
 * no wharf database, -EPROTO where its schema is of a newer version. */
int store_open(const char *path, const char *vfs, struct store **ret);
/* For a copy: nothing is written to it. */
int store_open_readonly(const char *path, struct store **ret);
/* A copy of `from` (NULL: empty) to try things on: its file has no name any more and is gone with the store. */
int store_open_scratch(const char *from, struct store **ret);
void store_close(struct store *store);

/* What went wrong since the last clear. */
enum store_failure {
	STORE_OK,
	STORE_FULL,    /* disk full: the turn is lost, try later */
	STORE_LIMIT,   /* a read took too long */
	STORE_BROKEN,  /* I/O error, corruption, no memory: exit without a reply */
};
enum store_failure store_failure(const struct store *store);
const char *store_failure_text(const struct store *store);

/* Forgets a failure after a rollback. */
void store_clear(struct store *store);

void store_begin(struct store *store);
/* 0, or -1 with store_failure() set; the transaction is rolled back then. */
int store_commit(struct store *store);
void store_rollback(struct store *store);
void store_savepoint(struct store *store);
void store_release(struct store *store);
void store_undo(struct store *store); /* back to the savepoint */
/* False after SQLite has rolled the transaction back by itself: the next statement would autocommit. */
bool store_in_transaction(const struct store *store);

/* Every statement of the edge, by name (statements.def). */
enum sql {
#define STATEMENT(name, text) SQL_##name,
#include "statements.def"
#undef STATEMENT
	SQL_COUNT
};

/* Runs a statement. `types` has a letter per parameter: t const char *, i int64_t (cast!), b blob as
 * (const void *, int), n NULL (no argument). Returns the rows changed, 0 after a failure. */
int store_run(struct store *store, enum sql sql, const char *types, ...);
int64_t store_last_id(const struct store *store);

/* Reads: for (q = store_query(...); store_next(&q);) ...; texts live until the next store_next. A read that
 * is left early must be ended. */
struct store_cursor {
	struct store *store;
	void *statement;
};
struct store_cursor store_query(struct store *store, enum sql sql, const char *types, ...);
bool store_next(struct store_cursor *cursor);
void store_end(struct store_cursor *cursor);
int64_t store_int(const struct store_cursor *cursor, int column);
bool store_null(const struct store_cursor *cursor, int column);
const char *store_text(const struct store_cursor *cursor, int column);
const void *store_blob(const struct store_cursor *cursor, int column, int *ret_len);

/* One row or none: true where found; the cursor must be ended after a true. */
#define store_first(cursor) store_next(cursor)

/* First column of the first row as a number, or `otherwise`. */
int64_t store_number(struct store *store, int64_t otherwise, enum sql sql, const char *types, ...);

/* meta */
int store_meta(struct store *store, const char *key, char *out, size_t size); /* 0 or -ENOENT */
void store_set_meta(struct store *store, const char *key, const char *value);
int64_t store_counter(struct store *store, const char *key); /* next of a counter in meta, from 1 */

/* A named query for the door: rows as JSON objects with the columns' names, at most `limit` rows or 48 KiB, 5 ms.
 * *ret_next is the paging key behind the last row ("" on the last page). 0, -ENOENT (no such query),
 * -EINVAL (argument; why says which), -ETIMEDOUT, -EMSGSIZE (a row no message can hold). */
int store_rows(struct store *store, const char *name, const json_t *args, const char *after, int limit,
	json_t **ret_rows, char *ret_next, size_t next_size, char *why, size_t why_size);

/* BLAKE2b over all tables of state, row by row in key order. 0 or -EIO. */
int store_state_hash(struct store *store, uint8_t *ret_hash);

/* The same of a copy that nobody writes, so many rows at a time. Step: 1 done, 0 goes on, -EIO. */
struct store_hash;
int store_hash_open(const char *path, struct store_hash **ret);
int store_hash_step(struct store_hash *hash, int rows, uint8_t *ret_hash);
void store_hash_close(struct store_hash *hash);

/* Writes the log's pages to their places; with `truncate` its file is empty then, too. A full disk or an unfinished read is no
 * failure, a broken disk is. Returns the frames the log had. */
int store_checkpoint(struct store *store, bool truncate);

/* Frames in the log behind the last commit; 0 where a checkpoint has written all of them home. */
int store_log_frames(const struct store *store);

/* Bytes of the database without its log. */
int64_t store_size(struct store *store);

/* The whole file checked by SQLite: 0, or -EILSEQ with the first finding in `why`. */
int store_integrity(struct store *store, char *why, size_t why_size);

/* Online copy, a few pages per turn. */
struct store_backup;
int store_backup_start(struct store *store, const char *path, struct store_backup **ret);
/* 1: done and synced, 0: goes on, -errno. */
int store_backup_step(struct store_backup *backup, int pages, int *ret_left, int *ret_total);
void store_backup_end(struct store_backup *backup);

#endif
