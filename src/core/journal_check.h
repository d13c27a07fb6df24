/* Recomputes the journal's hash chain over a range of rows, some at a time. */
#ifndef WHARF_JOURNAL_CHECK_H
#define WHARF_JOURNAL_CHECK_H

#include "store.h"
#include "text.h"

struct journal_check {
	struct store_cursor rows;
	int64_t next_seq;           /* row that must come next */
	uint8_t hash[HASH_BYTES];   /* of the row before it */
	bool missing;               /* false: the chain broke there */
};

/* Rows first_seq to last_seq; `before` is the hash of the row before the first. */
void journal_check_start(struct journal_check *check, struct store *store, int64_t first_seq, int64_t last_seq,
	const uint8_t *before);
/* 1: no row is left, 0: goes on, -EILSEQ: row next_seq is missing or does not chain. */
int journal_check_step(struct journal_check *check, int rows);
void journal_check_end(struct journal_check *check);

#endif
