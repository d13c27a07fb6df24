/* Makes the database of a floor old: rows as years of work would have left them. */
#ifndef WHARF_BENCH_GROW_H
#define WHARF_BENCH_GROW_H

#include <stdint.h>

/* What a floor that was played on the real engine has left, as a database of its own. */
void grow_make_base(const char *path, int orders);

/* Copies the base's rows into a database nobody has open until its journal has at least `rows`: with numbers that go on,
 * hash chains that recompute, HQ level with all of it, and so many day marks, so that half of it is old enough to go. */
#define GROW_DAY_MARKS "30"
void grow(const char *path, const char *base, int64_t rows);

#endif
