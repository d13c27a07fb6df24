#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WIRE_OUT_FIRST 2048
#define WIRE_OUT_KEEP 8192 /* a longer buffer is given back when it is empty */

static void leave_list(struct wire *w)
{
	if (!w->queued)
		return;
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	w->queued = false;
}

static void join_list(struct wires *wires, struct wire *w)
{
	if (w->queued)
		return;
	w->next = wires->first;
	w->link = &wires->first;
	if (w->next)
		w->next->link = &w->next;
	wires->first = w;
	w->queued = true;
}

/* Sends what the socket takes. libmicrohttpd leaves TCP_CORK on and pushes with TCP_NODELAY when it believes that the
 * bytes are with the kernel; they come later here, so the cork is pulled first. */
static void flush(struct wire *w)
{
	size_t sent = 0;
	int off = 0;

	setsockopt(w->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	while (sent < w->out_len) {
		ssize_t n = send(w->fd, w->out + sent, w->out_len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			w->broken = true;
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	if (w->broken)
		sent = w->out_len;
	w->out_len -= sent;
	if (w->out_len)
		memmove(w->out, w->out + sent, w->out_len);
}

static int make_room(struct wire *w, size_t more)
{
	size_t size = w->out_size ? w->out_size : WIRE_OUT_FIRST;
	char *out;

	while (size < w->out_len + more)
		size *= 2;
	if (size == w->out_size)
		return 0;
	out = realloc(w->out, size);
	if (!out)
		return -ENOMEM;
	w->out = out;
	w->out_size = size;
	return 0;
}

static int push_bytes(struct wires *wires, struct wire *w, const void *bytes, size_t len)
{
	if (w->out_len + len > WIRE_OUT_MAX)
		flush(w);
	if (w->broken)
		return -EPIPE;
	if (w->out_len && w->out_len + len > WIRE_OUT_MAX)
		return -EAGAIN;
	if (make_room(w, len) < 0)
		return -ENOMEM;
	memcpy(w->out + w->out_len, bytes, len);
	w->out_len += len;
	join_list(wires, w);
	return 0;
}

static ssize_t push(gnutls_transport_ptr_t user, const void *bytes, size_t len)
{
	struct wire *w = user;
	int r = push_bytes(w->wires, w, bytes, len);

	if (r == 0)
		return (ssize_t)len;
	gnutls_transport_set_errno(w->session, -r);
	return -1;
}

/* 1: there are bytes; 0: end; -1: errno says. */
static int fill(struct wire *w)
{
	ssize_t n;

	if (w->drained_in == w->wires->turn) {
		errno = EAGAIN;
		return -1;
	}
	do
		n = recv(w->fd, w->in, sizeof(w->in), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return (int)n;
	/* What comes after a short read is a new edge for epoll, seen in a later turn. */
	if ((size_t)n < sizeof(w->in))
		w->drained_in = w->wires->turn;
	w->in_at = 0;
	w->in_len = (size_t)n;
	return 1;
}

static ssize_t pull(gnutls_transport_ptr_t user, void *bytes, size_t len)
{
	struct wire *w = user;
	int r = w->in_at < w->in_len ? 1 : fill(w);

	if (r < 0)
		gnutls_transport_set_errno(w->session, errno);
	if (r <= 0)
		return r;
	if (len > w->in_len - w->in_at)
		len = w->in_len - w->in_at;
	memcpy(bytes, w->in + w->in_at, len);
	w->in_at += len;
	return (ssize_t)len;
}

/* GnuTLS asks before it reads with a time limit; here nothing waits. */
static int pull_timeout(gnutls_transport_ptr_t user, unsigned ms)
{
	(void)user;
	(void)ms;
	return 1;
}

void wire_init(struct wire *w, struct wires *wires, gnutls_session_t session, int fd)
{
	w->wires = wires;
	w->session = session;
	w->fd = fd;
	gnutls_transport_set_ptr(session, w);
	gnutls_transport_set_push_function(session, push);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_transport_set_pull_timeout_function(session, pull_timeout);
}

void wire_fini(struct wire *w)
{
	if (w->out_len && !w->broken)
		flush(w);
	leave_list(w);
	free(w->out);
	w->out = NULL;
	w->out_len = w->out_size = 0;
}

void wires_flush(struct wires *wires)
{
	struct wire *next;

	for (struct wire *w = wires->first; w; w = next) {
		next = w->next;
		flush(w);
		if (w->out_len)
			continue; /* the socket is full: the next turn tries again */
		leave_list(w);
		if (w->out_size > WIRE_OUT_KEEP) {
			free(w->out);
			w->out = NULL;
			w->out_size = 0;
		}
	}
}

void wires_turn(struct wires *wires)
{
	wires->turn++;
}
