/* A label template, then a line with the data it is filled with as JSON, separated by a NUL. What is drawn must be one whole
 * ZPL format, whatever the data holds: nothing of it may end the format or start another command. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "label.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, word)); p++)
		n++;
	return n;
}

static void check_zpl(const char *zpl, size_t len)
{
	assert(strlen(zpl) == len && text_is_utf8(zpl, len));
	assert(strncmp(zpl, "^XA", 3) == 0 && strstr(zpl, "^XZ") && strlen(strstr(zpl, "^XZ")) <= 4);
	assert(count(zpl, "^XA") == 1 && count(zpl, "^XZ") == 1 && !strchr(zpl, '~'));
}

static void render(const struct label_template *template, const json_t *data)
{
	static const int dpis[] = { 203, 300 };
	char why[256];

	for (size_t i = 0; i < array_len(dpis); i++) {
		char *zpl = NULL;
		size_t len = 0;

		if (label_render(template, data, dpis[i], &zpl, &len, why, sizeof(why)) < 0)
			continue;
		check_zpl(zpl, len);
		free(zpl);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = size ? memchr(text, '\0', size) : NULL;
	size_t len = end ? (size_t)(end - text) : size;
	struct label_template *template = NULL;
	_cleanup_json_ json_t *object = NULL;
	char why[256] = "";

	if (end)
		object = json_parse(end + 1, size - len - 1, why, sizeof(why));
	if (template_parse("fuzz", text, len, &template, why, sizeof(why)) < 0) {
		assert(why[0] && memchr(why, '\0', sizeof(why)));
		return 0;
	}
	assert(template->items_n <= TEMPLATE_ITEMS_MAX);
	render(template, object);
	template_destroy(template);
	return 0;
}
