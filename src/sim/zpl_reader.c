#include "zpl_reader.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gs1.h"

#define FIELD_MAX 128

void zpl_reader_init(struct zpl_reader *r)
{
	*r = (struct zpl_reader){ 0 };
}

void zpl_reader_fini(struct zpl_reader *r)
{
	free(r->bytes);
	zpl_reader_init(r);
}

static int append(struct zpl_reader *r, char byte)
{
	if (r->len == r->size) {
		size_t size = r->size ? r->size * 2 : 4096;
		char *bytes = realloc(r->bytes, size);

		if (!bytes)
			return -ENOMEM;
		r->bytes = bytes;
		r->size = size;
	}
	r->bytes[r->len++] = byte;
	return 0;
}

static bool tail_is(const struct zpl_reader *r, const char *command)
{
	return memcmp(r->tail, command, sizeof(r->tail)) == 0;
}

/* A new ^XA throws an unfinished format away, as printers do. */
static int start_format(struct zpl_reader *r)
{
	int error = 0;

	r->inside = 1;
	r->len = 0;
	for (size_t i = 0; error == 0 && i < sizeof(r->tail); i++)
		error = append(r, r->tail[i]);
	return error < 0 ? error : ZPL_NOTHING;
}

int zpl_reader_take(struct zpl_reader *r, uint8_t byte)
{
	int error;

	memmove(r->tail, r->tail + 1, sizeof(r->tail) - 1);
	r->tail[sizeof(r->tail) - 1] = (char)byte;
	if (tail_is(r, "^XA"))
		return start_format(r);
	if (!r->inside)
		return tail_is(r, "~HS") ? ZPL_STATUS : ZPL_NOTHING;
	if (r->len >= ZPL_FORMAT_MAX) {
		r->inside = 0;
		return ZPL_TOO_LONG;
	}
	error = append(r, (char)byte);
	if (error < 0)
		return error;
	if (!tail_is(r, "^XZ"))
		return ZPL_NOTHING;
	r->inside = 0;
	return ZPL_FORMAT;
}

/* Drops Code 128 invocations (">8" and the like), brackets and blanks: what a scanner would send. */
static size_t plain_field(const char *from, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < FIELD_MAX - 1; i++) {
		if (from[i] == '>')
			i++;
		else if (from[i] != '(' && from[i] != ')' && from[i] != ' ')
			out[n++] = from[i];
	}
	out[n] = '\0';
	return n;
}

static bool take_sscc(const char *data, size_t len, char *ret_sscc)
{
	char plain[FIELD_MAX];
	size_t n = plain_field(data, len, plain);

	if (n < 2 + SSCC_TEXT - 1 || strncmp(plain, "00", 2) != 0 || !gs1_check_ok(plain + 2, SSCC_TEXT - 1))
		return false;
	memcpy(ret_sscc, plain + 2, SSCC_TEXT - 1);
	ret_sscc[SSCC_TEXT - 1] = '\0';
	return true;
}

int zpl_sscc(const char *format, size_t len, char ret_sscc[SSCC_TEXT])
{
	const char *end = format + len, *at = format;

	while ((at = memmem(at, (size_t)(end - at), "^BC", 3))) {
		const char *data = memmem(at, (size_t)(end - at), "^FD", 3);
		const char *stop = data ? memmem(data, (size_t)(end - data), "^FS", 3) : NULL;

		if (!stop)
			return -ENOENT;
		if (take_sscc(data + 3, (size_t)(stop - data - 3), ret_sscc))
			return 0;
		at = stop;
	}
	return -ENOENT;
}
