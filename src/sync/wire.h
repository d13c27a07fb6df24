/* Frames on a ZeroMQ socket, and what its monitor says. */
#ifndef WHARF_SYNC_WIRE_H
#define WHARF_SYNC_WIRE_H

#include <stdint.h>
#include <zmq.h>

#include "frame.h"

#define WIRE_PARTS_MAX (SYNC_CREDIT_EVENTS + 1)
#define WIRE_ROUTING_MAX 255

/* Missing from the header of libzmq 4.3.4, works by number; without it an unknown key is let in
 * whenever no ZAP handler answers. */
#define WIRE_ZAP_ENFORCE_DOMAIN 93
#define WIRE_ZAP_DOMAIN "wharf"

/* A message as it came; made by wire_recv, released by wire_free. */
struct wire_message {
	zmq_msg_t messages[WIRE_PARTS_MAX];
	struct sync_part parts[WIRE_PARTS_MAX];
	size_t n;
	uint8_t routing[WIRE_ROUTING_MAX]; /* ROUTER only */
	size_t routing_len;
	char user_id[SYNC_SITE_MAX]; /* of the first part, as ZAP gave it; "" without */
};

enum wire_socket { WIRE_DEALER, WIRE_ROUTER };

/* One message without waiting. 0; -EAGAIN; -EMSGSIZE where it had too many parts (it is gone). */
int wire_recv(void *socket, enum wire_socket kind, struct wire_message *m);
void wire_free(struct wire_message *message);

/* One frame without waiting; `routing` NULL on a DEALER. 0; -EAGAIN; -EHOSTUNREACH and such. */
int wire_send(
	void *socket, const void *routing, size_t routing_len, const struct sync_frame *frame);

enum wire_event { WIRE_NOTHING, WIRE_UP, WIRE_LOST };

/* Watches a socket; the monitor is a socket to poll, or NULL (errno). */
void *wire_monitor_open(void *context, void *socket, const char *endpoint);

/* The next event without waiting: -EAGAIN at the end. WIRE_LOST comes with a reason in words. */
int wire_monitor_next(void *monitor, enum wire_event *ret, char *why, size_t why_size);

#endif
