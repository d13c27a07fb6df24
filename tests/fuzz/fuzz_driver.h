/* Feeds a driver: the first byte is a choice of settings, the second the length of the pieces. What must
 * hold whatever comes: progress, bounds, and that a silence forgets everything. */
#ifndef WHARF_FUZZ_DRIVER_H
#define WHARF_FUZZ_DRIVER_H

#include <assert.h>
#include <string.h>

#include "driver.h"

static void check_reading(const struct driver *driver, const struct reading *r)
{
	static volatile uint8_t sink; /* every byte is touched: the sanitizer sees what does not belong */

	assert(r->raw_len <= DRIVER_RAW_MAX);
	for (size_t i = 0; i < r->raw_len; i++)
		sink = r->raw[i];
	assert(r->data_len <= DRIVER_DATA_MAX);
	for (size_t i = 0; i < r->data_len; i++)
		sink = r->data[i];
	assert((r->kind == READING_FAULT) == (r->fault != NULL));
	assert(r->kind != READING_SCAN || (driver->family == DRIVER_SCANNER && r->data_len));
	assert(r->kind != READING_WEIGHT || (driver->family == DRIVER_SCALE && r->value_ug >= 0));
	(void)sink;
}

static int fuzz_driver(const struct driver *driver, const struct driver_settings *settings,
	const uint8_t *data, size_t size, size_t piece)
{
	union driver_state state;

	memset(&state, 0xA5, sizeof(state));
	driver->init(&state, settings);
	while (size) {
		size_t n = piece && piece < size ? piece : size;
		struct reading r;
		size_t used = driver->take(&state, data, n, &r);

		assert(used >= 1 && used <= n);
		assert(r.kind != READING_NONE || used == n);
		if (r.kind != READING_NONE)
			check_reading(driver, &r);
		data += used;
		size -= used;
	}
	driver->reset(&state);
	assert(driver->reset(&state) == 0);
	return 0;
}

#endif
