#include "plc_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"

#define REASON_MAX 128
#define KEEPALIVE_S 10

struct plc_link {
	struct plc_link_settings settings;
	modbus_t *modbus;
	size_t failures;
	int64_t due_us;
	unsigned seed; /* jitter only */
	char reason[REASON_MAX];
};

static const int backoff_ms[] = { 0, 500, 1000, 2000, 5000 };

int plc_link_create(struct plc_link **ret, const struct plc_link_settings *settings)
{
	struct plc_link *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->settings = *settings;
	l->seed = (unsigned)clock_real_us();
	snprintf(l->reason, sizeof(l->reason), "connecting");
	*ret = l;
	return 0;
}

void plc_link_drop(struct plc_link *l)
{
	size_t i = l->failures < array_len(backoff_ms) ? l->failures : array_len(backoff_ms) - 1;
	int jitter_ms = backoff_ms[i] ? rand_r(&l->seed) % (backoff_ms[i] / 4) : 0;

	if (l->modbus) {
		modbus_close(l->modbus);
		modbus_free(l->modbus);
		l->modbus = NULL;
	}
	l->failures++;
	l->due_us = clock_boot_us() + (backoff_ms[i] + jitter_ms) * US_PER_MS;
}

void plc_link_destroy(struct plc_link *l)
{
	if (!l)
		return;
	plc_link_drop(l);
	free(l);
}

bool plc_link_up(const struct plc_link *l)
{
	return l->modbus != NULL;
}

int64_t plc_link_due_us(const struct plc_link *l)
{
	return l->due_us;
}

void plc_link_good(struct plc_link *l)
{
	l->failures = 0;
}

const char *plc_link_reason(const struct plc_link *l)
{
	return l->reason;
}

static int fail(struct plc_link *l, const char *what)
{
	snprintf(l->reason, sizeof(l->reason), "%s: %s", what, modbus_strerror(errno));
	return -EIO;
}

/* The library wants digits. */
static int resolve(struct plc_link *l, char *out, size_t size)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	int r = getaddrinfo(l->settings.host, NULL, &hints, &list);

	if (r) {
		snprintf(l->reason, sizeof(l->reason), "address: %s", gai_strerror(r));
		return -EIO;
	}
	getnameinfo(list->ai_addr, list->ai_addrlen, out, (socklen_t)size, NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(list);
	return 0;
}

static void keep_alive(int fd)
{
	const int on = 1, seconds = KEEPALIVE_S;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
}

static void set_timeouts(struct plc_link *l)
{
	uint32_t ms = (uint32_t)l->settings.response_ms;

	modbus_set_response_timeout(l->modbus, ms / 1000, ms % 1000 * 1000);
	modbus_set_byte_timeout(l->modbus, 0, 0); /* the response time-out holds for all of it */
}

static int open_context(struct plc_link *l)
{
	char address[INET_ADDRSTRLEN] = "";
	int r = resolve(l, address, sizeof(address));

	if (r < 0)
		return r;
	l->modbus = modbus_new_tcp(address, l->settings.port);
	if (!l->modbus)
		return fail(l, "context");
	modbus_set_slave(l->modbus, l->settings.unit);
	set_timeouts(l);
	if (modbus_connect(l->modbus) < 0)
		return fail(l, "connect");
	keep_alive(modbus_get_socket(l->modbus));
	return 0;
}

int plc_link_connect(struct plc_link *l)
{
	int r = open_context(l);

	if (r < 0)
		plc_link_drop(l);
	return r;
}

int plc_link_read(struct plc_link *l, unsigned first, unsigned n, uint16_t *ret)
{
	if (modbus_read_registers(l->modbus, (int)first, (int)n, ret) != (int)n)
		return fail(l, "read");
	return 0;
}

int plc_link_write(struct plc_link *l, unsigned first, unsigned n, const uint16_t *words)
{
	if (modbus_write_registers(l->modbus, (int)first, (int)n, words) != (int)n)
		return fail(l, "write");
	return 0;
}
