#include "fields.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 64
#define VALUE_SIZE 256

struct field {
	char name[NAME_SIZE];
	char format[8]; /* "" or "kg" */
};

static bool is_part_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool fields_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= NAME_SIZE || name[0] == '.' || name[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_part_byte(name[i]) && (name[i] != '.' || name[i + 1] == '.'))
			return false;
	return true;
}

/* Reads "{name:format}" at *text and moves behind it. 0 or -EINVAL. */
static int read_field(const char **text, struct field *ret)
{
	size_t inside = strcspn(*text + 1, "}");
	size_t name_len = strcspn(*text + 1, ":}");
	size_t format_len = name_len < inside ? inside - name_len - 1 : 0;

	if ((*text)[inside + 1] != '}' || name_len >= sizeof(ret->name) ||
		format_len >= sizeof(ret->format))
		return -EINVAL;
	memcpy(ret->name, *text + 1, name_len);
	ret->name[name_len] = '\0';
	memcpy(ret->format, *text + inside + 1 - format_len, format_len);
	ret->format[format_len] = '\0';
	*text += inside + 2;
	if (!fields_name_ok(ret->name))
		return -EINVAL;
	return name_len == inside || strcmp(ret->format, "kg") == 0 ? 0 : -EINVAL;
}

int fields_check(const char *text, char *why, size_t why_size)
{
	struct field field;

	while (*text) {
		const char *at = text;

		if (*text != '{') {
			text++;
		} else if (text[1] == '{') {
			text += 2;
		} else if (read_field(&text, &field) < 0) {
			snprintf(why, why_size, "bad field at \"%.20s\"", at);
			return -EINVAL;
		}
	}
	return 0;
}

static const json_t *find_value(const json_t *data, const char *name)
{
	char part[NAME_SIZE];

	while (data && *name) {
		size_t n = strcspn(name, ".");

		memcpy(part, name, n);
		part[n] = '\0';
		data = json_object_get(data, part);
		name += n + (name[n] == '.');
	}
	return data;
}

/* Appends what fits, never half a UTF-8 character. */
static int append(char *out, size_t size, const char *text, size_t len)
{
	size_t at = strlen(out);
	size_t n = len;

	if (n >= size - at)
		for (n = size - at - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
			;
	for (size_t i = 0; i < n; i++)
		out[at + i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
	out[at + n] = '\0';
	return n == len ? 0 : -ENAMETOOLONG;
}

int fields_value(const json_t *data, const char *name, char *out, size_t size)
{
	const json_t *value = find_value(data, name);
	char number[32];

	out[0] = '\0';
	if (!value || json_is_null(value))
		return 0;
	if (json_is_string(value))
		return append(out, size, json_string_value(value), strlen(json_string_value(value)));
	if (!json_is_integer(value))
		return -EINVAL;
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	return append(out, size, number, strlen(number));
}

/* Grams as kilograms with three decimals. */
static int mass_text(const json_t *data, const char *name, char *out, size_t size)
{
	const json_t *value = find_value(data, name);
	int64_t g = json_integer_value(value);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || g < 0)
		return -EINVAL;
	snprintf(out, size, "%lld.%03lld kg", (long long)(g / 1000), (long long)(g % 1000));
	return 0;
}

static int expand_field(const struct field *field, const json_t *data, char *out, size_t size,
	struct fields_found *found)
{
	char value[VALUE_SIZE] = "";
	int r = field->format[0] ? mass_text(data, field->name, value, sizeof(value)) :
				   fields_value(data, field->name, value, sizeof(value));

	if (r == -EINVAL)
		return r;
	found->fields++;
	if (!value[0] && found->empty++ == 0)
		snprintf(found->first_empty, sizeof(found->first_empty), "%s", field->name);
	return append(out, size, value, strlen(value)) < 0 ? -ENAMETOOLONG : r;
}

int fields_expand(const char *text, const json_t *data, char *out, size_t size,
	struct fields_found *ret_found)
{
	struct fields_found found = { .fields = 0 };
	struct field field;
	int r = 0;

	out[0] = '\0';
	while (*text && r == 0) {
		size_t plain = strcspn(text, "{");

		if (text[0] == '{' && text[1] == '{') {
			r = append(out, size, text, 1);
			text += 2;
		} else if (plain) {
			r = append(out, size, text, plain);
			text += plain;
		} else if (read_field(&text, &field) < 0) {
			r = -EINVAL;
		} else {
			r = expand_field(&field, data, out, size, &found);
		}
	}
	*ret_found = found;
	return r;
}
