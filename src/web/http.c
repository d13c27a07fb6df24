#include "http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

int http_cookie(const char *header, const char *name, char *out, size_t size)
{
	size_t name_len = strlen(name), len = 0;
	const char *found = NULL;

	for (const char *p = header; p && *p; p = *p ? p + 1 : p) {
		const char *start = skip_blanks(p);

		p = start + strcspn(start, ";");
		if (strncmp(start, name, name_len) != 0 || start[name_len] != '=')
			continue;
		if (found)
			return -EINVAL;
		found = start + name_len + 1;
		len = (size_t)(p - found);
	}
	if (!found)
		return -ENOENT;
	if (len >= size)
		return -EINVAL;
	memcpy(out, found, len);
	out[len] = '\0';
	return 0;
}

bool http_is_json(const char *content_type)
{
	static const char type[] = "application/json";
	static const char charset[] = "charset=";
	const char *p = content_type;

	if (!p || strncasecmp(p, type, strlen(type)) != 0)
		return false;
	p = skip_blanks(p + strlen(type));
	if (!*p)
		return true;
	if (*p != ';')
		return false;
	p = skip_blanks(p + 1);
	if (strncasecmp(p, charset, strlen(charset)) != 0)
		return false;
	p += strlen(charset);
	return strcasecmp(p, "utf-8") == 0 || strcasecmp(p, "\"utf-8\"") == 0;
}

int http_number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	char *end;
	long long n;

	if (*text < '0' || *text > '9' || (*text == '0' && text[1]))
		return -EINVAL;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || *end || n < min || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

bool http_etag_matches(const char *header, const char *etag)
{
	size_t len = strlen(etag);

	for (const char *p = header; p && *p; p = *p ? p + 1 : p) {
		const char *start = skip_blanks(p);

		if (strncmp(start, "W/", 2) == 0)
			start += 2;
		if (strncmp(start, etag, len) == 0 && (!start[len] || strchr(", \t", start[len])))
			return true;
		p = start + strcspn(start, ",");
	}
	return false;
}
