#include "table.h"

#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "text.h"

#define GAP 2
#define SECONDS_END 19 /* of 2026-11-23T06:12:01.123Z */
#define TITLE_MAX 64

struct cell {
	char text[TABLE_CELL_MAX];
};

struct layout {
	const char *keys[TABLE_COLUMNS_MAX];
	char titles[TABLE_COLUMNS_MAX][TITLE_MAX];
	size_t widths[TABLE_COLUMNS_MAX];
	bool numbers[TABLE_COLUMNS_MAX];
	size_t n;
};

/* Characters, not bytes: continuation bytes of UTF-8 take no column. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void make_harmless(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* "open 3, picked 2" for an object of numbers and words. */
static void print_pairs(const json_t *object, char *out, size_t size)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	out[0] = '\0';
	json_object_foreach((json_t *)object, key, value) {
		_cleanup_free_ char *text = json_is_string(value) ? strdup(json_string_value(value)) :
								    json_text(value);

		if (n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%s %s", n ? ", " : "", key,
				text ? text : "");
	}
}

static void cut_whole_characters(char *text, size_t size)
{
	size_t n = strlen(text);

	if (n < size - 1)
		return;
	while (n && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	if (n && ((unsigned char)text[n - 1] & 0x80))
		n--;
	text[n] = '\0';
}

static bool is_nothing(const json_t *value)
{
	return !value || json_is_null(value) || (json_is_string(value) && !json_string_length(value)) ||
	       (json_is_object(value) && !json_object_size(value)) ||
	       (json_is_array(value) && !json_array_size(value));
}

static void format_value(const json_t *value, char *out, size_t size)
{
	_cleanup_free_ char *text = NULL;

	if (is_nothing(value)) {
		snprintf(out, size, "-");
	} else if (json_is_boolean(value)) {
		snprintf(out, size, "%s", json_is_true(value) ? "yes" : "no");
	} else if (json_is_string(value)) {
		snprintf(out, size, "%s", json_string_value(value));
	} else if (json_is_object(value)) {
		print_pairs(value, out, size);
	} else {
		text = json_text(value);
		snprintf(out, size, "%s", text ? text : "");
	}
	cut_whole_characters(out, size);
	make_harmless(out);
}

static bool is_time(const char *key)
{
	size_t n = strlen(key);

	return n > 3 && strcmp(key + n - 3, "_us") == 0;
}

/* A key's value for people: the core's times ("since_us") are shown as date and second, UTC. */
static void format_key(const json_t *row, const char *key, char *out, size_t size)
{
	const json_t *value = json_object_get(row, key);
	char text[CLOCK_TEXT_MAX];
	char with_unit[TITLE_MAX];

	if (!value && text_format(with_unit, sizeof(with_unit), "%s_us", key) == 0 && json_object_get(row, with_unit)) {
		value = json_object_get(row, with_unit);
		key = with_unit;
	}
	if (is_time(key) && json_integer_value(value) > 0) {
		clock_text(json_integer_value(value), text);
		text[SECONDS_END] = '\0';
		*strchr(text, 'T') = ' ';
		snprintf(out, size, "%s", text);
	} else {
		format_value(value, out, size);
	}
}

static void add_column(struct layout *layout, const char *key, const char *title)
{
	if (layout->n == TABLE_COLUMNS_MAX)
		return;
	layout->keys[layout->n] = key;
	snprintf(layout->titles[layout->n], TITLE_MAX, "%s", title);
	for (char *p = layout->titles[layout->n]; *p; p++)
		if (*p == '_')
			*p = ' ';
	make_harmless(layout->titles[layout->n]);
	layout->widths[layout->n] = width_of(layout->titles[layout->n]);
	layout->numbers[layout->n] = true;
	layout->n++;
}

static void choose_columns(struct layout *layout, const json_t *rows,
	const struct table_column *columns, size_t n)
{
	const json_t *first = json_array_get(rows, 0);
	const char *key;
	json_t *value;

	for (size_t i = 0; i < n; i++)
		add_column(layout, columns[i].key, columns[i].title);
	if (n == 0)
		json_object_foreach((json_t *)first, key, value)
			add_column(layout, key, key);
}

static void measure(struct layout *layout, const json_t *rows)
{
	struct cell cell;
	size_t r;
	json_t *row;

	json_array_foreach((json_t *)rows, r, row)
		for (size_t i = 0; i < layout->n; i++) {
			const json_t *value = json_object_get(row, layout->keys[i]);

			format_key(row, layout->keys[i], cell.text, sizeof(cell.text));
			if (width_of(cell.text) > layout->widths[i])
				layout->widths[i] = width_of(cell.text);
			if (value && !json_is_integer(value))
				layout->numbers[i] = false;
		}
}

static void print_cell(FILE *out, const char *text, size_t width, bool right, bool last)
{
	int fill = (int)(width - width_of(text));

	if (right)
		fprintf(out, "%*s%s", fill, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : fill, "");
	fprintf(out, "%*s", last ? 0 : GAP, "");
}

void table_print(FILE *out, const json_t *rows, const struct table_column *columns, size_t n)
{
	struct layout layout = { .n = 0 };
	struct cell cell;
	size_t r;
	json_t *row;

	choose_columns(&layout, rows, columns, n);
	if (!json_array_size(rows) || !layout.n)
		return;
	measure(&layout, rows);
	for (size_t i = 0; i < layout.n; i++)
		print_cell(out, layout.titles[i], layout.widths[i], layout.numbers[i],
			i + 1 == layout.n);
	fputc('\n', out);
	json_array_foreach((json_t *)rows, r, row) {
		for (size_t i = 0; i < layout.n; i++) {
			format_key(row, layout.keys[i], cell.text, sizeof(cell.text));
			print_cell(out, cell.text, layout.widths[i], layout.numbers[i],
				i + 1 == layout.n);
		}
		fputc('\n', out);
	}
}

static bool is_table(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static size_t widest_key(const json_t *object)
{
	const char *key;
	json_t *value;
	size_t width = 0;

	json_object_foreach((json_t *)object, key, value)
		if (!is_table(value) && width_of(key) > width)
			width = width_of(key);
	return width;
}

static void print_title(FILE *out, const char *key)
{
	char title[TITLE_MAX];

	snprintf(title, sizeof(title), "%s", key);
	for (char *p = title; *p; p++)
		if (*p == '_')
			*p = ' ';
	make_harmless(title);
	fputs(title, out);
}

void table_print_object(FILE *out, const json_t *object)
{
	size_t width = widest_key(object);
	struct cell cell;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		if (is_table(value))
			continue;
		format_key(object, key, cell.text, sizeof(cell.text));
		print_title(out, key);
		fprintf(out, "%*s%s\n", (int)(width - width_of(key)) + GAP, "", cell.text);
	}
	json_object_foreach((json_t *)object, key, value) {
		if (!is_table(value))
			continue;
		fputc('\n', out);
		print_title(out, key);
		fputs(":\n", out);
		table_print(out, value, NULL, 0);
	}
}
