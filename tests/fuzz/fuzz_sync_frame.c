/* A message of the link between site and HQ, a part per line. What was read must be written as it was read. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PARTS_MAX (SYNC_CREDIT_EVENTS + 2) /* one more than may be */

static size_t cut(const char *p, size_t size, struct sync_part *ret)
{
	const char *end = p + size;
	size_t n = 0;

	while (p < end && n < PARTS_MAX) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = newline ? (size_t)(newline - p) : (size_t)(end - p);

		ret[n++] = (struct sync_part){ p, len };
		p += len + (newline != NULL);
	}
	return n;
}

/* Control characters and quotes are made harmless on the way out, so texts are compared from the second writing on. */
static void write_again(const struct sync_frame *frame)
{
	static char first[SYNC_HEADER_MAX], second[SYNC_HEADER_MAX];
	struct sync_part part = { first, sync_encode(frame, first) };
	struct sync_frame again;
	char why[SYNC_WHY_MAX];

	assert(sync_decode(&part, 1, &again, why) == 0);
	assert(again.type == frame->type && again.up_n == frame->up_n && again.bad_n == frame->bad_n);
	assert(memcmp(again.up_hash, frame->up_hash, HASH_BYTES) == 0);
	assert(sync_encode(&again, second) == part.len && memcmp(first, second, part.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t hashes[SYNC_CREDIT_EVENTS][HASH_BYTES];
	struct sync_part parts[PARTS_MAX];
	size_t n = cut((const char *)data, size, parts);
	char why[SYNC_WHY_MAX] = "";
	struct sync_frame frame;

	if (sync_decode(parts, n, &frame, why) < 0) {
		assert(why[0] && memchr(why, '\0', sizeof(why)));
		return 0;
	}
	assert(frame.bodies_n == n - 1);
	if (frame.type == SYNC_UP)
		sync_chain_ok(&frame, hashes);
	if (frame.type != SYNC_OTHER)
		write_again(&frame);
	return 0;
}
