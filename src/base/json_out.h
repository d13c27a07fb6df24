/* Writes JSON text straight, for answers that are made a thousand times a second: a tree that is only built to be written
 * costs several times as much. The text is as jansson's compact form; bytes that are no UTF-8 become U+FFFD. */
#ifndef WHARF_JSON_OUT_H
#define WHARF_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts all zero. A failure (no memory) is kept until json_out_take(). */
struct json_out {
	char *text;
	size_t len, room;
	bool failed;
};

/* `key` NULL: an element of an array, or the outermost value. Keys are literals that need no escapes. Commas come by
 * themselves. `bracket` is '{' or '[', then '}' or ']'. */
void json_out_open(struct json_out *o, const char *key, char bracket);
void json_out_close(struct json_out *o, char bracket);
void json_out_str(struct json_out *o, const char *key, const char *value);
void json_out_int(struct json_out *o, const char *key, int64_t value);
void json_out_bool(struct json_out *o, const char *key, bool value);

/* `json` as it is; NULL or "" writes null. */
void json_out_raw(struct json_out *o, const char *key, const char *json);

/* Keys and values of an object (or elements of an array) written elsewhere; may be "". */
void json_out_members(struct json_out *o, const struct json_out *from);

/* The malloc'd text, which the caller owns; NULL after a failure. `o` is as new. */
char *json_out_take(struct json_out *o);
void json_out_fini(struct json_out *o);

#endif
