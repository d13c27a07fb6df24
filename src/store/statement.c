#include <assert.h>
#include <stdbool.h>
#include <stdarg.h>
#include <string.h>

#include "internal.h"

static int bind_one(sqlite3_stmt *s, int at, char type, va_list *args)
{
	switch (type) {
	case 't':
		/* Static: a statement is stepped or ended before its caller's texts go away. */
		return sqlite3_bind_text(s, at, va_arg(*args, const char *), -1, SQLITE_STATIC);
	case 'i':
		return sqlite3_bind_int64(s, at, va_arg(*args, int64_t));
	case 'b': {
		const void *bytes = va_arg(*args, const void *);
		int len = va_arg(*args, int);

		return sqlite3_bind_blob(s, at, bytes, len, SQLITE_STATIC);
	}
	case 'n':
		return sqlite3_bind_null(s, at);
	default:
		assert(false && "unknown parameter type");
		return SQLITE_MISUSE;
	}
}

/* The bound statement, or NULL where a failure stands. */
static sqlite3_stmt *bind_all(struct store *store, enum sql sql, const char *types, va_list *args)
{
	sqlite3_stmt *s = store->statements[sql];

	if (store->failure != STORE_OK)
		return NULL;
	assert((int)strlen(types) == sqlite3_bind_parameter_count(s));
	for (int i = 0; types[i]; i++) {
		int code = bind_one(s, i + 1, types[i], args);

		if (code != SQLITE_OK) {
			store_note_failure(store, code, store_sql_texts[sql]);
			return NULL;
		}
	}
	return s;
}

static int step(struct store *store, sqlite3_stmt *s)
{
	int code = sqlite3_step(s);

	if (code != SQLITE_ROW && code != SQLITE_DONE)
		store_note_failure(store, code, sqlite3_sql(s));
	return code;
}

int store_run(struct store *store, enum sql sql, const char *types, ...)
{
	sqlite3_stmt *s;
	va_list args;
	int changes = 0;

	va_start(args, types);
	s = bind_all(store, sql, types, &args);
	va_end(args);
	if (!s)
		return 0;
	if (step(store, s) == SQLITE_DONE)
		changes = sqlite3_changes(store->db);
	sqlite3_reset(s);
	return changes;
}

int64_t store_last_id(const struct store *store)
{
	return sqlite3_last_insert_rowid(store->db);
}

struct store_cursor store_query(struct store *store, enum sql sql, const char *types, ...)
{
	struct store_cursor cursor = { .store = store };
	va_list args;

	va_start(args, types);
	cursor.statement = bind_all(store, sql, types, &args);
	va_end(args);
	return cursor;
}

bool store_next(struct store_cursor *cursor)
{
	if (!cursor->statement)
		return false;
	if (step(cursor->store, cursor->statement) == SQLITE_ROW)
		return true;
	store_end(cursor);
	return false;
}

void store_end(struct store_cursor *cursor)
{
	if (cursor->statement)
		sqlite3_reset(cursor->statement);
	cursor->statement = NULL;
}

int64_t store_int(const struct store_cursor *cursor, int column)
{
	return sqlite3_column_int64(cursor->statement, column);
}

bool store_null(const struct store_cursor *cursor, int column)
{
	return sqlite3_column_type(cursor->statement, column) == SQLITE_NULL;
}

const char *store_text(const struct store_cursor *cursor, int column)
{
	const char *text = (const char *)sqlite3_column_text(cursor->statement, column);

	return text ? text : "";
}

const void *store_blob(const struct store_cursor *cursor, int column, int *ret_len)
{
	*ret_len = sqlite3_column_bytes(cursor->statement, column);
	return sqlite3_column_blob(cursor->statement, column);
}

int64_t store_number(struct store *store, int64_t otherwise, enum sql sql, const char *types, ...)
{
	struct store_cursor cursor = { .store = store };
	int64_t n = otherwise;
	va_list args;

	va_start(args, types);
	cursor.statement = bind_all(store, sql, types, &args);
	va_end(args);
	if (store_first(&cursor)) {
		if (!store_null(&cursor, 0))
			n = store_int(&cursor, 0);
		store_end(&cursor);
	}
	return n;
}
