/* Scan data of any bytes: what parses must survive being written and parsed again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "gs1.h"

#define AIM_BYTES 3

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_round_trip(const struct gs1_message *first)
{
	char text[GS1_DATA_MAX + GS1_ELEMENTS_MAX + 2];
	struct gs1_message second;
	struct gs1_error error;
	int len = gs1_element_string(first, text, sizeof(text));

	/* A GTIN made longer by its padding may exceed what one element string may have. */
	if (len < 0 || len > GS1_DATA_MAX)
		return;
	assert(gs1_parse(text, (size_t)len, &second, &error) == 0);
	assert(second.n == first->n);
	for (size_t i = 0; i < first->n; i++)
		assert(strcmp(first->elements[i].value, second.elements[i].value) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct gs1_message message;
	struct gs1_error error;
	char aim[AIM_BYTES + 1] = "";
	char hri[1024];

	if (len > AIM_BYTES && bytes[0] == ']') {
		memcpy(aim, bytes, AIM_BYTES);
		bytes += AIM_BYTES;
		len -= AIM_BYTES;
	}
	if (gs1_parse_scan(aim, (const char *)bytes, len, &message, &error) == 0) {
		check_round_trip(&message);
		(void)gs1_hri(&message, hri, sizeof(hri));
	} else {
		assert(memchr(error.say, '\0', sizeof(error.say)));
	}
	return 0;
}
