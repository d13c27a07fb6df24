/* The virtual devices on their real wires: ptys, TCP, Modbus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "net.h"
#include "text.h"
#include "world.h"

#define WAIT_MS 5000

struct rig {
	struct loop loop;
	pthread_t thread;
	char folder[64];
};

static void *run(void *loop)
{
	loop_run(loop);
	return NULL;
}

static int rig_open(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	loop_init(&rig->loop);
	strcpy(rig->folder, "/tmp/wharf-sim-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	*state = rig;
	return 0;
}

static void rig_go(struct rig *rig)
{
	assert_int_equal(pthread_create(&rig->thread, NULL, run, &rig->loop), 0);
}

static void rig_stop(struct rig *rig)
{
	loop_stop(&rig->loop);
	pthread_join(rig->thread, NULL);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int rig_close(void **state)
{
	struct rig *rig = *state;

	loop_fini(&rig->loop);
	assert_int_equal(nftw(rig->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(rig);
	return 0;
}

static const char *in_folder(struct rig *rig, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", rig->folder, name);
	return path;
}

/* A port nobody listens on just now. */
static int free_port(void)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int fd = net_listen(0);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	close(fd);
	return ntohs(at.sin_port);
}

/* Reads until `want` bytes are there, the end, or the time is over. */
static size_t read_bytes(int fd, char *out, size_t want)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	while (n < want && poll(&p, 1, WAIT_MS) > 0) {
		ssize_t r = read(fd, out + n, want - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	out[n] = '\0';
	return n;
}

/* --- scanner and scale */

struct scan {
	struct scanner *scanner;
	enum beep beep;
	int wait_ms;
};

static void *pull_trigger(void *user)
{
	struct scan *scan = user;

	scan->beep = scanner_scan(scan->scanner, "]E0", "4012345000016", scan->wait_ms);
	return NULL;
}

static enum beep scan_answered(struct rig *rig, struct scanner *scanner, const char *answer)
{
	struct scan scan = { .scanner = scanner, .wait_ms = WAIT_MS };
	_cleanup_fd_ int fd = open(in_folder(rig, "tty/s1"), O_RDWR | O_NOCTTY);
	char got[32];
	pthread_t person;

	assert_true(fd >= 0);
	assert_int_equal(pthread_create(&person, NULL, pull_trigger, &scan), 0);
	read_bytes(fd, got, strlen("]E04012345000016\r\n"));
	assert_string_equal(got, "]E04012345000016\r\n");
	assert_int_equal(write(fd, answer, strlen(answer)), (ssize_t)strlen(answer));
	pthread_join(person, NULL);
	return scan.beep;
}

static void one_bel_is_good_and_three_are_bad(void **state)
{
	struct rig *rig = *state;
	struct scanner scanner;
	struct scan deaf = { .scanner = &scanner, .wait_ms = 50 };

	assert_int_equal(scanner_open(&scanner, &rig->loop, "s1", in_folder(rig, "tty/s1")), 0);
	rig_go(rig);
	assert_int_equal(scan_answered(rig, &scanner, "\x07"), BEEP_GOOD);
	assert_int_equal(scan_answered(rig, &scanner, "\x07\x07\x07"), BEEP_BAD);
	assert_int_equal(scan_answered(rig, &scanner, "\x07\x07"), BEEP_ALREADY);
	pull_trigger(&deaf);
	assert_int_equal(deaf.beep, BEEP_NONE);
	rig_stop(rig);
	scanner_close(&scanner);
	assert_int_equal(access(in_folder(rig, "tty/s1"), F_OK), -1);
}

static void a_host_on_the_wire_gets_motion_and_then_the_weight(void **state)
{
	struct rig *rig = *state;
	struct scale scale;
	char got[16] = "";
	int fd;

	assert_int_equal(scale_open(&scale, &rig->loop, in_folder(rig, "tty/scale")), 0);
	rig_go(rig);
	fd = open(in_folder(rig, "tty/scale"), O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	scale_put(&scale, 2050);
	assert_int_equal(write(fd, "W", 1), 1);
	assert_int_equal(read_bytes(fd, got, 4), 4);
	assert_string_equal(got, "\x02?\x61\r");
	while (got[1] == '?') {
		assert_int_equal(write(fd, "\xd7", 1), 1); /* W with the parity bit */
		assert_int_equal(read_bytes(fd, got, 4), 4);
	}
	read_bytes(fd, got + 4, 4);
	assert_string_equal(got, "\x02" "02.050\r");
	scale_put(&scale, 0);
	assert_false(scale_wait_empty(&scale, 10));
	do {
		assert_int_equal(write(fd, "W", 1), 1);
		assert_int_equal(read_bytes(fd, got, 4), 4);
	} while (got[1] == '?');
	assert_true(scale_wait_empty(&scale, WAIT_MS));
	close(fd);
	rig_stop(rig);
	scale_close(&scale);
}

/* --- printer */

#define LABEL "^XA^BCN,9,N,N,N,N^FD>;>800354123450000000014^FS^XZ"

static void send_all(int fd, const char *text)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void a_label_in_pieces_is_recorded_once_and_kept_over_a_restart(void **state)
{
	struct rig *rig = *state;
	static struct printer printer;
	_cleanup_json_ json_t *line = NULL;
	int port = free_port(), fd;
	char got[128];

	assert_int_equal(printer_open(&printer, &rig->loop, port, in_folder(rig, "labels")), 0);
	rig_go(rig);
	fd = net_connect(port);
	send_all(fd, "~HS");
	assert_true(read_bytes(fd, got, strlen("\x02" "030,0,0,")) > 0);
	assert_memory_equal(got, "\x02" "030,0,0,", 9);
	send_all(fd, "^XA^BCN,9,N,N,N,N^FD>;>8003541234500");
	send_all(fd, "00000014^FS^XZ^XA^FDhalf a label");
	assert_true(printer_take(&printer, "354123450000000014", WAIT_MS));
	close(fd);
	rig_stop(rig);
	assert_int_equal(printer.labels_n, 1);
	printer_close(&printer);
	line = json_load_file(in_folder(rig, "labels"), 0, NULL);
	assert_string_equal(json_str(line, "sscc"), "354123450000000014");
	assert_string_equal(json_str(line, "zpl"), LABEL);
	assert_int_equal(json_int(line, "bytes"), strlen(LABEL));
	assert_int_equal(printer_open(&printer, &rig->loop, port, in_folder(rig, "labels")), 0);
	assert_int_equal(printer_copies(&printer, "354123450000000014"), 1);
	printer_close(&printer);
}

static void a_printer_without_media_reads_nothing_until_it_is_loaded(void **state)
{
	struct rig *rig = *state;
	static struct printer printer;
	int port = free_port(), fd;

	assert_int_equal(printer_open(&printer, &rig->loop, port, in_folder(rig, "labels")), 0);
	printer_set_out(&printer, true);
	rig_go(rig);
	fd = net_connect(port);
	send_all(fd, LABEL);
	assert_false(printer_take(&printer, "354123450000000014", 100));
	pthread_mutex_lock(&rig->loop.lock);
	printer_set_out(&printer, false);
	pthread_mutex_unlock(&rig->loop.lock);
	assert_true(printer_take(&printer, "354123450000000014", WAIT_MS));
	close(fd);
	rig_stop(rig);
	printer_close(&printer);
}

/* --- WAN */

struct line {
	struct wan wan;
	int hub, near, far;    /* near: the edge's socket, far: the hub's */
	int wan_port;
};

static int wait_accept(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	return net_accept(listener);
}

static void line_open(struct rig *rig, struct line *line)
{
	int hub_port = free_port();

	line->wan_port = free_port();
	line->hub = net_listen(hub_port);
	assert_true(line->hub >= 0);
	assert_int_equal(wan_open(&line->wan, &rig->loop, line->wan_port, hub_port), 0);
	rig_go(rig);
	line->near = net_connect(line->wan_port);
	line->far = wait_accept(line->hub);
	assert_true(line->far >= 0);
}

static void line_close(struct rig *rig, struct line *line)
{
	rig_stop(rig);
	wan_close(&line->wan);
	close(line->near);
	close(line->far);
	close(line->hub);
}

static void with_lock(struct rig *rig, void (*act)(struct wan *), struct wan *wan)
{
	pthread_mutex_lock(&rig->loop.lock);
	act(wan);
	pthread_mutex_unlock(&rig->loop.lock);
}

/* More than the proxy's buffers and the sockets hold. */
#define BIG 3000000

struct big {
	int fd;
	const char *bytes;
};

static void *send_big(void *user)
{
	const struct big *big = user;

	for (size_t sent = 0; sent < BIG;) {
		struct pollfd p = { .fd = big->fd, .events = POLLOUT };
		ssize_t n = poll(&p, 1, WAIT_MS) > 0 ?
			send(big->fd, big->bytes + sent, BIG - sent, MSG_NOSIGNAL) : -1;

		if (n < 0)
			return NULL;
		sent += (size_t)n;
	}
	return NULL;
}

static void bytes_pass_both_ways_and_an_end_ends_both(void **state)
{
	struct rig *rig = *state;
	static struct line line;
	static char big[BIG + 1], got[BIG + 1];
	pthread_t sender;

	line_open(rig, &line);
	memset(big, 'x', sizeof(big) - 1);
	assert_int_equal(pthread_create(&sender, NULL, send_big, &(struct big){ line.near, big }), 0);
	assert_int_equal(read_bytes(line.far, got, BIG), BIG);
	assert_memory_equal(got, big, BIG);
	pthread_join(sender, NULL);
	send_all(line.far, "answer");
	assert_int_equal(read_bytes(line.near, got, 6), 6);
	assert_string_equal(got, "answer");
	close(line.near);
	line.near = -1;
	assert_int_equal(read_bytes(line.far, got, 1), 0);
	line_close(rig, &line);
}

static void a_cut_is_silence_and_healing_resets_what_was_open(void **state)
{
	struct rig *rig = *state;
	static struct line line;
	char got[16];
	struct pollfd p;
	int again;

	line_open(rig, &line);
	send_all(line.near, "before");
	assert_int_equal(read_bytes(line.far, got, 6), 6);
	with_lock(rig, wan_cut, &line.wan);
	send_all(line.near, "lost");
	p = (struct pollfd){ .fd = line.far, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 50), 0);
	with_lock(rig, wan_heal, &line.wan);
	p = (struct pollfd){ .fd = line.near, .events = POLLIN };
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_true(read(line.near, got, sizeof(got)) <= 0);
	again = net_connect(line.wan_port);
	close(line.far);
	line.far = wait_accept(line.hub);
	send_all(again, "after");
	assert_int_equal(read_bytes(line.far, got, 5), 5);
	assert_string_equal(got, "after");
	assert_int_equal(line.wan.cuts, 1);
	close(again);
	line_close(rig, &line);
}

static void a_delay_holds_bytes_back(void **state)
{
	struct rig *rig = *state;
	static struct line line;
	int64_t start_us;
	char got[16];

	line_open(rig, &line);
	pthread_mutex_lock(&rig->loop.lock);
	wan_delay(&line.wan, 60);
	pthread_mutex_unlock(&rig->loop.lock);
	start_us = clock_boot_us();
	send_all(line.near, "slow");
	assert_int_equal(read_bytes(line.far, got, 4), 4);
	assert_true(clock_boot_us() - start_us >= 60 * US_PER_MS);
	line_close(rig, &line);
}

/* --- conveyor */

static void a_modbus_host_decides_where_a_carton_goes(void **state)
{
	struct rig *rig = *state;
	static struct conveyor conveyor;
	struct conveyor_setup setup = { .port = free_port(), .a_base = 0, .b_base = 100,
		.times = { .decide_us = 3 * US_PER_S, .travel_us = 10000, .host_dead_us = 10 * US_PER_S,
			.default_lane = 9 } };
	uint16_t a[PLC_A_WORDS], reply[8] = { 0 };
	modbus_t *host = modbus_new_tcp("127.0.0.1", setup.port);

	assert_int_equal(conveyor_open(&conveyor, &rig->loop, &setup), 0);
	rig_go(rig);
	assert_int_equal(modbus_connect(host), 0);
	pthread_mutex_lock(&rig->loop.lock);
	assert_int_equal(conveyor_enter(&conveyor, "354123450000000014", "", PLC_READ_OK), 0);
	pthread_mutex_unlock(&rig->loop.lock);
	do
		assert_int_equal(modbus_read_registers(host, 0, PLC_A_WORDS, a), PLC_A_WORDS);
	while (!a[A_SEQ]);
	assert_int_equal(a[A_CODE], 0);
	memcpy(&reply[1], &a[A_TRACKING], 2 * sizeof(*a));
	reply[0] = a[A_SEQ];
	reply[3] = 2;
	assert_int_equal(modbus_write_registers(host, 100 + B_SEQ, 4, reply), 4);
	do
		assert_int_equal(modbus_read_registers(host, 0, PLC_A_WORDS, a), PLC_A_WORDS);
	while (!a[A_CONFIRM]);
	assert_int_equal(a[A_CONFIRM_LANE], 2);
	assert_memory_equal(&a[A_CONFIRM_TRACKING], &a[A_TRACKING], 2 * sizeof(*a));
	rig_stop(rig);
	assert_int_equal(conveyor.per_lane[2], 1);
	assert_int_equal(conveyor.default_lane.n, 0);
	modbus_close(host);
	modbus_free(host);
	conveyor_close(&conveyor);
}

static void without_a_host_a_carton_waits_in_the_default_lane_for_a_person(void **state)
{
	struct rig *rig = *state;
	static struct world world;
	struct conveyor_setup setup = { .port = free_port(), .b_base = 100, .times = { .decide_us = 1000,
			.travel_us = 1000, .host_dead_us = 1000, .default_lane = 9 } };
	char sscc[QUEUE_TEXT_MAX];

	loop_init(&world.loop);
	assert_int_equal(conveyor_open(&world.conveyor, &world.loop, &setup), 0);
	assert_int_equal(conveyor_enter(&world.conveyor, "354123450000000014", "", PLC_READ_NONE), 0);
	assert_int_equal(pthread_create(&rig->thread, NULL, run, &world.loop), 0);
	assert_int_equal(world_fetch(&world, &world.conveyor.default_lane, WAIT_MS, sscc), 0);
	assert_string_equal(sscc, "354123450000000014");
	loop_stop(&world.loop);
	pthread_join(rig->thread, NULL);
	assert_int_equal(world.conveyor.timed_out, 1);
	conveyor_close(&world.conveyor);
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_open, rig_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(one_bel_is_good_and_three_are_bad),
		RIG_TEST(a_host_on_the_wire_gets_motion_and_then_the_weight),
		RIG_TEST(a_label_in_pieces_is_recorded_once_and_kept_over_a_restart),
		RIG_TEST(a_printer_without_media_reads_nothing_until_it_is_loaded),
		RIG_TEST(bytes_pass_both_ways_and_an_end_ends_both),
		RIG_TEST(a_cut_is_silence_and_healing_resets_what_was_open),
		RIG_TEST(a_delay_holds_bytes_back),
		RIG_TEST(a_modbus_host_decides_where_a_carton_goes),
		RIG_TEST(without_a_host_a_carton_waits_in_the_default_lane_for_a_person),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
