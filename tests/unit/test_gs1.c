#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gs1.h"

#define GS "\x1d"

static int scan(const char *aim, const char *data, struct gs1_message *m, struct gs1_error *e)
{
	return gs1_parse_scan(aim, data, strlen(data), m, e);
}

static void check_digits_of_every_key_length_agree_with_published_ones(void **state)
{
	static const char *const good[] = { "106141411234567897", "354123450000000014", "10614141000415",
		"9506000134352", "036000291452", "96385074", "006141411234567890" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char wrong[32];
		size_t len = strlen(good[i]);

		assert_true(gs1_check_ok(good[i], len));
		/* A single wrong digit anywhere is always found. */
		for (size_t k = 0; k < len; k++) {
			strcpy(wrong, good[i]);
			wrong[k] = (char)('0' + (wrong[k] - '0' + 1) % 10);
			assert_false(gs1_check_ok(wrong, len));
		}
	}
	assert_int_equal(gs1_check_digit("", 0), -EINVAL);
	assert_int_equal(gs1_check_digit("12a", 3), -EINVAL);
	assert_false(gs1_check_ok("0", 1));
}

static void an_sscc_is_prefix_serial_and_check_digit(void **state)
{
	char sscc[GS1_SSCC_SIZE] = "untouched", why[80];

	(void)state;
	assert_int_equal(gs1_sscc("35412345", 1, sscc), 0);
	assert_string_equal(sscc, "354123450000000014");
	assert_int_equal(gs1_sscc_check(sscc, 18, why, sizeof(why)), 0);
	assert_int_equal(gs1_sscc("35412345", 999999999, sscc), 0);
	assert_int_equal(strncmp(sscc, "35412345999999999", 17), 0);
}

static void a_serial_that_does_not_fit_its_prefix_is_refused(void **state)
{
	char sscc[GS1_SSCC_SIZE] = "untouched";

	(void)state;
	assert_int_equal(gs1_sscc("35412345", 1000000000, sscc), -ERANGE);
	assert_int_equal(gs1_sscc("35412345", INT64_MAX, sscc), -ERANGE);
	assert_int_equal(gs1_sscc("35412345", -1, sscc), -ERANGE);
	assert_int_equal(gs1_sscc("3541", 1, sscc), -EINVAL);
	assert_int_equal(gs1_sscc("35412345678901", 1, sscc), -EINVAL);
	assert_int_equal(gs1_sscc("3541x345", 1, sscc), -EINVAL);
	assert_string_equal(sscc, "untouched");
}

static void a_wrong_sscc_says_what_is_wrong(void **state)
{
	char why[80];

	(void)state;
	assert_int_equal(gs1_sscc_check("354123450000000015", 18, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "wrong check digit 5, should be 4");
	assert_int_equal(gs1_sscc_check("35412345000000001", 17, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "an SSCC has 18 digits, not 17");
	assert_int_equal(gs1_sscc_check("35412345000000001x", 18, why, sizeof(why)), -EINVAL);
}

static void a_pallet_label_is_taken_apart(void **state)
{
	struct gs1_message m;
	struct gs1_error e;
	char hri[128];

	(void)state;
	assert_int_equal(scan("]C1", "0209506000134352" "37" "24" GS "10" "AB-12" GS "15" "271200" "3103" "001250", &m, &e),
		0);
	assert_int_equal(m.n, 5);
	assert_string_equal(gs1_value(&m, "02"), "09506000134352");
	assert_string_equal(gs1_value(&m, "37"), "24");
	assert_string_equal(gs1_value(&m, "10"), "AB-12");
	assert_string_equal(gs1_value(&m, "15"), "271200");
	assert_string_equal(gs1_value(&m, "3103"), "001250");
	assert_string_equal(m.elements[4].row->title, "NET WEIGHT (kg)");
	assert_null(gs1_value(&m, "00"));
	assert_int_equal(gs1_hri(&m, hri, sizeof(hri)), 0);
	assert_string_equal(hri, "(02)09506000134352(37)24(10)AB-12(15)271200(3103)001250");
	assert_int_equal(gs1_hri(&m, hri, 20), -ENAMETOOLONG);
}

static void separators_that_scanners_add_are_allowed(void **state)
{
	struct gs1_message m;
	struct gs1_error e;

	(void)state;
	assert_int_equal(scan("]d2", GS "00354123450000000014" GS "37" "8" GS, &m, &e), 0);
	assert_int_equal(m.n, 2);
	assert_string_equal(gs1_value(&m, "37"), "8");
}

static void every_carrier_of_gs1_data_is_known_by_its_symbology_id(void **state)
{
	static const char *const carriers[] = { "]C1", "]d2", "]Q3", "]e0", "]J1" };
	static const char *const others[] = { "]C0", "]d1", "]Q1", "]A0", "]X0" };
	struct gs1_message m;
	struct gs1_error e;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(scan(carriers[i], "00354123450000000014", &m, &e), 0);
		assert_int_equal(scan(others[i], "00354123450000000014", &m, &e), -ENOMSG);
	}
	assert_int_equal(scan("", "]C100354123450000000014", &m, &e), 0);
	assert_string_equal(gs1_value(&m, "00"), "354123450000000014");
}

static void trade_item_codes_become_one_gtin_of_14_digits(void **state)
{
	static const struct {
		const char *aim, *data, *gtin;
	} rows[] = {
		{ "]E0", "9506000134352", "09506000134352" },
		{ "]E4", "96385074", "00000096385074" },
		{ "]I1", "10614141000415", "10614141000415" },
		{ "]E0", "036000291452", "00036000291452" },
	};
	struct gs1_message m;
	struct gs1_error e;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(scan(rows[i].aim, rows[i].data, &m, &e), 0);
		assert_string_equal(gs1_value(&m, "01"), rows[i].gtin);
		assert_int_equal(scan("", rows[i].data, &m, &e), 0);
		assert_string_equal(gs1_value(&m, "01"), rows[i].gtin);
	}
	assert_int_equal(scan("]E0", "9506000134353", &m, &e), -EINVAL);
	assert_int_equal(scan("]E0", "950600013435", &m, &e), -EINVAL);
}

static void without_a_symbology_id_only_the_unmistakable_is_taken(void **state)
{
	struct gs1_message m;
	struct gs1_error e;

	(void)state;
	assert_int_equal(scan("", "00354123450000000014", &m, &e), 0);
	assert_string_equal(gs1_value(&m, "00"), "354123450000000014");
	/* A bin, a tote and an order number must not turn into AIs. */
	assert_int_equal(scan("", "A-01-02", &m, &e), -ENOMSG);
	assert_int_equal(scan("", "400123", &m, &e), -ENOMSG);
	assert_int_equal(scan("", "00354123450000000015", &m, &e), -ENOMSG);
	assert_int_equal(scan("", "1012345", &m, &e), -ENOMSG);
}

static void an_error_names_ai_position_and_reason(void **state)
{
	static const struct {
		const char *data, *ai;
		size_t position;
		const char *say;
	} rows[] = {
		{ "0109506000134353", "01", 15, "AI 01 at 15: wrong check digit 3, should be 2" },
		{ "0035412345", "00", 2, "AI 00 at 2: 8 characters, needs 18" },
		{ "3724" GS "17271301", "17", 9, "AI 17 at 9: month 13" },
		{ "17270230", "17", 6, "AI 17 at 6: day 30 of month 02" },
		{ "11270229", "11", 6, "AI 11 at 6: day 29 of month 02" },
		{ "10" GS "3724", "10", 2, "AI 10 at 2: 0 characters, needs 1 to 20" },
		{ "10ABCDEFGHIJKLMNOPQRSTU", "10", 2, "AI 10 at 2: 21 characters, needs 1 to 20" },
		{ "10A#B", "10", 3, "AI 10 at 3: byte 0x23 is not allowed here" },
		{ "372x", "37", 3, "AI 37 at 3: byte 0x78 is not allowed here" },
		{ "3724" GS "3725", "37", 7, "AI 37 at 7: twice, with different values" },
		{ "3724" GS "05", "", 5, NULL },
		{ "3724" GS "A", "", 5, "data at 5: no application identifier" },
		{ "3724" GS "310", "", 5, "data at 5: no application identifier" },
		{ "", "", 0, "data at 0: empty" },
	};
	struct gs1_message m;
	struct gs1_error e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(gs1_parse(rows[i].data, strlen(rows[i].data), &m, &e), -EINVAL);
		if (!rows[i].say)
			continue;
		assert_string_equal(e.say, rows[i].say);
		assert_string_equal(e.ai, rows[i].ai);
		assert_int_equal(e.position, rows[i].position);
	}
}

static void a_leap_day_and_a_whole_month_are_dates(void **state)
{
	struct gs1_message m;
	struct gs1_error e;

	(void)state;
	assert_int_equal(gs1_parse("17280229", 8, &m, &e), 0);
	assert_int_equal(gs1_parse("15270200", 8, &m, &e), 0);
}

static void an_unknown_ai_is_kept_and_cut_at_its_right_end(void **state)
{
	struct gs1_message m;
	struct gs1_error e;

	(void)state;
	/* 3922 is variable, 3201 and 16 have predefined lengths. */
	assert_int_equal(scan("]C1", "3922" "1250" GS "3201" "000500" "16" "271231" "99" "X", &m, &e), 0);
	assert_int_equal(m.n, 4);
	assert_null(m.elements[0].row);
	assert_string_equal(gs1_value(&m, "3922"), "1250");
	assert_string_equal(gs1_value(&m, "3201"), "000500");
	assert_string_equal(gs1_value(&m, "99"), "X");
}

static void too_much_is_refused(void **state)
{
	struct gs1_message m;
	struct gs1_error e;
	char many[GS1_DATA_MAX + 2];

	(void)state;
	memset(many, '0', sizeof(many));
	assert_int_equal(gs1_parse(many, GS1_DATA_MAX + 1, &m, &e), -EINVAL);
	memcpy(many, "90", 2);
	assert_int_equal(gs1_parse(many, 2 + GS1_VALUE_MAX, &m, &e), 0);
	assert_int_equal(gs1_parse(many, 3 + GS1_VALUE_MAX, &m, &e), -EINVAL);
	m.n = 0;
	for (int i = 0; i < GS1_ELEMENTS_MAX; i++) {
		snprintf(many, sizeof(many), "%d", 3100 + i * 10);
		assert_int_equal(gs1_add(&m, many, "000001", 6, &e), 0);
	}
	assert_int_equal(gs1_add(&m, "90", "1", 1, &e), -ENOSPC);
}

static void an_element_string_has_separators_only_where_needed(void **state)
{
	struct gs1_message m = { .n = 0 };
	struct gs1_error e;
	char text[64];
	int n;

	(void)state;
	assert_int_equal(gs1_add(&m, "10", "L1", 2, &e), 0);
	assert_int_equal(gs1_add(&m, "02", "09506000134352", 14, &e), 0);
	assert_int_equal(gs1_add(&m, "37", "24", 2, &e), 0);
	n = gs1_element_string(&m, text, sizeof(text));
	assert_string_equal(text, GS "10L1" GS "0209506000134352" "3724");
	assert_int_equal(n, strlen(text));
	assert_int_equal(gs1_element_string(&m, text, (size_t)n), -ENAMETOOLONG);
	assert_int_equal(gs1_add(&m, "3109x", "1", 1, &e), -EINVAL);
	assert_int_equal(gs1_add(&m, "310", "000001", 6, &e), -EINVAL);
	assert_string_equal(e.say, "AI 310 at 0: no such AI");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_digits_of_every_key_length_agree_with_published_ones),
		cmocka_unit_test(an_sscc_is_prefix_serial_and_check_digit),
		cmocka_unit_test(a_serial_that_does_not_fit_its_prefix_is_refused),
		cmocka_unit_test(a_wrong_sscc_says_what_is_wrong),
		cmocka_unit_test(a_pallet_label_is_taken_apart),
		cmocka_unit_test(separators_that_scanners_add_are_allowed),
		cmocka_unit_test(every_carrier_of_gs1_data_is_known_by_its_symbology_id),
		cmocka_unit_test(trade_item_codes_become_one_gtin_of_14_digits),
		cmocka_unit_test(without_a_symbology_id_only_the_unmistakable_is_taken),
		cmocka_unit_test(an_error_names_ai_position_and_reason),
		cmocka_unit_test(a_leap_day_and_a_whole_month_are_dates),
		cmocka_unit_test(an_unknown_ai_is_kept_and_cut_at_its_right_end),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(an_element_string_has_separators_only_where_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
