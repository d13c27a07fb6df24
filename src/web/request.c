#include "web.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"

static void add_headers(struct MHD_Response *response)
{
	MHD_add_response_header(response, "Content-Type", "application/json");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

void request_answer(struct request *request, unsigned status, struct MHD_Response *response)
{
	if (request->response) {
		MHD_destroy_response(response);
		return;
	}
	request->response = response;
	request->status = status;
	if (request->suspended) {
		request->suspended = false;
		MHD_resume_connection(request->mhd);
	}
}

static void answer_buffer(struct request *request, unsigned status, const char *bytes, size_t len,
	enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, (void *)bytes, mode);

	if (!response)
		abort(); /* not even 200 bytes: systemd starts us anew */
	add_headers(response);
	request_answer(request, status, response);
}

void request_answer_bytes(struct request *request, unsigned status, const char *bytes, size_t len)
{
	answer_buffer(request, status, bytes, len, MHD_RESPMEM_MUST_COPY);
}

void request_answer_json(struct request *request, unsigned status, char *text)
{
	static const char out_of_memory[] =
		"{\"refused\":{\"id\":\"\",\"why\":\"busy\",\"say\":\"Out of memory\"}}";

	if (text)
		answer_buffer(request, status, text, strlen(text), MHD_RESPMEM_MUST_FREE);
	else
		answer_buffer(request, MHD_HTTP_SERVICE_UNAVAILABLE, out_of_memory,
			strlen(out_of_memory), MHD_RESPMEM_PERSISTENT);
}

/* Spares a copy of the tree: the word is written around the body's text. */
static char *wrap(const char *word, const json_t *body)
{
	size_t len = json_dumpb(body, NULL, 0, JSON_COMPACT), head = strlen(word) + 4;
	char *text = malloc(head + len + 2);

	if (!text)
		return NULL;
	text_format(text, head + 1, "{\"%s\":", word);
	json_dumpb(body, text + head, len, JSON_COMPACT);
	text[head + len] = '}';
	text[head + len + 1] = '\0';
	return text;
}

void request_answer_object(struct request *request, unsigned status, const char *word,
	const json_t *body)
{
	request_answer_json(request, status, wrap(word, body));
}

void request_refuse(struct request *request, unsigned status, const char *id, const char *why,
	const char *say)
{
	json_t *body = json_pack("{s:s,s:s,s:s}", "id", id, "why", why, "say", say);

	request_answer_json(request, status, body ? wrap("refused", body) : NULL);
	json_decref(body);
}

void request_answer_lost(struct request *request, enum answer_kind kind, const json_t *body)
{
	const char *id = strchr(request->exchange.id, ':') ? request->exchange.id : "";

	switch (kind) {
	case ANSWER_OUTCOME:
	case ANSWER_ROWS:
		request_refuse(request, MHD_HTTP_BAD_GATEWAY, id, "busy", "The core answered otherwise");
		return;
	case ANSWER_REFUSED:
		request_answer_object(request,
			strcmp(json_str(body, "why"), "busy") == 0 ? MHD_HTTP_SERVICE_UNAVAILABLE :
								     MHD_HTTP_CONFLICT,
			"refused", body);
		return;
	case ANSWER_LOST:
		request_answer_failed_ask(request, id, -ENOTCONN);
		return;
	case ANSWER_LATE:
		request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, id, "busy",
			"No answer yet; ask again with the same id");
		return;
	}
}

void request_answer_failed_ask(struct request *request, const char *id, int error)
{
	if (error == -ENOTCONN)
		request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, id, "closed",
			"The controller is away; nothing is lost, it is tried again");
	else if (error == -EEXIST)
		request_refuse(request, MHD_HTTP_CONFLICT, id, "id_reused",
			"This id is in use for something else");
	else
		request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, id, "busy",
			"Too much waits for an answer; try again");
}

/* A login that ends before its key is asked for takes its PIN with it. */
static void drop_job(struct request *request)
{
	if (request->job && request->job->queued)
		request->job->user = NULL;
	else
		password_job_free(request->job);
	request->job = NULL;
}

void request_free(struct request *request)
{
	if (!request)
		return;
	if (request->web->upstream)
		upstream_forget(request->web->upstream, &request->exchange);
	drop_job(request);
	if (request->stream)
		events_close(request);
	api_prompt_end(request);
	if (request->response)
		MHD_destroy_response(request->response);
	if (request->body) {
		sodium_memzero(request->body, request->body_len);
		free(request->body);
	}
	sodium_memzero(request->token, sizeof(request->token));
	free(request);
}

static void refuse_request(struct request *request, unsigned status, const char *say)
{
	request_refuse(request, status, "", "malformed", say);
}

static const char *header(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

/* A body announced too long is refused before it is read. */
static bool length_ok(struct request *request)
{
	const char *length = header(request, "Content-Length");
	int64_t n = HTTP_BODY_MAX;

	if (length && http_number(length, 0, HTTP_BODY_MAX, &n) < 0)
		return false;
	request->body_size = (size_t)n;
	return true;
}

static void begin(struct request *request, const char *url, const char *method)
{
	unsigned status;

	request->begun = true;
	request->route = route_find(method, url, &status);
	if (!request->route)
		refuse_request(request, status,
			status == MHD_HTTP_NOT_FOUND ? "No such page" : "Another method is needed");
	else if (!length_ok(request))
		refuse_request(request, MHD_HTTP_CONTENT_TOO_LARGE, "Longer than 8 KiB");
	else if (request->route->flags & ROUTE_JSON && !http_is_json(header(request, "Content-Type")))
		refuse_request(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			"Content-Type must be application/json");
}

/* Without Content-Length (chunked) the limit is met here. */
static void add_body(struct request *request, const char *data, size_t len)
{
	if (!request->body && !request->response)
		request->body = malloc(request->body_size + 1);
	if (!request->body || request->too_long)
		return;
	if (len > request->body_size - request->body_len) {
		request->too_long = true;
		return;
	}
	memcpy(request->body + request->body_len, data, len);
	request->body_len += len;
	request->body[request->body_len] = '\0';
}

static void handle(struct request *request, const char *url)
{
	request->whole = true;
	if (request->too_long) {
		refuse_request(request, MHD_HTTP_CONTENT_TOO_LARGE, "Longer than 8 KiB");
		return;
	}
	if (request->route->flags & ROUTE_JSON && !request->body) {
		refuse_request(request, MHD_HTTP_BAD_REQUEST, "A JSON body is needed");
		return;
	}
	if (text_copy(request->tail, sizeof(request->tail), url + strlen(request->route->path)) < 0) {
		refuse_request(request, MHD_HTTP_NOT_FOUND, "No such page");
		return;
	}
	if (request->route->flags & ROUTE_SESSION)
		auth_then_handle(request);
	else
		request->route->handle(request);
}

static enum MHD_Result send_answer(struct request *request)
{
	struct MHD_Response *response = request->response;
	enum MHD_Result r = MHD_queue_response(request->mhd, request->status, response);

	request->response = NULL;
	MHD_destroy_response(response);
	return r;
}

/* libmicrohttpd calls this with the headers, with each piece of the body, at its end, and again after each
 * resume. Returning MHD_YES without an answer is allowed in the first two cases only. */
enum MHD_Result request_step(struct request *request, const char *url, const char *method,
	const char *data, size_t *data_size)
{
	if (!request->begun) {
		begin(request, url, method);
		return request->response ? send_answer(request) : MHD_YES;
	}
	if (*data_size) {
		add_body(request, data, *data_size);
		*data_size = 0;
		return MHD_YES;
	}
	if (!request->whole)
		handle(request, url);
	if (request->response)
		return send_answer(request);
	request->suspended = true;
	MHD_suspend_connection(request->mhd);
	return MHD_YES;
}
