/* A file of any bytes as each kind of import: what the check lets through can be read again, row for row. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "cleanup.h"
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void on_wrong(void *user, const struct import_wrong *wrong)
{
	int *n = user;

	assert(++*n <= IMPORT_WRONG_MAX + CSV_FIELDS_MAX + 8);
	assert(text_is_utf8(wrong->value, strlen(wrong->value)) && wrong->say[0]);
}

static int count_rows(const struct import_kind *kind, const char *bytes, size_t len)
{
	static struct import_rows rows;
	int n = 0;
	json_t *part;

	assert(import_rows_open(&rows, kind, bytes, len) == 0);
	while ((part = import_rows_part(&rows))) {
		size_t size = json_dumpb(part, NULL, 0, JSON_COMPACT);

		assert(size > 0 && size < 63 * 1024); /* with the command around it, a message */
		n += (int)json_array_size(part);
		json_decref(part);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const whats[] = { "items", "locations", "totes", "stock" };

	for (size_t i = 0; i < array_len(whats); i++) {
		const struct import_kind *kind = import_kind_named(whats[i]);
		int wrong = 0, rows = import_check(kind, (const char *)bytes, len, on_wrong, &wrong);

		assert((rows >= 0) == (wrong == 0));
		if (rows >= 0)
			assert(count_rows(kind, (const char *)bytes, len) == rows);
	}
	return 0;
}
