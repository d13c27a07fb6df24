#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "lines.h"
#include "programs.h"
#include "table.h"

static char *print_rows(const char *json, const struct table_column *columns, size_t n)
{
	_cleanup_json_ json_t *rows = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(rows);
	if (json_is_array(rows))
		table_print(out, rows, columns, n);
	else
		table_print_object(out, rows);
	fclose(out);
	return text;
}

static void columns_are_aligned_and_numbers_stand_right(void **state)
{
	const struct table_column columns[] = { { "order", "ORDER" }, { "lines", "LINES" },
		{ "held", "HELD" } };
	_cleanup_free_ char *text = print_rows("[{\"order\":\"Ä-1\",\"lines\":3,\"held\":null},"
					       "{\"order\":\"O-1000\",\"lines\":12,\"held\":\"credit\"}]",
		columns, 3);

	(void)state;
	assert_string_equal(text, "ORDER   LINES  HELD\n"
				  "Ä-1         3  -\n"
				  "O-1000     12  credit\n");
}

static void outside_texts_cannot_drive_the_terminal(void **state)
{
	_cleanup_free_ char *text = print_rows("[{\"customer\":\"a\\u001b[2Jb\\n\"}]", NULL, 0);

	(void)state;
	assert_string_equal(text, "customer\na?[2Jb?\n");
}

static void an_object_shows_its_lists_as_tables(void **state)
{
	_cleanup_free_ char *text = print_rows("{\"order\":\"O-1\",\"open_lines\":[{\"line\":1}],"
					       "\"counts\":{\"open\":2,\"picked\":1}}",
		NULL, 0);

	(void)state;
	assert_string_equal(text, "order   O-1\ncounts  open 2, picked 1\n\nopen lines:\nline\n   1\n");
}

static void times_are_shown_as_date_and_second(void **state)
{
	const struct table_column columns[] = { { "device", "DEVICE" }, { "since", "SINCE" } };
	_cleanup_free_ char *text = print_rows("[{\"device\":\"a\",\"since_us\":1795414321123456},"
					       "{\"device\":\"b\",\"since_us\":null},"
					       "{\"device\":\"c\",\"since\":\"today\"}]",
		columns, 2);

	(void)state;
	assert_string_equal(text, "DEVICE  SINCE\n"
				  "a       2026-11-23 06:12:01\n"
				  "b       -\n"
				  "c       today\n");
}

static void what_is_empty_is_a_dash(void **state)
{
	_cleanup_free_ char *text =
		print_rows("{\"a\":{},\"b\":[],\"c\":\"\",\"d\":null,\"e\":0}", NULL, 0);

	(void)state;
	assert_string_equal(text, "a  -\nb  -\nc  -\nd  -\ne  0\n");
}

static void a_cell_is_cut_between_two_characters(void **state)
{
	char json[2048] = "[{\"say\":\"";
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (int i = 0; i < 300; i++)
		strcat(json, "ß");
	strcat(json, "\"}]");
	text = print_rows(json, NULL, 0);
	assert_true(strlen(text) < TABLE_CELL_MAX + 8);
	assert_int_equal((unsigned char)text[strlen(text) - 2] & 0xc0, 0x80);
	assert_int_equal((unsigned char)text[strlen(text) - 3], 0xc3);
}

static int fill_pipe(const char *text, size_t len)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, len), (ssize_t)len);
	close(fds[1]);
	return fds[0];
}

static void lines_are_counted_and_the_last_needs_no_newline(void **state)
{
	static struct lines lines;
	_cleanup_fd_ int fd = fill_pipe("one\n\nthree", 10);
	size_t len;

	(void)state;
	lines_init(&lines, fd);
	assert_null(lines_next(&lines, &len));
	assert_int_equal(lines_read(&lines), 0);
	assert_string_equal(lines_next(&lines, &len), "one");
	assert_string_equal(lines_next(&lines, &len), "");
	assert_null(lines_next(&lines, &len));
	assert_false(lines_ended(&lines));
	assert_int_equal(lines_read(&lines), 0);
	assert_string_equal(lines_next(&lines, &len), "three");
	assert_int_equal(lines.number, 3);
	assert_int_equal(len, 5);
	assert_true(lines_ended(&lines));
}

static void a_line_without_end_is_refused(void **state)
{
	static struct lines lines;
	_cleanup_fd_ int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	size_t len;
	int r = 0;

	(void)state;
	lines_init(&lines, fd);
	for (int i = 0; i < 100 && r == 0; i++) {
		assert_null(lines_next(&lines, &len));
		r = lines_read(&lines);
	}
	assert_int_equal(r, -EMSGSIZE);
}

static void a_command_is_split_at_blanks_only(void **state)
{
	char command[] = "  sim  --speed=3\t'a b'; ";
	const char *words[PROGRAM_WORDS_MAX];

	(void)state;
	assert_int_equal(programs_split(command, words), 4);
	assert_string_equal(words[1], "--speed=3");
	assert_string_equal(words[3], "b';");
	assert_null(words[4]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned_and_numbers_stand_right),
		cmocka_unit_test(outside_texts_cannot_drive_the_terminal),
		cmocka_unit_test(an_object_shows_its_lists_as_tables),
		cmocka_unit_test(times_are_shown_as_date_and_second),
		cmocka_unit_test(what_is_empty_is_a_dash),
		cmocka_unit_test(a_cell_is_cut_between_two_characters),
		cmocka_unit_test(lines_are_counted_and_the_last_needs_no_newline),
		cmocka_unit_test(a_line_without_end_is_refused),
		cmocka_unit_test(a_command_is_split_at_blanks_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
