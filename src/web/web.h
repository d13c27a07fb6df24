/* The HTTPS server as its parts see it. One thread runs everything but argon2: libmicrohttpd's epoll set and
 * the door are polled together, so a request costs no lock and no wake-up between threads. */
#ifndef WHARF_WEB_H
#define WHARF_WEB_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "http.h"
#include "password.h"
#include "session.h"
#include "tls.h"
#include "topics.h"
#include "upstream.h"
#include "wire.h"

#define CONNECTIONS_MAX 512
#define CONNECTIONS_PER_ADDRESS_MAX 256 /* a bench or a proxy is one address */
#define CONNECTION_MEMORY (8 * 1024)    /* request line and headers; libmicrohttpd answers 431 above */
#define FIRST_REQUEST_US (INT64_C(15) * 1000 * 1000) /* TLS handshake and first request line */
#define IDLE_US (INT64_C(75) * 1000 * 1000)
#define REQUEST_US (INT64_C(10) * 1000 * 1000) /* from the request line to the last byte of the body */
#define STREAMS_PER_SESSION_MAX 4
#define STREAM_TOPICS_MAX 16
#define HEARTBEAT_US (INT64_C(15) * 1000 * 1000)
#define ROWS_MAX 200
#define TAIL_MAX 64
#define STATUS_TOPIC "status"     /* read for those who are not signed in, too */
#define SESSIONS_TOPIC "sessions" /* of the door; no page reads it */

struct request;
struct stream;

/* A TCP connection; its requests come one after the other. */
struct connection {
	struct MHD_Connection *mhd;
	int fd;
	int64_t since_us; /* accepted, or last request ended */
	bool served;      /* had a request */
	struct request *request;
	struct connection *next, *previous;
	struct wire wire;
};

struct web {
	const struct config *config;
	struct MHD_Daemon *daemon;
	struct upstream *upstream;
	struct password_worker *worker;
	struct tls_files tls;
	struct sessions sessions;
	struct topics topics;
	struct connection *connections;
	struct stream *streams;
	struct wires wires;
	int64_t now_us; /* CLOCK_BOOTTIME, read once a turn */
};

typedef void route_handler(struct request *request);

enum route_flags {
	ROUTE_SESSION = 1, /* needs a cookie the core knows */
	ROUTE_CSRF = 2,    /* needs the CSRF header too */
	ROUTE_JSON = 4,    /* has a JSON body */
	ROUTE_BARRIER = 8, /* asks the core for the session each time, so that all earlier pushes are here */
};

struct route {
	const char *method;
	const char *path; /* ends in '/': everything below */
	unsigned flags;
	route_handler *handle;
};

/* One HTTP request from its request line to its last byte answered. */
struct request {
	struct exchange exchange; /* first member: an exchange is its request */
	struct web *web;
	struct MHD_Connection *mhd;
	struct connection *connection;
	const struct route *route;
	char tail[TAIL_MAX]; /* of the URL's path behind the route's */
	int64_t started_us;
	bool begun;       /* headers seen */
	bool whole;       /* body seen, handler called */
	bool suspended;
	bool too_long;
	char *body;
	size_t body_len, body_size;
	struct MHD_Response *response;
	unsigned status;
	char token[TOKEN_HEX]; /* wiped with the request */
	struct session session;
	struct password_job *job;
	struct stream *stream;
	struct topic *awaited; /* asked for by this request, kept until its first push */
};

/* server.c */
int server_start(struct web *web);
void server_stop(struct web *web);
int server_epoll_fd(const struct web *web);
/* Longest wait in ms, -1: none. */
int server_timeout_ms(const struct web *web);
void server_run(struct web *web);
void server_sweep(struct web *web);

/* routes.c */
const struct route *route_find(const char *method, const char *path, unsigned *ret_status);

/* request.c: each answers a request, now or while it is suspended; the first answer counts. */
void request_answer(struct request *request, unsigned status, struct MHD_Response *response);
/* `text` is malloc'd and taken; NULL answers 500. */
void request_answer_json(struct request *request, unsigned status, char *text);
void request_answer_bytes(struct request *request, unsigned status, const char *bytes, size_t len);
void request_answer_object(struct request *request, unsigned status, const char *word,
	const json_t *body);
/* {"refused":{id, why, say}}. */
void request_refuse(struct request *request, unsigned status, const char *id, const char *why,
	const char *say);
/* What every asker does with an answer that is no decision. */
void request_answer_lost(struct request *request, enum answer_kind kind, const json_t *body);
/* What asking the core said when it is not 0. */
void request_answer_failed_ask(struct request *request, const char *id, int error);
void request_free(struct request *request);
enum MHD_Result request_step(struct request *request, const char *url, const char *method,
	const char *data, size_t *data_size);

/* auth.c */
void auth_login(struct request *request);
void auth_job_done(struct web *web, struct password_job *job);
/* Finds the session of the cookie, asks the core where needed, then calls the route's handler. */
void auth_then_handle(struct request *request);
/* Before an answer of the core is given: true where sessions changed since the request was let in; then it is let in and
 * handled anew, or refused. */
bool auth_ask_again(struct request *request);

/* api.c */
void api_command(struct request *request);
void api_query(struct request *request);
void api_prompt(struct request *request);
/* It waits for no topic's first push any more. */
void api_prompt_end(struct request *request);
void api_me(struct request *request);
void api_places(struct request *request);

/* events.c */
void events_open(struct request *request);
void events_push(struct web *web, const char *name, const char *text, size_t len);
void events_door(struct web *web, bool up);
/* Sessions changed: each stream's is asked for, and a stream whose person may not read it any more ends. */
void events_check_sessions(struct web *web);
void events_sweep(struct web *web);
void events_close(struct request *request);
/* Asks the core for a topic and gives its entry; NULL when there are too many. */
struct topic *events_want(struct web *web, const char *name);
/* As events_want, and never given up. */
struct topic *events_keep(struct web *web, const char *name);
bool events_is_station(const void *web, const char *place);

/* pages.c */
void pages_serve(struct request *request);
void pages_ca(struct request *request);

#endif
