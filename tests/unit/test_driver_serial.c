#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "driver.h"

static union driver_state state_memory;
static const struct driver *const scanner = &driver_serial_scanner;

static void init(enum driver_prefix prefix, enum driver_suffix suffix, bool aim)
{
	const struct driver_settings settings = { .prefix = prefix, .suffix = suffix, .aim = aim };

	memset(&state_memory, 0xA5, sizeof(state_memory)); /* init must not rely on zeros */
	scanner->init(&state_memory, &settings);
}

/* The only reading of all the bytes; READING_NONE where there is none. */
static struct reading feed(const uint8_t *bytes, size_t n)
{
	struct reading found = { .kind = READING_NONE }, r;

	while (n) {
		size_t used = scanner->take(&state_memory, bytes, n, &r);

		assert_true(used >= 1 && used <= n);
		if (r.kind != READING_NONE) {
			assert_int_equal(found.kind, READING_NONE);
			found = r;
		}
		bytes += used;
		n -= used;
	}
	return found;
}

static struct reading feed_text(const char *text)
{
	return feed((const uint8_t *)text, strlen(text));
}

static void assert_data(const struct reading *r, const char *aim, const char *data)
{
	assert_int_equal(r->kind, READING_SCAN);
	assert_string_equal(r->aim, aim);
	assert_int_equal(r->data_len, strlen(data));
	assert_memory_equal(r->data, data, r->data_len);
}

static void a_symbology_id_is_taken_off_where_it_is_configured(void **state)
{
	struct reading r;

	(void)state;
	init(PREFIX_NONE, SUFFIX_CR, true);
	r = feed_text("]C1001\r");
	assert_data(&r, "]C1", "001");
	init(PREFIX_NONE, SUFFIX_CR, false);
	r = feed_text("]C1001\r");
	assert_data(&r, "", "]C1001");
	init(PREFIX_NONE, SUFFIX_CR, true);
	r = feed_text("no id\r");
	assert_data(&r, "", "no id");
}

static void a_symbology_id_without_data_is_malformed(void **state)
{
	struct reading r;

	(void)state;
	init(PREFIX_NONE, SUFFIX_CR, true);
	r = feed_text("]C1\r");
	assert_int_equal(r.kind, READING_FAULT);
	assert_string_equal(r.fault, "malformed");
}

static void each_suffix_ends_a_scan_and_the_others_do_not(void **state)
{
	static const char ends[] = "\r\n\t\x03";
	static const enum driver_suffix suffixes[] = { SUFFIX_CR, SUFFIX_LF, SUFFIX_TAB, SUFFIX_ETX };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 4; k++) {
			const uint8_t bytes[] = { 'x', (uint8_t)ends[k] };

			init(PREFIX_NONE, suffixes[i], true);
			assert_int_equal(feed(bytes, 2).kind, i == k ? READING_SCAN : READING_NONE);
		}
}

static void the_longest_scan_is_whole_and_a_longer_one_is_refused_once(void **state)
{
	static uint8_t bytes[3 * DRIVER_DATA_MAX];
	struct reading r;

	(void)state;
	init(PREFIX_NONE, SUFFIX_CR, true);
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "]Q1", 3);
	bytes[3 + DRIVER_DATA_MAX] = '\r';
	r = feed(bytes, 3 + DRIVER_DATA_MAX + 1);
	assert_int_equal(r.kind, READING_SCAN);
	assert_int_equal(r.data_len, DRIVER_DATA_MAX);
	bytes[3 + DRIVER_DATA_MAX] = 'x';
	bytes[4 + DRIVER_DATA_MAX] = '\r';
	r = feed(bytes, 3 + DRIVER_DATA_MAX + 2);
	assert_string_equal(r.fault, "too_long");
	bytes[4 + DRIVER_DATA_MAX] = 'x';
	bytes[sizeof(bytes) - 1] = '\r';
	r = feed(bytes, sizeof(bytes)); /* one refusal, and its tail is no scan */
	assert_string_equal(r.fault, "too_long");
	r = feed_text("next\r");
	assert_data(&r, "", "next");
}

static void silence_drops_half_a_scan_and_says_how_much(void **state)
{
	struct reading r;

	(void)state;
	init(PREFIX_NONE, SUFFIX_CR, true);
	feed_text("half");
	assert_int_equal(scanner->reset(&state_memory), 4);
	assert_int_equal(scanner->reset(&state_memory), 0);
	r = feed_text("whole\r");
	assert_data(&r, "", "whole");
	assert_int_equal(scanner->reset(&state_memory), 0); /* a scan given out is not half */
}

static void with_a_prefix_nothing_before_it_counts(void **state)
{
	struct reading r;

	(void)state;
	init(PREFIX_STX, SUFFIX_CR, true);
	assert_int_equal(feed_text("tail of one\r").kind, READING_NONE);
	r = feed_text("noise\x02" "broken\x02" "good\r");
	assert_data(&r, "", "good");
	assert_int_equal(r.raw[0], 0x02);
	assert_int_equal(feed_text("more\r").kind, READING_NONE);
}

static void a_good_beep_is_one_bell_and_a_bad_one_three(void **state)
{
	uint8_t out[DRIVER_SAY_MAX];

	(void)state;
	assert_int_equal(scanner->answer(ANSWER_GOOD, out), 1);
	assert_int_equal(out[0], 7);
	assert_int_equal(scanner->answer(ANSWER_BAD, out), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_symbology_id_is_taken_off_where_it_is_configured),
		cmocka_unit_test(a_symbology_id_without_data_is_malformed),
		cmocka_unit_test(each_suffix_ends_a_scan_and_the_others_do_not),
		cmocka_unit_test(the_longest_scan_is_whole_and_a_longer_one_is_refused_once),
		cmocka_unit_test(silence_drops_half_a_scan_and_says_how_much),
		cmocka_unit_test(with_a_prefix_nothing_before_it_counts),
		cmocka_unit_test(a_good_beep_is_one_bell_and_a_bad_one_three),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
