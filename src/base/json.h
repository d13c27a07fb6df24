/* Typed reads from JSON that came from outside: each says 0, or -EINVAL with the reason in `why`. */
#ifndef WHARF_JSON_H
#define WHARF_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Depth and size are bounded by the caller's message limit; duplicate keys are refused. */
json_t *json_parse(const char *bytes, size_t len, char *why, size_t why_size);

/* One line without blanks, keys sorted: the same object always gives the same bytes. malloc'd. */
char *json_text(const json_t *value);

enum json_need { JSON_REQUIRED, JSON_OPTIONAL };

/* One key of an object. A missing optional key leaves *ret as it was. */
struct json_field {
	const char *key;
	enum json_need need;
	json_type type;     /* JSON_STRING, JSON_INTEGER, JSON_OBJECT, JSON_ARRAY, JSON_TRUE (any bool) */
	void *ret;          /* const char **, int64_t *, const json_t **, const json_t **, bool * */
	int64_t min, max;   /* of an integer, or of a string's length in bytes */
};

/* Reads the named keys; unknown keys are refused with their name. */
int json_fields(const json_t *object, const struct json_field *fields, size_t n, char *why,
	size_t why_size);

/* Finds a key of the object in `text` without building a tree: for relaying messages of our own programs, which are
 * compact and valid. *ret is the value's text as it stands there, a string with its quotes. Wrong text never reads
 * outside. 0, -ENOENT, or -EINVAL where the text is no compact object. */
int json_peek(const char *text, size_t len, const char *key, const char **ret, size_t *ret_len);

/* Convenience for trusted objects of our own making: "" or 0 where missing. */
const char *json_str(const json_t *object, const char *key);
int64_t json_int(const json_t *object, const char *key);

#endif
