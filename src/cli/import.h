/* A file of master data or opening balances: what its columns may be, whether all of it is right, and its rows as the
 * door wants them. Bytes in memory only: src/cli/import_send.c brings them to the core. */
#ifndef WHARF_IMPORT_H
#define WHARF_IMPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "csv.h"
#include "text.h"

#define IMPORT_COLUMNS_MAX 5
#define IMPORT_PART_ROWS 100            /* the door's limit of one part */
#define IMPORT_FILE_MAX (512u << 20)    /* bytes */
#define IMPORT_ROWS_MAX 10000000
#define IMPORT_VALUE_SHOWN 40

enum column_sort { COLUMN_NAME, COLUMN_BARCODE, COLUMN_NUMBER, COLUMN_DATE };

struct import_column {
	const char *name;
	bool required;
	enum column_sort sort;
	long long min, max;                /* of a number, or of a text's length in bytes */
};

struct import_kind {
	const char *what;                  /* items, locations, totes, stock */
	struct import_column columns[IMPORT_COLUMNS_MAX];
	size_t n;
};

const struct import_kind *import_kind_named(const char *what);

struct import_wrong {
	size_t line;
	size_t column;                     /* from 1; 0: the line as a whole */
	char value[IMPORT_VALUE_SHOWN + 4];
	char say[200];                     /* what is wrong and what to do */
};

/* Checks the whole file. `wrong` is told of each error (up to IMPORT_WRONG_MAX, then the check ends). Returns the number
 * of rows, -EINVAL where something is wrong, or -ENOMEM. */
#define IMPORT_WRONG_MAX 20
int import_check(const struct import_kind *kind, const char *bytes, size_t len,
	void (*wrong)(void *user, const struct import_wrong *wrong), void *user);

/* Reads a file that was checked, row by row. */
struct import_rows {
	const struct import_kind *kind;
	int columns[CSV_FIELDS_MAX];       /* of the kind, -1: none */
	struct csv csv;
};
int import_rows_open(struct import_rows *rows, const struct import_kind *kind, const char *bytes, size_t len);
/* The next rows as an array of at most IMPORT_PART_ROWS objects; NULL at the end. */
json_t *import_rows_part(struct import_rows *rows);

/* Brings the file to the core. */
struct import_job {
	const struct import_kind *kind;
	const char *name, *run;            /* of the import; the run folder */
	const char *bytes;
	size_t len;
	int rows;
	bool quiet;
	char digest[HASH_HEX];
	/* What became of it: */
	int resumed;                       /* rows that were there already */
	bool was_done;
	char say[256];
};
/* 0 or -errno with `say`. */
int import_send(struct import_job *job);
int import_drop(const char *run, const char *name, char *say, size_t size);

#endif
