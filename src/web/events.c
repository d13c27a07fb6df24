#include "web.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "text.h"

/* A server-sent event stream. It sends the newest push of each of its topics; a slow reader skips what was
 * overtaken, except the one it is in the middle of. */
struct stream {
	struct request *request;
	char session[SESSION_ID_HEX];
	struct topic *topics[STREAM_TOPICS_MAX];
	uint64_t sent[STREAM_TOPICS_MAX];
	size_t topics_n;
	char *partial; /* the rest of an event that did not fit */
	size_t partial_at, partial_len;
	bool door_up, door_told;
	bool ended; /* whose session it was may not read it any more */
	int64_t sent_us;
	struct stream *next;
};

static const char heartbeat[] = ":\n\n";
static const char door_is_up[] = "event: door\ndata: {\"up\":true}\n\n";
static const char door_is_down[] = "event: door\ndata: {\"up\":false}\n\n";

/* Sends all of `text`, or as much as fits and keeps the rest. */
static size_t put(struct stream *s, char *out, size_t max, const char *text, size_t len)
{
	if (len <= max) {
		memcpy(out, text, len);
		return len;
	}
	memcpy(out, text, max);
	s->partial = malloc(len - max);
	if (!s->partial)
		abort();
	memcpy(s->partial, text + max, len - max);
	s->partial_len = len - max;
	s->partial_at = 0;
	return max;
}

static size_t put_partial(struct stream *s, char *out, size_t max)
{
	size_t left = s->partial_len - s->partial_at, n = left < max ? left : max;

	memcpy(out, s->partial + s->partial_at, n);
	s->partial_at += n;
	if (s->partial_at == s->partial_len) {
		free(s->partial);
		s->partial = NULL;
	}
	return n;
}

static size_t put_news(struct stream *s, char *out, size_t max)
{
	bool up = upstream_up(s->request->web->upstream);
	size_t n = 0;

	if (!s->door_told || s->door_up != up) {
		const char *text = up ? door_is_up : door_is_down;

		s->door_told = true;
		s->door_up = up;
		n += put(s, out, max, text, strlen(text));
	}
	for (size_t i = 0; i < s->topics_n && n < max && !s->partial; i++) {
		const struct topic *t = s->topics[i];

		if (!t->event || s->sent[i] == t->version)
			continue;
		s->sent[i] = t->version;
		n += put(s, out + n, max - n, t->event, t->event_len);
	}
	return n;
}

static ssize_t read_stream(void *user, uint64_t at, char *out, size_t max)
{
	struct stream *s = user;
	int64_t now_us = s->request->web->now_us;
	size_t n;

	(void)at;
	if (s->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (s->partial)
		n = put_partial(s, out, max);
	else
		n = s->request->exchange.waiting ? 0 : put_news(s, out, max); /* not before it is known who reads */
	if (!n && now_us - s->sent_us >= HEARTBEAT_US)
		n = put(s, out, max, heartbeat, strlen(heartbeat));
	if (n) {
		s->sent_us = now_us;
		return (ssize_t)n;
	}
	s->request->suspended = true;
	MHD_suspend_connection(s->request->mhd);
	return 0;
}

static void wake(struct stream *s)
{
	if (!s->request->suspended)
		return;
	s->request->suspended = false;
	MHD_resume_connection(s->request->mhd);
}

bool events_is_station(const void *user, const char *place)
{
	const struct web *web = user;
	const char *section;

	for (size_t i = 0; (section = config_section(web->config, "station", i)); i++)
		if (strcmp(config_name(section), place) == 0)
			return true;
	return false;
}

struct topic *events_want(struct web *web, const char *name)
{
	char dropped[TOPIC_NAME_MAX];
	struct topic *topic = topics_find(&web->topics, name);

	if (topic)
		return topic;
	topic = topics_get(&web->topics, name, dropped);
	if (!topic)
		return NULL;
	if (dropped[0])
		upstream_unsubscribe(web->upstream, dropped);
	/* While the door is away this only notes the topic for the next welcome. */
	upstream_subscribe(web->upstream, name);
	return topic;
}

struct topic *events_keep(struct web *web, const char *name)
{
	struct topic *topic = events_want(web, name);

	if (topic)
		topic->listeners++;
	return topic;
}

static enum MHD_Result add_topic(void *user, enum MHD_ValueKind kind, const char *key,
	const char *value)
{
	struct stream *s = user;
	struct request *request = s->request;
	struct topic *topic;

	(void)kind;
	if (strcmp(key, "topic") != 0)
		return MHD_YES;
	if (!value || s->topics_n == STREAM_TOPICS_MAX ||
		!topic_allowed(value, &request->session, events_is_station, request->web)) {
		request_refuse(request, MHD_HTTP_FORBIDDEN, "", "not_allowed",
			"No such topic, not for you, or more than 16");
		return MHD_NO;
	}
	topic = events_want(request->web, value);
	if (!topic) {
		request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "", "busy", "Too many topics");
		return MHD_NO;
	}
	topic->listeners++;
	s->topics[s->topics_n++] = topic;
	return MHD_YES;
}

static size_t streams_of(const struct web *web, const char *session)
{
	size_t n = 0;

	for (const struct stream *s = web->streams; s; s = s->next)
		if (strcmp(s->session, session) == 0)
			n++;
	return n;
}

static void add_stream_headers(struct MHD_Response *response)
{
	MHD_add_response_header(response, "Content-Type", "text/event-stream");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

static void answer_stream(struct request *request)
{
	/* The block is the most libmicrohttpd asks for at once. */
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
		CONNECTION_MEMORY / 2, read_stream, request->stream, NULL);

	if (!response)
		abort();
	add_stream_headers(response);
	request_answer(request, MHD_HTTP_OK, response);
}

void events_open(struct request *request)
{
	struct web *web = request->web;
	struct stream *s;

	if (streams_of(web, request->session.id) >= STREAMS_PER_SESSION_MAX) {
		request_refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, "", "busy",
			"Four streams are open already; close another page");
		return;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		request_answer_failed_ask(request, "", -ENOMEM);
		return;
	}
	s->request = request;
	s->sent_us = web->now_us;
	text_copy(s->session, sizeof(s->session), request->session.id);
	s->next = web->streams;
	web->streams = s;
	request->stream = s;
	MHD_get_connection_values(request->mhd, MHD_GET_ARGUMENT_KIND, add_topic, s);
	if (!request->response)
		answer_stream(request);
}

/* The last reader's leaving ends the subscription. */
static void leave_topic(struct web *web, struct topic *topic)
{
	if (--topic->listeners)
		return;
	upstream_unsubscribe(web->upstream, topic->name);
	topics_drop(topic);
}

/* Called when the request ends, however it ends. */
void events_close(struct request *request)
{
	struct stream *s = request->stream, **link = &request->web->streams;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	for (size_t i = 0; i < s->topics_n; i++)
		leave_topic(request->web, s->topics[i]);
	free(s->partial);
	free(s);
	request->stream = NULL;
}

static bool listens_to(const struct stream *s, const struct topic *topic)
{
	for (size_t i = 0; i < s->topics_n; i++)
		if (s->topics[i] == topic)
			return true;
	return false;
}

void events_push(struct web *web, const char *name, const char *text, size_t len)
{
	struct topic *topic = topics_find(&web->topics, name);

	if (!topic || topic_set(&web->topics, topic, text, len) < 0)
		return;
	if (!topic->listeners)
		return;
	for (struct stream *s = web->streams; s; s = s->next)
		if (listens_to(s, topic))
			wake(s);
}

static bool still_reads(const struct request *request, enum answer_kind kind, const json_t *body)
{
	const json_t *row = json_array_get(json_object_get(body, "rows"), 0);

	return kind == ANSWER_ROWS && row && strcmp(json_str(row, "role"), request->session.role) == 0 &&
	       strcmp(json_str(row, "device"), request->session.device) == 0;
}

/* With the door away nobody is told anything; its return asks again. */
static void on_stream_session(struct exchange *x, enum answer_kind kind, const json_t *body)
{
	struct request *request = (struct request *)x;

	if (kind != ANSWER_LOST && !still_reads(request, kind, body))
		request->stream->ended = true;
	wake(request->stream);
}

void events_check_sessions(struct web *web)
{
	for (struct stream *s = web->streams; s; s = s->next) {
		struct exchange *x = &s->request->exchange;

		/* An answer on its way may be older than the change. */
		upstream_forget(web->upstream, x);
		x->answered = on_stream_session;
		x->wants_text = false;
		upstream_query(web->upstream, x, "session", json_pack("{s:{s:s}}", "args", "session", s->session));
	}
}

void events_door(struct web *web, bool up)
{
	(void)up;
	for (struct stream *s = web->streams; s; s = s->next)
		wake(s);
}

void events_sweep(struct web *web)
{
	for (struct stream *s = web->streams; s; s = s->next)
		if (web->now_us - s->sent_us >= HEARTBEAT_US)
			wake(s);
}
