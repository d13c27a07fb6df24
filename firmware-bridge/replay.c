#include "replay.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"

#define LINE_BYTES_MAX 8192
#define WORD_MAX 64
#define FILE_MAX (16 * 1024 * 1024)
#define CAPTURE_MARK "driver "

static int set_word(struct capture *c, char *word)
{
	char *equals = strchr(word, '=');

	if (!equals) {
		c->driver = driver_find(word);
		return c->driver ? 0 : -EINVAL;
	}
	*equals = '\0';
	return driver_settings_set(&c->settings, word, equals + 1);
}

int capture_set_driver(struct capture *c, const char *words)
{
	char copy[WORD_MAX * 4], *rest = copy, *word;

	driver_settings_init(&c->settings);
	if (text_copy(copy, sizeof(copy), words) < 0)
		return -EINVAL;
	while ((word = strsep(&rest, " ,\t")))
		if (*word && set_word(c, word) < 0)
			return -EINVAL;
	return c->driver ? 0 : -EINVAL;
}

/* Hex digits with blanks anywhere between bytes. */
static int add_hex(struct capture *c, const char *line)
{
	while (*line) {
		if (isspace((unsigned char)*line)) {
			line++;
			continue;
		}
		if (!line[1] || text_unhex((const char[]){ line[0], line[1], 0 }, c->bytes + c->n, 1) < 0)
			return -EINVAL;
		c->n++;
		line += 2;
	}
	return 0;
}

static int take_line(struct capture *c, char *line)
{
	char *comment = strchr(line, '#');

	if (comment)
		*comment = '\0';
	for (size_t n = strlen(line); n && isspace((unsigned char)line[n - 1]); n--)
		line[n - 1] = '\0';
	if (!*line)
		return 0;
	if (strncmp(line, CAPTURE_MARK, strlen(CAPTURE_MARK)) == 0)
		return capture_set_driver(c, line + strlen(CAPTURE_MARK));
	if (strcmp(line, "reset") == 0) {
		if (c->resets_n == CAPTURE_RESETS_MAX)
			return -EINVAL;
		c->resets[c->resets_n++] = c->n;
		return 0;
	}
	return add_hex(c, line);
}

int capture_parse(const char *text, size_t len, struct capture *ret, char *why, size_t why_size)
{
	_cleanup_free_ char *copy = strndup(text, len);
	struct capture c = { .bytes = malloc(len / 2 + 1) };
	char *rest = copy, *line;
	int number = 0;

	driver_settings_init(&c.settings);
	if (!copy || !c.bytes) {
		capture_fini(&c);
		return -ENOMEM;
	}
	while ((line = strsep(&rest, "\n"))) {
		number++;
		if (take_line(&c, line) == 0)
			continue;
		snprintf(why, why_size, "line %d is no driver, hex or reset", number);
		capture_fini(&c);
		return -EINVAL;
	}
	*ret = c;
	return 0;
}

void capture_fini(struct capture *c)
{
	free(c->bytes);
	c->bytes = NULL;
}

static void feed(const struct capture *c, union driver_state *state, size_t from, size_t to,
	void (*reading)(void *user, const struct reading *reading), void *user)
{
	while (from < to) {
		struct reading r;

		from += c->driver->take(state, c->bytes + from, to - from, &r);
		if (r.kind != READING_NONE)
			reading(user, &r);
	}
}

void capture_replay(const struct capture *c, size_t (*piece)(void *user, size_t left),
	void (*reading)(void *user, const struct reading *reading), void *user)
{
	union driver_state state;
	size_t at = 0, reset = 0;

	c->driver->init(&state, &c->settings);
	while (at < c->n) {
		size_t end;

		for (; reset < c->resets_n && c->resets[reset] == at; reset++)
			c->driver->reset(&state);
		end = reset < c->resets_n ? c->resets[reset] : c->n;
		end = at + piece(user, end - at);
		feed(c, &state, at, end, reading, user);
		at = end;
	}
}

static const struct {
	unsigned flag;
	const char *name;
} flag_names[] = {
	{ WEIGHT_NET, "net" },
	{ WEIGHT_MOTION, "motion" },
	{ WEIGHT_OVER, "over" },
	{ WEIGHT_UNDER, "under" },
	{ WEIGHT_OUTSIDE_ZERO, "outside_zero" },
	{ WEIGHT_CENTRE_ZERO, "centre_zero" },
};

static json_t *flags_json(unsigned flags)
{
	json_t *list = json_array();

	for (size_t i = 0; i < array_len(flag_names); i++)
		if (flags & flag_names[i].flag)
			json_array_append_new(list, json_string(flag_names[i].name));
	return list;
}

static void set_hex(json_t *object, const char *key, const uint8_t *bytes, size_t n)
{
	_cleanup_free_ char *hex = malloc(n * 2 + 1);

	if (!hex)
		return;
	text_hex(bytes, n, hex);
	json_object_set_new(object, key, json_string(hex));
}

static void set_scan(json_t *object, const struct reading *r)
{
	json_t *data = json_stringn((const char *)r->data, r->data_len);

	json_object_set_new(object, "aim", json_string(r->aim));
	if (data)
		json_object_set_new(object, "data", data);
	else
		set_hex(object, "data_hex", r->data, r->data_len);
}

static void set_kind(json_t *object, const char *kind)
{
	json_object_set_new(object, "kind", json_string(kind));
}

json_t *reading_json(const struct reading *r)
{
	json_t *object = json_object();

	switch (r->kind) {
	case READING_NONE:
		set_kind(object, "none");
		break;
	case READING_SCAN:
	case READING_SERVICE:
		set_kind(object, r->kind == READING_SCAN ? "scan" : "service");
		set_scan(object, r);
		break;
	case READING_WEIGHT:
		set_kind(object, "weight");
		json_object_set_new(object, "value_ug", json_integer(r->value_ug));
		json_object_set_new(object, "unit", json_string(driver_unit_name(r->unit)));
		json_object_set_new(object, "flags", flags_json(r->flags));
		break;
	case READING_STATUS:
		set_kind(object, "status");
		json_object_set_new(object, "flags", flags_json(r->flags));
		break;
	case READING_FAULT:
		set_kind(object, "fault");
		json_object_set_new(object, "fault", json_string(r->fault));
		break;
	}
	set_hex(object, "raw", r->raw, r->raw_len);
	return object;
}

static size_t take_all(void *user, size_t left)
{
	(void)user;
	return left;
}

static void print_reading(void *user, const struct reading *reading)
{
	_cleanup_json_ json_t *object = reading_json(reading);

	json_dumpf(object, user, JSON_COMPACT);
	fputc('\n', user);
}

static int read_all(const char *path, char **ret_text, size_t *ret_len)
{
	return text_read_file(path ? path : "/dev/stdin", FILE_MAX, ret_text, ret_len);
}

/* A file that begins like a capture is one; else its bytes are the device's. */
static int load(const char *words, char *text, size_t len, struct capture *ret)
{
	char why[80] = "";

	*ret = (struct capture){ .bytes = NULL };
	if (strncmp(text, CAPTURE_MARK, strlen(CAPTURE_MARK)) == 0 || text[0] == '#') {
		if (capture_parse(text, len, ret, why, sizeof(why)) < 0) {
			fprintf(stderr, "wharf-bridge: %s\n", why);
			return -EINVAL;
		}
	} else {
		ret->bytes = malloc(len + 1);
		if (!ret->bytes)
			return -ENOMEM;
		memcpy(ret->bytes, text, len);
		ret->n = len;
	}
	if (capture_set_driver(ret, words) < 0) {
		fprintf(stderr, "wharf-bridge: no driver \"%s\"; there are:", words);
		for (size_t i = 0; driver_at(i); i++)
			fprintf(stderr, " %s", driver_at(i)->name);
		fputc('\n', stderr);
		return -EINVAL;
	}
	return 0;
}

int replay_main(int argc, char **argv)
{
	_cleanup_free_ char *text = NULL;
	struct capture capture;
	size_t len;
	int r;

	if (argc < 1 || argc > 2) {
		fprintf(stderr, "Usage: wharf-bridge replay DRIVER[,KEY=VALUE]... [FILE]\n");
		return 2;
	}
	r = read_all(argc > 1 ? argv[1] : NULL, &text, &len);
	if (r < 0) {
		fprintf(stderr, "wharf-bridge: %s: %s\n", argc > 1 ? argv[1] : "input", strerror(-r));
		return 1;
	}
	r = load(argv[0], text, len, &capture);
	if (r == 0)
		capture_replay(&capture, take_all, print_reading, stdout);
	capture_fini(&capture);
	return r == 0 ? 0 : 1;
}
