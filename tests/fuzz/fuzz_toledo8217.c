/* Bytes of a Toledo 8217. */
#include "fuzz_driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct driver_settings settings;

	if (size < 2)
		return 0;
	settings = (struct driver_settings){ .unit = data[0] & 1 ? UNIT_LB : UNIT_KG };
	return fuzz_driver(&driver_toledo8217, &settings, data + 2, size - 2, data[1]);
}
