#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "config.h"
#include "door.h"
#include "json.h"
#include "text.h"

static void an_id_is_an_origin_and_a_number_from_1(void **state)
{
	char origin[DOOR_ORIGIN_MAX];
	int64_t n;

	(void)state;
	assert_int_equal(door_parse_id("5f0c:42", origin, &n), 0);
	assert_string_equal(origin, "5f0c");
	assert_int_equal(n, 42);
	assert_int_equal(door_parse_id("5f0c:0", origin, &n), -EINVAL);
	assert_int_equal(door_parse_id("5f0c:042", origin, &n), -EINVAL);
	assert_int_equal(door_parse_id("5f0c:-1", origin, &n), -EINVAL);
	assert_int_equal(door_parse_id(":1", origin, &n), -EINVAL);
	assert_int_equal(door_parse_id("a b:1", origin, &n), -EINVAL);
	assert_int_equal(door_parse_id("a:99999999999999999999", origin, &n), -EINVAL);
}

static void time_is_written_and_read_back(void **state)
{
	char text[CLOCK_TEXT_MAX];
	int64_t us;

	(void)state;
	assert_int_equal(clock_parse("2026-11-23T06:12:01.123Z", &us), 0);
	clock_text(us, text);
	assert_string_equal(text, "2026-11-23T06:12:01.123Z");
	assert_int_equal(clock_parse("2026-11-23 06:12", &us), -EINVAL);
}

static void utf8_with_surrogates_or_overlong_forms_is_refused(void **state)
{
	(void)state;
	assert_true(text_is_utf8("Łódź 東京", strlen("Łódź 東京")));
	assert_false(text_is_utf8("\xc0\xaf", 2));
	assert_false(text_is_utf8("\xed\xa0\x80", 3));
	assert_false(text_is_utf8("\xe6\x9d", 2));
}

static struct config *load(const char *text, char *errors, size_t size)
{
	char path[] = "/tmp/wharf-config-XXXXXX";
	FILE *out = fmemopen(errors, size, "w");
	struct config *config = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0 && out);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	config_load(path, out, &config);
	fclose(out);
	unlink(path);
	return config;
}

static void an_indented_line_is_a_line_of_its_own(void **state)
{
	char errors[512] = "";
	struct config *config = load("[web]\naddress = 10.0.0.1\n  port = 9000\n", errors, sizeof(errors));

	(void)state;
	assert_non_null(config);
	assert_string_equal(config_text(config, "web", "address"), "10.0.0.1");
	assert_int_equal(config_int(config, "web", "port"), 9000);
	config_destroy(config);
}

static void what_would_be_cut_is_an_error_with_its_line(void **state)
{
	char errors[512] = "", text[400];

	(void)state;
	snprintf(text, sizeof(text), "[web]\nport = 9000\n# %0200d\n", 1);
	assert_null(load(text, errors, sizeof(errors)));
	assert_non_null(strstr(errors, ":3: the line is longer than 197 bytes"));
	snprintf(text, sizeof(text), "[scanner %050d]\nport = /dev/null\n", 1);
	assert_null(load(text, errors, sizeof(errors)));
	assert_non_null(strstr(errors, ":1: the name of the section is too long"));
}

static void an_unknown_section_is_an_error_also_without_keys(void **state)
{
	char errors[512] = "";

	(void)state;
	assert_null(load("[web]\nport = 9000\n[scaner s1]\n", errors, sizeof(errors)));
	assert_non_null(strstr(errors, ":3: unknown section"));
}

static void an_unknown_key_is_an_error_with_its_line(void **state)
{
	char errors[512] = "";

	(void)state;
	assert_null(load("[web]\nport = 9000\ncolour = red\n", errors, sizeof(errors)));
	assert_non_null(strstr(errors, ":3: unknown key \"colour\" in [web]"));
	assert_null(load("[web]\nport = 70000\n", errors, sizeof(errors)));
	assert_non_null(strstr(errors, ":2: port = 70000: needs a whole number from 1 to 65535"));
}

static void the_built_in_floor_serves_where_no_station_is_named(void **state)
{
	char errors[512] = "";
	struct config *config = load("[paths]\nrun = /tmp/r\n", errors, sizeof(errors));

	(void)state;
	assert_non_null(config);
	assert_string_equal(config_section(config, "station", 0), "station pack1");
	assert_string_equal(config_text(config, "scale pack1-scale", "port"), "/tmp/r/tty/pack1-scale");
	assert_string_equal(config_name("scale pack1-scale"), "pack1-scale");
	config_destroy(config);
}

static void a_file_may_change_the_built_in_floor(void **state)
{
	char errors[512] = "";
	struct config *config = load("[plc conveyor1]\ncommissioned = no\nport = 1600\n", errors, sizeof(errors));

	(void)state;
	assert_non_null(config);
	assert_false(config_bool(config, "plc conveyor1", "commissioned"));
	assert_int_equal(config_int(config, "plc conveyor1", "port"), 1600);
	assert_string_equal(config_text(config, "plc conveyor1", "station"), "induct1");
	config_destroy(config);
}

static void outside_json_is_read_by_name_type_and_range(void **state)
{
	_cleanup_json_ json_t *object = json_parse("{\"a\":1,\"b\":\"x\"}", 15, NULL, 0);
	const char *b = NULL;
	int64_t a = 0;
	char why[128] = "";
	struct json_field fields[] = {
		{ "a", JSON_REQUIRED, JSON_INTEGER, &a, 1, 5 },
		{ "b", JSON_OPTIONAL, JSON_STRING, &b, 1, 10 },
	};

	(void)state;
	assert_int_equal(json_fields(object, fields, 2, why, sizeof(why)), 0);
	assert_int_equal(a, 1);
	assert_string_equal(b, "x");
	assert_int_equal(json_fields(object, fields, 1, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "unknown key \"b\"");
	fields[0].min = 2;
	assert_int_equal(json_fields(object, fields, 2, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "\"a\" must be 2 to 5");
}

static void the_name_of_an_unknown_key_is_text_also_where_it_is_cut(void **state)
{
	static const char outside[] = "{\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\xc3\xa4k\":1}";
	_cleanup_json_ json_t *object = json_parse(outside, strlen(outside), NULL, 0);
	char why[128] = "";

	(void)state;
	assert_int_equal(json_fields(object, NULL, 0, why, sizeof(why)), -EINVAL);
	assert_true(text_is_utf8(why, strlen(why)));
	assert_string_equal(why, "unknown key \"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk?\"");
}

static void a_text_cut_in_a_character_is_made_text_again(void **state)
{
	char cut[] = "Gr\xc3\xb6\xc3", wild[] = "\xff" "a\xe2\x82" "b\xe2\x82\xac";

	(void)state;
	text_make_utf8(cut);
	assert_string_equal(cut, "Gr\xc3\xb6?");
	text_make_utf8(wild);
	assert_string_equal(wild, "?a??b\xe2\x82\xac");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_an_origin_and_a_number_from_1),
		cmocka_unit_test(time_is_written_and_read_back),
		cmocka_unit_test(utf8_with_surrogates_or_overlong_forms_is_refused),
		cmocka_unit_test(an_unknown_key_is_an_error_with_its_line),
		cmocka_unit_test(an_indented_line_is_a_line_of_its_own),
		cmocka_unit_test(what_would_be_cut_is_an_error_with_its_line),
		cmocka_unit_test(an_unknown_section_is_an_error_also_without_keys),
		cmocka_unit_test(the_built_in_floor_serves_where_no_station_is_named),
		cmocka_unit_test(a_file_may_change_the_built_in_floor),
		cmocka_unit_test(outside_json_is_read_by_name_type_and_range),
		cmocka_unit_test(the_name_of_an_unknown_key_is_text_also_where_it_is_cut),
		cmocka_unit_test(a_text_cut_in_a_character_is_made_text_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
