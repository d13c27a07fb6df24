/* Seeded chance: the same seed makes the same cuts. */
#ifndef WHARF_POWER_CHANCE_H
#define WHARF_POWER_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
	uint64_t state;
};

/* splitmix64 (public domain, Vigna): every seed is a good one. */
static inline uint64_t chance_next(struct chance *chance)
{
	uint64_t z = (chance->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 <= result < n */
static inline unsigned chance_below(struct chance *chance, unsigned n)
{
	return (unsigned)(chance_next(chance) % n);
}

static inline bool chance_permille(struct chance *chance, unsigned permille)
{
	return chance_below(chance, 1000) < permille;
}

#endif
