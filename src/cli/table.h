/* Aligned, calm output for people. Outside texts may hold anything: control bytes are shown as '?',
 * so that no customer's name can drive a terminal. */
#ifndef WHARF_TABLE_H
#define WHARF_TABLE_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 32
#define TABLE_CELL_MAX 160

struct table_column {
	const char *key;    /* of the row's object */
	const char *title;
};

/* A title line and one line per row; numbers are right-aligned. `n` 0: the columns are the keys of
 * the first row, titled by themselves. */
void table_print(FILE *out, const json_t *rows, const struct table_column *columns, size_t n);

/* An object as "key  value" lines; lists of objects follow as tables under their key. */
void table_print_object(FILE *out, const json_t *object);

#endif
