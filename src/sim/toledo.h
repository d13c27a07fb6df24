/* The scale's side of Toledo 8217: a pan that settles, and its answer to each command byte. Pure:
 * no file, no clock. Weights in grams; the scale shows kilograms with three decimals. */
#ifndef WHARF_SIM_TOLEDO_H
#define WHARF_SIM_TOLEDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOLEDO_REPLY_MAX 16
#define TOLEDO_CAPACITY_G 30000

/* Status byte behind '?'; bits 5 and 6 are always 1. */
#define TOLEDO_STATUS 0x60
#define TOLEDO_MOTION 0x01
#define TOLEDO_OVER 0x02
#define TOLEDO_UNDER 0x04
#define TOLEDO_CENTRE 0x10

struct toledo {
	int64_t load_g;     /* what stands on the pan */
	int64_t zero_g;     /* taken off by Z */
	int64_t steady_us;  /* time from which the pan is at rest */
	bool echo;          /* E was sent: bytes come back until F */
};

/* Puts a load on the pan (0: takes it off); in motion until now_us + settle_us. */
void toledo_load(struct toledo *pan, int64_t load_g, int64_t now_us, int64_t settle_us);

/* The answer to one byte of the host. Its length; 0 where the scale stays silent. */
size_t toledo_answer(struct toledo *pan, uint8_t command, int64_t now_us,
	char out[TOLEDO_REPLY_MAX]);

#endif
