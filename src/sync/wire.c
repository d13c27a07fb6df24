#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EVENTS                                                                                     \
	(ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED |                   \
		ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |                  \
		ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)

static int recv_part(void *socket, zmq_msg_t *part)
{
	int r;

	zmq_msg_init(part);
	do
		r = zmq_msg_recv(part, socket, ZMQ_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r >= 0)
		return 0;
	r = -errno;
	zmq_msg_close(part);
	return r;
}

static void drain(void *socket)
{
	zmq_msg_t part;
	int more = 1;

	while (more && recv_part(socket, &part) == 0) {
		more = zmq_msg_more(&part);
		zmq_msg_close(&part);
	}
}

/* 1 when parts follow it. */
static int recv_routing(void *socket, struct wire_message *m)
{
	zmq_msg_t part;
	int r = recv_part(socket, &part);

	if (r < 0)
		return r;
	m->routing_len = zmq_msg_size(&part);
	if (m->routing_len <= sizeof(m->routing))
		memcpy(m->routing, zmq_msg_data(&part), m->routing_len);
	r = zmq_msg_more(&part);
	zmq_msg_close(&part);
	return r;
}

static void read_user_id(struct wire_message *m)
{
	const char *user = zmq_msg_gets(&m->messages[0], "User-Id");

	if (!user || text_copy(m->user_id, sizeof(m->user_id), user) < 0)
		m->user_id[0] = '\0';
}

int wire_recv(void *socket, enum wire_socket kind, struct wire_message *m)
{
	int more = 1, r;

	m->n = 0;
	m->user_id[0] = '\0';
	if (kind == WIRE_ROUTER) {
		more = recv_routing(socket, m);
		if (more < 0)
			return more;
	}
	while (more) {
		if (m->n == WIRE_PARTS_MAX) {
			drain(socket);
			wire_free(m);
			return -EMSGSIZE;
		}
		r = recv_part(socket, &m->messages[m->n]);
		if (r < 0) {
			wire_free(m);
			return r;
		}
		m->parts[m->n] = (struct sync_part){
			zmq_msg_data(&m->messages[m->n]), zmq_msg_size(&m->messages[m->n])};
		more = zmq_msg_more(&m->messages[m->n++]);
	}
	if (m->n)
		read_user_id(m);
	return 0;
}

void wire_free(struct wire_message *m)
{
	for (size_t i = 0; i < m->n; i++)
		zmq_msg_close(&m->messages[i]);
	m->n = 0;
}

static int send_part(void *socket, const void *bytes, size_t len, int more)
{
	int r;

	do
		r = zmq_send(socket, bytes, len, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* Only the first part can be refused: libzmq takes a multipart message whole or not at all. */
int wire_send(void *socket, const void *routing, size_t routing_len, const struct sync_frame *frame)
{
	char header[SYNC_HEADER_MAX];
	size_t len = sync_encode(frame, header);
	int r = 0;

	if (routing)
		r = send_part(socket, routing, routing_len, 1);
	if (r == 0)
		r = send_part(socket, header, len, frame->bodies_n > 0);
	for (size_t i = 0; r == 0 && i < frame->bodies_n; i++)
		r = send_part(socket, frame->bodies[i].bytes, frame->bodies[i].len,
			i + 1 < frame->bodies_n);
	return r;
}

void *wire_monitor_open(void *context, void *socket, const char *endpoint)
{
	void *monitor;

	if (zmq_socket_monitor(socket, endpoint, EVENTS) < 0)
		return NULL;
	monitor = zmq_socket(context, ZMQ_PAIR);
	if (monitor && zmq_connect(monitor, endpoint) < 0) {
		zmq_close(monitor);
		return NULL;
	}
	return monitor;
}

static const char *protocol_words(uint32_t value)
{
	if (value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC ||
		value == ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE)
		return "the keys do not fit: is this HQ's public key?";
	if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
		return "the other end does not use CURVE";
	return "the other end does not speak this protocol";
}

static enum wire_event event_words(uint16_t event, uint32_t value, char *why, size_t why_size)
{
	switch (event) {
	case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
		return WIRE_UP;
	case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
		snprintf(why, why_size, "HQ refused this site's key (code %u): is it enrolled?",
			(unsigned)value);
		return WIRE_LOST;
	case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
		snprintf(why, why_size, "%s", protocol_words(value));
		return WIRE_LOST;
	case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
		snprintf(why, why_size, "the handshake was cut off: is this HQ's public key?");
		return WIRE_LOST;
	case ZMQ_EVENT_DISCONNECTED:
		snprintf(why, why_size, "the connection to HQ is lost");
		return WIRE_LOST;
	case ZMQ_EVENT_CLOSED:
	case ZMQ_EVENT_CONNECT_RETRIED:
		snprintf(why, why_size, "no connection to HQ");
		return WIRE_LOST;
	default:
		return WIRE_NOTHING;
	}
}

/* An event is two parts: event (16 bits) and value (32 bits) in host order, then the address. */
int wire_monitor_next(void *monitor, enum wire_event *ret, char *why, size_t why_size)
{
	zmq_msg_t part;
	uint16_t event = 0;
	uint32_t value = 0;
	int r = recv_part(monitor, &part);

	if (r < 0)
		return r;
	if (zmq_msg_size(&part) >= sizeof(event) + sizeof(value)) {
		const uint8_t *bytes = zmq_msg_data(&part);

		memcpy(&event, bytes, sizeof(event));
		memcpy(&value, bytes + sizeof(event), sizeof(value));
	}
	r = zmq_msg_more(&part);
	zmq_msg_close(&part);
	if (r)
		drain(monitor);
	*ret = event_words(event, value, why, why_size);
	return 0;
}
