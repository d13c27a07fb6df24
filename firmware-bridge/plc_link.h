/* One Modbus TCP connection to a PLC. A failure of any kind drops it, with the library's context: that
 * one never recovers after some resets, and a late reply must not be taken for the next one. */
#ifndef WHARF_PLC_LINK_H
#define WHARF_PLC_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct plc_link_settings {
	const char *host; /* borrowed */
	int port, unit, response_ms;
};

struct plc_link;

/* 0 or -ENOMEM. Does not connect. */
int plc_link_create(struct plc_link **ret, const struct plc_link_settings *settings);
void plc_link_destroy(struct plc_link *link);

bool plc_link_up(const struct plc_link *link);

/* When the next attempt is due (boot clock): at once, then 0.5, 1, 2, 5 s, each with jitter. */
int64_t plc_link_due_us(const struct plc_link *link);

/* Blocks for the response time-out at most. 0 or -EIO. */
int plc_link_connect(struct plc_link *link);

/* The connection works: the next failure is retried at once. */
void plc_link_good(struct plc_link *link);
void plc_link_drop(struct plc_link *link);

/* Holding registers by wire address. 0 or -EIO; plc_link_reason() says why. */
int plc_link_read(struct plc_link *link, unsigned first, unsigned n, uint16_t *ret);
int plc_link_write(struct plc_link *link, unsigned first, unsigned n, const uint16_t *words);

const char *plc_link_reason(const struct plc_link *link);

#endif
