/* The two clocks an event loop may read. The core's engine gets both as arguments. */
#ifndef WHARF_CLOCK_H
#define WHARF_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define US_PER_S INT64_C(1000000)
#define US_PER_MS INT64_C(1000)

/* Microseconds since 1970 UTC. Evidence only: it jumps. */
int64_t clock_real_us(void);

/* Microseconds since boot (CLOCK_BOOTTIME). For deadlines: the same on every program of one box. */
int64_t clock_boot_us(void);

#define CLOCK_TEXT_MAX 32
/* 2026-11-23T06:12:01.123Z into out (CLOCK_TEXT_MAX bytes). */
void clock_text(int64_t real_us, char *out);

/* Reads what clock_text wrote (fraction of 0 to 6 digits). 0 or -EINVAL. */
int clock_parse(const char *text, int64_t *ret_us);

#endif
