/* Proof at every start that a stranger stays outside: CURVE without a working handler lets
 * everybody in and says nothing. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "wire.h"
#include "zap.h"

#define LIMIT_US (10 * US_PER_S)
#define STEP_MS 20
#define MONITOR "inproc://self-test-monitor"

struct stranger {
	void *dealer, *monitor;
};

static void close_stranger(struct stranger *s)
{
	if (s->monitor) {
		zmq_socket_monitor(s->dealer, NULL, 0);
		zmq_close(s->monitor);
	}
	if (s->dealer)
		zmq_close(s->dealer);
}

static int connect_stranger(
	struct stranger *s, void *context, const char *endpoint, const struct key_pair *keys)
{
	struct key_pair own;
	int linger = 0;

	s->dealer = zmq_socket(context, ZMQ_DEALER);
	if (!s->dealer || zmq_curve_keypair(own.public_key, own.secret_key) < 0 ||
		zmq_setsockopt(s->dealer, ZMQ_LINGER, &linger, sizeof(linger)) < 0 ||
		zmq_setsockopt(s->dealer, ZMQ_CURVE_SERVERKEY, keys->public_key, KEY_TEXT_MAX) <
			0 ||
		zmq_setsockopt(s->dealer, ZMQ_CURVE_PUBLICKEY, own.public_key, KEY_TEXT_MAX) < 0 ||
		zmq_setsockopt(s->dealer, ZMQ_CURVE_SECRETKEY, own.secret_key, KEY_TEXT_MAX) < 0)
		return -errno;
	s->monitor = wire_monitor_open(context, s->dealer, MONITOR);
	if (!s->monitor || zmq_connect(s->dealer, endpoint) < 0)
		return -errno;
	return 0;
}

/* The monitor's raw event tells a refusal from a connection that was merely lost. */
static int read_verdict(void *monitor)
{
	enum wire_event event;
	char why[SYNC_WHY_MAX] = "";

	while (wire_monitor_next(monitor, &event, why, sizeof(why)) == 0) {
		if (event == WIRE_UP)
			return -EACCES;
		if (event == WIRE_LOST && strstr(why, "refused this site's key"))
			return 0;
	}
	return -EAGAIN;
}

static int watch(struct stranger *s, struct zap *zap)
{
	int64_t until = clock_boot_us() + LIMIT_US;

	while (clock_boot_us() < until) {
		zmq_pollitem_t items[] = {{.socket = zap_socket(zap), .events = ZMQ_POLLIN},
			{.socket = s->monitor, .events = ZMQ_POLLIN}};
		int r;

		zmq_poll(items, array_len(items), STEP_MS);
		zap_serve(zap);
		r = read_verdict(s->monitor);
		if (r != -EAGAIN)
			return r;
	}
	return -ETIMEDOUT;
}

int zap_self_test(void *context, struct zap *zap, void *router, const struct key_pair *keys)
{
	struct stranger s = {0};
	char endpoint[256];
	size_t size = sizeof(endpoint);
	int r;

	if (zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &size) < 0)
		return -errno;
	r = connect_stranger(&s, context, endpoint, keys);
	if (r == 0)
		r = watch(&s, zap);
	close_stranger(&s);
	return r;
}
