#include "chain.h"

#include <sodium.h>

void chain_next(const uint8_t *prev, uint64_t n, const void *bytes, size_t len, uint8_t *ret)
{
	crypto_generichash_state state;
	uint8_t number[8];

	for (size_t i = 0; i < sizeof(number); i++)
		number[i] = (uint8_t)(n >> (56 - 8 * i));
	crypto_generichash_init(&state, NULL, 0, HASH_BYTES);
	crypto_generichash_update(&state, prev, HASH_BYTES);
	crypto_generichash_update(&state, number, sizeof(number));
	crypto_generichash_update(&state, bytes, len);
	crypto_generichash_final(&state, ret, HASH_BYTES);
}
