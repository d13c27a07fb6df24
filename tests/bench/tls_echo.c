#include "tls_echo.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool.h"

#define ANSWER_MAX 16000
#define EVENTS_MAX 64

struct echo {
	gnutls_certificate_credentials_t credentials;
	int listener, epoll;
	char answer[ANSWER_MAX + 1];
	size_t answer_len;
};

struct caller {
	int fd;
	gnutls_session_t tls;
};

static void make_answer(struct echo *echo, size_t bytes)
{
	int head;

	echo->answer_len = bytes < ANSWER_MAX ? bytes : ANSWER_MAX;
	memset(echo->answer, 'w', echo->answer_len);
	head = snprintf(NULL, 0, "HTTP/1.1 200 OK\r\nContent-Length: %05d\r\n\r\n", 0);
	if ((int)echo->answer_len <= head)
		echo->answer_len = (size_t)head + 1;
	snprintf(echo->answer, (size_t)head + 1, "HTTP/1.1 200 OK\r\nContent-Length: %05zu\r\n\r\n",
		(echo->answer_len - (size_t)head) % 100000);
	echo->answer[head] = 'w';
}

static void listen_on(struct echo *echo, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event e = { .events = EPOLLIN };
	int one = 1;

	echo->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(echo->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(echo->listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(echo->listener, 64) < 0)
		die("echo cannot listen");
	echo->epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(echo->epoll, EPOLL_CTL_ADD, echo->listener, &e);
}

static void accept_caller(struct echo *echo)
{
	struct caller *c = calloc(1, sizeof(*c));
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
	int one = 1, r;

	if (!c)
		die("out of memory");
	c->fd = accept4(echo->listener, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	gnutls_init(&c->tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
	gnutls_priority_set_direct(c->tls, "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM", NULL);
	gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, echo->credentials);
	gnutls_transport_set_int(c->tls, c->fd);
	do
		r = gnutls_handshake(c->tls);
	while (r < 0 && !gnutls_error_is_fatal(r));
	if (r < 0)
		die("echo: %s", gnutls_strerror(r));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	epoll_ctl(echo->epoll, EPOLL_CTL_ADD, c->fd, &e);
}

static void answer_caller(struct echo *echo, struct caller *c)
{
	char in[4096];
	ssize_t n = gnutls_record_recv(c->tls, in, sizeof(in));

	if (n > 0)
		gnutls_record_send(c->tls, echo->answer, echo->answer_len);
	if (n > 0 || n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
		return;
	close(c->fd);
	gnutls_deinit(c->tls);
	free(c);
}

static _Noreturn void serve(struct echo *echo)
{
	for (;;) {
		struct epoll_event events[EVENTS_MAX];
		int ready = epoll_wait(echo->epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < ready; i++)
			if (events[i].data.ptr)
				answer_caller(echo, events[i].data.ptr);
			else
				accept_caller(echo);
	}
}

pid_t tls_echo_start(int port, const char *certificate, const char *key, size_t answer_bytes)
{
	static struct echo echo;
	pid_t pid = fork();

	if (pid < 0)
		die("echo cannot be started");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	gnutls_certificate_allocate_credentials(&echo.credentials);
	if (gnutls_certificate_set_x509_key_file(echo.credentials, certificate, key, GNUTLS_X509_FMT_PEM) < 0)
		_exit(1);
	make_answer(&echo, answer_bytes);
	listen_on(&echo, port);
	serve(&echo);
}
