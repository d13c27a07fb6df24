#include "zpl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULE_MAX 10 /* ^BY takes 1 to 10 dots */

/* Field data behind ^FH_: what ZPL would take as its own is written in hex. In a block (^FB) a backslash
 * starts a line break, so it is doubled there. */
static void write_data(const char *text, bool block, FILE *out)
{
	for (; *text; text++) {
		if (*text == '^' || *text == '~' || *text == '_')
			fprintf(out, "_%02X", (unsigned char)*text);
		else if (*text == '\\' && block)
			fputs("\\\\", out);
		else
			fputc(*text, out);
	}
}

static void write_text(const struct drawing_item *item, FILE *out)
{
	static const char letters[] = { [ALIGN_LEFT] = 'L', [ALIGN_CENTER] = 'C', [ALIGN_RIGHT] = 'R' };
	bool block = item->align != ALIGN_LEFT;

	fprintf(out, "^FO%d,%d^A0N,%d,%d", item->x, item->y, item->height, item->glyph_width);
	if (block)
		fprintf(out, "^FB%d,1,0,%c,0", item->width, letters[item->align]);
	if (item->reverse)
		fputs("^FR", out);
	fputs("^FH_^FD", out);
	write_data(item->text, block, out);
	fputs("^FS\n", out);
}

static void write_box(int x, int y, int width, int height, int thick, FILE *out)
{
	fprintf(out, "^FO%d,%d^GB%d,%d,%d^FS\n", x, y, width, height, thick);
}

/* Bars as boxes, where the printer cannot make a module that wide itself. */
static void write_bars(const struct drawing_item *item, FILE *out)
{
	int x = item->x;

	for (size_t i = 0; i < item->symbol->runs_n; i++) {
		int width = item->symbol->runs[i] * item->module;

		if (i % 2 == 0)
			write_box(x, item->y, width, item->height,
				width < item->height ? width : item->height, out);
		x += width;
	}
}

/* Mode N: all invocation codes are ours, the printer adds check and stop. Text is ours too. */
static void write_barcode(const struct drawing_item *item, FILE *out)
{
	if (item->module > MODULE_MAX) {
		write_bars(item, out);
		return;
	}
	fprintf(out, "^FO%d,%d^BY%d,2,%d^BCN,%d,N,N,N,N^FD%s^FS\n", item->x, item->y, item->module,
		item->height, item->height, item->symbol->zpl);
}

static void write_item(const struct drawing_item *item, FILE *out)
{
	switch (item->kind) {
	case DRAWING_BOX:
		write_box(item->x, item->y, item->width, item->height, item->thick, out);
		break;
	case DRAWING_TEXT:
		write_text(item, out);
		break;
	case DRAWING_BARCODE:
		write_barcode(item, out);
		break;
	}
}

int zpl_write(const struct drawing *drawing, char **ret, size_t *ret_len)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool failed;

	if (!out)
		return -ENOMEM;
	fprintf(out, "^XA\n^CI28\n^LH0,0\n^PW%d\n^LL%d\n", drawing->width, drawing->height);
	for (size_t i = 0; i < drawing->items_n; i++)
		write_item(&drawing->items[i], out);
	fputs("^PQ1,0,1,N\n^XZ\n", out);
	failed = ferror(out) != 0;
	failed |= fclose(out) != 0;
	if (failed) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}
