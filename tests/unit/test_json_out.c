#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json_out.h"

/* {"v":VALUE} as we write it. Owned by the caller. */
static char *written(const char *value)
{
	struct json_out o = { 0 };

	json_out_open(&o, NULL, '{');
	json_out_str(&o, "v", value);
	json_out_close(&o, '}');
	return json_out_take(&o);
}

static void assert_same_as_jansson(const char *value)
{
	_cleanup_json_ json_t *object = json_pack("{s:s}", "v", value);
	_cleanup_free_ char *theirs = json_dumps(object, JSON_COMPACT), *ours = written(value);

	assert_non_null(theirs);
	assert_string_equal(ours, theirs);
}

static void every_byte_is_written_as_jansson_writes_it(void **state)
{
	(void)state;
	for (int c = 1; c < 0x80; c++) {
		char text[] = { 'a', (char)c, 'b', (char)c, '\0' };

		assert_same_as_jansson(text);
	}
	assert_same_as_jansson("");
	assert_same_as_jansson("Tür 5 × Grüntee, 茶 \U0001F375 \xc2\x80 \U0010FFFF");
}

static void bytes_that_are_no_utf8_become_the_replacement_character(void **state)
{
	static const char *const wrong[] = { "\x80", "\xc3", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff" };

	(void)state;
	for (size_t i = 0; i < array_len(wrong); i++) {
		char text[16];
		_cleanup_free_ char *ours = NULL;
		_cleanup_json_ json_t *read = NULL;

		snprintf(text, sizeof(text), "a%sb", wrong[i]);
		ours = written(text);
		read = json_loads(ours, 0, NULL);
		assert_non_null(read);
		assert_non_null(strstr(ours, "a\xef\xbf\xbd"));
		assert_int_equal(ours[strlen(ours) - 3], 'b');
	}
}

static void numbers_keep_every_digit(void **state)
{
	static const int64_t numbers[] = { 0, 7, -1, 1000000, INT64_MAX, INT64_MIN };

	(void)state;
	for (size_t i = 0; i < array_len(numbers); i++) {
		struct json_out o = { 0 };
		_cleanup_free_ char *ours = NULL;
		char wanted[32];

		json_out_int(&o, NULL, numbers[i]);
		ours = json_out_take(&o);
		snprintf(wanted, sizeof(wanted), "%" PRId64, numbers[i]);
		assert_string_equal(ours, wanted);
	}
}

static void objects_and_arrays_nest_with_their_commas(void **state)
{
	struct json_out o = { 0 }, part = { 0 }, empty = { 0 };
	_cleanup_free_ char *ours = NULL;

	(void)state;
	json_out_str(&part, NULL, "{");
	json_out_str(&part, NULL, "[");
	json_out_open(&o, NULL, '{');
	json_out_members(&o, &empty);
	json_out_bool(&o, "yes", true);
	json_out_open(&o, "list", '[');
	json_out_members(&o, &part);
	json_out_open(&o, NULL, '{');
	json_out_close(&o, '}');
	json_out_int(&o, NULL, 5);
	json_out_close(&o, ']');
	json_out_raw(&o, "raw", "[1,2]");
	json_out_raw(&o, "none", NULL);
	json_out_close(&o, '}');
	json_out_fini(&part);
	ours = json_out_take(&o);
	assert_string_equal(ours, "{\"yes\":true,\"list\":[\"{\",\"[\",{},5],\"raw\":[1,2],\"none\":null}");
}

static void a_text_of_many_pages_is_whole(void **state)
{
	struct json_out o = { 0 };
	_cleanup_free_ char *ours = NULL;
	_cleanup_json_ json_t *read = NULL;

	(void)state;
	json_out_open(&o, NULL, '[');
	for (int i = 0; i < 10000; i++)
		json_out_int(&o, NULL, i);
	json_out_close(&o, ']');
	ours = json_out_take(&o);
	read = json_loads(ours, 0, NULL);
	assert_int_equal(json_array_size(read), 10000);
	assert_int_equal(json_integer_value(json_array_get(read, 9999)), 9999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_is_written_as_jansson_writes_it),
		cmocka_unit_test(bytes_that_are_no_utf8_become_the_replacement_character),
		cmocka_unit_test(numbers_keep_every_digit),
		cmocka_unit_test(objects_and_arrays_nest_with_their_commas),
		cmocka_unit_test(a_text_of_many_pages_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
