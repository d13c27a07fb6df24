#include "chain.h"

#include <string.h>

#define NUMBER_BYTES 8

void chain_next(const uint8_t *previous, int64_t n, const void *bytes, size_t len,
	uint8_t *ret_hash)
{
	uint8_t head[HASH_BYTES + NUMBER_BYTES];
	uint64_t number = (uint64_t)n;

	memcpy(head, previous, HASH_BYTES);
	for (int i = NUMBER_BYTES - 1; i >= 0; i--, number >>= 8)
		head[HASH_BYTES + i] = (uint8_t)number;
	text_hash(head, sizeof(head), bytes, len, ret_hash);
}
