#include "tls_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

#define REQUEST_MAX 2048
#define ANSWER_MAX (32 * 1024)
#define EVENTS_MAX 64
#define PORT_WAIT_S 30

struct connection {
	int fd;
	gnutls_session_t tls;
	struct handheld *handheld;
	int64_t sent_ns;
	size_t in_len;
	char in[ANSWER_MAX + 1];
};

struct client {
	gnutls_certificate_credentials_t credentials;
	struct connection *connections;
	size_t n, open;
	int port, epoll;
	int64_t start_ns;
	struct tls_load *load;
};

static int connect_port(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int64_t start = now_ns();
	int one = 1;

	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			die("no socket");
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			return fd;
		}
		close(fd);
		if (seconds_since(start) > PORT_WAIT_S)
			die("nobody listens at port %d", port);
		usleep(2000);
	}
}

/* The certificate is the bench's own; it is not what is measured. */
static void open_tls(struct client *client, struct connection *c)
{
	int r;

	if (gnutls_init(&c->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0 ||
		gnutls_priority_set_direct(c->tls, "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM", NULL) < 0 ||
		gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, client->credentials) < 0)
		die("TLS cannot be set up");
	gnutls_transport_set_int(c->tls, c->fd);
	do
		r = gnutls_handshake(c->tls);
	while (r < 0 && !gnutls_error_is_fatal(r));
	if (r < 0)
		die("TLS handshake: %s", gnutls_strerror(r));
}

static void send_scan(struct client *client, struct connection *c)
{
	char body[REQUEST_MAX / 2], request[REQUEST_MAX];
	size_t len = floor_scan_text(c->handheld, true, body, sizeof(body));
	ssize_t sent;

	if (text_format(request, sizeof(request),
		    "POST /api/command HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nCookie: wharf=%s\r\nX-Wharf: %s\r\n"
		    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		    client->port, c->handheld->token, c->handheld->csrf, len, body) < 0)
		die("request too long");
	c->sent_ns = now_ns();
	c->in_len = 0;
	/* One small record: the socket always has room for it. */
	sent = gnutls_record_send(c->tls, request, strlen(request));
	if (sent != (ssize_t)strlen(request))
		die("request not sent: %s", gnutls_strerror((int)sent));
}

/* The body of a whole answer, or NULL. */
static const char *whole_answer(struct connection *c)
{
	const char *head_end, *length;

	c->in[c->in_len] = '\0';
	head_end = strstr(c->in, "\r\n\r\n");
	length = head_end ? strcasestr(c->in, "content-length:") : NULL;
	if (!length || c->in_len < (size_t)(head_end - c->in) + 4 + (size_t)atol(length + 15))
		return NULL;
	return head_end + 4;
}

static void take_answer(struct client *client, struct connection *c, const char *body)
{
	struct tls_load *load = client->load;
	double elapsed = seconds_since(client->start_ns);

	if (load->echo)
		c->handheld->n++;
	else if (!floor_scan_answer(c->handheld, body))
		die("not counted: %.600s", c->in);
	load->answer_bytes = c->in_len;
	load->all++;
	if (elapsed > load->warm_up) {
		load->scans++;
		samples_add(&load->round_trips, now_ns() - c->sent_ns);
	}
	if (elapsed < load->warm_up + load->seconds)
		send_scan(client, c);
	else
		client->open--;
}

static void read_answer(struct client *client, struct connection *c)
{
	do {
		ssize_t n = gnutls_record_recv(c->tls, c->in + c->in_len, ANSWER_MAX - c->in_len);
		const char *body;

		if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
			return;
		if (n <= 0)
			die("connection closed: %s", gnutls_strerror((int)n));
		c->in_len += (size_t)n;
		body = whole_answer(c);
		if (body)
			take_answer(client, c, body);
	} while (gnutls_record_check_pending(c->tls));
}

static void open_all(struct client *client, struct handheld *h)
{
	client->connections = calloc(client->n, sizeof(*client->connections));
	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!client->connections || client->epoll < 0)
		die("out of memory");
	for (size_t i = 0; i < client->n; i++) {
		struct connection *c = &client->connections[i];
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

		c->handheld = &h[i];
		c->fd = connect_port(client->port);
		open_tls(client, c);
		fcntl(c->fd, F_SETFL, O_NONBLOCK);
		epoll_ctl(client->epoll, EPOLL_CTL_ADD, c->fd, &e);
	}
}

static void close_all(struct client *client)
{
	for (size_t i = 0; i < client->n; i++) {
		gnutls_deinit(client->connections[i].tls);
		close(client->connections[i].fd);
	}
	free(client->connections);
	close(client->epoll);
}

void tls_load_run(int port, struct handheld *h, size_t n, struct tls_load *load)
{
	struct client client = { .n = n, .open = n, .port = port, .load = load };

	gnutls_certificate_allocate_credentials(&client.credentials);
	open_all(&client, h);
	client.start_ns = now_ns();
	for (size_t i = 0; i < n; i++)
		send_scan(&client, &client.connections[i]);
	while (client.open) {
		struct epoll_event events[EVENTS_MAX];
		int ready = epoll_wait(client.epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < ready; i++)
			read_answer(&client, events[i].data.ptr);
	}
	load->seconds = seconds_since(client.start_ns) - load->warm_up;
	close_all(&client);
	gnutls_certificate_free_credentials(client.credentials);
}
