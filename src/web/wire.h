/* TLS bytes between GnuTLS and a socket, with as few system calls as the kernel needs. GnuTLS alone reads a record in two
 * calls and a third to find nothing; libmicrohttpd writes headers and body as two records. Here what is there is read at
 * once, and what a turn of the loop wrote to a connection leaves in one piece at its end. */
#ifndef WHARF_WEB_WIRE_H
#define WHARF_WEB_WIRE_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_IN 4096          /* a request is 400 bytes; a longer one takes more reads */
#define WIRE_OUT_MAX (64 * 1024) /* above it GnuTLS is told that the socket is full */

/* Those that have something to send. */
struct wires {
	struct wire *first;
	uint64_t turn; /* from 1 */
};

struct wire {
	int fd;
	gnutls_session_t session;
	struct wires *wires;
	bool broken;         /* a send failed: the next one says so */
	bool queued;         /* in the list */
	uint64_t drained_in; /* the turn in which a short read emptied the socket */
	size_t in_at, in_len;
	char *out;
	size_t out_len, out_size;
	struct wire *next, **link;
	char in[WIRE_IN];
};

/* Puts the wire (all zero) between session and socket. It must stay until wire_fini. */
void wire_init(struct wire *wire, struct wires *wires, gnutls_session_t session, int fd);

/* Sends what is left if the socket takes it, and leaves the list. */
void wire_fini(struct wire *wire);

/* A turn of the loop: wires_turn before sockets are read, wires_flush after everything was answered. */
void wires_turn(struct wires *wires);
void wires_flush(struct wires *wires);

#endif
