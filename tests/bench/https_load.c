/* Handhelds as fast as they can: N keep-alive HTTPS connections, each a logged-in device with one scan in the air.
 * Prints scans a second and latencies as one JSON line.
 *   https_load PORT CONNECTIONS SECONDS BADGE PIN
 * The i-th of several connections logs in as BADGE followed by i (from 0), for one person has one session.
 * Each device is driven by its prompts to an item (start, location) and then scans that item over and over, each
 * time as a new act with the step of the last prompt and the last outcome heard. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "text.h"

#define CONNECTIONS_MAX 512
#define BUFFER 32768
#define SAMPLES_MAX (8 * 1024 * 1024)
#define DRIVE_MAX 20

struct client {
	int fd;
	gnutls_session_t tls;
	char device[32], cookie[80], csrf[40], origin[48], code[128];
	int64_t n, step, sent_us;
	char in[BUFFER];
	size_t in_len;
};

static gnutls_certificate_credentials_t trust;
static uint32_t *samples;
static size_t samples_n, bad_n;

static void die(const char *what)
{
	fprintf(stderr, "https_load: %s\n", what);
	exit(EXIT_FAILURE);
}

static void connect_client(struct client *c, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, r;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("cannot connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	gnutls_init(&c->tls, GNUTLS_CLIENT);
	gnutls_priority_set_direct(c->tls, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL);
	gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, trust);
	gnutls_transport_set_int(c->tls, c->fd);
	do
		r = gnutls_handshake(c->tls);
	while (r < 0 && !gnutls_error_is_fatal(r));
	if (r < 0)
		die(gnutls_strerror(r));
}

static void send_request(struct client *c, const char *method, const char *path, const char *body)
{
	char out[4096];
	int n = snprintf(out, sizeof(out),
		"%s %s HTTP/1.1\r\nHost: localhost\r\nCookie: wharf=%s\r\nX-Wharf: %s\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		method, path, c->cookie, c->csrf, strlen(body), body);

	if (gnutls_record_send(c->tls, out, (size_t)n) != n)
		die("send failed");
}

/* The body of a whole response in c->in, or NULL when bytes are missing. */
static char *whole_response(struct client *c)
{
	char *body, *length;

	c->in[c->in_len] = '\0';
	body = strstr(c->in, "\r\n\r\n");
	if (!body)
		return NULL;
	length = strstr(c->in, "Content-Length: ");
	if (!length || length > body)
		die("a response without length");
	body += 4;
	return c->in_len - (size_t)(body - c->in) >= strtoul(length + 16, NULL, 10) ? body : NULL;
}

/* 1: a response is whole; 0: would block. */
static int read_response(struct client *c, char **ret_body)
{
	for (;;) {
		ssize_t n;

		*ret_body = c->in_len ? whole_response(c) : NULL;
		if (*ret_body)
			return 1;
		n = gnutls_record_recv(c->tls, c->in + c->in_len, BUFFER - 1 - c->in_len);
		if (n == GNUTLS_E_AGAIN)
			return 0;
		if (n == GNUTLS_E_INTERRUPTED)
			continue;
		if (n <= 0)
			die("connection ended");
		c->in_len += (size_t)n;
	}
}

static json_t *call(struct client *c, const char *method, const char *path, const char *body)
{
	char *text;
	json_t *answer;

	send_request(c, method, path, body);
	while (!read_response(c, &text))
		;
	answer = json_loads(text, 0, NULL);
	c->in_len = 0;
	if (!answer)
		die("an answer that is no JSON");
	return answer;
}

static void log_in(struct client *c, const char *badge, int i, const char *pin)
{
	char body[256], *cookie, *text;
	json_t *answer;

	text_format(body, sizeof(body), "{\"badge\":\"%s%d\",\"pin\":\"%s\",\"device\":\"%s\"}", badge,
		i, pin, c->device);
	send_request(c, "POST", "/api/login", body);
	while (!read_response(c, &text))
		;
	answer = json_loads(text, 0, NULL);
	cookie = strstr(c->in, "wharf=");
	if (!cookie || !json_is_true(json_object_get(answer, "ok")))
		die(text);
	memcpy(c->cookie, cookie + 6, 64);
	text_copy(c->csrf, sizeof(c->csrf), json_str(answer, "csrf"));
	json_decref(answer);
	c->in_len = 0;
}

static void make_act(struct client *c, const char *kind, const char *key, const char *value, char *out,
	size_t size)
{
	c->n++;
	text_format(out, size,
		"{\"id\":\"%s:%lld\",\"kind\":\"%s\",\"step\":%lld,\"heard\":\"%s:%lld\",\"args\":{%s\"%s\":\"%s\"}}",
		c->origin, (long long)c->n, kind, (long long)c->step, c->origin,
		(long long)(c->n > 1 ? c->n - 1 : 1), strcmp(kind, "scan") == 0 ? "\"aim\":\"\"," : "",
		key, value);
}

/* What the prompt wants to see next; the fake core's prompts have no data, so its codes are the fallback. */
static const char *wanted(const json_t *prompt)
{
	const json_t *data = json_object_get(prompt, "data");
	const char *expect = json_str(prompt, "expect");

	if (strcmp(expect, "location") == 0)
		return data ? json_str(data, "location") : "A-01-1";
	return data ? json_str(data, "barcode") : "4012345000016";
}

static void drive_to_item(struct client *c)
{
	json_t *answer = call(c, "GET", "/api/prompt", "");
	json_t *prompt = json_incref(json_object_get(answer, "push"));

	for (int i = 0; i < DRIVE_MAX && strcmp(json_str(prompt, "expect"), "item") != 0; i++) {
		bool start = strcmp(json_str(prompt, "expect"), "start") == 0;
		char act[1024];

		c->step = json_int(prompt, "step");
		make_act(c, start ? "key" : "scan", start ? "key" : "data",
			start ? "start" : wanted(prompt), act, sizeof(act));
		json_decref(answer);
		json_decref(prompt);
		answer = call(c, "POST", "/api/command", act);
		prompt = json_incref(json_object_get(json_object_get(answer, "outcome"), "prompt"));
	}
	if (strcmp(json_str(prompt, "expect"), "item") != 0)
		die("no item to pick");
	c->step = json_int(prompt, "step");
	text_copy(c->code, sizeof(c->code), wanted(prompt));
	json_decref(prompt);
	json_decref(answer);
}

static void send_scan(struct client *c)
{
	char act[1024];

	make_act(c, "scan", "data", c->code, act, sizeof(act));
	c->sent_us = clock_boot_us();
	send_request(c, "POST", "/api/command", act);
}

/* Not parsed: the load must cost less than what it measures. */
static void take_answer(struct client *c, const char *body)
{
	const char *prompt = strstr(body, "\"prompt\":{"), *step = strstr(prompt ? prompt : body, "\"step\":");

	if (samples_n < SAMPLES_MAX)
		samples[samples_n++] = (uint32_t)(clock_boot_us() - c->sent_us);
	if (!strstr(body, "\"ok\":true"))
		bad_n++;
	if (step)
		c->step = strtoll(step + 7, NULL, 10);
	c->in_len = 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t percentile(double p)
{
	return samples_n ? samples[(size_t)((double)(samples_n - 1) * p)] : 0;
}

static void load(struct client **clients, int n, int64_t until_us)
{
	struct epoll_event events[CONNECTIONS_MAX];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	char *body;

	for (int i = 0; i < n; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = clients[i] };

		fcntl(clients[i]->fd, F_SETFL, O_NONBLOCK);
		epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i]->fd, &e);
		send_scan(clients[i]);
	}
	while (clock_boot_us() < until_us) {
		int ready = epoll_wait(epoll, events, CONNECTIONS_MAX, 100);

		for (int i = 0; i < ready; i++) {
			struct client *c = events[i].data.ptr;

			if (!read_response(c, &body))
				continue;
			take_answer(c, body);
			send_scan(c);
		}
	}
	close(epoll);
}

int main(int argc, char **argv)
{
	struct client *clients[CONNECTIONS_MAX];
	int n = argc == 6 ? atoi(argv[2]) : 0, seconds = argc == 6 ? atoi(argv[3]) : 0;
	char run[BOOT_ID_MAX];

	if (n < 1 || n > CONNECTIONS_MAX || seconds < 1)
		die("PORT CONNECTIONS SECONDS BADGE PIN");
	samples = calloc(SAMPLES_MAX, sizeof(*samples));
	gnutls_certificate_allocate_credentials(&trust);
	text_boot_id(run);
	for (int i = 0; i < n; i++) {
		clients[i] = calloc(1, sizeof(*clients[i]));
		text_format(clients[i]->device, sizeof(clients[i]->device), "hh-load-%d", i);
		text_format(clients[i]->origin, sizeof(clients[i]->origin), "load-%s-%d", run, i);
		connect_client(clients[i], atoi(argv[1]));
		log_in(clients[i], argv[4], i, argv[5]);
		drive_to_item(clients[i]);
	}
	load(clients, n, clock_boot_us() + seconds * US_PER_S);
	qsort(samples, samples_n, sizeof(*samples), compare);
	printf("{\"connections\":%d,\"seconds\":%d,\"scans\":%zu,\"scans_per_s\":%zu,\"refused\":%zu,"
	       "\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n",
		n, seconds, samples_n, samples_n / (size_t)seconds, bad_n, percentile(0.5),
		percentile(0.99), percentile(1));
	return EXIT_SUCCESS;
}
