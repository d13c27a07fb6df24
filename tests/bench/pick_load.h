/* Handhelds that scan as fast as they are answered, straight at the door. */
#ifndef WHARF_BENCH_PICK_LOAD_H
#define WHARF_BENCH_PICK_LOAD_H

#include "floor.h"
#include "tool.h"

struct pick_load {
	double seconds; /* in: how long; out: how long it was */
	size_t picks;
	struct samples round_trips;
};

/* `n` handhelds, each with one unanswered scan, over one connection of the kind wharf-web has. */
void pick_load_run(const struct floor *f, struct handheld *h, size_t n, struct pick_load *load);

#endif
