/* {fields} in the texts of a template: {order}, {ship_to.name}, {weight_g:kg} (grams shown as
 * kilograms). "{{" is one brace. */
#ifndef WHARF_FIELDS_H
#define WHARF_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* A path of names: small letters, digits, '_', parts joined by '.'. */
bool fields_name_ok(const char *name);

/* Whether braces, names and formats of a text are right. 0, or -EINVAL with the reason. */
int fields_check(const char *text, char *why, size_t why_size);

/* Value of one field as text into out: strings, whole numbers; "" where missing or null. Control
 * characters become blanks. 0; -EINVAL for another type; -ENAMETOOLONG (out holds what fitted, cut at
 * a character). */
int fields_value(const json_t *data, const char *name, char *out, size_t size);

/* What an expansion found. */
struct fields_found {
	unsigned fields; /* in the text */
	unsigned empty;  /* of them */
	char first_empty[64];
};

/* The text with its fields filled in. Errors as fields_value; the text was checked before. */
int fields_expand(const char *text, const json_t *data, char *out, size_t size,
	struct fields_found *ret_found);

#endif
