#include "drawing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fields.h"
#include "metrics.h"

#define UM_PER_INCH 25400
#define EDGE_UM 3000        /* text without a width ends so far before the edge */
#define HRI_GAP_UM 1200     /* between bars and their text */

struct filler {
	const struct label_template *template;
	const struct template_item *item;
	const json_t *data;
	struct drawing *drawing;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct filler *f, const char *format, ...)
{
	int n = snprintf(f->why, f->why_size, "%s:%u: ", f->template->file, f->item->line);
	va_list args;

	va_start(args, format);
	if (n >= 0 && (size_t)n < f->why_size)
		vsnprintf(f->why + n, f->why_size - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

/* Tenths of a dot per inch: heads sold as 203 dpi have 8 dots per millimetre. */
static int64_t tenth_dpi(const struct drawing *drawing)
{
	return drawing->dpi == 203 ? 2032 : (int64_t)drawing->dpi * 10;
}

static int dots(const struct drawing *drawing, int64_t um)
{
	return (int)((um * tenth_dpi(drawing) + UM_PER_INCH * 5) / (UM_PER_INCH * 10));
}

/* The fewest dots that are not less than um. */
static int dots_up(const struct drawing *drawing, int64_t um)
{
	return (int)((um * tenth_dpi(drawing) + UM_PER_INCH * 10 - 1) / (UM_PER_INCH * 10));
}

static struct drawing_item *add_item(struct filler *f, enum drawing_kind kind)
{
	struct drawing_item *item = &f->drawing->items[f->drawing->items_n++];

	*item = (struct drawing_item){ .kind = kind,
		.x = dots(f->drawing, f->item->x_um),
		.y = dots(f->drawing, f->item->y_um),
		.height = dots(f->drawing, f->item->height_um),
		.align = f->item->align };
	return item;
}

static int least_one(int n)
{
	return n > 0 ? n : 1;
}

static int draw_box(struct filler *f)
{
	const struct template_item *t = f->item;
	struct drawing_item *box = add_item(f, DRAWING_BOX);

	box->width = least_one(dots(f->drawing, t->width_um));
	box->height = least_one(box->height);
	box->thick = least_one(dots(f->drawing, t->thick_um));
	if (t->fill)
		box->thick = box->width < box->height ? box->width : box->height;
	return 0;
}

static int draw_text(struct filler *f)
{
	const struct template_item *t = f->item;
	struct drawing_item *text;
	struct fields_found found;
	char filled[DRAWING_TEXT_MAX];
	int64_t width_um = t->width_um ? t->width_um : f->template->width_um - EDGE_UM - t->x_um;

	if (fields_expand(t->text, f->data, filled, sizeof(filled), &found) == -EINVAL)
		return refuse(f, "a field of \"%s\" is neither text nor a whole number", t->text);
	if (found.fields && found.fields == found.empty)
		return 0;
	if (width_um < t->height_um)
		return refuse(f, "no room for text");
	text = add_item(f, DRAWING_TEXT);
	text->width = dots(f->drawing, width_um);
	text->reverse = t->reverse;
	text->glyph_width = metrics_fit(filled, text->height, text->width);
	snprintf(text->text, sizeof(text->text), "%s", filled);
	return 0;
}

/* "(02){gtin}(37){count}": each AI with the text up to the next parenthesis. */
static int add_elements(struct filler *f, struct gs1_message *message, bool *ret_empty)
{
	const char *p = f->item->text;
	struct fields_found all = { .fields = 0 };

	while (*p == '(') {
		char ai[8] = "", pattern[TEMPLATE_TEXT_MAX] = "", value[DRAWING_TEXT_MAX];
		struct fields_found found;
		struct gs1_error error;
		size_t ai_len = strcspn(p, ")") - 1, len;

		if (p[ai_len + 1] != ')' || ai_len >= sizeof(ai))
			return refuse(f, "\"%.20s\" is no (AI)", p);
		memcpy(ai, p + 1, ai_len);
		p += ai_len + 2;
		len = strcspn(p, "(");
		memcpy(pattern, p, len);
		p += len;
		if (fields_expand(pattern, f->data, value, sizeof(value), &found) < 0)
			return refuse(f, "value of AI %s is too long or no text", ai);
		if (found.empty && all.empty == 0)
			memcpy(all.first_empty, found.first_empty, sizeof(all.first_empty));
		all.fields += found.fields;
		all.empty += found.empty;
		if (found.empty == 0 && gs1_add(message, ai, value, strlen(value), &error) < 0)
			return refuse(f, "%s", error.say);
	}
	*ret_empty = all.empty > 0;
	if (all.empty && !(f->item->optional && all.empty == all.fields))
		return refuse(f, "field \"%s\" is missing", all.first_empty);
	return 0;
}

static void place_barcode(struct filler *f, struct drawing_item *bars, const struct symbol *symbol)
{
	bars->module = dots_up(f->drawing, f->item->module_um);
	bars->width = (int)symbol->width * bars->module;
	if (f->item->align == ALIGN_CENTER)
		bars->x -= bars->width / 2;
	else if (f->item->align == ALIGN_RIGHT)
		bars->x -= bars->width;
}

static int check_quiet(struct filler *f, const struct drawing_item *bars)
{
	int quiet = CODE128_QUIET * bars->module;

	if (bars->x < quiet || bars->x + bars->width + quiet > f->drawing->width)
		return refuse(f, "symbol of %u modules and its quiet zones do not fit the label",
			bars->symbol->width);
	return 0;
}

static void draw_hri(struct filler *f, const struct drawing_item *bars)
{
	struct drawing_item *text = add_item(f, DRAWING_TEXT);

	text->x = bars->x;
	text->y = bars->y + bars->height + dots(f->drawing, HRI_GAP_UM);
	text->width = bars->width;
	text->height = dots(f->drawing, f->item->hri_um);
	text->align = ALIGN_CENTER;
	text->glyph_width = metrics_fit(bars->symbol->hri, text->height, text->width);
	snprintf(text->text, sizeof(text->text), "%s", bars->symbol->hri);
}

static int draw_barcode(struct filler *f)
{
	struct gs1_message message = { .n = 0 };
	_cleanup_free_ struct symbol *symbol = NULL;
	struct drawing_item *bars;
	char why[160];
	bool empty = false;

	if (add_elements(f, &message, &empty) < 0)
		return -EINVAL;
	if (empty)
		return 0;
	symbol = calloc(1, sizeof(*symbol));
	if (!symbol)
		return -ENOMEM;
	if (symbol_gs1_128(&message, symbol, why, sizeof(why)) < 0)
		return refuse(f, "%s", why);
	bars = add_item(f, DRAWING_BARCODE);
	/* Rounded up: 31.9 mm of bars are not 32. */
	bars->height = dots_up(f->drawing, f->item->height_um);
	place_barcode(f, bars, symbol);
	bars->symbol = take_ptr(symbol);
	if (check_quiet(f, bars) < 0)
		return -EINVAL;
	draw_hri(f, bars);
	return 0;
}

static int draw_item(struct filler *f)
{
	char value[DRAWING_TEXT_MAX];

	if (f->item->with[0] && fields_value(f->data, f->item->with, value, sizeof(value)) != -EINVAL &&
		!value[0])
		return 0;
	switch (f->item->kind) {
	case TEMPLATE_BOX:
		return draw_box(f);
	case TEMPLATE_TEXT:
		return draw_text(f);
	case TEMPLATE_BARCODE:
		return draw_barcode(f);
	}
	return -EINVAL;
}

int drawing_create(const struct label_template *template, const json_t *data, int dpi,
	struct drawing **ret, char *why, size_t why_size)
{
	struct drawing *drawing = calloc(1, sizeof(*drawing));
	struct filler f = { .template = template, .data = data, .drawing = drawing, .why = why,
		.why_size = why_size };
	int r = drawing ? 0 : -ENOMEM;

	if (r == 0 && (dpi < DRAWING_DPI_MIN || dpi > DRAWING_DPI_MAX)) {
		snprintf(why, why_size, "%d dpi is not between %d and %d", dpi, DRAWING_DPI_MIN,
			DRAWING_DPI_MAX);
		r = -EINVAL;
	}
	if (r == 0) {
		drawing->dpi = dpi;
		drawing->width = dots(drawing, template->width_um);
		drawing->height = dots(drawing, template->height_um);
	}
	for (size_t i = 0; r == 0 && i < template->items_n; i++) {
		f.item = &template->items[i];
		r = draw_item(&f);
	}
	if (r < 0) {
		drawing_destroy(drawing);
		return r;
	}
	*ret = drawing;
	return 0;
}

void drawing_destroy(struct drawing *drawing)
{
	if (!drawing)
		return;
	for (size_t i = 0; i < drawing->items_n; i++)
		free(drawing->items[i].symbol);
	free(drawing);
}
