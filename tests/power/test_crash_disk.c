#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "crash_disk.h"
#include "cleanup.h"

static int open_disk(void **state)
{
	*state = disk_create();
	return 0;
}

static int close_disk(void **state)
{
	disk_destroy(*state);
	return 0;
}

static int synced_file(struct disk *disk, const char *text)
{
	int file = disk_open_file(disk, "a", true, false);

	assert_int_equal(disk_write(disk, file, text, strlen(text), 0), 0);
	assert_int_equal(disk_sync(disk, file), 0);
	return file;
}

static void what_was_synced_survives_every_cut(void **state)
{
	struct disk *disk = *state;
	int file = synced_file(disk, "hello");
	char text[8] = "";

	for (uint64_t seed = 0; seed < 100; seed++) {
		struct chance chance = { seed };

		disk_cut(disk, &chance);
		assert_int_equal(disk_find(disk, "a"), file);
		assert_int_equal(disk_read(disk, file, text, sizeof(text), 0), 5);
		assert_string_equal(text, "hello");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_synced_survives_every_cut, open_disk, close_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
