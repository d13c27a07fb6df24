/* Shared by the parts of HQ's store; nobody else includes it. */
#ifndef WHARF_HQ_STORE_PRIVATE_H
#define WHARF_HQ_STORE_PRIVATE_H

#include <sqlite3.h>

#include "store.h"

enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_META_GET,
	SQL_SITE_ADD,
	SQL_SITE_GET,
	SQL_SITE_STATUS,
	SQL_SITE_SET,
	SQL_SITE_INCARNATION,
	SQL_SITE_ADVANCE,
	SQL_SITE_SAFE,
	SQL_SITE_DUPLICATE,
	SQL_SITE_DOWN_HEAD,
	SQL_SITE_DOWN_NEXT,
	SQL_SITE_DOWN_ACK,
	SQL_EVENT_ADD,
	SQL_SHIPMENT_ADD,
	SQL_SHIPMENT_TOLD,
	SQL_QUARANTINE_ADD,
	SQL_QUARANTINE_KEY,
	SQL_DOWN_ADD,
	SQL_DOWN_PAGE,
	SQL_DOWN_REFUSE,
	SQL_LEASE_NEXT,
	SQL_LEASE_END,
	SQL_LEASE_LAST,
	SQL_LEASE_ADD,
	SQL_STATUS,
};
#define STATEMENTS (SQL_STATUS + 1)

/* schema.sql */
extern const char hq_schema[];

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	char gen[SYNC_GEN_MAX];
	char *bodies[SYNC_DOWN_WINDOW]; /* of the last store_downs() */
};

/* A prepared statement, reset, its parameters cleared. */
sqlite3_stmt *store_statement(struct store *store, enum statement statement);

/* Steps once. SQLITE_ROW, SQLITE_DONE, SQLITE_CONSTRAINT, SQLITE_FULL or SQLITE_BUSY; anything else
 * ends the program. The statement is reset unless there is a row. */
int store_step(struct store *store, sqlite3_stmt *stmt);

/* One statement that gives no row. 0, -EEXIST (constraint), -ENOSPC, -EBUSY. */
int store_run(struct store *store, sqlite3_stmt *stmt);

int store_begin(struct store *store);
int store_commit(struct store *store);
/* Also where SQLite has rolled back by itself. */
void store_rollback(struct store *store);

void store_bind_text(sqlite3_stmt *stmt, int at, const char *text);
void store_copy_text(sqlite3_stmt *stmt, int column, char *out, size_t size);

enum hub_result store_result(int r);
bool store_cursor(struct store *store, const char *site, struct hub_cursor *ret);

/* books.c: what an event means. 0; -EEXIST where it was told before; -EINVAL with the reason. */
struct event_head {
	json_t *event;
	const char *id, *type, *key;
};
int books_read(const void *bytes, size_t len, struct event_head *ret, char *why, size_t why_size);
int books_apply(struct store *store, const char *site, int64_t n, const struct event_head *head,
	char *why, size_t why_size);

#endif
