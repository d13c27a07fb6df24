#include "clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

int64_t clock_real_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t clock_boot_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

void clock_text(int64_t real_us, char *out)
{
	time_t seconds = (time_t)(real_us / US_PER_S);
	struct tm tm = { 0 };
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, CLOCK_TEXT_MAX - n, ".%03dZ", (int)(real_us % US_PER_S / US_PER_MS));
}

static int parse_fraction(const char *text, int64_t *ret_us)
{
	int64_t us = 0, unit = US_PER_S / 10;

	if (*text == '.')
		for (text++; isdigit((unsigned char)*text) && unit; text++, unit /= 10)
			us += (*text - '0') * unit;
	if (strcmp(text, "Z") != 0)
		return -EINVAL;
	*ret_us = us;
	return 0;
}

int clock_parse(const char *text, int64_t *ret_us)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t fraction_us;

	if (!rest || parse_fraction(rest, &fraction_us) < 0)
		return -EINVAL;
	*ret_us = (int64_t)timegm(&tm) * US_PER_S + fraction_us;
	return 0;
}
