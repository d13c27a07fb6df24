#include "metrics.h"

#include <stdint.h>
#include <string.h>

#define NARROWEST_PERCENT 60
#define CUT ".."

/* Advance in thousandths of the width setting. */
#define ADVANCE_NARROW 280
#define ADVANCE_USUAL 520
#define ADVANCE_CAPITAL 600
#define ADVANCE_WIDE 820

static int advance(unsigned char c)
{
	if (strchr("iljI.,:;'|! ", c))
		return ADVANCE_NARROW;
	if (strchr("MWmw@%", c))
		return ADVANCE_WIDE;
	if ((c >= 'A' && c <= 'Z') || c == '-')
		return ADVANCE_CAPITAL;
	/* First byte of a character outside ASCII: letters with accents and such. */
	return c >= 0xc0 ? ADVANCE_CAPITAL : ADVANCE_USUAL;
}

/* In thousandths; continuation bytes take no room. */
static int64_t text_advance(const char *text)
{
	int64_t sum = 0;

	for (; *text; text++)
		if (((unsigned char)*text & 0xc0) != 0x80)
			sum += advance((unsigned char)*text);
	return sum;
}

int metrics_width(const char *text, int glyph_width)
{
	return (int)((text_advance(text) * glyph_width + 999) / 1000);
}

static void drop_character(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	text[n > 0 ? n - 1 : 0] = '\0';
}

/* The cut text is shorter than before by two characters at least, so ".." always has its room. */
static void cut_text(char *text, int glyph_width, int room)
{
	int dots = metrics_width(CUT, glyph_width);

	drop_character(text);
	drop_character(text);
	while (*text && metrics_width(text, glyph_width) + dots > room)
		drop_character(text);
	memcpy(text + strlen(text), CUT, sizeof(CUT));
}

int metrics_fit(char *text, int size, int room)
{
	int64_t sum = text_advance(text);
	int narrowest = size * NARROWEST_PERCENT / 100;
	int fitting;

	if (!sum || sum * size <= (int64_t)room * 1000)
		return size;
	fitting = (int)((int64_t)room * 1000 / sum);
	if (fitting >= narrowest)
		return fitting;
	cut_text(text, narrowest, room);
	return narrowest;
}
