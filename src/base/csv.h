/* Comma separated values as RFC 4180 has them, out of bytes in memory: no file, no allocation, every limit named. The
 * first record is the header and decides whether a comma, a semicolon or a tab separates. */
#ifndef WHARF_CSV_H
#define WHARF_CSV_H

#include <stdbool.h>
#include <stddef.h>

#define CSV_FIELDS_MAX 32
#define CSV_RECORD_MAX 8192 /* bytes of a record's fields, unquoted */

/* NUL-terminated, without quotes, blanks around it removed; valid until the next record. */
struct csv_field {
	const char *text;
	size_t len;
};

struct csv {
	const char *at, *end;
	char separator;
	size_t line;             /* where the record last given begins, from 1 */
	size_t next_line;
	size_t records;          /* given so far, the header too */
	struct csv_field fields[CSV_FIELDS_MAX];
	size_t n;
	size_t column;           /* of an error, from 1 */
	const char *wrong;       /* what an error is, and what to do */
	char buf[CSV_RECORD_MAX];
};

/* `bytes` is borrowed. A byte order mark is skipped. */
void csv_init(struct csv *csv, const char *bytes, size_t len);

/* The next record; empty lines are none. 1, 0 at the end, or -EINVAL with `line`, `column` and `wrong`: nothing can be
 * read behind that. */
int csv_next(struct csv *csv);

#endif
