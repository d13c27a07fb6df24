/* Whole requests as bytes of a connection: libmicrohttpd, routes, cookies, sessions, bodies and streams are the real ones;
 * the core behind them is played. The first bytes say how it answers, the rest is what the browser sends. An answer that
 * claims to be JSON must be JSON, and no answer but the cookie itself may hold the token of a session. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "text.h"
#include "web.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOODS 8		 /* bytes that choose answers */
#define ROUNDS 24	 /* turns of the loop; a pipeline of more requests is left alone */
#define ANSWER_MAX 65536 /* read of one connection */

enum asked { ASKED_COMMAND, ASKED_SESSION, ASKED_SALT, ASKED_QUERY, ASKED_LOGIN };

struct upstream {
	struct exchange *waiting;
	enum asked asked;
	const uint8_t *moods;
	unsigned moods_used;
};

static struct web web;
static struct request *unfinished; /* one whose parameters do not fit gets no end, but its connection's */
static struct upstream upstream;
static const char token[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

bool upstream_up(const struct upstream *u)
{
	(void)u;
	return true;
}

static int wait_for(struct upstream *u, struct exchange *x, enum asked asked)
{
	assert(!u->waiting); /* one connection, one request at a time */
	if (u->moods[0] == 0xff)
		return -ENOTCONN;
	if (u->moods[0] == 0xfe)
		return -EAGAIN;
	u->waiting = x;
	u->asked = asked;
	x->waiting = true;
	return 0;
}

int upstream_command(struct upstream *u, struct exchange *x, struct command_body *command)
{
	_cleanup_json_ json_t *again = json_loads(command->text, JSON_REJECT_DUPLICATES, NULL);

	/* The actor is whom the cookie names, whatever the body says. */
	assert(json_equal(again, command->json));
	assert(strcmp(json_str(again, "actor"), ((struct request *)x)->session.id) == 0);
	assert(text_copy(x->id, sizeof(x->id), command->id) == 0);
	return wait_for(u, x, ASKED_COMMAND);
}

int upstream_query(struct upstream *u, struct exchange *x, const char *name, json_t *body)
{
	_cleanup_json_ json_t *query = body;
	char *text = json_dumps(query, JSON_COMPACT);

	assert(text);
	free(text);
	if (strcmp(name, "session") == 0)
		return wait_for(u, x, ASKED_SESSION);
	return wait_for(u, x, strcmp(name, "salt") == 0 ? ASKED_SALT : ASKED_QUERY);
}

int upstream_login(struct upstream *u, struct exchange *x, json_t *login)
{
	json_decref(login);
	return wait_for(u, x, ASKED_LOGIN);
}

int upstream_subscribe(struct upstream *u, const char *topic)
{
	(void)u;
	assert(topic[0]);
	return 0;
}

void upstream_unsubscribe(struct upstream *u, const char *topic)
{
	(void)u;
	(void)topic;
}

void upstream_forget(struct upstream *u, struct exchange *x)
{
	if (u->waiting == x)
		u->waiting = NULL;
	x->waiting = false;
}

static const char *answer_text(const struct upstream *u, uint8_t mood)
{
	static const char *const sessions[] = {
		"{\"rows\":[{\"badge\":\"B7\",\"name\":\"Ada\",\"role\":\"supervisor\",\"device\":\"hh1\"}]}",
		"{\"rows\":[{\"badge\":\"B8\",\"name\":\"Bo\",\"role\":\"picker\",\"device\":\"hh2\"}]}", "{\"rows\":[]}"
	};
	static const char *const salts[] = { "{\"rows\":[]}", "{\"rows\":[{\"salt\":\"zz\"}]}", "{\"rows\":[{\"salt\":5}]}" };

	switch (u->asked) {
	case ASKED_SESSION:
		return sessions[mood % array_len(sessions)];
	case ASKED_SALT:
		return salts[mood % array_len(salts)];
	case ASKED_COMMAND:
	case ASKED_QUERY:
	case ASKED_LOGIN:
		break;
	}
	return mood % 2 ? "{\"id\":\"a:1\",\"ok\":true,\"say\":\"done\"}" : "{\"id\":\"a:1\",\"ok\":false,\"say\":\"no\"}";
}

static void answer(struct upstream *u)
{
	uint8_t mood = u->moods[u->moods_used++ % MOODS];
	struct exchange *x = u->waiting;
	_cleanup_json_ json_t *refused = json_pack("{s:s,s:s,s:s}", "id", x->id, "why",
		mood & 0x40 ? "busy" : "not_allowed", "say", "no");
	_cleanup_json_ json_t *body = json_loads(answer_text(u, mood), 0, NULL);
	enum answer_kind kind = u->asked == ASKED_COMMAND || u->asked == ASKED_LOGIN ? ANSWER_OUTCOME : ANSWER_ROWS;

	u->waiting = NULL;
	x->waiting = false;
	x->text = "{\"rows\":{}}";
	x->text_len = strlen(x->text);
	if ((mood & 0x30) == 0x30)
		kind = (enum answer_kind)(mood & 7) % (ANSWER_LATE + 1);
	if (kind == ANSWER_LOST || kind == ANSWER_LATE)
		x->answered(x, kind, NULL);
	else if (kind == ANSWER_REFUSED)
		x->answered(x, kind, refused);
	else
		x->answered(x, kind, x->wants_text ? NULL : body);
}

/* As the server's own callbacks, without its table of connections. */
static void *on_request_line(void *user, const char *uri, struct MHD_Connection *mhd)
{
	struct request *request = calloc(1, sizeof(*request));

	(void)user;
	(void)uri;
	assert(request);
	request->web = &web;
	request->mhd = mhd;
	request_free(unfinished);
	unfinished = request;
	return request;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *data, size_t *data_size, void **con_cls)
{
	(void)user;
	(void)mhd;
	(void)version;
	return *con_cls ? request_step(*con_cls, url, method, data, data_size) : MHD_NO;
}

static void on_request_end(void *user, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode why)
{
	(void)user;
	(void)mhd;
	(void)why;
	request_free(*con_cls);
	unfinished = *con_cls = NULL;
}

static void start(void)
{
	struct config *config;

	assert(config_load(NULL, stderr, &config) == 0);
	web.config = config;
	web.upstream = &upstream;
	web.now_us = 1;
	web.daemon = MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0,
		NULL, NULL, on_request, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, NULL, MHD_OPTION_NOTIFY_COMPLETED,
		on_request_end, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	assert(web.daemon);
}

/* Only of the first answer: behind it the bytes may be anything. */
static void check_answer(char *answer)
{
	char *body = strstr(answer, "\r\n\r\n"), *length = strstr(answer, "Content-Length: ");
	_cleanup_json_ json_t *json = NULL;
	size_t len;

	assert(strncmp(answer, "HTTP/1.", 7) == 0);
	assert(!strstr(answer, token));
	if (!body || !length || length > body)
		return;
	*body = '\0';
	body += 4;
	len = strtoul(length + strlen("Content-Length: "), NULL, 10);
	if (!strstr(answer, "application/json") || strlen(body) < len || !len)
		return;
	json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	assert(json_is_object(json));
	assert(strcmp(json_str(json_object_get(json, "refused"), "say"), "Out of memory") != 0);
}

static void serve(int fd, bool head)
{
	static const char push[] = "{\"topic\":\"x\",\"data\":{}}";
	static char out[ANSWER_MAX];
	size_t len = 0;
	int idle = 0;

	for (int i = 0; i < ROUNDS && idle < 3; i++) {
		ssize_t n;

		MHD_run(web.daemon);
		events_push(&web, i % 2 ? "status" : "prompt/hh1", push, strlen(push));
		n = recv(fd, out + len, sizeof(out) - len - 1, MSG_DONTWAIT);
		len += n > 0 ? (size_t)n : 0;
		idle = n > 0 || upstream.waiting ? 0 : idle + 1;
		if (i == upstream.moods[0] % ROUNDS) {
			sessions_changed(&web.sessions);
			events_check_sessions(&web);
		}
		if (upstream.waiting)
			answer(&upstream);
	}
	out[len] = '\0';
	/* The length in an answer to HEAD is of the body that was left out. */
	if (len && strlen(out) == len && !head)
		check_answer(out);
}

/* A request that is suspended keeps its connection; its stream is woken so that it sees the end. */
static void finish(int fd)
{
	close(fd);
	web.now_us += HEARTBEAT_US;
	for (int i = 0; i < 8; i++) {
		if (upstream.waiting)
			answer(&upstream);
		events_sweep(&web);
		web.now_us += HEARTBEAT_US;
		MHD_run(web.daemon);
	}
	request_free(unfinished);
	unfinished = NULL;
	assert(!web.streams);
	memset(&web.sessions, 0, sizeof(web.sessions));
	topics_fini(&web.topics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sockaddr_in nobody = { .sin_family = AF_INET };
	int fds[2];

	if (size < MOODS || size > MOODS + ANSWER_MAX)
		return 0;
	if (!web.daemon)
		start();
	upstream = (struct upstream){ .moods = data };
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	assert(MHD_add_connection(web.daemon, fds[0], (const struct sockaddr *)&nobody, sizeof(nobody)) == MHD_YES);
	if (send(fds[1], data + MOODS, size - MOODS, MSG_NOSIGNAL) > 0)
		serve(fds[1], data[MOODS] == 'H');
	finish(fds[1]);
	return 0;
}
