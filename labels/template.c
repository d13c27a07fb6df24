#include "template.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "door.h"
#include "fields.h"
#include "text.h"

#define WORDS_MAX 16
#define LINE_BYTES_MAX 512
#define UM_PER_MM 1000
#define SIDE_MIN_UM (10 * UM_PER_MM)
#define SIDE_MAX_UM (600 * UM_PER_MM)
#define THICK_UM 300
#define HRI_UM 4000
#define HRI_MIN_UM 3000

/* GS1 General Specifications, symbol specification table 5 (general distribution), and the logistic
 * label guideline: X-dimension and least bar height. */
#define MODULE_MIN_UM 495
#define MODULE_MAX_UM 1016
#define BARS_MIN_UM (32 * UM_PER_MM)

struct reader {
	const char *file;
	unsigned line;
	char *why;
	size_t why_size;
	char *words[WORDS_MAX];
	size_t words_n;
	struct label_template *template;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct reader *r, const char *format, ...)
{
	int n = snprintf(r->why, r->why_size, "%s:%u: ", r->file, r->line);
	va_list args;

	va_start(args, format);
	if (n >= 0 && (size_t)n < r->why_size)
		vsnprintf(r->why + n, r->why_size - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

/* Takes the backslashes of "…" away in place; the byte behind the closing quote, or NULL. */
static char *unquote(char *from)
{
	char *to = from;

	for (; *from && *from != '"'; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	if (*from != '"')
		return NULL;
	*to = '\0';
	return from + 1;
}

static int split_words(struct reader *r, char *line)
{
	r->words_n = 0;
	for (char *p = line + strspn(line, " \t"); *p && *p != '#'; p += strspn(p, " \t")) {
		if (r->words_n == WORDS_MAX)
			return refuse(r, "more than %d words", WORDS_MAX);
		if (*p == '"') {
			r->words[r->words_n++] = p + 1;
			p = unquote(p + 1);
			if (!p)
				return refuse(r, "a text without its closing quote");
			continue;
		}
		r->words[r->words_n++] = p;
		p += strcspn(p, " \t");
		if (*p)
			*p++ = '\0';
	}
	return 0;
}

/* "12.5" to 12500. At most three decimals. */
static int parse_mm(const char *text, int64_t *ret_um)
{
	int64_t um = 0, scale = UM_PER_MM;
	size_t whole = strspn(text, "0123456789");
	const char *rest = text + whole;

	if (whole == 0 || whole > 4)
		return -EINVAL;
	for (size_t i = 0; i < whole; i++)
		um = um * 10 + (text[i] - '0');
	um *= UM_PER_MM;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9' && scale > 1; rest++) {
			scale /= 10;
			um += (*rest - '0') * scale;
		}
	if (*rest || text[strlen(text) - 1] == '.')
		return -EINVAL;
	*ret_um = um;
	return 0;
}

static int read_mm(struct reader *r, const char *text, int64_t min, int64_t max, int64_t *ret_um)
{
	int64_t um;

	if (parse_mm(text, &um) < 0)
		return refuse(r, "\"%.40s\" is no length in millimetres", text);
	if (um < min || um > max)
		return refuse(r, "%.40s mm is not between %.3f and %.3f", text, (double)min / UM_PER_MM,
			(double)max / UM_PER_MM);
	*ret_um = um;
	return 0;
}

/* Words 1 to n behind the statement as lengths inside the label. */
static int read_lengths(struct reader *r, size_t first, size_t n, int64_t *ret_um)
{
	if (r->words_n < first + n)
		return refuse(r, "%s needs %zu lengths", r->words[0], n);
	for (size_t i = 0; i < n; i++)
		if (read_mm(r, r->words[first + i], 0, SIDE_MAX_UM, &ret_um[i]) < 0)
			return -EINVAL;
	return 0;
}

static int read_align(struct reader *r, const char *text, enum template_align *ret)
{
	static const char *const names[] = { "left", "center", "right" };

	for (size_t i = 0; i < array_len(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum template_align)i;
			return 0;
		}
	return refuse(r, "align=%.20s: left, center or right", text);
}

static int read_with(struct reader *r, const char *text, char *ret)
{
	if (!fields_name_ok(text) || text_copy(ret, TEMPLATE_NAME_MAX, text) < 0)
		return refuse(r, "with=%.40s: no name of a field", text);
	return 0;
}

enum option_kind { FOR_BOX = 1, FOR_TEXT = 2, FOR_BARCODE = 4 };

static int read_value(struct reader *r, struct template_item *item, const char *key, const char *value)
{
	if (strcmp(key, "thick") == 0)
		return read_mm(r, value, 100, SIDE_MAX_UM, &item->thick_um);
	if (strcmp(key, "width") == 0)
		return read_mm(r, value, UM_PER_MM, SIDE_MAX_UM, &item->width_um);
	if (strcmp(key, "module") == 0)
		return read_mm(r, value, MODULE_MIN_UM, MODULE_MAX_UM, &item->module_um);
	if (strcmp(key, "hri") == 0)
		return read_mm(r, value, HRI_MIN_UM, SIDE_MAX_UM, &item->hri_um);
	if (strcmp(key, "align") == 0)
		return read_align(r, value, &item->align);
	return read_with(r, value, item->with);
}

static int set_flag(struct template_item *item, const char *key)
{
	if (strcmp(key, "fill") == 0)
		item->fill = true;
	else if (strcmp(key, "reverse") == 0)
		item->reverse = true;
	else
		item->optional = true;
	return 0;
}

static int read_option(struct reader *r, struct template_item *item, char *word)
{
	static const struct {
		const char *key;
		bool has_value;
		int kinds;
	} options[] = {
		{ "thick", true, FOR_BOX },
		{ "fill", false, FOR_BOX },
		{ "width", true, FOR_TEXT },
		{ "reverse", false, FOR_TEXT },
		{ "align", true, FOR_TEXT | FOR_BARCODE },
		{ "with", true, FOR_BOX | FOR_TEXT | FOR_BARCODE },
		{ "module", true, FOR_BARCODE },
		{ "hri", true, FOR_BARCODE },
		{ "optional", false, FOR_BARCODE },
	};
	int kind = item->kind == TEMPLATE_BOX ? FOR_BOX :
		item->kind == TEMPLATE_TEXT   ? FOR_TEXT :
						FOR_BARCODE;
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < array_len(options); i++)
		if (strcmp(options[i].key, word) == 0 && options[i].has_value == (value != NULL) &&
			(options[i].kinds & kind))
			return value ? read_value(r, item, word, value) : set_flag(item, word);
	return refuse(r, "unknown option \"%.40s\" of %s", word, r->words[0]);
}

static int read_options(struct reader *r, struct template_item *item, size_t first)
{
	for (size_t i = first; i < r->words_n; i++)
		if (read_option(r, item, r->words[i]) < 0)
			return -EINVAL;
	return 0;
}

static int read_text_word(struct reader *r, size_t i, struct template_item *item)
{
	char why[96];

	if (r->words_n <= i)
		return refuse(r, "%s needs a text in quotes", r->words[0]);
	if (!text_is_utf8(r->words[i], strlen(r->words[i])) ||
		text_copy(item->text, sizeof(item->text), r->words[i]) < 0)
		return refuse(r, "text is not UTF-8 or longer than %d bytes", TEMPLATE_TEXT_MAX - 1);
	if (fields_check(item->text, why, sizeof(why)) < 0)
		return refuse(r, "%s", why);
	return 0;
}

static int read_box(struct reader *r, struct template_item *item)
{
	int64_t um[4];

	if (read_lengths(r, 1, 4, um) < 0)
		return -EINVAL;
	*item = (struct template_item){ .kind = TEMPLATE_BOX, .x_um = um[0], .y_um = um[1],
		.width_um = um[2], .height_um = um[3], .thick_um = THICK_UM };
	return read_options(r, item, 5);
}

/* A line is a filled box: printers draw nothing else well. */
static int read_line(struct reader *r, struct template_item *item)
{
	int64_t um[4];

	if (read_lengths(r, 1, 4, um) < 0)
		return -EINVAL;
	if ((um[0] != um[2]) == (um[1] != um[3]) || um[2] < um[0] || um[3] < um[1])
		return refuse(r, "a line goes right or down");
	*item = (struct template_item){ .kind = TEMPLATE_BOX, .x_um = um[0], .y_um = um[1],
		.thick_um = THICK_UM, .fill = true };
	if (read_options(r, item, 5) < 0)
		return -EINVAL;
	item->width_um = um[2] > um[0] ? um[2] - um[0] : item->thick_um;
	item->height_um = um[3] > um[1] ? um[3] - um[1] : item->thick_um;
	return 0;
}

static int read_text(struct reader *r, struct template_item *item)
{
	int64_t um[3];

	if (read_lengths(r, 1, 3, um) < 0)
		return -EINVAL;
	*item = (struct template_item){ .kind = TEMPLATE_TEXT, .x_um = um[0], .y_um = um[1],
		.height_um = um[2] };
	if (item->height_um < UM_PER_MM)
		return refuse(r, "text smaller than 1 mm");
	if (read_text_word(r, 4, item) < 0 || read_options(r, item, 5) < 0)
		return -EINVAL;
	if (item->align != ALIGN_LEFT && item->width_um == 0)
		return refuse(r, "align needs a width");
	return 0;
}

static int read_barcode(struct reader *r, struct template_item *item)
{
	int64_t um[3];

	if (r->words_n < 2 || strcmp(r->words[1], "gs1-128") != 0)
		return refuse(r, "barcode needs its kind: gs1-128");
	if (read_lengths(r, 2, 3, um) < 0)
		return -EINVAL;
	*item = (struct template_item){ .kind = TEMPLATE_BARCODE, .x_um = um[0], .y_um = um[1],
		.height_um = um[2], .module_um = MODULE_MIN_UM, .hri_um = HRI_UM };
	if (item->height_um < BARS_MIN_UM)
		return refuse(r, "bars of a logistic label are at least 32 mm high");
	if (read_text_word(r, 5, item) < 0)
		return -EINVAL;
	if (item->text[0] != '(')
		return refuse(r, "a GS1-128 starts with an AI in parentheses");
	return read_options(r, item, 6);
}

static int read_label(struct reader *r)
{
	struct label_template *t = r->template;

	if (t->name[0])
		return refuse(r, "a second label statement");
	if (r->words_n != 4 || !door_name_ok(r->words[1]) ||
		text_copy(t->name, sizeof(t->name), r->words[1]) < 0)
		return refuse(r, "needs: label NAME WIDTH HEIGHT");
	if (read_mm(r, r->words[2], SIDE_MIN_UM, SIDE_MAX_UM, &t->width_um) < 0)
		return -EINVAL;
	return read_mm(r, r->words[3], SIDE_MIN_UM, SIDE_MAX_UM, &t->height_um);
}

static int check_place(struct reader *r, const struct template_item *item)
{
	int64_t bottom = item->y_um + item->height_um + (item->kind == TEMPLATE_BARCODE ? item->hri_um : 0);

	if (item->x_um >= r->template->width_um || bottom > r->template->height_um ||
		(item->kind == TEMPLATE_BOX && item->x_um + item->width_um > r->template->width_um))
		return refuse(r, "%s lies outside the label", r->words[0]);
	return 0;
}

static int read_item(struct reader *r)
{
	static const struct {
		const char *word;
		int (*read)(struct reader *, struct template_item *);
	} statements[] = {
		{ "box", read_box },
		{ "line", read_line },
		{ "text", read_text },
		{ "barcode", read_barcode },
	};
	struct label_template *t = r->template;
	struct template_item *item = &t->items[t->items_n];

	if (!t->name[0])
		return refuse(r, "the first statement must be: label NAME WIDTH HEIGHT");
	if (t->items_n == TEMPLATE_ITEMS_MAX)
		return refuse(r, "more than %d items", TEMPLATE_ITEMS_MAX);
	for (size_t i = 0; i < array_len(statements); i++) {
		if (strcmp(statements[i].word, r->words[0]) != 0)
			continue;
		if (statements[i].read(r, item) < 0 || check_place(r, item) < 0)
			return -EINVAL;
		item->line = r->line;
		t->items_n++;
		return 0;
	}
	return refuse(r, "unknown statement \"%.40s\"", r->words[0]);
}

static bool is_sscc(const struct template_item *item)
{
	return item->kind == TEMPLATE_BARCODE && strncmp(item->text, "(00)", 4) == 0;
}

/* The SSCC is the lowest symbol of a logistic label, and never left out. */
static int check_sscc(struct reader *r)
{
	const struct label_template *t = r->template;

	for (size_t i = 0; i < t->items_n; i++) {
		if (!is_sscc(&t->items[i]))
			continue;
		r->line = t->items[i].line;
		if (t->items[i].optional || t->items[i].with[0])
			return refuse(r, "the SSCC symbol cannot be optional");
		for (size_t k = 0; k < t->items_n; k++)
			if (t->items[k].kind == TEMPLATE_BARCODE && t->items[k].y_um > t->items[i].y_um)
				return refuse(r, "the SSCC symbol must be the lowest");
	}
	return 0;
}

static int read_statement(struct reader *r, const char *text, size_t len)
{
	char line[LINE_BYTES_MAX];

	if (len >= sizeof(line))
		return refuse(r, "line is longer than %d bytes", LINE_BYTES_MAX - 1);
	memcpy(line, text, len);
	line[len] = '\0';
	line[strcspn(line, "\r")] = '\0';
	if (strlen(line) + 1 < len)
		return refuse(r, "line holds a NUL or CR");
	if (split_words(r, line) < 0)
		return -EINVAL;
	if (r->words_n == 0)
		return 0;
	return strcmp(r->words[0], "label") == 0 ? read_label(r) : read_item(r);
}

int template_parse(const char *file, const char *text, size_t len, struct label_template **ret,
	char *why, size_t why_size)
{
	_cleanup_free_ struct label_template *template = calloc(1, sizeof(*template));
	struct reader r = { .file = file, .why = why, .why_size = why_size, .template = template };
	const char *end = text + len;

	if (!template)
		return -ENOMEM;
	snprintf(template->file, sizeof(template->file), "%.*s", (int)sizeof(template->file) - 1, file);
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);

		r.line++;
		if (read_statement(&r, text, n) < 0)
			return -EINVAL;
		if (!newline)
			break;
		text = newline + 1;
	}
	if (!template->name[0])
		return refuse(&r, "no label statement");
	if (check_sscc(&r) < 0)
		return -EINVAL;
	*ret = take_ptr(template);
	return 0;
}

static int parse_builtin(const char *name, struct label_template **ret, char *why, size_t why_size)
{
	for (size_t i = 0; i < template_builtins_n; i++)
		if (strcmp(template_builtins[i].name, name) == 0)
			return template_parse(name, (const char *)template_builtins[i].text,
				template_builtins[i].len, ret, why, why_size);
	snprintf(why, why_size, "no label template \"%s\"", name);
	return -ENOENT;
}

int template_load(const char *folder, const char *name, struct label_template **ret, char *why,
	size_t why_size)
{
	_cleanup_free_ char *text = NULL;
	char path[512];
	size_t len = 0;
	int r;

	if (!door_name_ok(name)) {
		snprintf(why, why_size, "bad name of a label template");
		return -EINVAL;
	}
	if (!folder[0])
		return parse_builtin(name, ret, why, why_size);
	r = text_format(path, sizeof(path), "%s/%s.label", folder, name);
	if (r == 0)
		r = text_read_file(path, TEMPLATE_FILE_MAX, &text, &len);
	if (r == -ENOENT)
		return parse_builtin(name, ret, why, why_size);
	if (r < 0) {
		snprintf(why, why_size, "cannot read template %s/%s.label: %s", folder, name, strerror(-r));
		return r;
	}
	return template_parse(path, text, len, ret, why, why_size);
}

void template_destroy(struct label_template *template)
{
	free(template);
}
