#include "conveyor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "net.h"
#include "text.h"

#define REGISTERS 1000
/* A frame whose rest does not come within this time ends its connection. */
#define FRAME_TIMEOUT_US 100000

static void drop_client(struct conveyor *c, size_t i)
{
	loop_remove(c->loop, c->clients[i]);
	close(c->clients[i]);
	c->clients[i] = -1;
}

/* libmodbus blocks until a frame is whole, at most FRAME_TIMEOUT_US: it must not find an empty
 * socket, so only those that poll() names are read. */
static void serve(struct conveyor *c, size_t i)
{
	uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
	int n;

	modbus_set_socket(c->modbus, c->clients[i]);
	n = modbus_receive(c->modbus, query);
	if (n < 0 || (n > 0 && modbus_reply(c->modbus, query, n, c->registers) < 0))
		drop_client(c, i);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, 0) > 0;
}

static void on_client(void *user, short revents)
{
	struct conveyor *c = user;

	(void)revents;
	for (size_t i = 0; i < CONVEYOR_CLIENTS_MAX; i++)
		if (is_readable(c->clients[i]))
			serve(c, i);
}

static void on_listener(void *user, short revents)
{
	struct conveyor *c = user;
	int fd = net_accept(c->listener);
	size_t i = 0;

	(void)revents;
	if (fd < 0)
		return;
	while (i < CONVEYOR_CLIENTS_MAX && c->clients[i] >= 0)
		i++;
	if (i == CONVEYOR_CLIENTS_MAX || loop_add(c->loop, fd, POLLIN, on_client, c) < 0)
		close(fd);
	else
		c->clients[i] = fd;
}

static const char *carton_of(const struct conveyor *c, uint32_t tracking)
{
	const char *sscc = c->parcels[tracking % PLC_PARCELS_MAX].sscc;

	return c->parcels[tracking % PLC_PARCELS_MAX].tracking == tracking ? sscc : "";
}

static struct conveyor_end *find_end(const struct conveyor *c, const char *sscc)
{
	for (size_t i = 0; i < c->ends_n; i++)
		if (strcmp(c->ends[i].sscc, sscc) == 0)
			return &c->ends[i];
	return NULL;
}

static struct conveyor_end *add_end(struct conveyor *c, const char *sscc)
{
	if (c->ends_n == CONVEYOR_CARTONS_MAX)
		return NULL;
	if (c->ends_n == c->ends_size) {
		size_t size = c->ends_size ? c->ends_size * 2 : 64;
		struct conveyor_end *ends = realloc(c->ends, size * sizeof(*ends));

		if (!ends)
			return NULL;
		c->ends = ends;
		c->ends_size = size;
	}
	text_copy(c->ends[c->ends_n].sscc, sizeof(c->ends->sscc), sscc);
	return &c->ends[c->ends_n++];
}

static void remember_end(struct conveyor *c, const char *sscc, uint16_t lane)
{
	struct conveyor_end *end = find_end(c, sscc);

	if (!end)
		end = add_end(c, sscc);
	if (end)
		end->lane = lane;
}

uint16_t conveyor_lane_of(const struct conveyor *c, const char *sscc)
{
	const struct conveyor_end *end = find_end(c, sscc);

	return end ? end->lane : 0;
}

static void on_end(struct conveyor *c, const struct plc_parcel *parcel)
{
	const char *sscc = carton_of(c, parcel->tracking);
	bool is_default = parcel->lane == c->plc.times.default_lane;

	if (parcel->lane < CONVEYOR_LANE_MAX)
		c->per_lane[parcel->lane]++;
	c->diverted += !is_default;
	c->defaulted += is_default;
	c->timed_out += !parcel->decided;
	remember_end(c, sscc, parcel->lane);
	if (is_default && *sscc && queue_put(&c->default_lane, sscc) < 0)
		log_error("default lane is full: carton left there sscc=%s", sscc);
	log_info("carton at lane=%u sscc=%s tracking=%u%s", parcel->lane, sscc, parcel->tracking,
		parcel->decided ? "" : " (no decision in time)");
	pthread_cond_broadcast(&c->loop->changed);
}

static void on_tick(void *user, int64_t now_us)
{
	struct conveyor *c = user;
	struct plc_parcel end;

	while (plc_side_step(&c->plc, now_us, &end))
		on_end(c, &end);
}

static int open_server(struct conveyor *c, int port)
{
	c->modbus = modbus_new_tcp("127.0.0.1", port);
	c->registers = modbus_mapping_new(0, 0, REGISTERS, 0);
	if (!c->modbus || !c->registers)
		return -ENOMEM;
	modbus_set_indication_timeout(c->modbus, 0, FRAME_TIMEOUT_US);
	c->listener = net_listen(port);
	return c->listener < 0 ? c->listener : 0;
}

int conveyor_open(struct conveyor *c, struct loop *loop, const struct conveyor_setup *setup)
{
	int r;

	memset(c, 0, sizeof(*c));
	c->loop = loop;
	c->listener = -1;
	/* A tracking id must not come again after a restart; seconds outrun cartons. */
	c->tracking = (uint32_t)(clock_real_us() / US_PER_S);
	for (size_t i = 0; i < CONVEYOR_CLIENTS_MAX; i++)
		c->clients[i] = -1;
	if (setup->a_base + PLC_A_WORDS > REGISTERS || setup->b_base + PLC_B_WORDS > REGISTERS)
		return -EINVAL;
	r = open_server(c, setup->port);
	if (r < 0)
		return r;
	plc_side_init(&c->plc, c->registers->tab_registers + setup->a_base,
		c->registers->tab_registers + setup->b_base, &setup->times, clock_boot_us());
	r = loop_add(loop, c->listener, POLLIN, on_listener, c);
	return r < 0 ? r : loop_add_tick(loop, on_tick, c);
}

void conveyor_close(struct conveyor *c)
{
	if (!c->loop)
		return;
	for (size_t i = 0; i < CONVEYOR_CLIENTS_MAX; i++)
		if (c->clients[i] >= 0)
			drop_client(c, i);
	if (c->listener >= 0) {
		loop_remove(c->loop, c->listener);
		close(c->listener);
	}
	if (c->modbus) {
		modbus_set_socket(c->modbus, -1);
		modbus_free(c->modbus);
	}
	if (c->registers)
		modbus_mapping_free(c->registers);
	free(c->ends);
	c->ends = NULL;
	c->loop = NULL;
}

int conveyor_enter(struct conveyor *c, const char *sscc, const char *code, uint16_t read)
{
	struct plc_parcel parcel = { .tracking = c->tracking + 1, .point = 1, .read = read };
	size_t slot = parcel.tracking % PLC_PARCELS_MAX;
	int r = text_copy(parcel.code, sizeof(parcel.code), code);

	if (r == 0)
		r = plc_side_enter(&c->plc, &parcel);
	if (r == 0)
		r = text_copy(c->parcels[slot].sscc, sizeof(c->parcels[slot].sscc), sscc);
	if (r < 0)
		return r;
	c->parcels[slot].tracking = parcel.tracking;
	c->tracking = parcel.tracking;
	c->inducted++;
	return 0;
}

bool conveyor_busy(const struct conveyor *c)
{
	return c->plc.waiting.n + c->plc.travelling.n + c->plc.arrived.n > 0;
}
