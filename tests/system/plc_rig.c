#include "plc_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 5
#define FUNCTION_OFFSET 7 /* of a Modbus TCP frame */

static int listen_somewhere(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* Closed with RST: the host's library must not survive that by accident. */
static void hang_up(int fd)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static void answer(struct plc_rig *rig, modbus_t *server, const uint8_t *request, int n)
{
	bool write = request[FUNCTION_OFFSET] == MODBUS_FC_WRITE_MULTIPLE_REGISTERS;

	pthread_mutex_lock(&rig->lock);
	rig->map->tab_registers[PLC_RIG_A]++;
	modbus_reply(server, request, n, rig->map);
	pthread_mutex_unlock(&rig->lock);
	atomic_fetch_add(write ? &rig->writes : &rig->reads, 1);
}

static void serve(struct plc_rig *rig, modbus_t *server, int fd)
{
	uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	modbus_set_socket(server, fd);
	while (!rig->ends && !rig->reset && !rig->refuse) {
		int n;

		if (poll(&p, 1, TICK_MS) <= 0)
			continue;
		n = modbus_receive(server, request);
		if (n < 0)
			break;
		if (n > 0 && !rig->mute)
			answer(rig, server, request, n);
	}
	rig->reset = false;
	hang_up(fd);
}

static void *run(void *user)
{
	struct plc_rig *rig = user;
	modbus_t *server = modbus_new_tcp("127.0.0.1", rig->port);
	struct pollfd p = { .fd = rig->listener, .events = POLLIN };

	while (!rig->ends) {
		int fd;

		if (poll(&p, 1, TICK_MS) <= 0)
			continue;
		fd = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		atomic_fetch_add(&rig->connections, 1);
		serve(rig, server, fd);
	}
	modbus_free(server);
	return NULL;
}

void plc_rig_open(struct plc_rig *rig)
{
	*rig = (struct plc_rig){ .map = modbus_mapping_new(0, 0, PLC_RIG_WORDS, 0) };
	assert_non_null(rig->map);
	pthread_mutex_init(&rig->lock, NULL);
	rig->listener = listen_somewhere(&rig->port);
	assert_int_equal(pthread_create(&rig->thread, NULL, run, rig), 0);
}

void plc_rig_close(struct plc_rig *rig)
{
	rig->ends = true;
	pthread_join(rig->thread, NULL);
	close(rig->listener);
	modbus_mapping_free(rig->map);
	pthread_mutex_destroy(&rig->lock);
}

uint16_t plc_rig_get(struct plc_rig *rig, unsigned word)
{
	uint16_t value;

	pthread_mutex_lock(&rig->lock);
	value = rig->map->tab_registers[word];
	pthread_mutex_unlock(&rig->lock);
	return value;
}

void plc_rig_set(struct plc_rig *rig, unsigned word, const uint16_t *values, unsigned n)
{
	pthread_mutex_lock(&rig->lock);
	memcpy(&rig->map->tab_registers[word], values, n * sizeof(*values));
	pthread_mutex_unlock(&rig->lock);
}
