#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

json_t *json_parse(const char *bytes, size_t len, char *why, size_t why_size)
{
	json_error_t error;
	json_t *value = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &error);

	if (!value)
		snprintf(why, why_size, "not JSON: %s at byte %d", error.text, error.position);
	return value;
}

char *json_text(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

static const char *type_name(json_type type)
{
	switch (type) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a whole number";
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

static bool type_fits(const json_t *value, json_type type)
{
	return type == JSON_TRUE ? json_is_boolean(value) : json_typeof(value) == type;
}

static int check_range(const struct json_field *f, int64_t size, char *why, size_t why_size)
{
	if (f->min == 0 && f->max == 0)
		return 0;
	if (size >= f->min && size <= f->max)
		return 0;
	snprintf(why, why_size, "\"%s\" must %s %lld to %lld", f->key,
		f->type == JSON_STRING ? "have a length of" : "be", (long long)f->min,
		(long long)f->max);
	return -EINVAL;
}

static int read_field(const struct json_field *f, const json_t *value, char *why, size_t why_size)
{
	if (!type_fits(value, f->type)) {
		snprintf(why, why_size, "\"%s\" must be %s", f->key, type_name(f->type));
		return -EINVAL;
	}
	if (f->type == JSON_STRING) {
		if (check_range(f, (int64_t)json_string_length(value), why, why_size) < 0)
			return -EINVAL;
		if (strlen(json_string_value(value)) != json_string_length(value)) {
			snprintf(why, why_size, "\"%s\" must not hold a NUL", f->key);
			return -EINVAL;
		}
		*(const char **)f->ret = json_string_value(value);
	} else if (f->type == JSON_INTEGER) {
		if (check_range(f, json_integer_value(value), why, why_size) < 0)
			return -EINVAL;
		*(int64_t *)f->ret = json_integer_value(value);
	} else if (f->type == JSON_TRUE) {
		*(bool *)f->ret = json_is_true(value);
	} else {
		*(const json_t **)f->ret = value;
	}
	return 0;
}

static const struct json_field *find_field(const struct json_field *fields, size_t n,
	const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return NULL;
}

int json_fields(const json_t *object, const struct json_field *fields, size_t n, char *why,
	size_t why_size)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object)) {
		snprintf(why, why_size, "must be an object");
		return -EINVAL;
	}
	json_object_foreach((json_t *)object, key, value) {
		const struct json_field *f = find_field(fields, n, key);

		if (!f) {
			snprintf(why, why_size, "unknown key \"%.40s\"", key);
			text_make_utf8(why);
			return -EINVAL;
		}
		if (read_field(f, value, why, why_size) < 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < n; i++)
		if (fields[i].need == JSON_REQUIRED && !json_object_get(object, fields[i].key)) {
			snprintf(why, why_size, "\"%s\" is missing", fields[i].key);
			return -EINVAL;
		}
	return 0;
}

/* Behind the string that starts at `at`; `len` where it does not end. */
static size_t skip_string(const char *text, size_t len, size_t at)
{
	for (at++; at < len && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at < len ? at + 1 : len;
}

/* Behind the value that starts at `at`: up to the ',' or '}' that ends it. */
static size_t skip_value(const char *text, size_t len, size_t at)
{
	int depth = 0;

	while (at < len) {
		char c = text[at];

		if (c == '"') {
			at = skip_string(text, len, at);
			continue;
		}
		if (!depth && (c == ',' || c == '}'))
			return at;
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		at++;
	}
	return len;
}

int json_peek(const char *text, size_t len, const char *key, const char **ret, size_t *ret_len)
{
	size_t key_len = strlen(key), at = 1;

	if (len < 2 || text[0] != '{')
		return -EINVAL;
	while (at < len && text[at] == '"') {
		size_t name = at + 1, value = skip_string(text, len, at) + 1, end;

		if (value >= len || text[value - 1] != ':')
			return -EINVAL;
		end = skip_value(text, len, value);
		if (value - 2 - name == key_len && memcmp(text + name, key, key_len) == 0) {
			*ret = text + value;
			*ret_len = end - value;
			return end < len ? 0 : -EINVAL;
		}
		at = end + 1;
	}
	return -ENOENT;
}

const char *json_str(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t json_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}
