#include "web.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"

/* AES-128-GCM first: with the CPU's AES instructions it is the cheapest of the three. */
#define TLS_PRIORITIES                                                                             \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:"         \
	"+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:%SERVER_PRECEDENCE"
#define BACKLOG 256
#define TIMEOUT_S 75 /* libmicrohttpd's own, for a peer that is silent in the middle of something */

static gnutls_datum_t ticket_key;

/* libmicrohttpd tells no end of a request it refuses by itself, for parameters or headers that do not fit. */
static void drop_unfinished(struct connection *c)
{
	request_free(c->request);
	c->request = NULL;
}

/* Called when the request line is complete: the clock of slow headers and bodies starts here. */
static void *on_request_line(void *user, const char *uri, struct MHD_Connection *mhd)
{
	struct web *web = user;
	struct request *request = calloc(1, sizeof(*request));
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	(void)uri;
	if (!request)
		return NULL;
	request->web = web;
	request->mhd = mhd;
	request->started_us = web->now_us;
	request->connection = info ? info->socket_context : NULL;
	if (request->connection) {
		drop_unfinished(request->connection);
		request->connection->request = request;
	}
	return request;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *mhd, const char *url,
	const char *method, const char *version, const char *data, size_t *data_size, void **con_cls)
{
	(void)user;
	(void)mhd;
	(void)version;
	if (!*con_cls)
		return MHD_NO;
	return request_step(*con_cls, url, method, data, data_size);
}

static void on_request_end(void *user, struct MHD_Connection *mhd, void **con_cls,
	enum MHD_RequestTerminationCode why)
{
	struct request *request = *con_cls;
	struct connection *c = request ? request->connection : NULL;

	(void)user;
	(void)mhd;
	(void)why;
	if (c) {
		c->request = NULL;
		c->served = true;
		c->since_us = request->web->now_us;
	}
	request_free(request);
	*con_cls = NULL;
}

static void set_up_tls(struct web *web, struct connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	if (!info || !info->tls_session)
		return;
	gnutls_session_ticket_enable_server(info->tls_session, &ticket_key);
	wire_init(&c->wire, &web->wires, info->tls_session, c->fd);
}

static void open_connection(struct web *web, struct MHD_Connection *mhd, void **context)
{
	struct connection *c = calloc(1, sizeof(*c));
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	int one = 1;

	*context = c;
	if (!c || !info)
		return;
	c->mhd = mhd;
	c->fd = info->connect_fd;
	c->since_us = web->now_us;
	c->next = web->connections;
	if (c->next)
		c->next->previous = c;
	web->connections = c;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	set_up_tls(web, c);
}

static void close_connection(struct web *web, void **context)
{
	struct connection *c = *context;

	if (!c)
		return;
	drop_unfinished(c);
	wire_fini(&c->wire);
	if (c->next)
		c->next->previous = c->previous;
	if (c->previous)
		c->previous->next = c->next;
	else
		web->connections = c->next;
	free(c);
	*context = NULL;
}

static void on_connection(void *user, struct MHD_Connection *mhd, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		open_connection(user, mhd, context);
	else
		close_connection(user, context);
}

static void __attribute__((format(printf, 2, 0))) on_log(void *user, const char *format, va_list args)
{
	char line[256];
	size_t len;

	(void)user;
	vsnprintf(line, sizeof(line), format, args);
	len = strcspn(line, "\n");
	/* Broken handshakes and vanished clients are daily life on a warehouse's radio. */
	log_debug("http: %.*s", (int)len, line);
}

static int open_socket(const struct addrinfo *a)
{
	int one = 1, r;
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int listen_on(const char *address, int64_t port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list = NULL;
	char service[8];
	int fd;

	snprintf(service, sizeof(service), "%d", (int)port);
	fd = getaddrinfo(address, service, &hints, &list);
	if (fd != 0) {
		log_error("address is no address: %s address=%s", gai_strerror(fd), address);
		return -EINVAL;
	}
	fd = open_socket(list);
	freeaddrinfo(list);
	if (fd < 0)
		log_error("cannot listen: %s address=%s port=%d", strerror(-fd), address, (int)port);
	return fd;
}

static struct MHD_Daemon *start_daemon(struct web *web, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_TURBO | MHD_USE_ERROR_LOG |
			MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK,
		0, NULL, NULL, on_request, web, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_MEM_KEY, web->tls.key,
		MHD_OPTION_HTTPS_MEM_CERT, web->tls.certificate, MHD_OPTION_HTTPS_PRIORITIES,
		TLS_PRIORITIES, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_PER_ADDRESS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_URI_LOG_CALLBACK,
		on_request_line, web, MHD_OPTION_NOTIFY_COMPLETED, on_request_end, web,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, web, MHD_OPTION_END);
}

int server_start(struct web *web)
{
	const char *address = config_text(web->config, "web", "address");
	int64_t port = config_int(web->config, "web", "port");
	int fd, r;

	r = tls_load(config_text(web->config, "web", "certificate"),
		config_text(web->config, "web", "key"), address,
		config_text(web->config, "site", "name"), &web->tls);
	if (r < 0)
		return r;
	if (gnutls_session_ticket_key_generate(&ticket_key) < 0)
		return -ENOMEM;
	fd = listen_on(address, port);
	if (fd < 0)
		return fd;
	web->daemon = start_daemon(web, fd);
	if (!web->daemon) {
		close(fd);
		log_error("the HTTPS server does not start; do certificate and key fit together?");
		return -EIO;
	}
	log_info("pages: https://%s:%d/", address, (int)port);
	return 0;
}

void server_stop(struct web *web)
{
	/* libmicrohttpd does not end while a connection is suspended. */
	for (struct connection *c = web->connections; c; c = c->next)
		if (c->request && c->request->suspended) {
			c->request->suspended = false;
			MHD_resume_connection(c->mhd);
		}
	if (web->daemon)
		MHD_stop_daemon(web->daemon);
	web->daemon = NULL;
	gnutls_memset(ticket_key.data, 0, ticket_key.size);
	gnutls_free(ticket_key.data);
	ticket_key = (gnutls_datum_t){ 0 };
	tls_files_fini(&web->tls);
}

int server_epoll_fd(const struct web *web)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info ? info->epoll_fd : -1;
}

int server_timeout_ms(const struct web *web)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(web->daemon, &ms) != MHD_YES)
		return -1;
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

void server_run(struct web *web)
{
	wires_turn(&web->wires);
	MHD_run(web->daemon);
	wires_flush(&web->wires);
}

static bool took_too_long(const struct connection *c, int64_t now_us)
{
	const struct request *request = c->request;

	if (request)
		return !request->whole && now_us - request->started_us > REQUEST_US;
	return now_us - c->since_us > (c->served ? IDLE_US : FIRST_REQUEST_US);
}

/* A byte now and then keeps libmicrohttpd's own time-out away; these limits count whole requests. The
 * socket is shut down here and closed by libmicrohttpd. */
void server_sweep(struct web *web)
{
	for (struct connection *c = web->connections; c; c = c->next)
		if (took_too_long(c, web->now_us))
			shutdown(c->fd, SHUT_RDWR);
}
