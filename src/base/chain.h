/* The hash chain of the event stream to HQ: both ends compute it, so a fork or a lost event shows. */
#ifndef WHARF_CHAIN_H
#define WHARF_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* h[n] = BLAKE2b-256(h[n-1], n as 8 bytes big-endian, bytes); h[0] is 32 zero bytes. prev and ret may be the same. */
void chain_next(const uint8_t *prev, uint64_t n, const void *bytes, size_t len, uint8_t *ret);

#endif
