/* Seeded chance, one stream per concern: adding a draw to one concern leaves the others as they were. */
#ifndef WHARF_SIM_CHANCE_H
#define WHARF_SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
	uint64_t state;
};

void chance_seed(struct chance *chance, uint64_t seed, const char *concern);
uint64_t chance_next(struct chance *chance);

/* low <= result <= high */
int64_t chance_range(struct chance *chance, int64_t low, int64_t high);
bool chance_permille(struct chance *chance, unsigned permille);

#endif
