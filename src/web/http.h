/* The parts of HTTP that need no connection: cookie, content type, numbers. Bytes in, values out. */
#ifndef WHARF_WEB_HTTP_H
#define WHARF_WEB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_BODY_MAX 8192       /* a command with a 4 KiB scan, escaped, fits */
#define HTTP_COOKIE_NAME "wharf"

/* The value of cookie `name` in a Cookie header (NULL: no header) into out. 0, -ENOENT where it is
 * missing, -EINVAL where it is there twice or too long: then nothing is believed. */
int http_cookie(const char *header, const char *name, char *out, size_t size);

/* application/json, with or without a charset of UTF-8. */
bool http_is_json(const char *content_type);

/* A decimal number without sign, blanks or leading zeros. 0 or -EINVAL. */
int http_number(const char *text, int64_t min, int64_t max, int64_t *ret);

/* Whether a list of entity tags (If-None-Match) holds `etag` ("…" with its quotes). */
bool http_etag_matches(const char *header, const char *etag);

#endif
