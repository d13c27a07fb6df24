#include "toledo.h"

#include <stdio.h>
#include <stdlib.h>

#define STX '\x02'

void toledo_load(struct toledo *pan, int64_t load_g, int64_t now_us, int64_t settle_us)
{
	pan->load_g = load_g;
	pan->steady_us = now_us + settle_us;
}

static int status_of(const struct toledo *pan, int64_t now_us)
{
	int64_t shown_g = pan->load_g - pan->zero_g;
	int status = TOLEDO_STATUS;

	if (now_us < pan->steady_us)
		status |= TOLEDO_MOTION;
	if (shown_g > TOLEDO_CAPACITY_G)
		status |= TOLEDO_OVER;
	if (shown_g < 0)
		status |= TOLEDO_UNDER;
	if (shown_g == 0)
		status |= TOLEDO_CENTRE;
	return status;
}

static size_t answer_status(int status, char *out)
{
	return (size_t)snprintf(out, TOLEDO_REPLY_MAX, "%c?%c\r", STX, status);
}

/* High resolution (H) shows one more decimal; this pan has none to show. */
static size_t answer_weight(const struct toledo *pan, bool high, int64_t now_us, char *out)
{
	int status = status_of(pan, now_us);
	long long shown_g = pan->load_g - pan->zero_g;

	if (status & (TOLEDO_MOTION | TOLEDO_OVER | TOLEDO_UNDER))
		return answer_status(status, out);
	return (size_t)snprintf(out, TOLEDO_REPLY_MAX, "%c%02lld.%03lld%s\r", STX, shown_g / 1000,
		shown_g % 1000, high ? "0" : "");
}

size_t toledo_answer(struct toledo *pan, uint8_t command, int64_t now_us,
	char out[TOLEDO_REPLY_MAX])
{
	if (pan->echo && command != 'F') {
		out[0] = (char)command;
		return 1;
	}
	switch (command) {
	case 'W':
		return answer_weight(pan, false, now_us, out);
	case 'H':
		return answer_weight(pan, true, now_us, out);
	case 'Z':
		if (now_us >= pan->steady_us)
			pan->zero_g = pan->load_g;
		return answer_status(status_of(pan, now_us), out);
	case 'E':
		pan->echo = true;
		return (size_t)snprintf(out, TOLEDO_REPLY_MAX, "%cE\r", STX);
	case 'F':
		pan->echo = false;
		return 0;
	default:
		return 0;
	}
}
