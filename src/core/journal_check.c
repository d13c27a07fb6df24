#include "journal_check.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

void journal_check_start(struct journal_check *check, struct store *store, int64_t first_seq, int64_t last_seq,
	const uint8_t *before)
{
	*check = (struct journal_check){ .next_seq = first_seq };
	memcpy(check->hash, before, HASH_BYTES);
	check->rows = store_query(store, SQL_JOURNAL_BETWEEN, "ii", first_seq - 1, last_seq);
}

/* The same bytes as when the row was written (engine). */
static void hash_row(struct journal_check *check)
{
	const struct store_cursor *q = &check->rows;
	int64_t numbers[3] = { store_int(q, 0), store_int(q, 1), store_int(q, 2) };
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, HASH_BYTES);
	crypto_generichash_update(&state, check->hash, HASH_BYTES);
	crypto_generichash_update(&state, (const uint8_t *)numbers, sizeof(numbers));
	for (int i = 4; i <= 6; i++)
		crypto_generichash_update(&state, (const uint8_t *)store_text(q, i), strlen(store_text(q, i)) + 1);
	crypto_generichash_final(&state, check->hash, HASH_BYTES);
}

int journal_check_step(struct journal_check *check, int rows)
{
	for (; rows > 0; rows--, check->next_seq++) {
		const void *stored;
		int len;

		if (!store_next(&check->rows))
			return store_failure(check->rows.store) == STORE_OK ? 1 : -EILSEQ;
		check->missing = store_int(&check->rows, 0) != check->next_seq;
		if (check->missing)
			return -EILSEQ;
		hash_row(check);
		stored = store_blob(&check->rows, 7, &len);
		if (len != HASH_BYTES || memcmp(stored, check->hash, HASH_BYTES) != 0)
			return -EILSEQ;
	}
	return 0;
}

void journal_check_end(struct journal_check *check)
{
	store_end(&check->rows);
}
