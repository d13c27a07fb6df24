/* Text that goes out as JSON: written by us and read by jansson it is the same, and json_peek() finds what a tree would. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "json_out.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const char *value, int64_t number)
{
	struct json_out o = { 0 };
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *read = NULL;
	char why[128];

	json_out_open(&o, NULL, '{');
	json_out_str(&o, "text", value);
	json_out_int(&o, "number", number);
	json_out_bool(&o, "bool", number & 1);
	json_out_close(&o, '}');
	text = json_out_take(&o);
	assert(text);
	read = json_parse(text, strlen(text), why, sizeof(why));
	assert(json_object_size(read) == 3 && json_int(read, "number") == number);
	assert(!text_is_utf8(value, strlen(value)) || strcmp(json_str(read, "text"), value) == 0);
}

/* For compact text json_peek() and jansson agree on every key whose name has no escape. */
static void peek(const json_t *object)
{
	_cleanup_free_ char *text = json_dumps(object, JSON_COMPACT);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		_cleanup_free_ char *part = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		const char *found;
		size_t len;

		if (!text_is_plain(key) || strpbrk(key, "\"\\"))
			continue;
		assert(json_peek(text, strlen(text), key, &found, &len) == 0);
		assert(len == strlen(part) && memcmp(found, part, len) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	_cleanup_json_ json_t *object = NULL;
	_cleanup_free_ char *cut = NULL;
	int64_t number = 0;
	char why[128];

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	memcpy(&number, data, size < sizeof(number) ? size : sizeof(number));
	write_and_read(text, number);
	object = json_parse(text, size, why, sizeof(why));
	if (json_is_object(object))
		peek(object);
	cut = strdup(text);
	assert(cut);
	text_make_utf8(cut);
	assert(text_is_utf8(cut, strlen(cut)) && strlen(cut) == strlen(text));
	return 0;
}
