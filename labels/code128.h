/* Code 128 as code words, the fewest that hold the data, and the same as text for a ZPL ^BC field.
 * ISO/IEC 15417. Pure: no I/O, no allocation. */
#ifndef WHARF_CODE128_H
#define WHARF_CODE128_H

#include <stddef.h>
#include <stdint.h>

#define CODE128_DATA_MAX 49       /* GS1-128: 48 characters and the leading FNC1 */
#define CODE128_WORDS_MAX 100     /* start, data, a switch before each at worst */
#define CODE128_ZPL_MAX (CODE128_WORDS_MAX * 2 + 1)
#define CODE128_QUIET 10          /* modules on either side */

struct code128 {
	uint8_t words[CODE128_WORDS_MAX]; /* from the start word to the last data word, no check, no stop */
	size_t n;
};

/* `data` is printable ASCII; byte 0x1d stands for FNC1. Words come from sets B and C only. 0;
 * -EINVAL for another byte; -EMSGSIZE for more than CODE128_DATA_MAX. */
int code128_encode(const char *data, size_t len, struct code128 *ret);

/* Width in modules with check and stop, without quiet zones. */
unsigned code128_width(const struct code128 *code);

/* Field data of ^BC in mode N: invocation codes and characters. `out` holds CODE128_ZPL_MAX. */
void code128_zpl(const struct code128 *code, char *out);

#endif
