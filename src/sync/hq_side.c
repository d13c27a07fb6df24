/* The socket to HQ. A new DEALER for each session: an old one would bring the frames it still holds
 * into the next session. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "uplink.h"
#include "wire.h"

#define CONNECT_TIMEOUT_MS 10000
#define READS_PER_TURN 64

static int set_int(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof(value));
}

static int set_key(void *socket, int option, const char *key)
{
	return zmq_setsockopt(socket, option, key, KEY_TEXT_MAX);
}

static int configure(const struct uplink *u, void *dealer, const char *server_key)
{
	int64_t message_max = SYNC_MESSAGE_MAX;

	if (set_int(dealer, ZMQ_LINGER, 0) < 0 || set_int(dealer, ZMQ_IMMEDIATE, 1) < 0 ||
		set_int(dealer, ZMQ_RECONNECT_IVL, -1) < 0 ||
		set_int(dealer, ZMQ_CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS) < 0 ||
		set_int(dealer, ZMQ_HANDSHAKE_IVL, CONNECT_TIMEOUT_MS) < 0 ||
		zmq_setsockopt(dealer, ZMQ_MAXMSGSIZE, &message_max, sizeof(message_max)) < 0 ||
		set_key(dealer, ZMQ_CURVE_SERVERKEY, server_key) < 0 ||
		set_key(dealer, ZMQ_CURVE_PUBLICKEY, u->keys.public_key) < 0 ||
		set_key(dealer, ZMQ_CURVE_SECRETKEY, u->keys.secret_key) < 0)
		return -errno;
	return 0;
}

static int open_sockets(struct uplink *u, const char *server_key)
{
	char endpoint[64];
	int r;

	snprintf(endpoint, sizeof(endpoint), "inproc://monitor-%d", ++u->sockets_made);
	u->dealer = zmq_socket(u->context, ZMQ_DEALER);
	if (!u->dealer)
		return -errno;
	r = configure(u, u->dealer, server_key);
	if (r < 0)
		return r;
	u->monitor = wire_monitor_open(u->context, u->dealer, endpoint);
	if (!u->monitor)
		return -errno;
	if (zmq_connect(u->dealer, config_text(u->config, "hq", "address")) < 0)
		return -errno;
	return 0;
}

void hq_side_open(struct uplink *u)
{
	const char *path = config_text(u->config, "hq", "server_key");
	char server_key[KEY_TEXT_MAX];
	int r = keys_load_public(path, server_key);

	if (r < 0) {
		snprintf(u->lost_why, sizeof(u->lost_why), "HQ's public key %.100s: %s", path,
			strerror(-r));
		return;
	}
	r = open_sockets(u, server_key);
	if (r < 0)
		snprintf(u->lost_why, sizeof(u->lost_why), "no socket to HQ: %s", zmq_strerror(-r));
}

void hq_side_close(struct uplink *u)
{
	if (u->monitor) {
		zmq_socket_monitor(u->dealer, NULL, 0);
		zmq_close(u->monitor);
	}
	if (u->dealer)
		zmq_close(u->dealer);
	u->monitor = u->dealer = NULL;
	u->lost_why[0] = '\0';
}

void hq_side_send(struct uplink *u, const struct sync_frame *frame)
{
	int r;

	if (!u->dealer || u->lost_why[0])
		return;
	r = wire_send(u->dealer, NULL, 0, frame);
	if (r < 0)
		snprintf(
			u->lost_why, sizeof(u->lost_why), "HQ does not read: %s", zmq_strerror(-r));
}

static void take_message(struct uplink *u, const struct wire_message *m)
{
	struct sync_frame frame;
	char why[SYNC_WHY_MAX];
	struct edge_input in = {.kind = EDGE_IN_MESSAGE, .frame = &frame};
	int r = sync_decode(m->parts, m->n, &frame, why);

	if (r < 0) {
		log_warning("frame from HQ refused: %s", why);
		in = (struct edge_input){.kind = EDGE_IN_MALFORMED, .why = why};
	}
	uplink_feed(u, &in);
}

void hq_side_read(struct uplink *u)
{
	struct wire_message m;

	/* A message may end the session and with it the socket. */
	for (int i = 0; u->dealer && i < READS_PER_TURN; i++) {
		int r = wire_recv(u->dealer, WIRE_DEALER, &m);

		if (r == -EMSGSIZE) {
			struct edge_input in = {.kind = EDGE_IN_MALFORMED, .why = "too many parts"};

			uplink_feed(u, &in);
			continue;
		}
		if (r < 0)
			return;
		take_message(u, &m);
		wire_free(&m);
		uplink_tell(u);
	}
}

void hq_side_monitor(struct uplink *u)
{
	enum wire_event event;
	char why[SYNC_WHY_MAX];

	while (u->monitor && wire_monitor_next(u->monitor, &event, why, sizeof(why)) == 0) {
		struct edge_input in = {.kind = EDGE_IN_SOCKET_UP};

		if (event == WIRE_NOTHING)
			continue;
		if (event == WIRE_LOST)
			in = (struct edge_input){.kind = EDGE_IN_SOCKET_DOWN, .why = why};
		uplink_feed(u, &in);
	}
}
