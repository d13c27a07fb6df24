#include "port.h"

#include <errno.h>
#include <unistd.h>

#include "serial.h"

void port_init(struct port *p, const char *path, int baud, enum driver_line line)
{
	*p = (struct port){ .path = path, .baud = baud, .line = line, .fd = -1 };
}

void port_close(struct port *p, int64_t now_us)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->retry_us = now_us + PORT_REOPEN_US;
}

int port_try(struct port *p, int64_t now_us)
{
	int fd;

	if (p->fd >= 0 || now_us < p->retry_us)
		return -EAGAIN;
	fd = serial_open(p->path, p->baud, p->line);
	if (fd < 0) {
		p->retry_us = now_us + PORT_REOPEN_US;
		return fd;
	}
	p->fd = fd;
	return 0;
}

int port_read(struct port *p, uint8_t *buf, size_t size, size_t *ret_n)
{
	ssize_t n;

	do
		n = read(p->fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0) /* a tty that was pulled */
		return -ENODEV;
	*ret_n = (size_t)n;
	return 0;
}

int port_write(struct port *p, const uint8_t *bytes, size_t n)
{
	ssize_t done;

	if (p->fd < 0)
		return -ENODEV;
	do
		done = write(p->fd, bytes, n);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return -errno;
	return (size_t)done == n ? 0 : -EAGAIN;
}
