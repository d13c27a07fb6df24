/* A configuration file. What is accepted must be whole: every section of the table has all its keys, numbers are in their
 * range, and a text that is not the default stands in the file. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX 16384

static FILE *nowhere;

/* What a mark in the file stands for is not in the file itself. */
static bool has_marks(const char *file)
{
	return strstr(file, "@run@") || strstr(file, "@state@");
}

/* A built-in floor or an expanded @run@ is not in the file. */
static void check_text(const struct config *config, const char *section, const struct config_row *row, const char *file)
{
	const char *value = config_text(config, section, row->key);

	assert(strlen(value) < FILE_MAX);
	if (has_marks(file))
		return;
	if (row->initial && !strchr(row->initial, '@') && strcmp(value, row->initial) != 0 && !strchr(value, '/'))
		assert(strstr(file, value) || strstr(config_default_floor, value));
}

static void check_row(const struct config *config, const char *section, const struct config_row *row, const char *file)
{
	switch (row->type) {
	case CONFIG_INT:
		assert(config_int(config, section, row->key) >= row->min);
		assert(config_int(config, section, row->key) <= row->max);
		return;
	case CONFIG_BOOL:
		config_bool(config, section, row->key);
		return;
	case CONFIG_TEXT:
	case CONFIG_CHOICE:
		check_text(config, section, row, file);
		return;
	}
}

static void check_config(const struct config *config, const char *file)
{
	for (size_t k = 0; k < config_table_rows; k++) {
		const struct config_row *row = &config_table[k];
		char kind[64];
		const char *section;

		if (!strchr(row->section, '*')) {
			check_row(config, row->section, row, file);
			continue;
		}
		assert(text_format(kind, sizeof(kind), "%.*s", (int)strcspn(row->section, " "), row->section) == 0);
		for (size_t i = 0; (section = config_section(config, kind, i)); i++) {
			assert(config_has(config, section) && config_name(section)[0]);
			check_row(config, section, row, file);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_fd_ int fd = memfd_create("wharf.conf", MFD_CLOEXEC);
	_cleanup_free_ char *file = malloc(size + 1);
	struct config *config = NULL;
	char path[64];

	if (size > FILE_MAX)
		return 0;
	if (!nowhere)
		nowhere = fopen("/dev/null", "we");
	assert(fd >= 0 && file && nowhere);
	assert(write(fd, data, size) == (ssize_t)size);
	memcpy(file, data, size);
	file[size] = '\0';
	text_format(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (config_load(path, nowhere, &config) < 0)
		return 0;
	/* A NUL would be an error, so the text is all of the file. */
	assert(strlen(file) == size);
	check_config(config, file);
	config_destroy(config);
	return 0;
}
