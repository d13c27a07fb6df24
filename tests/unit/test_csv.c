/* Files as spreadsheets of every kind write them, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "text.h"

/* All records as "a|b/c|d"; the line and column of an error as "!line:column wrong". */
static const char *read_all(const char *bytes, size_t len)
{
	static char out[2048];
	static struct csv csv;
	char *copy = malloc(len ? len : 1); /* so that a read behind the end is found */
	size_t used = 0;
	int r;

	memcpy(copy, bytes, len);
	out[0] = '\0';
	csv_init(&csv, copy, len);
	while ((r = csv_next(&csv)) == 1)
		for (size_t i = 0; i < csv.n; i++)
			used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%s",
				i ? "|" : csv.records > 1 ? "/" : "", csv.fields[i].text);
	if (r < 0)
		snprintf(out + used, sizeof(out) - used, "!%zu:%zu %s", csv.line, csv.column, csv.wrong);
	free(copy);
	return out;
}

#define READ(text) read_all("" text, sizeof(text) - 1)

static void every_line_end_and_separator_of_a_spreadsheet_is_read(void **unused)
{
	(void)unused;
	assert_string_equal(READ("a,b\r\nc,d\r\n"), "a|b/c|d");
	assert_string_equal(READ("a,b\nc,d"), "a|b/c|d");
	assert_string_equal(READ("a,b\rc,d\r"), "a|b/c|d");
	assert_string_equal(READ("a;b\nc;1,5\n"), "a|b/c|1,5");
	assert_string_equal(READ("a\tb\nc\td\n"), "a|b/c|d");
	assert_string_equal(READ("\xef\xbb\xbf" "a,b\nc,d\n"), "a|b/c|d");
	assert_string_equal(READ(""), "");
	assert_string_equal(READ("\n\n a , b \n\n\nc,\n"), "a|b/c|");
	assert_string_equal(READ("a\n,\n"), "a/|");
}

static void quotes_hold_separators_line_ends_and_quotes(void **unused)
{
	(void)unused;
	assert_string_equal(READ("a,b\n\"x, \"\"y\"\"\",\"l1\nl2\"\n"), "a|b/x, \"y\"|l1\nl2");
	assert_string_equal(READ("a,b\n\"\",\"  \"\n"), "a|b/|");
	assert_string_equal(READ("a,b\n\"x\" ,y\n"), "a|b/x|y");
}

static void what_cannot_be_read_names_its_line_and_column(void **unused)
{
	(void)unused;
	assert_non_null(strstr(READ("a,b\nc,\"d\n"), "!2:2 has no closing quote"));
	assert_non_null(strstr(READ("a,b\nc\"d,e\n"), "!2:1 has a quote in the middle"));
	assert_non_null(strstr(READ("a,b\n\"c\"d,e\n"), "!2:1 goes on behind its closing quote"));
	assert_non_null(strstr(READ("a,b\n\"x\ny\",z\nc,\xff\n"), "!4:2 is no UTF-8"));
	assert_non_null(strstr(READ("a,b\nc,d\0e\n"), "!2:2 holds a NUL byte"));
}

static void a_record_has_limits(void **unused)
{
	char bytes[CSV_RECORD_MAX + 100];

	(void)unused;
	memset(bytes, 'x', sizeof(bytes));
	assert_non_null(strstr(read_all(bytes, sizeof(bytes)), "!1:1 makes the line longer"));
	memset(bytes, ',', sizeof(bytes));
	assert_non_null(strstr(read_all(bytes, CSV_FIELDS_MAX), "!1:33 is one more"));
	bytes[CSV_FIELDS_MAX - 1] = '\n';
	assert_null(strchr(read_all(bytes, CSV_FIELDS_MAX), '!'));
}

static void a_day_is_one_of_the_calendar(void **unused)
{
	static const char *const good[] = { "2027-01-31", "2028-02-29", "9999-12-31", "2000-02-29" };
	static const char *const bad[] = { "2027-02-29", "2027-13-01", "2027-00-10", "2027-01-32", "31.01.2027", "2027-1-311",
		"", "2027-01-311", "1900-02-29", "1899-01-01" };

	(void)unused;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(text_is_date(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_is_date(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_end_and_separator_of_a_spreadsheet_is_read),
		cmocka_unit_test(quotes_hold_separators_line_ends_and_quotes),
		cmocka_unit_test(what_cannot_be_read_names_its_line_and_column),
		cmocka_unit_test(a_record_has_limits),
		cmocka_unit_test(a_day_is_one_of_the_calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
