/* A fuzzer's input as a script: each step takes a few bytes that choose what happens, and an input that ends early reads
 * zeros. For machines whose inputs are calls rather than bytes. */
#ifndef WHARF_FUZZ_SCRIPT_H
#define WHARF_FUZZ_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

struct script {
	const uint8_t *p, *end;
};

static inline uint8_t script_byte(struct script *s)
{
	return s->p < s->end ? *s->p++ : 0;
}

static inline unsigned script_choice(struct script *s, unsigned n)
{
	return script_byte(s) % n;
}

static inline uint64_t script_number(struct script *s, unsigned bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | script_byte(s);
	return n;
}

/* Any length of time from 1 us to some minutes, one byte long. */
static inline int64_t script_time_us(struct script *s)
{
	return INT64_C(1) << script_choice(s, 30);
}

#endif
