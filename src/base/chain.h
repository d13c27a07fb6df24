/* The chain over a site's events: h[n] = BLAKE2b-256(h[n-1] || n || bytes), n as 8 bytes big endian,
 * h[0] = 32 zero bytes. The outbox, the link and HQ's log compute the same. */
#ifndef WHARF_CHAIN_H
#define WHARF_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* `ret_hash` may be `previous`. Both have HASH_BYTES. */
void chain_next(const uint8_t *previous, int64_t n, const void *bytes, size_t len,
	uint8_t *ret_hash);

#endif
