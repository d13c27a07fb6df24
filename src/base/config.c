#include "config.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"

#define SECTIONS_MAX 512
#define VALUES_MAX 4096
#define NAME_MAX_BYTES 64
#define SECTION_NAME_MAX 50 /* inih's */

struct value {
	char section[NAME_MAX_BYTES];
	const struct config_row *row;
	char *text;
};

struct config {
	char sections[SECTIONS_MAX][NAME_MAX_BYTES];
	size_t sections_n;
	struct value values[VALUES_MAX];
	size_t values_n;
};

struct reading {
	struct config *config;
	FILE *file;
	int line; /* read last */
	int bad_line;
	char why[256];
};

static bool section_matches(const char *pattern, const char *section)
{
	size_t stem = strcspn(pattern, "*");

	if (!pattern[stem])
		return strcmp(pattern, section) == 0;
	return strncmp(pattern, section, stem) == 0 && section[stem] != '\0';
}

static const struct config_row *find_row(const char *section, const char *key)
{
	for (size_t i = 0; i < config_table_rows; i++)
		if (section_matches(config_table[i].section, section) &&
			strcmp(config_table[i].key, key) == 0)
			return &config_table[i];
	return NULL;
}

static bool known_section(const char *section)
{
	for (size_t i = 0; i < config_table_rows; i++)
		if (section_matches(config_table[i].section, section))
			return true;
	return false;
}

static struct value *find_value(const struct config *config, const char *section, const char *key)
{
	for (size_t i = config->values_n; i-- > 0;) {
		const struct value *v = &config->values[i];

		if (strcmp(v->section, section) == 0 && strcmp(v->row->key, key) == 0)
			return (struct value *)v;
	}
	return NULL;
}

static bool choice_fits(const char *choices, const char *value)
{
	size_t len = strlen(value);

	for (const char *p = choices; *p; p += strcspn(p, "|"), p += *p == '|')
		if (strcspn(p, "|") == len && strncmp(p, value, len) == 0)
			return true;
	return false;
}

static int parse_int(const char *text, int64_t *ret)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int check_value(const struct config_row *row, const char *value, char *why, size_t size)
{
	int64_t n;

	switch (row->type) {
	case CONFIG_TEXT:
		if (strlen(value) <= (size_t)(row->max ? row->max : 255))
			return 0;
		snprintf(why, size, "%s is too long (%zu bytes)", row->key, strlen(value));
		return -EINVAL;
	case CONFIG_INT:
		if (parse_int(value, &n) == 0 && n >= row->min && n <= row->max)
			return 0;
		snprintf(why, size, "%s = %.40s: needs a whole number from %lld to %lld", row->key,
			value, (long long)row->min, (long long)row->max);
		return -EINVAL;
	case CONFIG_BOOL:
		if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)
			return 0;
		snprintf(why, size, "%s = %.40s: needs yes or no", row->key, value);
		return -EINVAL;
	case CONFIG_CHOICE:
		if (choice_fits(row->choices, value))
			return 0;
		snprintf(why, size, "%s = %.40s: needs one of %s", row->key, value, row->choices);
		return -EINVAL;
	}
	return -EINVAL;
}

static int add_section(struct config *config, const char *section)
{
	for (size_t i = 0; i < config->sections_n; i++)
		if (strcmp(config->sections[i], section) == 0)
			return 0;
	if (config->sections_n == SECTIONS_MAX)
		return -E2BIG;
	if (text_copy(config->sections[config->sections_n], NAME_MAX_BYTES, section) < 0)
		return -ENAMETOOLONG;
	config->sections_n++;
	return 0;
}

static int store_value(struct config *config, const char *section, const struct config_row *row,
	const char *text)
{
	struct value *v = find_value(config, section, row->key);
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	if (v) {
		free(v->text);
		v->text = copy;
		return 0;
	}
	if (config->values_n == VALUES_MAX) {
		free(copy);
		return -E2BIG;
	}
	v = &config->values[config->values_n++];
	memcpy(v->section, section, strlen(section) + 1);
	v->row = row;
	v->text = copy;
	return 0;
}

/* inih's handler: 1 goes on, 0 makes ini_parse return this line's number. */
static int on_pair(void *user, const char *section, const char *key, const char *value)
{
	struct reading *reading = user;
	const struct config_row *row = find_row(section, key);

	if (reading->why[0])
		return 1;
	if (!row) {
		snprintf(reading->why, sizeof(reading->why),
			known_section(section) ? "unknown key \"%.40s\" in [%.60s]" :
						 "unknown section of key \"%.40s\": [%.60s]",
			key, section);
		return 0;
	}
	if (check_value(row, value, reading->why, sizeof(reading->why)) < 0)
		return 0;
	if (add_section(reading->config, section) < 0 ||
		store_value(reading->config, section, row, value) < 0) {
		snprintf(reading->why, sizeof(reading->why),
			"[%.60s] does not fit: name too long, or more than %d sections or %d values",
			section, SECTIONS_MAX, VALUES_MAX);
		return 0;
	}
	return 1;
}

static void line_fault(struct reading *reading, const char *why)
{
	snprintf(reading->why, sizeof(reading->why), "%s", why);
	reading->bad_line = reading->line;
}

/* A line without its indentation; its length, -1 at the end of the file or where the line cannot be taken. */
static int read_line(struct reading *reading, char *out, int size)
{
	int c, n = 0;

	while ((c = getc(reading->file)) != EOF && c != '\n') {
		if (n == 0 && (c == ' ' || c == '\t'))
			continue;
		if (c == '\0' || n + 2 >= size) {
			line_fault(reading, c ? "the line is longer than 197 bytes" : "the line holds a NUL");
			return -1;
		}
		out[n++] = (char)c;
	}
	if (c == EOF && n == 0)
		return -1;
	out[n++] = '\n';
	out[n] = '\0';
	return n;
}

/* inih cuts names of sections that are too long for it, and passes over sections without keys. */
static bool section_fits(struct reading *reading, const char *line)
{
	size_t len = strcspn(line + 1, "]");
	char name[SECTION_NAME_MAX];

	if (text_format(name, sizeof(name), "%.*s", (int)len, line + 1) < 0)
		line_fault(reading, "the name of the section is too long");
	else if (line[1 + len] == ']' && !known_section(name))
		line_fault(reading, "unknown section");
	return !reading->bad_line;
}

/* inih's reader, as fgets(). By itself inih reads a long line as two, and takes an indented line as more of the value
 * above it, which then has this line's text only. */
static char *next_line(char *out, int size, void *user)
{
	struct reading *reading = user;

	reading->line++;
	if (reading->why[0] || read_line(reading, out, size) < 0)
		return NULL;
	if (out[0] == '[' && !section_fits(reading, out))
		return NULL;
	return out;
}

static int report(const char *path, int line, const struct reading *reading, FILE *errors)
{
	if (reading->bad_line)
		line = reading->bad_line;
	if (line == 0)
		return 0;
	fprintf(errors, "%s:%d: %s\n", path, line,
		reading->why[0] ? reading->why : "not a [section], key = value or comment");
	return -EINVAL;
}

static int read_one(struct config *config, const char *path, FILE *errors)
{
	struct reading reading = { .config = config, .file = fopen(path, "re") };
	int line;

	if (!reading.file) {
		fprintf(errors, "%s: cannot be read: %s\n", path, strerror(errno));
		return -ENOENT;
	}
	line = ini_parse_stream(next_line, &reading, on_pair, &reading);
	if (ferror(reading.file))
		line_fault(&reading, "the file cannot be read");
	fclose(reading.file);
	return report(path, line, &reading, errors);
}

static int is_drop_in(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static int read_drop_ins(struct config *config, const char *path, FILE *errors)
{
	char copy[PATH_MAX], folder[PATH_MAX], file[PATH_MAX];
	struct dirent **names = NULL;
	int n, r = 0;

	if (text_copy(copy, sizeof(copy), path) < 0 ||
		text_format(folder, sizeof(folder), "%s/wharf.d", dirname(copy)) < 0)
		return -ENAMETOOLONG;
	n = scandir(folder, &names, is_drop_in, alphasort);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = text_format(file, sizeof(file), "%s/%s", folder, names[i]->d_name);
		if (r == 0)
			r = read_one(config, file, errors);
		free(names[i]);
	}
	free(names);
	return r;
}

static int read_default_floor(struct config *config, FILE *errors)
{
	struct reading reading = { .config = config };

	return report("built-in floor", ini_parse_string(config_default_floor, on_pair, &reading), &reading, errors);
}

static void forget_values(struct config *config)
{
	for (size_t i = 0; i < config->values_n; i++)
		free(config->values[i].text);
	config->values_n = config->sections_n = 0;
}

static int read_files(struct config *config, const char *path, FILE *errors)
{
	int r = path ? read_one(config, path, errors) : 0;

	return r == 0 && path ? read_drop_ins(config, path, errors) : r;
}

/* Files that name no station stand on the built-in floor and may change it: they are read again on top of it. */
static int read_all(struct config *config, const char *path, FILE *errors)
{
	int r = read_files(config, path, errors);

	if (r < 0 || config_section(config, "station", 0))
		return r;
	forget_values(config);
	r = read_default_floor(config, errors);
	return r < 0 ? r : read_files(config, path, errors);
}

/* A row without a default must be given in each section of its kind that exists. */
static int check_required(const struct config *config, FILE *errors)
{
	int r = 0;

	for (size_t i = 0; i < config->sections_n; i++)
		for (size_t k = 0; k < config_table_rows; k++) {
			const struct config_row *row = &config_table[k];

			if (row->initial || !section_matches(row->section, config->sections[i]) ||
				find_value(config, config->sections[i], row->key))
				continue;
			fprintf(errors, "[%s]: %s is missing (%s)\n", config->sections[i], row->key,
				row->help);
			r = -EINVAL;
		}
	return r;
}

static char *replace_once(const char *text, const char *mark, const char *with)
{
	const char *at = strstr(text, mark);
	char *out = NULL;

	if (!at)
		return NULL;
	if (asprintf(&out, "%.*s%s%s", (int)(at - text), text, with, at + strlen(mark)) < 0)
		return NULL;
	return out;
}

static void expand_paths(struct config *config)
{
	static const char *const marks[][2] = { { "@state@", "state" }, { "@run@", "run" } };

	for (size_t i = 0; i < config->values_n; i++)
		for (size_t m = 0; m < array_len(marks); m++) {
			char *text = replace_once(config->values[i].text, marks[m][0],
				config_text(config, "paths", marks[m][1]));

			if (!text)
				continue;
			free(config->values[i].text);
			config->values[i].text = text;
		}
}

/* Defaults become values too, so that @state@ in a default is expanded in one place. */
static int store_defaults(struct config *config)
{
	for (size_t k = 0; k < config_table_rows; k++) {
		const struct config_row *row = &config_table[k];

		if (!strchr(row->section, '*') && add_section(config, row->section) < 0)
			return -E2BIG;
	}
	for (size_t i = 0; i < config->sections_n; i++)
		for (size_t k = 0; k < config_table_rows; k++) {
			const struct config_row *row = &config_table[k];

			if (!row->initial || !section_matches(row->section, config->sections[i]) ||
				find_value(config, config->sections[i], row->key))
				continue;
			if (store_value(config, config->sections[i], row, row->initial) < 0)
				return -ENOMEM;
		}
	return 0;
}

int config_load(const char *path, FILE *errors, struct config **ret)
{
	struct config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		return -ENOMEM;
	r = read_all(config, path, errors);
	if (r == 0)
		r = check_required(config, errors);
	if (r == 0)
		r = store_defaults(config);
	if (r < 0) {
		config_destroy(config);
		return r;
	}
	expand_paths(config);
	*ret = config;
	return 0;
}

void config_destroy(struct config *config)
{
	if (!config)
		return;
	forget_values(config);
	free(config);
}

const char *config_text(const struct config *config, const char *section, const char *key)
{
	const struct value *v = find_value(config, section, key);

	assert(v != NULL);
	return v->text;
}

int64_t config_int(const struct config *config, const char *section, const char *key)
{
	int64_t n = 0;
	int r = parse_int(config_text(config, section, key), &n);

	assert(r == 0);
	(void)r;
	return n;
}

bool config_bool(const struct config *config, const char *section, const char *key)
{
	return strcmp(config_text(config, section, key), "yes") == 0;
}

const char *config_section(const struct config *config, const char *kind, size_t i)
{
	size_t len = strlen(kind);

	for (size_t k = 0; k < config->sections_n; k++) {
		const char *section = config->sections[k];

		if (strncmp(section, kind, len) != 0 || section[len] != ' ')
			continue;
		if (i-- == 0)
			return section;
	}
	return NULL;
}

const char *config_name(const char *section)
{
	const char *blank = strchr(section, ' ');

	return blank ? blank + 1 : section;
}

bool config_has(const struct config *config, const char *section)
{
	for (size_t i = 0; i < config->sections_n; i++)
		if (strcmp(config->sections[i], section) == 0)
			return true;
	return false;
}
