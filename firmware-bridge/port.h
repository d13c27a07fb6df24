/* The byte pipe to a device: opens, reads, writes, and opens again after a loss. */
#ifndef WHARF_PORT_H
#define WHARF_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver.h"

#define PORT_REOPEN_US INT64_C(500000)

struct port {
	const char *path; /* borrowed */
	int baud;
	enum driver_line line;
	int fd; /* -1: closed */
	int64_t retry_us;
};

void port_init(struct port *port, const char *path, int baud, enum driver_line line);
void port_close(struct port *port, int64_t now_us);

/* Opens when it is closed and the time has come. 0: just opened; -EAGAIN: nothing to do; -errno. */
int port_try(struct port *port, int64_t now_us);

/* *ret_n bytes, at least 1. -EAGAIN: none now; other -errno: the device is gone. */
int port_read(struct port *port, uint8_t *buf, size_t size, size_t *ret_n);

/* All or an error: what is said to devices is a few bytes. */
int port_write(struct port *port, const uint8_t *bytes, size_t n);

#endif
