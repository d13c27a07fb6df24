/* Every capture of tests/replay must give its readings, however its bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "replay.h"
#include "text.h"

#define CUTS 500
#define FILES_MIN 8
#define FILE_MAX (1024 * 1024)
#define PIECE_MAX 13

struct player {
	unsigned seed; /* 0: whole; 1: byte by byte; else random cuts */
	FILE *out;
};

static size_t cut(void *user, size_t left)
{
	struct player *p = user;
	size_t n;

	if (p->seed == 0)
		return left;
	n = p->seed == 1 ? 1 : 1 + (size_t)rand_r(&p->seed) % PIECE_MAX;
	return n < left ? n : left;
}

static void print(void *user, const struct reading *reading)
{
	struct player *p = user;
	_cleanup_json_ json_t *object = reading_json(reading);

	json_dumpf(object, p->out, JSON_COMPACT);
	fputc('\n', p->out);
}

static char *play(const struct capture *capture, unsigned seed)
{
	char *text = NULL;
	size_t len;
	struct player player = { .seed = seed, .out = open_memstream(&text, &len) };

	capture_replay(capture, cut, print, &player);
	fclose(player.out);
	return text;
}

static void check_capture(const char *folder, const char *name)
{
	_cleanup_free_ char *text = NULL, *expected = NULL;
	struct capture capture;
	char path[512], why[80] = "";
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(text_read_file(path, FILE_MAX, &text, &len), 0);
	if (capture_parse(text, len, &capture, why, sizeof(why)) < 0)
		fail_msg("%s: %s", name, why);
	strcpy(strrchr(path, '.'), ".readings");
	assert_int_equal(text_read_file(path, FILE_MAX, &expected, &len), 0);
	for (unsigned seed = 0; seed < CUTS + 2; seed++) {
		_cleanup_free_ char *got = play(&capture, seed);

		if (strcmp(got, expected) != 0)
			fail_msg("%s, cut %u:\n%s\ninstead of\n%s", name, seed, got, expected);
	}
	capture_fini(&capture);
}

static void every_capture_gives_its_readings_whole_by_bytes_and_in_500_cuts(void **state)
{
	_cleanup_dir_ DIR *dir = opendir(REPLAY_FOLDER);
	struct dirent *entry;
	int n = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".hex") != 0)
			continue;
		check_capture(REPLAY_FOLDER, entry->d_name);
		n++;
	}
	assert_true(n >= FILES_MIN);
}

static void every_driver_has_a_capture(void **state)
{
	(void)state;
	for (size_t i = 0; driver_at(i); i++) {
		char command[600];

		snprintf(command, sizeof(command), "grep -q '^driver %s\\b' " REPLAY_FOLDER "/*.hex",
			driver_at(i)->name);
		if (system(command) != 0)
			fail_msg("no capture in tests/replay for driver %s", driver_at(i)->name);
	}
}

static void a_wrong_capture_is_refused_with_its_line(void **state)
{
	struct capture capture;
	char why[80];

	(void)state;
	assert_true(capture_parse("driver null\n0g\n", 15, &capture, why, sizeof(why)) < 0);
	assert_string_equal(why, "line 2 is no driver, hex or reset");
	assert_true(capture_parse("driver nothing\n", 15, &capture, why, sizeof(why)) < 0);
	assert_true(capture_parse("driver null color=red\n", 22, &capture, why, sizeof(why)) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_capture_gives_its_readings_whole_by_bytes_and_in_500_cuts),
		cmocka_unit_test(every_driver_has_a_capture),
		cmocka_unit_test(a_wrong_capture_is_refused_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
