/* A capture file, as `wharf-bridge replay` reads it. */
#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t take_all(void *user, size_t left)
{
	(void)user;
	return left;
}

static void drop(void *user, const struct reading *reading)
{
	(void)user;
	json_decref(reading_json(reading));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture capture;
	char why[80];

	if (capture_parse((const char *)data, size, &capture, why, sizeof(why)) < 0)
		return 0;
	if (capture.driver)
		capture_replay(&capture, take_all, drop, NULL);
	capture_fini(&capture);
	return 0;
}
