#include "csv.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

#define BOM "\xef\xbb\xbf"

/* A spreadsheet uses what its language uses: the header tells. */
static char find_separator(const char *bytes, const char *end)
{
	for (const char *p = bytes; p < end && *p != '\n' && *p != '\r'; p++)
		if (*p == ',' || *p == ';' || *p == '\t')
			return *p;
	return ',';
}

void csv_init(struct csv *csv, const char *bytes, size_t len)
{
	*csv = (struct csv){ .at = bytes, .end = bytes + len, .next_line = 1 };
	if (len >= strlen(BOM) && memcmp(bytes, BOM, strlen(BOM)) == 0)
		csv->at += strlen(BOM);
	csv->separator = find_separator(csv->at, csv->end);
}

static int fail(struct csv *csv, const char *wrong)
{
	csv->wrong = wrong;
	csv->column = csv->n + 1;
	csv->at = csv->end;
	return -EINVAL;
}

static bool at_line_end(const struct csv *csv)
{
	return csv->at == csv->end || *csv->at == '\n' || *csv->at == '\r';
}

/* CR LF, LF, or the CR alone of very old spreadsheets. */
static void skip_line_end(struct csv *csv)
{
	if (csv->at < csv->end && *csv->at == '\r')
		csv->at++;
	if (csv->at < csv->end && *csv->at == '\n')
		csv->at++;
	csv->next_line++;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Keeps what stands in buf[first, *used) without blanks around it. */
static int keep(struct csv *csv, size_t first, size_t *used)
{
	size_t last = *used;

	while (first < last && is_blank(csv->buf[first]))
		first++;
	while (last > first && is_blank(csv->buf[last - 1]))
		last--;
	if (!text_is_utf8(csv->buf + first, last - first))
		return fail(csv, "is no UTF-8 text: save the file as CSV UTF-8");
	if (memchr(csv->buf + first, '\0', last - first))
		return fail(csv, "holds a NUL byte: save the file as CSV UTF-8");
	csv->buf[last] = '\0';
	csv->fields[csv->n++] = (struct csv_field){ csv->buf + first, last - first };
	*used = last + 1;
	return 0;
}

static int put(struct csv *csv, size_t *used, char c)
{
	/* One place stays for the final NUL. */
	if (*used >= CSV_RECORD_MAX - 1)
		return fail(csv, "makes the line longer than 8192 bytes: is a quote missing?");
	csv->buf[(*used)++] = c;
	return 0;
}

/* Behind the opening quote, up to behind the closing one. */
static int read_quoted(struct csv *csv, size_t *used)
{
	while (csv->at < csv->end) {
		char c = *csv->at++;

		if (c == '"') {
			if (csv->at == csv->end || *csv->at != '"')
				return 0;
			csv->at++;
		}
		if (c == '\n')
			csv->next_line++;
		if (put(csv, used, c) < 0)
			return -EINVAL;
	}
	return fail(csv, "has no closing quote");
}

static int read_plain(struct csv *csv, size_t *used)
{
	while (!at_line_end(csv) && *csv->at != csv->separator) {
		if (*csv->at == '"')
			return fail(csv, "has a quote in the middle: put the whole value in quotes and double those in it");
		if (put(csv, used, *csv->at++) < 0)
			return -EINVAL;
	}
	return 0;
}

static int read_field(struct csv *csv, size_t *used)
{
	size_t first = *used;
	int r;

	if (csv->n == CSV_FIELDS_MAX)
		return fail(csv, "is one more than the 32 columns a file may have");
	if (csv->at == csv->end || *csv->at != '"') {
		r = read_plain(csv, used);
	} else {
		csv->at++;
		r = read_quoted(csv, used);
		while (r == 0 && csv->at < csv->end && *csv->at == ' ')
			csv->at++;
		if (r == 0 && !at_line_end(csv) && *csv->at != csv->separator)
			r = fail(csv, "goes on behind its closing quote: double the quotes in it");
	}
	return r < 0 ? r : keep(csv, first, used);
}

int csv_next(struct csv *csv)
{
	size_t used = 0;

	csv->n = 0;
	while (csv->at < csv->end && at_line_end(csv))
		skip_line_end(csv);
	csv->line = csv->next_line;
	if (csv->at == csv->end)
		return 0;
	for (;;) {
		if (read_field(csv, &used) < 0)
			return -EINVAL;
		if (at_line_end(csv))
			break;
		csv->at++; /* the separator */
	}
	if (csv->at < csv->end)
		skip_line_end(csv);
	csv->records++;
	return 1;
}
