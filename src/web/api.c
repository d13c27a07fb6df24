#include "web.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "cleanup.h"
#include "json.h"
#include "text.h"

#define ARGS_MAX 8
#define ARG_LENGTH_MAX 128

static struct request *request_of(struct exchange *x)
{
	return (struct request *)x;
}

static void forget_cookie(struct request *request)
{
	sessions_drop(&request->web->sessions, request->session.id);
	MHD_add_response_header(request->response, "Set-Cookie",
		HTTP_COOKIE_NAME "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict");
}

static void on_command(struct exchange *x, enum answer_kind kind, const json_t *body)
{
	struct request *request = request_of(x);

	if (kind == ANSWER_OUTCOME) {
		request_answer_bytes(request, MHD_HTTP_OK, x->text, x->text_len);
		return;
	}
	/* Perhaps the session was ended elsewhere: the next request asks the core. */
	if (kind == ANSWER_REFUSED && strcmp(json_str(body, "why"), "not_allowed") == 0)
		sessions_drop(&request->web->sessions, request->session.id);
	request_answer_lost(request, kind, body);
}

static void on_logout(struct exchange *x, enum answer_kind kind, const json_t *body)
{
	struct request *request = request_of(x);

	if (kind != ANSWER_OUTCOME) {
		request_answer_lost(request, kind, body);
		return;
	}
	request_answer_object(request, MHD_HTTP_OK, "outcome", body);
	if (json_is_true(json_object_get(body, "ok")))
		forget_cookie(request);
}

void api_command(struct request *request)
{
	const struct session *s = &request->session;
	struct command_body command;
	char why[128] = "";
	int r = body_command(request->body, request->body_len, s->id, s->device, &command, why,
		sizeof(why));

	if (r < 0) {
		request_refuse(request, MHD_HTTP_CONFLICT, command.id, "malformed", why);
		command_body_fini(&command);
		return;
	}
	request->exchange.wants_text = strcmp(command.kind, "logout") != 0;
	request->exchange.answered = request->exchange.wants_text ? on_command : on_logout;
	r = upstream_command(request->web->upstream, &request->exchange, &command);
	if (r < 0)
		request_answer_failed_ask(request, command.id, r);
	command_body_fini(&command);
}

/* What a page may ask, and who. Salts and sessions are the server's own business. */
static bool query_allowed(const char *name, const char *role)
{
	static const char *const all[] = { "status", "orders", "order", "cases", "devices", "cartons",
		"lanes", "labels", "diverts", "stock", "link" };
	static const char *const some[] = { "audit", "outbox" };
	static const char *const roles[] = { "supervisor", "admin", "maintenance" };
	bool may = false;

	for (size_t i = 0; i < array_len(all); i++)
		if (strcmp(all[i], name) == 0)
			return true;
	for (size_t i = 0; i < array_len(roles); i++)
		may = may || strcmp(roles[i], role) == 0;
	for (size_t i = 0; i < array_len(some); i++)
		if (strcmp(some[i], name) == 0)
			return may;
	return false;
}

struct query_build {
	json_t *query, *args;
	int error;
};

static enum MHD_Result add_parameter(void *user, enum MHD_ValueKind kind, const char *key,
	const char *value)
{
	struct query_build *b = user;
	int64_t limit;

	(void)kind;
	if (!value || strlen(value) > ARG_LENGTH_MAX || strlen(key) > ARG_LENGTH_MAX ||
		!text_is_utf8(value, strlen(value)) || !text_is_utf8(key, strlen(key)) ||
		json_object_size(b->args) == ARGS_MAX)
		b->error = -EINVAL;
	else if (strcmp(key, "after") == 0)
		json_object_set_new(b->query, "after", json_string(value));
	else if (strcmp(key, "limit") != 0)
		json_object_set_new(b->args, key, json_string(value));
	else if (http_number(value, 1, ROWS_MAX, &limit) == 0)
		json_object_set_new(b->query, "limit", json_integer(limit));
	else
		b->error = -EINVAL;
	return b->error ? MHD_NO : MHD_YES;
}

static void on_rows(struct exchange *x, enum answer_kind kind, const json_t *body)
{
	struct request *request = request_of(x);

	if (kind == ANSWER_ROWS && auth_ask_again(request))
		return;
	if (kind == ANSWER_ROWS)
		request_answer_bytes(request, MHD_HTTP_OK, x->text, x->text_len);
	else
		request_answer_lost(request, kind, body);
}

void api_query(struct request *request)
{
	struct query_build b = { json_object(), json_object(), 0 };
	int r;

	if (!query_allowed(request->tail, request->session.role)) {
		json_decref(b.query);
		json_decref(b.args);
		request_refuse(request, MHD_HTTP_FORBIDDEN, "", "not_allowed",
			"No such query, or not for your role");
		return;
	}
	MHD_get_connection_values(request->mhd, MHD_GET_ARGUMENT_KIND, add_parameter, &b);
	if (json_object_size(b.args))
		json_object_set(b.query, "args", b.args);
	json_decref(b.args);
	if (b.error) {
		json_decref(b.query);
		request_refuse(request, MHD_HTTP_BAD_REQUEST, "", "malformed",
			"limit is 1 to 200; other values are at most 128 bytes of UTF-8");
		return;
	}
	request->exchange.answered = on_rows;
	request->exchange.wants_text = true;
	r = upstream_query(request->web->upstream, &request->exchange, request->tail, b.query);
	if (r < 0)
		request_answer_failed_ask(request, "", r);
}

static void answer_prompt(struct request *request)
{
	char name[TOPIC_NAME_MAX];
	const struct topic *topic;
	char *text = NULL;

	text_format(name, sizeof(name), "prompt/%s", request->session.device);
	topic = topics_find(&request->web->topics, name);
	if (!topic || !topic->version) {
		request_refuse(request, MHD_HTTP_NOT_FOUND, "", "closed", "No prompt for this device");
		return;
	}
	if (asprintf(&text, "{\"push\":%.*s}", (int)topic->json_len, topic->json) < 0)
		text = NULL;
	request_answer_json(request, MHD_HTTP_OK, text);
}

void api_prompt_end(struct request *request)
{
	if (request->awaited)
		request->awaited->listeners--;
	request->awaited = NULL;
}

static void on_prompt_barrier(struct exchange *x, enum answer_kind kind, const json_t *body)
{
	struct request *request = request_of(x);

	api_prompt_end(request);
	if (kind != ANSWER_ROWS)
		request_answer_lost(request, kind, body);
	else if (!auth_ask_again(request))
		answer_prompt(request);
}

/* The route's barrier brought every push up to now. Only a topic that was never asked for needs another:
 * the subscription's first push comes before the answer of a query sent behind it. */
void api_prompt(struct request *request)
{
	char name[TOPIC_NAME_MAX];
	struct topic *topic;
	int r;

	text_format(name, sizeof(name), "prompt/%s", request->session.device);
	topic = events_want(request->web, name);
	if (!topic || topic->version) {
		answer_prompt(request);
		return;
	}
	request->awaited = topic;
	topic->listeners++;
	request->exchange.answered = on_prompt_barrier;
	r = upstream_query(request->web->upstream, &request->exchange, "session",
		json_pack("{s:{s:s}}", "args", "session", request->session.id));
	if (r < 0)
		request_answer_failed_ask(request, "", r);
}

void api_me(struct request *request)
{
	const struct session *s = &request->session;
	char id[SESSION_ID_HEX], csrf[CSRF_HEX];
	json_t *body;

	session_ids(request->token, id, csrf);
	body = json_pack("{s:b,s:s,s:s,s:s,s:s,s:s,s:s}", "ok", 1, "say", "", "badge", s->badge,
		"name", s->name, "role", s->role, "device", s->device, "csrf", csrf);
	request_answer_json(request, MHD_HTTP_OK, body ? json_dumps(body, JSON_COMPACT) : NULL);
	json_decref(body);
}

/* What everybody may know of the core: whether it is there, and why it takes no work. */
static json_t *core_state(struct web *web)
{
	const struct topic *topic = topics_find(&web->topics, STATUS_TOPIC);
	_cleanup_json_ json_t *status =
		topic && topic->version ? json_loadb(topic->json, topic->json_len, 0, NULL) : NULL;

	return json_pack("{s:b,s:b,s:s,s:s}", "up", upstream_up(web->upstream), "accepting",
		!json_is_false(json_object_get(status, "accepting")), "disk", json_str(status, "disk"), "reason",
		json_str(status, "reason"));
}

/* For the login page: how the site is called, which stations there are, and how the core is. No secret. */
void api_places(struct request *request)
{
	const struct config *config = request->web->config;
	_cleanup_json_ json_t *stations = json_array();
	_cleanup_json_ json_t *body = NULL;
	const char *section;

	for (size_t i = 0; (section = config_section(config, "station", i)); i++)
		json_array_append_new(stations,
			json_pack("{s:s,s:s}", "station", config_name(section), "kind",
				config_text(config, section, "kind")));
	body = json_pack("{s:s,s:s,s:b,s:o,s:O}", "site", config_text(config, "site", "name"), "title",
		config_text(config, "site", "title"), "hq", config_text(config, "hq", "address")[0] != '\0',
		"core", core_state(request->web), "stations", stations);
	request_answer_json(request, MHD_HTTP_OK, body ? json_dumps(body, JSON_COMPACT) : NULL);
}
