#include "symbol.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <zint.h>

#define BRACKETS_MAX (GS1_DATA_MAX + 4 * GS1_ELEMENTS_MAX)

static bool module_set(const struct zint_symbol *zint, int x)
{
	return (zint->encoded_data[0][x >> 3] >> (x & 7)) & 1;
}

static int read_runs(const struct zint_symbol *zint, struct symbol *symbol)
{
	bool dark = true;

	symbol->width = (unsigned)zint->width;
	symbol->runs_n = 0;
	for (int x = 0; x < zint->width; x++) {
		if (x == 0 || module_set(zint, x) != dark) {
			if (symbol->runs_n == SYMBOL_RUNS_MAX)
				return -EINVAL;
			symbol->runs[symbol->runs_n++] = 0;
			dark = module_set(zint, x);
		}
		symbol->runs[symbol->runs_n - 1]++;
	}
	return zint->width > 0 && module_set(zint, 0) ? 0 : -EINVAL;
}

/* zint's own notation: [00]354123450000000014. A bracket is in no AI's character set. */
static int bracket_text(const struct gs1_message *message, char *out, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < message->n; i++) {
		int n = snprintf(out + at, size - at, "[%s]%s", message->elements[i].ai,
			message->elements[i].value);

		if (n < 0 || (size_t)n >= size - at)
			return -ENAMETOOLONG;
		at += (size_t)n;
	}
	return 0;
}

static int ask_zint(const struct gs1_message *message, struct symbol *symbol, char *why, size_t why_size)
{
	char data[BRACKETS_MAX];
	struct zint_symbol *zint = ZBarcode_Create();
	int r = -ENOMEM;

	if (!zint)
		return r;
	zint->symbology = BARCODE_GS1_128;
	zint->input_mode = GS1_MODE;
	r = bracket_text(message, data, sizeof(data));
	/* A warning counts as an error: a wrong check digit is only a warning to zint. */
	if (r == 0 && ZBarcode_Encode(zint, (const unsigned char *)data, 0) != 0)
		r = -EINVAL;
	if (r == 0)
		r = read_runs(zint, symbol);
	if (r < 0)
		snprintf(why, why_size, "GS1-128 of %.60s: %s", data, zint->errtxt);
	ZBarcode_Delete(zint);
	return r;
}

int symbol_gs1_128(const struct gs1_message *message, struct symbol *ret, char *why, size_t why_size)
{
	char elements[GS1_DATA_MAX];
	struct symbol symbol = { .width = 0 };
	struct code128 code;
	int len = gs1_element_string(message, elements, sizeof(elements));
	int r;

	if (len < 0 || len > CODE128_DATA_MAX) {
		snprintf(why, why_size, "more than %d characters in one GS1-128", CODE128_DATA_MAX - 1);
		return -EINVAL;
	}
	r = ask_zint(message, &symbol, why, why_size);
	if (r < 0)
		return r;
	r = code128_encode(elements, (size_t)len, &code);
	if (r == 0)
		r = gs1_hri(message, symbol.hri, sizeof(symbol.hri));
	if (r == 0 && code128_width(&code) > symbol.width)
		r = -EINVAL;
	if (r < 0) {
		snprintf(why, why_size, "GS1-128 of %.60s: our encoder and zint disagree", elements + 1);
		return r;
	}
	code128_zpl(&code, symbol.zpl);
	/* Ours may be narrower (fewest words); the width that counts is the wider one. */
	*ret = symbol;
	return 0;
}
