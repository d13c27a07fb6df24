/* A label filled with data: what is where, in dots of one printer. Every printer language draws from
 * this list; nothing here knows a language. */
#ifndef WHARF_DRAWING_H
#define WHARF_DRAWING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "symbol.h"
#include "template.h"

#define DRAWING_DPI_MIN 152
#define DRAWING_DPI_MAX 600
#define DRAWING_TEXT_MAX 256

enum drawing_kind { DRAWING_BOX, DRAWING_TEXT, DRAWING_BARCODE };

struct drawing_item {
	enum drawing_kind kind;
	int x, y;            /* upper left, dots */
	int width, height;   /* text: of the field and of a line; barcode: of the bars */
	int thick;           /* box: border; >= half its size: filled */
	int glyph_width;     /* text: width setting of the font */
	int module;          /* barcode: dots of the narrowest bar */
	enum template_align align;
	bool reverse;
	char text[DRAWING_TEXT_MAX];
	struct symbol *symbol; /* of a barcode; owned */
};

struct drawing {
	int dpi;
	int width, height;
	struct drawing_item items[TEMPLATE_ITEMS_MAX * 2]; /* a barcode brings its text */
	size_t items_n;
};

/* Fills a template. 0; -EINVAL with "FILE:LINE: reason" in why: field missing, wrong data for a symbol,
 * symbol and quiet zones wider than the label. */
int drawing_create(const struct label_template *template, const json_t *data, int dpi,
	struct drawing **ret, char *why, size_t why_size);
void drawing_destroy(struct drawing *drawing);

#endif
