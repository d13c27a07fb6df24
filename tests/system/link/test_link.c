#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "clock.h"
#include "door.h"
#include "json.h"
#include "rig.h"
#include "wire.h"
#include "zap.h"

#define LIMIT_US (20 * US_PER_S)

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig_make(rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	rig_remove(rig);
	free(rig);
	return 0;
}

/* ---- conditions ---- */

static bool hub_serves(struct rig *rig, long long unused)
{
	static const char *const words[] = {"status", "--json", NULL};

	(void)unused;
	return rig_hq(rig, words, NULL, 0) == 0;
}

static bool is_live(struct rig *rig, long long unused)
{
	(void)unused;
	return strcmp(rig->core.state, "live") == 0;
}

static bool is_idle(struct rig *rig, long long unused)
{
	(void)unused;
	return strcmp(rig->core.state, "idle") == 0;
}

static bool has_reason(struct rig *rig, long long text)
{
	return strstr(rig->core.reason, (const char *)(intptr_t)text) != NULL;
}

static bool is_acked(struct rig *rig, long long n)
{
	return rig->core.acked >= n;
}

static bool is_down(struct rig *rig, long long n)
{
	return rig->core.down_n >= n;
}

static bool has_blocks(struct rig *rig, long long n)
{
	return rig->core.leases >= n;
}

static bool hub_saw_downs(struct rig *rig, long long n)
{
	return rig_status(rig, "T", "down_acked") >= n;
}

static bool is_safe(struct rig *rig, long long n)
{
	return rig->core.safe >= n;
}

/* ---- pieces ---- */

static void start_both(struct rig *rig)
{
	rig_start_hub(rig);
	assert_true(rig_wait(rig, hub_serves, 0));
	rig_start_link(rig);
}

/* The link made its own keys at its first start; HQ does not know them yet. */
static void start_live(struct rig *rig)
{
	start_both(rig);
	assert_true(rig_wait(rig, has_reason, (intptr_t) "refused this site's key"));
	assert_string_equal(rig->core.state, "idle");
	rig_enrol(rig);
	assert_true(rig_wait(rig, is_live, 0));
}

static void ship(struct rig *rig, int n)
{
	for (int i = 0; i < n; i++) {
		char data[128];

		snprintf(data, sizeof(data), "{\"shipment\":\"T-1-%lld\",\"order\":\"O%lld\"}",
			(long long)rig->core.head + 1, (long long)rig->core.head + 1);
		core_add_event(&rig->core, "wharf.shipment.confirmed", data);
	}
}

static void send_orders(struct rig *rig, int first, int n)
{
	char path[96], text[8192] = "";
	const char *const words[] = {"send", "T", "order", path, NULL};

	for (int i = first; i < first + n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "{\"order\":\"O%d\"}\n",
			i);
	snprintf(path, sizeof(path), "%s/orders.json", rig->folder);
	assert_int_equal(text_write_file(path, text, strlen(text), 0600), 0);
	assert_int_equal(rig_hq(rig, words, NULL, 0), 0);
}

/* HQ's log of the site, from a backup copy: 1..n in order, with the core's hashes. */
static void check_books(struct rig *rig, int64_t n)
{
	static char text[1024 * 1024];
	char path[96], *save = NULL;
	const char *const backup[] = {"backup", path, NULL};
	const char *const facts[] = {"facts", path, "T", NULL};
	int64_t seen = 0;

	snprintf(path, sizeof(path), "%s/copy.db", rig->folder);
	assert_int_equal(rig_hq(rig, backup, NULL, 0), 0);
	assert_int_equal(rig_hq(rig, facts, text, sizeof(text)), 0);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		_cleanup_json_ json_t *fact = json_loads(line, 0, NULL);
		const json_t *event = json_object_get(fact, "event");
		char hash[HASH_HEX];

		seen++;
		text_hex(rig->core.hash[seen], HASH_BYTES, hash);
		assert_int_equal(json_int(event, "n"), seen);
		assert_string_equal(json_str(event, "hash"), hash);
	}
	assert_int_equal(seen, n);
	assert_int_equal(rig_status(rig, "T", "shipments"), n);
	assert_int_equal(rig_status(rig, "T", "duplicates"), 0);
	assert_int_equal(rig_status(rig, "T", "quarantined"), 0);
	assert_string_equal(rig->core.wrong, "");
}

/* ---- tests ---- */

static void the_whole_road_up_down_and_blocks(void **state)
{
	struct rig *rig = *state;
	struct stat st;
	char path[96];

	rig->core.lease_wanted = true;
	start_live(rig);
	snprintf(path, sizeof(path), "%s/keys/site.key", rig->folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	ship(rig, 600);
	send_orders(rig, 1, 20);
	assert_true(rig_wait(rig, is_acked, 600));
	assert_true(rig_wait(rig, is_down, 20));
	assert_true(rig_wait(rig, hub_saw_downs, 20));
	assert_string_equal(rig->core.last_down, "order O20");
	assert_int_equal(rig->core.applied, 20);
	assert_true(rig_wait(rig, has_blocks, 1));
	assert_string_equal(rig->core.prefix, "34012345");
	assert_int_equal(rig->core.count, 1000);
	assert_int_equal(rig->core.epoch, 1);
	check_books(rig, 600);
	assert_true(rig_wait(rig, is_safe, 600)); /* the backup was verified */
}

static void either_side_killed_again_and_again_loses_and_doubles_nothing(void **state)
{
	struct rig *rig = *state;

	start_live(rig);
	for (int round = 0; round < 4; round++) {
		int64_t before = rig->core.acked;

		ship(rig, 400);
		send_orders(rig, 1 + round * 10, 10);
		assert_true(rig_wait(rig, is_acked, before + 50));
		if (round % 2) {
			rig_kill(&rig->hub, SIGKILL);
			ship(rig, 100);
			rig_start_hub(rig);
			assert_true(rig_wait(rig, hub_serves, 0));
		} else {
			rig_kill(&rig->link, SIGKILL);
			core_drop_client(&rig->core);
			ship(rig, 100);
			rig_start_link(rig);
		}
	}
	assert_true(rig_wait(rig, is_acked, rig->core.head));
	assert_true(rig_wait(rig, is_down, 40));
	assert_int_equal(rig->core.applied, 40);
	check_books(rig, 2000);
}

static void the_door_may_be_away_and_busy(void **state)
{
	struct rig *rig = *state;

	start_live(rig);
	rig->core.busy_answers = 2;
	rig->core.busy_reads = 3;
	send_orders(rig, 1, 3);
	assert_true(rig_wait(rig, is_down, 1));
	core_drop_client(&rig->core);
	rig->core.busy_reads = 3;
	ship(rig, 30);
	assert_true(rig_wait(rig, is_acked, 30));
	assert_true(rig_wait(rig, is_down, 3));
	assert_int_equal(rig->core.applied, 3);
	check_books(rig, 30);
}

static void a_blocked_site_is_stopped_at_once_and_comes_back(void **state)
{
	struct rig *rig = *state;
	const char *const block[] = {"site", "T", "blocked", NULL};
	const char *const open[] = {"site", "T", "active", NULL};

	start_live(rig);
	assert_int_equal(rig_hq(rig, block, NULL, 0), 0);
	ship(rig, 5);
	assert_true(rig_wait(rig, has_reason, (intptr_t) "not active"));
	assert_int_equal(rig_status(rig, "T", "up_n"), 0);
	assert_int_equal(rig_hq(rig, open, NULL, 0), 0);
	assert_true(rig_wait(rig, is_acked, 5));
	check_books(rig, 5);
}

static void a_stop_ends_the_link_in_order(void **state)
{
	struct rig *rig = *state;
	int status;

	start_live(rig);
	kill(rig->link, SIGTERM);
	assert_int_equal(waitpid(rig->link, &status, 0), rig->link);
	rig->link = 0;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_string_equal(rig->core.wrong, "");
}

static void a_site_that_forgot_events_stops_and_says_why(void **state)
{
	struct rig *rig = *state;

	start_live(rig);
	ship(rig, 10);
	assert_true(rig_wait(rig, is_acked, 10));
	rig_kill(&rig->link, SIGKILL);
	core_drop_client(&rig->core);
	while (rig->core.head > 6) /* as after a restore */
		free(rig->core.events[rig->core.head--]);
	rig->core.acked = 6;
	rig->core.state[0] = '\0';
	rig_start_link(rig);
	assert_true(rig_wait(
		rig, has_reason, (intptr_t) "HQ has 10 events of this site, the site only 6"));
	assert_string_equal(rig->core.state, "reconcile");
	ship(rig, 1);
	assert_false(is_idle(rig, 0));
	assert_int_equal(rig_status(rig, "T", "up_n"), 10);
}

/* ---- raw sockets against the hub ---- */

static void *connect_raw(struct rig *rig, void *context, const struct key_pair *keys)
{
	void *dealer = zmq_socket(context, ZMQ_DEALER);
	char server[KEY_TEXT_MAX];
	int linger = 0;

	rig_hub_key(rig, server);
	assert_int_equal(zmq_setsockopt(dealer, ZMQ_LINGER, &linger, sizeof(linger)), 0);
	assert_int_equal(zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, server, KEY_TEXT_MAX), 0);
	assert_int_equal(
		zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, keys->public_key, KEY_TEXT_MAX), 0);
	assert_int_equal(
		zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, keys->secret_key, KEY_TEXT_MAX), 0);
	return dealer;
}

/* The last event but WIRE_NOTHING within the limit, `why` with it. */
static enum wire_event first_event(void *monitor, char *why, size_t size)
{
	int64_t until = clock_boot_us() + LIMIT_US;
	enum wire_event event = WIRE_NOTHING;

	while (clock_boot_us() < until) {
		zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};

		zmq_poll(&item, 1, 50);
		while (wire_monitor_next(monitor, &event, why, size) == 0)
			if (event != WIRE_NOTHING)
				return event;
	}
	return WIRE_NOTHING;
}

static void a_key_nobody_knows_is_refused_by_the_running_hub(void **state)
{
	struct rig *rig = *state;
	void *context = zmq_ctx_new(), *dealer, *monitor;
	struct key_pair keys;
	char why[SYNC_WHY_MAX] = "";

	rig_start_hub(rig);
	assert_true(rig_wait(rig, hub_serves, 0));
	assert_int_equal(zmq_curve_keypair(keys.public_key, keys.secret_key), 0);
	dealer = connect_raw(rig, context, &keys);
	monitor = wire_monitor_open(context, dealer, "inproc://m");
	assert_int_equal(zmq_connect(dealer, rig->address), 0);
	assert_int_equal(first_event(monitor, why, sizeof(why)), WIRE_LOST);
	assert_non_null(strstr(why, "refused this site's key (code 400)"));
	zmq_socket_monitor(dealer, NULL, 0);
	zmq_close(monitor);
	zmq_close(dealer);
	zmq_ctx_term(context);
}

/* The self-test must see an open door, else its silence proves nothing: CURVE without a domain that
 * is enforced lets everybody in. */
static int self_test(struct rig *rig, bool closed)
{
	void *context = zmq_ctx_new(), *elsewhere = zmq_ctx_new(), *router;
	struct key_pair keys;
	struct zap *zap;
	char sites[96];
	int on = 1, linger = 0, r;

	snprintf(sites, sizeof(sites), "%s/keys/sites", rig->folder);
	assert_int_equal(zmq_curve_keypair(keys.public_key, keys.secret_key), 0);
	/* A handler of another context is none: libzmq then lets everybody in. */
	assert_int_equal(zap_open(closed ? context : elsewhere, sites, &zap), 0);
	router = closed ? zap_make_router(context, &keys) : zmq_socket(context, ZMQ_ROUTER);
	if (!closed) {
		zmq_setsockopt(router, ZMQ_LINGER, &linger, sizeof(linger));
		zmq_setsockopt(router, ZMQ_CURVE_SERVER, &on, sizeof(on));
		zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, keys.secret_key, KEY_TEXT_MAX);
	}
	assert_int_equal(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
	r = zap_self_test(context, zap, router, &keys);
	zmq_close(router);
	zap_close(zap);
	zmq_ctx_term(context);
	zmq_ctx_term(elsewhere);
	return r;
}

static void the_self_test_sees_whether_strangers_are_let_in(void **state)
{
	assert_int_equal(self_test(*state, true), 0);
	assert_int_equal(self_test(*state, false), -EACCES);
}

static struct sync_frame raw_hello(const char *esid)
{
	struct sync_frame f;

	sync_frame_init(&f, SYNC_HELLO, esid, "");
	strcpy(f.incarnation, "raw");
	return f;
}

static bool await_frame(void *dealer, enum sync_type type, struct sync_frame *ret)
{
	int64_t until = clock_boot_us() + LIMIT_US;

	while (clock_boot_us() < until) {
		zmq_pollitem_t item = {.socket = dealer, .events = ZMQ_POLLIN};
		struct wire_message m;
		char why[SYNC_WHY_MAX];

		zmq_poll(&item, 1, 50);
		if (wire_recv(dealer, WIRE_DEALER, &m) < 0)
			continue;
		assert_int_equal(sync_decode(m.parts, m.n, ret, why), 0);
		wire_free(&m);
		if (ret->type == type)
			return true;
	}
	return false;
}

static void nonsense_on_the_wire_is_answered_and_the_hub_lives(void **state)
{
	struct rig *rig = *state;
	void *context = zmq_ctx_new(), *dealer;
	struct key_pair keys;
	struct sync_frame f = raw_hello("one"), got;
	static char big[SYNC_HEADER_MAX + 1];
	char text[256];

	rig_enrol_new(rig, "RAW", &keys);
	rig_start_hub(rig);
	assert_true(rig_wait(rig, hub_serves, 0));
	dealer = connect_raw(rig, context, &keys);
	assert_int_equal(zmq_connect(dealer, rig->address), 0);
	assert_int_equal(wire_send(dealer, NULL, 0, &f), 0);
	assert_true(await_frame(dealer, SYNC_WELCOME, &got));
	snprintf(text, sizeof(text),
		"{\"v\":1,\"type\":\"TELEPORT\",\"esid\":\"one\",\"hsid\":\"%s\",\"x\":1}",
		got.hsid);
	assert_true(zmq_send(dealer, text, strlen(text), 0) > 0);
	assert_true(await_frame(dealer, SYNC_UNKNOWN, &got));
	assert_string_equal(got.of, "TELEPORT");
	memset(big, ' ', sizeof(big));
	assert_true(zmq_send(dealer, big, sizeof(big), 0) > 0);
	assert_true(await_frame(dealer, SYNC_RESET, &got));
	assert_non_null(strstr(got.why, "4096"));
	for (int i = 0; i < 400; i++) /* more parts than a message may have */
		assert_int_equal(zmq_send(dealer, "x", 1, i < 399 ? ZMQ_SNDMORE : 0), 1);
	f = raw_hello("two");
	assert_int_equal(wire_send(dealer, NULL, 0, &f), 0);
	assert_true(await_frame(dealer, SYNC_WELCOME, &got));
	assert_string_equal(got.esid, "two");
	zmq_close(dealer);
	zmq_ctx_term(context);
}

/* The answer to one message at the control socket. */
static void ask_control(struct rig *rig, const char *bytes, size_t len, char *out)
{
	char path[96];
	_cleanup_fd_ int fd = -1;
	struct pollfd poll_fd = {.events = POLLIN};
	size_t got;

	snprintf(path, sizeof(path), "%s/run/hq.sock", rig->folder);
	fd = door_connect(path);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, bytes, len, 0), (ssize_t)len);
	poll_fd.fd = fd;
	assert_int_equal(poll(&poll_fd, 1, 10000), 1);
	assert_int_equal(door_recv(fd, out, &got), 1);
}

static void the_control_socket_refuses_with_a_reason(void **state)
{
	static const char *const wrong[][2] = {
		{"hello", "not JSON"},
		{"{\"send\":{},\"status\":{}}", "exactly one key"},
		{"{\"dance\":{}}", "unknown word"},
		{"{\"send\":{\"site\":\"T\",\"type\":5,\"body\":{}}}",
			"\\\"type\\\" must be a string"},
		{"{\"send\":{\"site\":\"NOBODY\",\"type\":\"order\",\"body\":{}}}", "enrolled"},
		{"{\"send\":{\"site\":\"../T\",\"type\":\"order\",\"body\":{}}}", "enrolled"},
		{"{\"backup\":{\"to\":\"relative.db\"}}", "begins with /"},
		{"{\"site\":{\"site\":\"RAW\",\"status\":\"asleep\"}}", "active or blocked"},
	};
	struct rig *rig = *state;
	static char big[DOOR_MESSAGE_MAX + 1], out[DOOR_MESSAGE_MAX + 1];
	struct key_pair keys;
	const char *good = "{\"send\":{\"site\":\"RAW\",\"type\":\"order\",\"body\":{}}}";

	rig_enrol_new(rig, "RAW", &keys);
	rig_start_hub(rig);
	assert_true(rig_wait(rig, hub_serves, 0));
	for (size_t i = 0; i < array_len(wrong); i++) {
		ask_control(rig, wrong[i][0], strlen(wrong[i][0]), out);
		if (!strstr(out, wrong[i][1]) || !strstr(out, "\"error\""))
			fail_msg("%s: %s", wrong[i][0], out);
	}
	memset(big, ' ', sizeof(big));
	ask_control(rig, big, sizeof(big), out);
	assert_non_null(strstr(out, "longer than 64 KiB"));
	ask_control(
		rig, good, strlen(good), out); /* a site that is enrolled and has not spoken yet */
	assert_string_equal(out, "{\"sent\":{\"n\":1}}");
}

int main(void)
{
#define LINK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		LINK_TEST(a_key_nobody_knows_is_refused_by_the_running_hub),
		LINK_TEST(the_self_test_sees_whether_strangers_are_let_in),
		LINK_TEST(the_whole_road_up_down_and_blocks),
		LINK_TEST(either_side_killed_again_and_again_loses_and_doubles_nothing),
		LINK_TEST(the_door_may_be_away_and_busy),
		LINK_TEST(a_blocked_site_is_stopped_at_once_and_comes_back),
		LINK_TEST(a_stop_ends_the_link_in_order),
		LINK_TEST(a_site_that_forgot_events_stops_and_says_why),
		LINK_TEST(nonsense_on_the_wire_is_answered_and_the_hub_lives),
		LINK_TEST(the_control_socket_refuses_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
