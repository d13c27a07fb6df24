#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "text.h"

/* Every table there is, so that a new one cannot be forgotten. Not in it: the journal and its segments (they are the
 * cause) and the answers (an index into the journal, pruned by age). */
#define TABLES_SQL                                                                                                     \
	"SELECT name, (SELECT group_concat('\"' || name || '\"') FROM (SELECT name FROM pragma_table_info(t.name) "       \
	"WHERE pk > 0 ORDER BY pk)) FROM sqlite_schema t WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND "         \
	"name NOT IN ('journal', 'segment', 'answer') ORDER BY name"

struct store_hash {
	sqlite3 *db;
	bool owned;
	sqlite3_stmt *tables, *rows;
	crypto_generichash_state hash;
};

static void hash_column(crypto_generichash_state *hash, sqlite3_stmt *s, int i)
{
	uint8_t type = (uint8_t)sqlite3_column_type(s, i);
	int64_t number = sqlite3_column_int64(s, i);
	const void *bytes = sqlite3_column_blob(s, i);
	int64_t len = sqlite3_column_bytes(s, i);

	crypto_generichash_update(hash, &type, 1);
	if (type == SQLITE_INTEGER) {
		crypto_generichash_update(hash, (uint8_t *)&number, sizeof(number));
		return;
	}
	crypto_generichash_update(hash, (uint8_t *)&len, sizeof(len));
	crypto_generichash_update(hash, bytes, (size_t)len);
}

/* 1 where there is another table, 0 at the end, -EIO. */
static int next_table(struct store_hash *h)
{
	int code = sqlite3_step(h->tables);
	const char *name, *key;
	char *sql;

	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? 0 : -EIO;
	name = (const char *)sqlite3_column_text(h->tables, 0);
	key = (const char *)sqlite3_column_text(h->tables, 1);
	sql = sqlite3_mprintf("SELECT * FROM \"%w\" ORDER BY %s", name, key ? key : "rowid");
	code = sql ? sqlite3_prepare_v2(h->db, sql, -1, &h->rows, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	if (code != SQLITE_OK)
		return -EIO;
	crypto_generichash_update(&h->hash, (const uint8_t *)name, strlen(name) + 1);
	return 1;
}

static int begin(struct store_hash *h)
{
	crypto_generichash_init(&h->hash, NULL, 0, HASH_BYTES);
	return sqlite3_prepare_v2(h->db, TABLES_SQL, -1, &h->tables, NULL) == SQLITE_OK ? 0 : -EIO;
}

static void end(struct store_hash *h)
{
	sqlite3_finalize(h->rows);
	sqlite3_finalize(h->tables);
	if (h->owned)
		sqlite3_close(h->db);
}

int store_hash_open(const char *path, struct store_hash **ret)
{
	struct store_hash *h = calloc(1, sizeof(*h));
	int r = -EIO;

	if (!h)
		return -ENOMEM;
	h->owned = true;
	if (sqlite3_open_v2(path, &h->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
		r = begin(h);
	if (r < 0) {
		store_hash_close(h);
		return r;
	}
	*ret = h;
	return 0;
}

void store_hash_close(struct store_hash *h)
{
	if (h)
		end(h);
	free(h);
}

int store_hash_step(struct store_hash *h, int rows, uint8_t *ret_hash)
{
	while (rows-- > 0) {
		int code = h->rows ? sqlite3_step(h->rows) : SQLITE_DONE, r;

		if (code == SQLITE_ROW) {
			for (int i = 0; i < sqlite3_column_count(h->rows); i++)
				hash_column(&h->hash, h->rows, i);
			continue;
		}
		sqlite3_finalize(h->rows);
		h->rows = NULL;
		r = code == SQLITE_DONE ? next_table(h) : -EIO;
		if (r < 0)
			return r;
		if (r == 0) {
			crypto_generichash_final(&h->hash, ret_hash, HASH_BYTES);
			return 1;
		}
	}
	return 0;
}

int store_state_hash(struct store *store, uint8_t *ret_hash)
{
	struct store_hash h = { .db = store->db };
	int r = begin(&h);

	while (r == 0)
		r = store_hash_step(&h, 1000, ret_hash);
	end(&h);
	return r < 0 ? r : 0;
}
