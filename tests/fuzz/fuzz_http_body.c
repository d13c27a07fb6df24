/* Whatever a browser may send: first byte picks the reader, the rest is what it reads. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "http.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_command(const char *text, size_t len)
{
	struct command_body body;
	char why[128];

	if (body_command(text, len, "00ff", "hh-1", &body, why, sizeof(why)) == 0) {
		/* What goes on to the core must be one JSON object with our actor in it. */
		json_t *again = json_loads(body.text, JSON_REJECT_DUPLICATES, NULL);

		if (!again || strcmp(json_str(again, "actor"), "00ff") != 0 || !json_equal(again, body.json))
			abort();
		json_decref(again);
	}
	command_body_fini(&body);
}

static void read_header(const char *text)
{
	char value[65];
	int64_t n;

	http_cookie(text, "wharf", value, sizeof(value));
	http_is_json(text);
	http_etag_matches(text, "\"0011\"");
	http_number(text, 0, INT64_MAX, &n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct login_body login;
	char why[128];
	const char *value;
	size_t value_len;
	char *text;

	if (!size || size > HTTP_BODY_MAX)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 4) {
	case 0:
		read_command(text, size - 1);
		break;
	case 1:
		body_login(text, size - 1, &login, why, sizeof(why));
		break;
	case 2:
		read_header(text);
		break;
	default:
		json_peek(text, size - 1, "id", &value, &value_len);
		break;
	}
	free(text);
	return 0;
}
