#include "chance.h"

#include <assert.h>

/* splitmix64: public domain constants by Sebastiano Vigna. */
uint64_t chance_next(struct chance *c)
{
	uint64_t z = (c->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* FNV-1a of the concern's name keeps the streams apart. */
void chance_seed(struct chance *c, uint64_t seed, const char *concern)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *concern; concern++)
		hash = (hash ^ (uint8_t)*concern) * UINT64_C(0x100000001b3);
	c->state = seed * UINT64_C(0x9e3779b97f4a7c15) ^ hash;
	chance_next(c);
}

int64_t chance_range(struct chance *c, int64_t low, int64_t high)
{
	assert(low <= high);
	return low + (int64_t)(chance_next(c) % (uint64_t)(high - low + 1));
}

bool chance_permille(struct chance *c, unsigned permille)
{
	return chance_next(c) % 1000 < permille;
}
