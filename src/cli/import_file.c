/* The whole file is looked at before its first row is sent: each value by its column, then what rows say of each other. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "import.h"

static const struct import_kind kinds[] = {
	{ "items",
		{ { "item", true, COLUMN_NAME, 1, 60 }, { "title", true, COLUMN_NAME, 1, 120 },
			{ "barcode", true, COLUMN_BARCODE, 1, 60 }, { "weight_g", false, COLUMN_NUMBER, 1, 1000000 },
			{ "pack_qty", false, COLUMN_NUMBER, 1, 10000 } },
		5 },
	{ "locations",
		{ { "location", true, COLUMN_NAME, 1, 60 }, { "zone", false, COLUMN_NAME, 0, 40 },
			{ "walk", false, COLUMN_NUMBER, 0, 100000000 } },
		3 },
	{ "totes", { { "tote", true, COLUMN_NAME, 1, 40 } }, 1 },
	{ "stock",
		{ { "location", true, COLUMN_NAME, 1, 60 }, { "item", true, COLUMN_NAME, 1, 60 },
			{ "qty", true, COLUMN_NUMBER, 1, 1000000 }, { "lot", false, COLUMN_NAME, 0, 60 },
			{ "expiry", false, COLUMN_DATE, 10, 10 } },
		5 },
};

enum { ITEM_ITEM, ITEM_TITLE, ITEM_BARCODE, ITEM_WEIGHT };
enum { STOCK_LOCATION, STOCK_ITEM, STOCK_QTY, STOCK_LOT, STOCK_EXPIRY };

const struct import_kind *import_kind_named(const char *what)
{
	for (size_t i = 0; i < array_len(kinds); i++)
		if (strcmp(kinds[i].what, what) == 0)
			return &kinds[i];
	return NULL;
}

/* ---- one value ---- */

static bool read_number(const char *text, long long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno == 0 && end != text && !*end;
}

/* 4.01235E+12 is what a spreadsheet makes of a barcode it takes for a number. */
static bool is_mangled(const char *text)
{
	size_t digits = strspn(text, "0123456789.,");

	return digits > 0 && (text[digits] == 'E' || text[digits] == 'e') && text[digits + 1] == '+';
}

/* NULL where the value is right; else what is wrong with it. `room` holds a sentence that is made. */
static const char *check_value(const struct import_column *c, const struct csv_field *f, char *room, size_t size)
{
	long long n;

	if (f->len == 0)
		return c->required ? "is empty: every row needs it" : NULL;
	if (c->sort == COLUMN_NUMBER) {
		if (read_number(f->text, &n) && n >= c->min && n <= c->max)
			return NULL;
		snprintf(room, size, "must be a whole number from %lld to %lld, without blanks or separators", c->min, c->max);
		return room;
	}
	if (c->sort == COLUMN_DATE)
		return text_is_date(f->text) ? NULL : "must be a day as YYYY-MM-DD, 2027-01-31 for example";
	if ((long long)f->len > c->max) {
		snprintf(room, size, "is longer than %lld bytes: make it shorter", c->max);
		return room;
	}
	if (!text_is_plain(f->text))
		return "holds a line end or a control character: remove it";
	if (c->sort == COLUMN_BARCODE && is_mangled(f->text))
		return "was made a number by a spreadsheet: give the column the format text and enter it again";
	return strcmp(c->name, "location") == 0 && strchr(f->text, '/') ? "must not hold a slash" : NULL;
}

/* ---- the check ---- */

/* What an earlier row said of a key. */
struct said {
	size_t line;
	char text[]; /* key, NUL, value */
};

struct check {
	const struct import_kind *kind;
	struct import_rows rows;
	void *seen; /* tree of struct said: hsearch looks at the first eight characters only, and keys of a file begin alike */
	int wrong_n;
	void (*wrong)(void *user, const struct import_wrong *wrong);
	void *user;
};

static int by_key(const void *a, const void *b)
{
	const struct said *left = a, *right = b;

	return strcmp(left->text, right->text);
}

static void tell(struct check *k, size_t line, size_t column, const char *value, const char *name, const char *say)
{
	struct import_wrong w = { .line = line, .column = column };

	snprintf(w.value, sizeof(w.value), strlen(value) > IMPORT_VALUE_SHOWN ? "%.*s..." : "%.*s", IMPORT_VALUE_SHOWN, value);
	text_make_utf8(w.value);
	snprintf(w.say, sizeof(w.say), "%s%s%s", name, name[0] ? " " : "", say);
	k->wrong_n++;
	k->wrong(k->user, &w);
}

static const struct csv_field *field_of(const struct check *k, int column, size_t *ret_at)
{
	for (size_t i = 0; i < k->rows.csv.n; i++)
		if (k->rows.columns[i] == column) {
			*ret_at = i + 1;
			return &k->rows.csv.fields[i];
		}
	return NULL;
}

static const char *text_of(const struct check *k, int column)
{
	size_t at;
	const struct csv_field *f = field_of(k, column, &at);

	return f ? f->text : "";
}

/* Remembers value under key. *ret_earlier: what was said of it before, or NULL. */
static int say_once(struct check *k, const char *key, const char *value, const struct said **ret_earlier)
{
	size_t key_len = strlen(key) + 1, value_len = strlen(value) + 1;
	_cleanup_free_ struct said *said = malloc(sizeof(*said) + key_len + value_len);
	struct said **place;

	*ret_earlier = NULL;
	if (!said)
		return -ENOMEM;
	said->line = k->rows.csv.line;
	memcpy(said->text, key, key_len);
	memcpy(said->text + key_len, value, value_len);
	place = tsearch(said, &k->seen, by_key);
	if (!place)
		return -ENOMEM;
	if (*place == said)
		said = NULL; /* the tree has it now */
	else
		*ret_earlier = *place;
	return 0;
}

/* The same thing must not come twice (`value` NULL), or must be said alike. */
static int check_said(struct check *k, const char *key, const char *value, int column, const char *wrong)
{
	const struct said *earlier;
	char say[160];
	size_t at = 0;
	int r = say_once(k, key, value ? value : "", &earlier);

	if (r < 0 || !earlier || (value && strcmp(earlier->text + strlen(earlier->text) + 1, value) == 0))
		return r;
	field_of(k, column, &at);
	snprintf(say, sizeof(say), "%s; the other is in line %zu", wrong, earlier->line);
	tell(k, k->rows.csv.line, at, text_of(k, column), k->kind->columns[column].name, say);
	return 0;
}

#define TWICE "comes twice: remove one"
#define OTHERWISE "is not the same in two rows of the same item: make them alike"

static int check_together(struct check *k)
{
	char key[400], value[400];
	int r;

	if (strcmp(k->kind->what, "items") == 0) {
		snprintf(key, sizeof(key), "c/%s", text_of(k, ITEM_BARCODE));
		r = check_said(k, key, NULL, ITEM_BARCODE, TWICE);
		snprintf(key, sizeof(key), "i/%s", text_of(k, ITEM_ITEM));
		snprintf(value, sizeof(value), "%s\n%s", text_of(k, ITEM_TITLE), text_of(k, ITEM_WEIGHT));
		return r < 0 ? r : check_said(k, key, value, ITEM_TITLE, "or its weight " OTHERWISE);
	}
	if (strcmp(k->kind->what, "stock") == 0) {
		snprintf(key, sizeof(key), "s/%s\n%s\n%s", text_of(k, STOCK_LOCATION), text_of(k, STOCK_ITEM),
			text_of(k, STOCK_LOT));
		r = check_said(k, key, NULL, STOCK_LOCATION, "with this item and lot comes twice: add the quantities");
		snprintf(key, sizeof(key), "l/%s\n%s", text_of(k, STOCK_ITEM), text_of(k, STOCK_LOT));
		return r < 0 ? r : check_said(k, key, text_of(k, STOCK_EXPIRY), STOCK_LOT, "has an expiry that " OTHERWISE);
	}
	return check_said(k, text_of(k, 0), NULL, 0, TWICE);
}

static int check_row(struct check *k)
{
	const struct csv *csv = &k->rows.csv;
	int before = k->wrong_n;
	char room[160];

	for (int c = 0; c < (int)k->kind->n; c++) {
		size_t at = 0;
		const struct csv_field *f = field_of(k, c, &at);
		const struct csv_field none = { "", 0 };
		const char *say = check_value(&k->kind->columns[c], f ? f : &none, room, sizeof(room));

		if (say && k->wrong_n < IMPORT_WRONG_MAX)
			tell(k, csv->line, at, f ? f->text : "", k->kind->columns[c].name, say);
	}
	return k->wrong_n > before ? 0 : check_together(k);
}

static int check_length(struct check *k, size_t header_n)
{
	char say[120];

	if (k->rows.csv.n == header_n)
		return 0;
	snprintf(say, sizeof(say), "has %zu values, the header names %zu columns: is a separator or a quote wrong?",
		k->rows.csv.n, header_n);
	tell(k, k->rows.csv.line, 0, "", "the line", say);
	return -EINVAL;
}

static void list_columns(const struct import_kind *kind, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < kind->n && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s%s", i ? ", " : "", kind->columns[i].name,
			kind->columns[i].required ? "" : " (may be missing)");
}

static int find_column(const struct import_kind *kind, const char *name)
{
	for (size_t i = 0; i < kind->n; i++)
		if (strcasecmp(kind->columns[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* The header into rows->columns. */
static void map_header(struct import_rows *rows)
{
	for (size_t i = 0; i < rows->csv.n; i++)
		rows->columns[i] = find_column(rows->kind, rows->csv.fields[i].text);
}

static int check_header(struct check *k)
{
	char say[180] = "is no column of this file; known: ";
	size_t at, len = strlen(say);

	list_columns(k->kind, say + len, sizeof(say) - len);
	for (size_t i = 0; i < k->rows.csv.n; i++) {
		int column = k->rows.columns[i];

		if (column < 0)
			tell(k, 1, i + 1, k->rows.csv.fields[i].text, "the name", say);
		else if (field_of(k, column, &at) && at != i + 1)
			tell(k, 1, i + 1, k->rows.csv.fields[i].text, "the column", "comes twice: remove one");
	}
	for (int c = 0; c < (int)k->kind->n; c++)
		if (k->kind->columns[c].required && !field_of(k, c, &at))
			tell(k, 1, 0, k->kind->columns[c].name, "a column", "is missing: the first line must name it");
	return k->wrong_n ? -EINVAL : 0;
}

/* The rows that were right, or -errno. */
static int check_rows(struct check *k)
{
	size_t header_n = k->rows.csv.n;
	int rows = 0, r;

	while ((r = csv_next(&k->rows.csv)) == 1 && k->wrong_n < IMPORT_WRONG_MAX) {
		if (check_length(k, header_n) == 0 && (r = check_row(k)) < 0)
			return r;
		if (++rows > IMPORT_ROWS_MAX) {
			tell(k, k->rows.csv.line, 0, "", "the file", "has more than 10,000,000 rows: make several of it");
			break;
		}
	}
	if (r == -EINVAL)
		tell(k, k->rows.csv.line, k->rows.csv.column, "", "the value", k->rows.csv.wrong);
	if (rows == 0 && !k->wrong_n)
		tell(k, 1, 0, "", "the file", "has no rows below its header");
	return k->wrong_n ? -EINVAL : rows;
}

static int check_file(struct check *k, const char *bytes, size_t len)
{
	int r = import_rows_open(&k->rows, k->kind, bytes, len);

	if (r == -EINVAL)
		tell(k, k->rows.csv.line, k->rows.csv.column, "", "the header", k->rows.csv.wrong);
	else if (r == -ENODATA)
		tell(k, 1, 0, "", "the file", "is empty: its first line must name the columns");
	if (r == 0)
		r = check_header(k);
	return r < 0 ? -EINVAL : check_rows(k);
}

int import_check(const struct import_kind *kind, const char *bytes, size_t len,
	void (*wrong)(void *user, const struct import_wrong *wrong), void *user)
{
	struct check *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	k->kind = kind;
	k->wrong = wrong;
	k->user = user;
	r = check_file(k, bytes, len);
	tdestroy(k->seen, free);
	free(k);
	return r;
}

/* ---- the rows ---- */

int import_rows_open(struct import_rows *rows, const struct import_kind *kind, const char *bytes, size_t len)
{
	int r;

	rows->kind = kind;
	csv_init(&rows->csv, bytes, len);
	r = csv_next(&rows->csv);
	map_header(rows);
	return r == 1 ? 0 : r == 0 ? -ENODATA : r;
}

static json_t *row_object(const struct import_rows *rows)
{
	json_t *row = json_object();

	for (size_t i = 0; i < rows->csv.n; i++) {
		const struct csv_field *f = &rows->csv.fields[i];
		const struct import_column *c;
		long long n;

		if (rows->columns[i] < 0 || f->len == 0)
			continue;
		c = &rows->kind->columns[rows->columns[i]];
		json_object_set_new(row, c->name,
			c->sort == COLUMN_NUMBER && read_number(f->text, &n) ? json_integer(n) : json_string(f->text));
	}
	return row;
}

json_t *import_rows_part(struct import_rows *rows)
{
	json_t *part = json_array();

	while (json_array_size(part) < IMPORT_PART_ROWS && csv_next(&rows->csv) == 1)
		json_array_append_new(part, row_object(rows));
	if (json_array_size(part))
		return part;
	json_decref(part);
	return NULL;
}
