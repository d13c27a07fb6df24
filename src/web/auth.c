#include "web.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "text.h"

#define COOKIE_SECONDS (12 * 3600) /* a long shift */

static struct request *request_of(struct exchange *x)
{
	return (struct request *)x;
}

/* The core's words are cut, never refused: a long name must not lock a person out. */
static void copy_cut(char *out, size_t size, const char *from)
{
	snprintf(out, size, "%s", from);
}

static void fill_session(struct session *s, const json_t *row)
{
	copy_cut(s->badge, sizeof(s->badge), json_str(row, "badge"));
	copy_cut(s->name, sizeof(s->name), json_str(row, "name"));
	copy_cut(s->role, sizeof(s->role), json_str(row, "role"));
	copy_cut(s->device, sizeof(s->device), json_str(row, "device"));
}

static void refuse_login_needed(struct request *request)
{
	request_refuse(request, MHD_HTTP_UNAUTHORIZED, "", "not_allowed", "Please log in");
}

/* The session's row is as new as everything the door said so far. */
static void handle(struct request *request)
{
	request->session.changes = request->web->sessions.changes;
	request->route->handle(request);
}

static void on_session_rows(struct exchange *x, enum answer_kind kind, const json_t *body)
{
	struct request *request = request_of(x);
	const json_t *row = json_array_get(json_object_get(body, "rows"), 0);

	if (kind != ANSWER_ROWS) {
		request_answer_lost(request, kind, body);
		return;
	}
	if (!row) {
		sessions_drop(&request->web->sessions, request->session.id);
		refuse_login_needed(request);
		return;
	}
	fill_session(&request->session, row);
	sessions_put(&request->web->sessions, &request->session, request->web->now_us);
	handle(request);
}

static void ask_session(struct request *request)
{
	int r;

	request->exchange.answered = on_session_rows;
	request->exchange.wants_text = false;
	r = upstream_query(request->web->upstream, &request->exchange, "session",
		json_pack("{s:{s:s}}", "args", "session", request->session.id));
	if (r < 0)
		request_answer_failed_ask(request, "", r);
}

/* What a session asked is answered while it lasts only. The core tells of a session's end before anything it says later:
 * an answer that comes with no such word between was made while the session was open. */
bool auth_ask_again(struct request *request)
{
	if (request->session.changes == request->web->sessions.changes)
		return false;
	ask_session(request);
	return true;
}

static bool read_cookie(struct request *request, char *ret_csrf)
{
	const char *cookies = MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, "Cookie");

	return http_cookie(cookies, HTTP_COOKIE_NAME, request->token, sizeof(request->token)) == 0 &&
	       session_ids(request->token, request->session.id, ret_csrf) == 0;
}

void auth_then_handle(struct request *request)
{
	const struct session *known;
	char csrf[CSRF_HEX];

	if (!read_cookie(request, csrf)) {
		refuse_login_needed(request);
		return;
	}
	if (request->route->flags & ROUTE_CSRF &&
		!session_csrf_ok(csrf,
			MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, "X-Wharf"))) {
		request_refuse(request, MHD_HTTP_FORBIDDEN, "", "not_allowed",
			"The X-Wharf header is missing or wrong");
		return;
	}
	known = sessions_find(&request->web->sessions, request->session.id, request->web->now_us);
	if (!known || request->route->flags & ROUTE_BARRIER) {
		ask_session(request);
		return;
	}
	request->session = *known;
	handle(request);
}

/* Login: salt -> argon2id in the worker -> the core. */

static void add_cookie(struct request *request)
{
	char cookie[TOKEN_HEX + 96];

	text_format(cookie, sizeof(cookie),
		HTTP_COOKIE_NAME "=%s; Path=/; Max-Age=%d; HttpOnly; Secure; SameSite=Strict",
		request->token, COOKIE_SECONDS);
	MHD_add_response_header(request->response, "Set-Cookie", cookie);
	sodium_memzero(cookie, sizeof(cookie));
}

/* The cookie and the CSRF value are made here and known to nobody else. */
static void welcome_person(struct request *request, const json_t *outcome)
{
	struct session *s = &request->session;
	char csrf[CSRF_HEX];
	json_t *body;

	session_ids(request->token, s->id, csrf);
	body = json_pack("{s:b,s:s,s:s,s:s,s:s,s:s,s:s}", "ok", 1, "say", json_str(outcome, "say"),
		"badge", s->badge, "name", s->name, "role", s->role, "device", s->device, "csrf", csrf);
	request_answer_json(request, MHD_HTTP_OK, body ? json_dumps(body, JSON_COMPACT) : NULL);
	json_decref(body);
	add_cookie(request);
	log_info("logged in: device=%s role=%s", s->device, s->role);
}

static void on_login(struct exchange *x, enum answer_kind kind, const json_t *body)
{
	struct request *request = request_of(x);
	const json_t *data = json_object_get(body, "data");
	struct session *s = &request->session;

	if (kind != ANSWER_OUTCOME) {
		request_answer_lost(request, kind, body);
		return;
	}
	if (!json_is_true(json_object_get(body, "ok"))) {
		json_t *no = json_pack("{s:b,s:s}", "ok", 0, "say", json_str(body, "say"));

		request_answer_json(request, MHD_HTTP_FORBIDDEN,
			no ? json_dumps(no, JSON_COMPACT) : NULL);
		json_decref(no);
		log_info("login refused: device=%s", s->device);
		return;
	}
	copy_cut(s->name, sizeof(s->name), json_str(data, "name"));
	copy_cut(s->role, sizeof(s->role), json_str(data, "role"));
	sessions_put(&request->web->sessions, s, request->web->now_us);
	welcome_person(request, body);
}

static void send_login(struct request *request, const char *key)
{
	struct session *s = &request->session;
	int r;

	session_new_token(request->token);
	session_ids(request->token, s->id, NULL);
	request->exchange.answered = on_login;
	r = upstream_login(request->web->upstream, &request->exchange,
		json_pack("{s:s,s:s,s:s,s:s}", "badge", s->badge, "key", key, "device", s->device,
			"session", s->id));
	if (r < 0)
		request_answer_failed_ask(request, "", r);
}

void auth_job_done(struct web *web, struct password_job *job)
{
	struct request *request = job->user;

	(void)web;
	if (request) {
		request->job = NULL;
		if (job->key[0])
			send_login(request, job->key);
		else
			request_answer_failed_ask(request, "", -ENOMEM);
	}
	password_job_free(job);
}

static void on_salt(struct exchange *x, enum answer_kind kind, const json_t *body)
{
	struct request *request = request_of(x);
	const char *salt = json_str(json_array_get(json_object_get(body, "rows"), 0), "salt");
	struct password_job *job = request->job;

	if (kind != ANSWER_ROWS) {
		request_answer_lost(request, kind, body);
		return;
	}
	if (text_unhex(salt, job->salt, sizeof(job->salt)) < 0) {
		request_answer_lost(request, ANSWER_LATE, NULL);
		return;
	}
	if (password_worker_put(request->web->worker, job) < 0) {
		request->job = NULL;
		request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "", "busy",
			"Many people log in at once; try again in a moment");
	}
}

/* Takes over what the body said; the PIN goes into the job only. */
static int start_job(struct request *request, struct login_body *login)
{
	struct password_job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	text_copy(job->pin, sizeof(job->pin), login->pin);
	text_copy(request->session.badge, sizeof(request->session.badge), login->badge);
	text_copy(request->session.device, sizeof(request->session.device), login->device);
	job->user = request;
	request->job = job;
	return 0;
}

void auth_login(struct request *request)
{
	struct login_body login = { 0 };
	char why[128];
	int r = body_login(request->body, request->body_len, &login, why, sizeof(why));

	sodium_memzero(request->body, request->body_len);
	if (r < 0) {
		request_refuse(request, MHD_HTTP_BAD_REQUEST, "", "malformed", why);
		return;
	}
	r = start_job(request, &login);
	sodium_memzero(&login, sizeof(login));
	request->exchange.answered = on_salt;
	if (r == 0)
		r = upstream_query(request->web->upstream, &request->exchange, "salt",
			json_pack("{s:{s:s}}", "args", "badge", request->session.badge));
	if (r < 0)
		request_answer_failed_ask(request, "", r);
}
