/* Bar code symbols of a label. libzint judges the data (GS1 rules) and gives the bars; for printers that
 * draw Code 128 themselves the same data is there as ^BC text, and both must be equally wide. */
#ifndef WHARF_SYMBOL_H
#define WHARF_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#include "code128.h"
#include "gs1.h"

#define SYMBOL_RUNS_MAX 400 /* 52 words of 6 bars and spaces, stop of 7: 48 characters fit twice */
#define SYMBOL_HRI_MAX 128

struct symbol {
	uint8_t runs[SYMBOL_RUNS_MAX]; /* modules: bar, space, bar, … bar */
	size_t runs_n;
	unsigned width; /* modules, without quiet zones */
	char zpl[CODE128_ZPL_MAX];
	char hri[SYMBOL_HRI_MAX];
};

/* 0; -EINVAL with the reason in `why`; -ENOMEM. */
int symbol_gs1_128(const struct gs1_message *message, struct symbol *ret, char *why, size_t why_size);

#endif
