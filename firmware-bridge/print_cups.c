#include "print_cups.h"

#include <cups/cups.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"

#define CONNECT_MS 5000
#define ANSWER_S 5.0
#define HOST_MAX 256
#define URI_MAX 1024

struct cups_queue {
	char host[HOST_MAX];
	int port;
	char name[HOST_MAX];
	char resource[HOST_MAX + 16];
	http_t *http;
};

static void cleanup_ipp(ipp_t **ipp)
{
	ippDelete(*ipp);
}
#define _cleanup_ipp_ _cleanup_(cleanup_ipp)

/* "host:port", "host", "/socket" or "". */
static int read_server(const char *server, struct cups_queue *q)
{
	const char *colon = server[0] == '/' ? NULL : strrchr(server, ':');
	size_t len = colon ? (size_t)(colon - server) : strlen(server);
	char *end;

	q->port = ippPort();
	if (!server[0])
		return text_copy(q->host, sizeof(q->host), cupsServer());
	if (len == 0 || len >= sizeof(q->host))
		return -EINVAL;
	memcpy(q->host, server, len);
	q->host[len] = '\0';
	if (!colon)
		return 0;
	q->port = (int)strtol(colon + 1, &end, 10);
	return *end || end == colon + 1 || q->port < 1 || q->port > 65535 ? -EINVAL : 0;
}

int cups_queue_create(const char *server, const char *queue, struct cups_queue **ret)
{
	struct cups_queue *q = calloc(1, sizeof(*q));
	int r = q ? read_server(server, q) : -ENOMEM;

	if (r == 0)
		r = text_copy(q->name, sizeof(q->name), queue);
	if (r == 0)
		r = text_format(q->resource, sizeof(q->resource), "/printers/%s", queue);
	if (r < 0) {
		free(q);
		return r == -ENOMEM ? r : -EINVAL;
	}
	*ret = q;
	return 0;
}

void cups_queue_destroy(struct cups_queue *q)
{
	if (!q)
		return;
	httpClose(q->http);
	free(q);
}

/* A server that stopped answering ends the call instead of holding it for ever. */
static int end_wait(http_t *http, void *user)
{
	(void)http;
	(void)user;
	return 0;
}

static int connect_queue(struct cups_queue *q)
{
	if (q->http)
		return 0;
	q->http = httpConnect2(q->host, q->port, NULL, AF_UNSPEC, HTTP_ENCRYPTION_IF_REQUESTED, 1,
		CONNECT_MS, NULL);
	if (!q->http)
		return -ENOTCONN;
	httpSetTimeout(q->http, ANSWER_S, end_wait, NULL);
	return 0;
}

static void drop_connection(struct cups_queue *q)
{
	httpClose(q->http);
	q->http = NULL;
}

/* Whether the last error is the server's own word: then it did nothing. */
static bool server_refused(void)
{
	ipp_status_t status = cupsLastError();

	return status >= IPP_STATUS_ERROR_BAD_REQUEST && status < IPP_STATUS_ERROR_INTERNAL;
}

static void copy_why(char *why, size_t why_size)
{
	snprintf(why, why_size, "CUPS: %s", cupsLastErrorString());
}

static ipp_t *new_request(const struct cups_queue *q, ipp_op_t op)
{
	ipp_t *request = ippNewRequest(op);
	char uri[URI_MAX];

	httpAssembleURIf(HTTP_URI_CODING_ALL, uri, sizeof(uri), "ipp", NULL, "localhost", 0, "/printers/%s",
		q->name);
	ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, uri);
	ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL, cupsUser());
	return request;
}

/* Sends a request (taken). 0 with the answer, -ENOENT, -ENOTCONN. */
static int ask(struct cups_queue *q, ipp_t *request, const char *resource, ipp_t **ret)
{
	ipp_t *answer;

	if (connect_queue(q) < 0) {
		ippDelete(request);
		return -ENOTCONN;
	}
	answer = cupsDoRequest(q->http, request, resource);
	if (answer && cupsLastError() <= IPP_STATUS_OK_EVENTS_COMPLETE) {
		*ret = answer;
		return 0;
	}
	ippDelete(answer);
	if (cupsLastError() == IPP_STATUS_ERROR_NOT_FOUND)
		return -ENOENT;
	if (!server_refused())
		drop_connection(q);
	return -ENOTCONN;
}

static ipp_t *new_job_request(const struct cups_queue *q, ipp_op_t op, int id)
{
	ipp_t *request = new_request(q, op);

	ippAddInteger(request, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "job-id", id);
	return request;
}

static int cups_cancel(void *queue, int id)
{
	struct cups_queue *q = queue;
	_cleanup_ipp_ ipp_t *answer = NULL;

	return ask(q, new_job_request(q, IPP_OP_CANCEL_JOB, id), "/jobs/", &answer);
}

static int integer_value(ipp_t *answer, const char *name, ipp_tag_t tag, int missing)
{
	ipp_attribute_t *attribute = ippFindAttribute(answer, name, tag);

	return attribute ? ippGetInteger(attribute, 0) : missing;
}

/* A job without a document yet: it prints nothing, whatever happens to us or to the answer. */
static int create_job(struct cups_queue *q, const char *name, int *ret_id)
{
	_cleanup_ipp_ ipp_t *answer = NULL;
	ipp_t *request = new_request(q, IPP_OP_CREATE_JOB);
	int r;

	ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME, "job-name", NULL, name);
	r = ask(q, request, q->resource, &answer);
	if (r < 0)
		return r == -ENOENT || server_refused() ? -EREMOTE : -ENOTCONN;
	*ret_id = integer_value(answer, "job-id", IPP_TAG_INTEGER, 0);
	return *ret_id > 0 ? 0 : -EREMOTE;
}

/* Sends the document of job `id`. 0; -EREMOTE: it cannot be whole at the server; -EINPROGRESS. */
static int send_document(struct cups_queue *q, int id, const char *name, const char *bytes, size_t len)
{
	_cleanup_ipp_ ipp_t *request = new_job_request(q, IPP_OP_SEND_DOCUMENT, id);
	_cleanup_ipp_ ipp_t *answer = NULL;

	ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME, "document-name", NULL, name);
	ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_MIMETYPE, "document-format", NULL, CUPS_FORMAT_RAW);
	ippAddBoolean(request, IPP_TAG_OPERATION, "last-document", 1);
	/* The body goes in chunks: it is whole only with the empty last one, which cupsGetResponse sends. */
	if (cupsSendRequest(q->http, request, q->resource, CUPS_LENGTH_VARIABLE) != HTTP_STATUS_CONTINUE ||
		cupsWriteRequestData(q->http, bytes, len) != HTTP_STATUS_CONTINUE)
		return -EREMOTE;
	answer = cupsGetResponse(q->http, q->resource);
	if (answer && cupsLastError() <= IPP_STATUS_OK_EVENTS_COMPLETE)
		return 0;
	return server_refused() ? -EREMOTE : -EINPROGRESS;
}

static int cups_submit(void *queue, const char *name, const char *bytes, size_t len, int *ret_id,
	char *why, size_t why_size)
{
	struct cups_queue *q = queue;
	int id = 0, r;

	if (connect_queue(q) < 0) {
		snprintf(why, why_size, "print server %s does not answer", q->host);
		return -ENOTCONN;
	}
	r = create_job(q, name, &id);
	if (r < 0) {
		copy_why(why, why_size);
		return r;
	}
	r = send_document(q, id, name, bytes, len);
	if (r == 0) {
		*ret_id = id;
		return 0;
	}
	copy_why(why, why_size);
	drop_connection(q);
	if (r == -EREMOTE)
		cups_cancel(q, id);
	return r;
}

/* How much a job of the wanted name tells: one that went far before one that came to nothing. */
static int rank_job(ipp_jstate_t state)
{
	switch (state) {
	case IPP_JSTATE_COMPLETED:
		return 4;
	case IPP_JSTATE_PROCESSING:
	case IPP_JSTATE_STOPPED:
		return 3;
	case IPP_JSTATE_PENDING:
	case IPP_JSTATE_HELD:
		return 2;
	case IPP_JSTATE_CANCELED:
	case IPP_JSTATE_ABORTED:
		return 1;
	}
	return 0;
}

static int cups_find(void *queue, const char *name, int *ret_id)
{
	struct cups_queue *q = queue;
	cups_job_t *jobs = NULL;
	int n, best = 0;

	if (connect_queue(q) < 0)
		return -ENOTCONN;
	n = cupsGetJobs2(q->http, &jobs, q->name, 0, CUPS_WHICHJOBS_ALL);
	if (n < 0) {
		bool gone = cupsLastError() == IPP_STATUS_ERROR_NOT_FOUND;

		if (!gone)
			drop_connection(q);
		return gone ? -ENOENT : -ENOTCONN;
	}
	for (int i = 0; i < n; i++)
		if (strcmp(jobs[i].title, name) == 0 && rank_job(jobs[i].state) > best) {
			best = rank_job(jobs[i].state);
			*ret_id = jobs[i].id;
		}
	cupsFreeJobs(n, jobs);
	return best ? 0 : -ENOENT;
}

/* All values of an attribute with commas; a full buffer cuts at a value. */
static void join_values(ipp_t *answer, const char *name, char *out, size_t size)
{
	ipp_attribute_t *attribute = ippFindAttribute(answer, name, IPP_TAG_ZERO);
	size_t at = 0;

	out[0] = '\0';
	for (int i = 0; attribute && i < ippGetCount(attribute); i++) {
		const char *value = ippGetString(attribute, i, NULL);
		int n = value ? snprintf(out + at, size - at, "%s%s", at ? "," : "", value) : 0;

		if (n < 0 || (size_t)n >= size - at) {
			out[at] = '\0';
			return;
		}
		at += (size_t)n;
	}
}

static int map_job_state(int state, enum queue_job_state *ret)
{
	switch (state) {
	case IPP_JSTATE_PENDING:
	case IPP_JSTATE_HELD:
		*ret = QUEUE_WAITING;
		return 0;
	case IPP_JSTATE_PROCESSING:
	case IPP_JSTATE_STOPPED:
		*ret = QUEUE_PROCESSING;
		return 0;
	case IPP_JSTATE_CANCELED:
		*ret = QUEUE_CANCELED;
		return 0;
	case IPP_JSTATE_ABORTED:
		*ret = QUEUE_ABORTED;
		return 0;
	case IPP_JSTATE_COMPLETED:
		*ret = QUEUE_COMPLETED;
		return 0;
	default:
		return -EPROTO;
	}
}

static int cups_look(void *queue, int id, struct queue_job *ret)
{
	static const char *const wanted[] = { "job-state", "job-state-reasons", "time-at-processing",
		"job-printer-state-message" };
	struct cups_queue *q = queue;
	_cleanup_ipp_ ipp_t *answer = NULL;
	struct queue_job job = { .state = QUEUE_WAITING };
	ipp_t *request = new_job_request(q, IPP_OP_GET_JOB_ATTRIBUTES, id);
	char reasons[80], message[64];
	ipp_attribute_t *began;
	int r;

	ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes",
		(int)array_len(wanted), NULL, wanted);
	r = ask(q, request, "/", &answer);
	if (r < 0)
		return r;
	if (map_job_state(integer_value(answer, "job-state", IPP_TAG_ENUM, -1), &job.state) < 0)
		return -ENOTCONN;
	join_values(answer, "job-state-reasons", reasons, sizeof(reasons));
	join_values(answer, "job-printer-state-message", message, sizeof(message));
	/* Until a backend ran, this attribute has the value "no value". */
	began = ippFindAttribute(answer, "time-at-processing", IPP_TAG_ZERO);
	job.started = !began || ippGetValueTag(began) == IPP_TAG_INTEGER;
	job.incoming = strstr(reasons, "job-incoming") != NULL;
	snprintf(job.text, sizeof(job.text), "%s%s%s", reasons, message[0] ? ": " : "", message);
	*ret = job;
	return 0;
}

static int cups_printer(void *queue, struct queue_printer *ret)
{
	static const char *const wanted[] = { "printer-state", "printer-state-reasons",
		"printer-error-policy" };
	struct cups_queue *q = queue;
	_cleanup_ipp_ ipp_t *answer = NULL;
	ipp_t *request = new_request(q, IPP_OP_GET_PRINTER_ATTRIBUTES);
	int r;

	ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes",
		(int)array_len(wanted), NULL, wanted);
	r = ask(q, request, "/", &answer);
	if (r < 0)
		return r;
	ret->stopped = integer_value(answer, "printer-state", IPP_TAG_ENUM, -1) == IPP_PSTATE_STOPPED;
	join_values(answer, "printer-state-reasons", ret->reasons, sizeof(ret->reasons));
	join_values(answer, "printer-error-policy", ret->policy, sizeof(ret->policy));
	return 0;
}

const struct queue_ops cups_queue_ops = {
	.submit = cups_submit,
	.find = cups_find,
	.look = cups_look,
	.cancel = cups_cancel,
	.printer = cups_printer,
};
