#include "driver.h"

#include <errno.h>
#include <string.h>

static const struct driver *const drivers[] = {
	&driver_null,
	&driver_serial_scanner,
	&driver_toledo8217,
};

#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

const struct driver *driver_at(size_t i)
{
	return i < DRIVERS ? drivers[i] : NULL;
}

const struct driver *driver_find(const char *name)
{
	for (size_t i = 0; i < DRIVERS; i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}

void driver_settings_init(struct driver_settings *s)
{
	*s = (struct driver_settings){ .suffix = SUFFIX_CRLF, .aim = true };
}

/* A row per word: the settings struct is small enough to be written by assignment. */
static const struct {
	const char *key, *value;
	struct driver_settings set;
} words[] = {
	{ "prefix", "none", { .prefix = PREFIX_NONE } },
	{ "prefix", "stx", { .prefix = PREFIX_STX } },
	{ "suffix", "cr", { .suffix = SUFFIX_CR } },
	{ "suffix", "lf", { .suffix = SUFFIX_LF } },
	{ "suffix", "crlf", { .suffix = SUFFIX_CRLF } },
	{ "suffix", "tab", { .suffix = SUFFIX_TAB } },
	{ "suffix", "etx", { .suffix = SUFFIX_ETX } },
	{ "aim", "no", { .aim = false } },
	{ "aim", "yes", { .aim = true } },
	{ "unit", "kg", { .unit = UNIT_KG } },
	{ "unit", "lb", { .unit = UNIT_LB } },
};

int driver_settings_set(struct driver_settings *s, const char *key, const char *value)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct driver_settings *set = &words[i].set;

		if (strcmp(words[i].key, key) != 0 || strcmp(words[i].value, value) != 0)
			continue;
		if (key[0] == 'p')
			s->prefix = set->prefix;
		else if (key[0] == 's')
			s->suffix = set->suffix;
		else if (key[0] == 'a')
			s->aim = set->aim;
		else
			s->unit = set->unit;
		return 0;
	}
	return -EINVAL;
}

const char *driver_unit_name(enum driver_unit unit)
{
	switch (unit) {
	case UNIT_KG:
		return "kg";
	case UNIT_LB:
		return "lb";
	}
	return "";
}

/* Exact by definition: 1 lb = 453.592 37 g. */
static int64_t unit_ug(enum driver_unit unit)
{
	switch (unit) {
	case UNIT_KG:
		return INT64_C(1000000000);
	case UNIT_LB:
		return INT64_C(453592370);
	}
	return 0;
}

int64_t driver_mass_ug(int64_t digits, unsigned decimals, enum driver_unit unit)
{
	int64_t divisor = 1;

	while (decimals--)
		divisor *= 10;
	return (digits * unit_ug(unit) + divisor / 2) / divisor;
}
