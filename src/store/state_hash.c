#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "text.h"

/* All state, in a fixed order. Not in it: the journal and its segments (they are the cause) and the answers
 * (an index into the journal, pruned by age). */
static const char *const tables[][2] = {
	{ "meta", "key" }, { "origin", "name" }, { "day", "day" }, { "continuation", "id" },
	{ "outbox", "n" }, { "link", "one" }, { "down_raw", "n" }, { "catalog", "one" },
	{ "item", "item, generation" }, { "barcode", "code, generation" }, { "location", "location, generation" },
	{ "import", "import" }, { "import_stock", "n" }, { "lot", "item, lot" }, { "stock", "place, item, lot" },
	{ "movement", "movement" }, { "tote", "tote" }, { "lane", "lane" }, { "station", "station" },
	{ "device", "device" }, { "user", "badge" }, { "session", "session" }, { "throttle", "key" },
	{ "dialogue", "place" }, { "orders", "order_id" }, { "order_line", "order_id, line" },
	{ "task", "task" }, { "carton", "carton" }, { "weight", "weight" }, { "weigh", "weigh" },
	{ "sscc_block", "block" }, { "sscc", "sscc" }, { "label", "label" }, { "induct", "induct" },
	{ "divert", "divert" }, { "load", "load" }, { "shipment", "number" }, { "cases", "case_id" },
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

static int hash_table(struct store *store, crypto_generichash_state *hash, const char *table,
	const char *key)
{
	char sql[128];
	sqlite3_stmt *s = NULL;
	int code;

	snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY %s", table, key);
	if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK)
		return -EIO;
	crypto_generichash_update(hash, (const uint8_t *)table, strlen(table));
	while ((code = sqlite3_step(s)) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(s); i++)
			hash_column(hash, s, i);
	sqlite3_finalize(s);
	return code == SQLITE_DONE ? 0 : -EIO;
}

int store_state_hash(struct store *store, uint8_t *ret_hash)
{
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, HASH_BYTES);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (hash_table(store, &hash, tables[i][0], tables[i][1]) < 0)
			return -EIO;
	crypto_generichash_final(&hash, ret_hash, HASH_BYTES);
	return 0;
}
