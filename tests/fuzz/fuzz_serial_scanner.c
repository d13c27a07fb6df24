/* Bytes of a serial scanner. */
#include "fuzz_driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct driver_settings settings;

	if (size < 2)
		return 0;
	settings = (struct driver_settings){ .prefix = data[0] & 1 ? PREFIX_STX : PREFIX_NONE,
		.suffix = (enum driver_suffix)((data[0] >> 1) % (SUFFIX_ETX + 1)),
		.aim = data[0] & 0x80 };
	return fuzz_driver(&driver_serial_scanner, &settings, data + 2, size - 2, data[1]);
}
