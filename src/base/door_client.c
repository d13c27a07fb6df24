#include "door_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "text.h"

#define TOPICS_MAX 256
#define RECONNECT_FIRST_MS 20
#define RECONNECT_LAST_MS 1000
#define OUT_MAX 1024
#define READS_PER_TURN 64

struct waiting {
	char id[DOOR_ID_MAX];
	char *text; /* the command's object without its last '}': age_ms is written behind it */
	size_t len;
	int64_t born_us; /* when it happened, by this box's clock */
	bool sent;
};

struct door_client {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	enum door_kind kind;
	char origin[DOOR_ORIGIN_MAX];
	json_t *hello;
	struct door_handlers handlers;
	void *user;

	int fd;
	bool welcomed;
	bool batched;
	int64_t retry_us;
	int retry_ms;
	int64_t next_n;

	struct waiting waiting[DOOR_CLIENT_WAITING_MAX];
	size_t waiting_n;
	size_t unsent_n; /* of them */
	char *topics[TOPICS_MAX];
	size_t topics_n;
	char *out[OUT_MAX]; /* ring of messages that the socket did not take yet */
	size_t out_first, out_n;
	char in[DOOR_MESSAGE_MAX + 1];
};

int door_client_create(struct door_client **ret, const char *path, enum door_kind kind,
	const char *origin, json_t *hello, const struct door_handlers *handlers, void *user)
{
	struct door_client *c = calloc(1, sizeof(*c));
	int r = -ENOMEM;

	if (!c)
		goto fail;
	c->fd = -1;
	c->hello = hello ? hello : json_object();
	hello = NULL;
	c->kind = kind;
	c->handlers = *handlers;
	c->user = user;
	c->next_n = 1;
	c->retry_ms = RECONNECT_FIRST_MS;
	r = text_copy(c->path, sizeof(c->path), path);
	if (r == 0)
		r = text_copy(c->origin, sizeof(c->origin), origin);
	if (r < 0)
		goto fail;
	*ret = c;
	return 0;
fail:
	json_decref(hello);
	door_client_destroy(c);
	return r;
}

static void drop_out(struct door_client *c)
{
	for (size_t i = 0; i < c->out_n; i++)
		free(c->out[(c->out_first + i) % OUT_MAX]);
	c->out_n = 0;
}

void door_client_destroy(struct door_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	drop_out(c);
	for (size_t i = 0; i < c->waiting_n; i++)
		free(c->waiting[i].text);
	for (size_t i = 0; i < c->topics_n; i++)
		free(c->topics[i]);
	json_decref(c->hello);
	free(c);
}

int door_client_fd(const struct door_client *c)
{
	return c->fd;
}

short door_client_events(const struct door_client *c)
{
	return (short)(POLLIN | (c->out_n ? POLLOUT : 0));
}

int door_client_timeout_ms(const struct door_client *c)
{
	int64_t left_us;

	if (c->fd >= 0)
		return -1;
	left_us = c->retry_us - clock_boot_us();
	return left_us > 0 ? (int)(left_us / US_PER_MS) + 1 : 0;
}

bool door_client_up(const struct door_client *c)
{
	return c->fd >= 0 && c->welcomed;
}

size_t door_client_waiting(const struct door_client *c)
{
	return c->waiting_n;
}

static void lose_connection(struct door_client *c, int error)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	drop_out(c);
	for (size_t i = 0; i < c->waiting_n; i++)
		c->waiting[i].sent = false;
	c->unsent_n = c->waiting_n;
	if (c->welcomed)
		log_warning("door lost, trying again: %s path=%s", strerror(error), c->path);
	c->welcomed = false;
	c->retry_us = clock_boot_us() + c->retry_ms * US_PER_MS;
	c->retry_ms = c->retry_ms * 2 < RECONNECT_LAST_MS ? c->retry_ms * 2 : RECONNECT_LAST_MS;
	if (c->handlers.lost)
		c->handlers.lost(c->user);
}

static void flush_out(struct door_client *c)
{
	while (c->fd >= 0 && c->out_n) {
		char *text = c->out[c->out_first];
		int r = door_send(c->fd, text, strlen(text));

		if (r == -EAGAIN)
			return;
		if (r < 0 && r != -EMSGSIZE) {
			lose_connection(c, -r);
			return;
		}
		free(text);
		c->out_first = (c->out_first + 1) % OUT_MAX;
		c->out_n--;
	}
}

/* Takes the text. */
static int queue_text(struct door_client *c, char *text)
{
	if (!text)
		return -ENOMEM;
	if (c->out_n == OUT_MAX) {
		free(text);
		return -EAGAIN;
	}
	c->out[(c->out_first + c->out_n++) % OUT_MAX] = text;
	return 0;
}

/* Takes the object. */
static int queue_message(struct door_client *c, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);

	json_decref(message);
	return queue_text(c, text);
}

static void send_waiting(struct door_client *c, struct waiting *w)
{
	static const char head[] = "{\"command\":";
	size_t size = sizeof(head) + w->len + 48; /* ,"age_ms":N}} */
	char *text = malloc(size);

	if (text) {
		memcpy(text, head, sizeof(head) - 1);
		memcpy(text + sizeof(head) - 1, w->text, w->len);
		text_format(text + sizeof(head) - 1 + w->len, size - sizeof(head) - w->len,
			",\"age_ms\":%lld}}", (long long)((clock_boot_us() - w->born_us) / US_PER_MS));
	}
	w->sent = queue_text(c, text) == 0;
	c->unsent_n -= w->sent;
}

/* In the order they were made: a lower number after a higher one would be "forgotten". */
static void send_all_waiting(struct door_client *c)
{
	/* What is not sent yet is at the end. */
	for (size_t i = c->waiting_n - c->unsent_n; i < c->waiting_n; i++) {
		send_waiting(c, &c->waiting[i]);
		if (!c->waiting[i].sent)
			return;
	}
}

static int connect_now(struct door_client *c)
{
	json_t *hello;

	c->fd = door_connect(c->path);
	if (c->fd < 0) {
		c->fd = -1;
		c->retry_us = clock_boot_us() + c->retry_ms * US_PER_MS;
		c->retry_ms = c->retry_ms * 2 < RECONNECT_LAST_MS ? c->retry_ms * 2 : RECONNECT_LAST_MS;
		return -ENOTCONN;
	}
	hello = json_copy(c->hello);
	json_object_set_new(hello, "peer", json_string(door_kind_name(c->kind)));
	json_object_set_new(hello, "version", json_integer(DOOR_VERSION));
	json_object_set_new(hello, "boot", json_string(c->origin));
	return queue_message(c, json_pack("{s:o}", "hello", hello));
}

static void on_welcome(struct door_client *c, const json_t *welcome)
{
	c->welcomed = true;
	c->retry_ms = RECONNECT_FIRST_MS;
	for (size_t i = 0; i < c->topics_n; i++)
		queue_message(c, json_pack("{s:{s:s}}", "subscribe", "topic", c->topics[i]));
	send_all_waiting(c);
	if (c->handlers.welcome)
		c->handlers.welcome(c->user, welcome);
}

static void forget_waiting(struct door_client *c, const char *id)
{
	for (size_t i = 0; i < c->waiting_n; i++) {
		if (strcmp(c->waiting[i].id, id) != 0)
			continue;
		free(c->waiting[i].text);
		c->unsent_n -= !c->waiting[i].sent;
		memmove(&c->waiting[i], &c->waiting[i + 1],
			(c->waiting_n - i - 1) * sizeof(c->waiting[0]));
		c->waiting_n--;
		return;
	}
}

static void call(void (*handler)(void *, const json_t *), struct door_client *c, const json_t *body)
{
	if (handler)
		handler(c->user, body);
}

static void dispatch(struct door_client *c, const json_t *message)
{
	const char *word = json_object_iter_key(json_object_iter((json_t *)message));
	const json_t *body = word ? json_object_get(message, word) : NULL;

	if (!word)
		return;
	if (strcmp(word, "welcome") == 0) {
		on_welcome(c, body);
	} else if (strcmp(word, "outcome") == 0) {
		forget_waiting(c, json_str(body, "id"));
		call(c->handlers.outcome, c, body);
	} else if (strcmp(word, "refused") == 0) {
		forget_waiting(c, json_str(body, "id"));
		call(c->handlers.refused, c, body);
	} else if (strcmp(word, "push") == 0) {
		call(c->handlers.push, c, body);
	} else if (strcmp(word, "rows") == 0) {
		call(c->handlers.rows, c, body);
	} else if (strcmp(word, "pong") != 0) {
		call(c->handlers.other, c, message);
	}
}

/* The key of a compact message {"word":…}; false where it is none. */
static bool word_of(const char *message, size_t len, char *ret, size_t size)
{
	const char *end = len > 4 && message[0] == '{' && message[1] == '"' ? memchr(message + 2, '"', len - 2) : NULL;
	size_t n = end ? (size_t)(end - message - 2) : 0;

	if (!end || end[1] != ':' || !n || n >= size)
		return false;
	memcpy(ret, message + 2, n);
	ret[n] = '\0';
	return true;
}

/* An answer that was relayed unparsed still ends the waiting of its command. */
static void forget_answered(struct door_client *c, const char *word, const char *message, size_t len)
{
	size_t head = strlen(word) + 4, n;
	char id[DOOR_ID_MAX];
	const char *text;

	if (strcmp(word, "outcome") != 0 && strcmp(word, "refused") != 0)
		return;
	if (json_peek(message + head, len - head - 1, "id", &text, &n) < 0 || n < 2 || n - 2 >= sizeof(id))
		return;
	memcpy(id, text + 1, n - 2);
	id[n - 2] = '\0';
	forget_waiting(c, id);
}

static bool relay(struct door_client *c, size_t len)
{
	char word[DOOR_NAME_MAX];

	/* The core ends its messages for people at a terminal. */
	while (len && c->in[len - 1] == '\n')
		len--;
	if (!c->handlers.raw || !word_of(c->in, len, word, sizeof(word)))
		return false;
	if (!c->handlers.raw(c->user, word, c->in, len))
		return false;
	forget_answered(c, word, c->in, len);
	return true;
}

static void read_messages(struct door_client *c)
{
	for (int i = 0; c->fd >= 0 && i < READS_PER_TURN; i++) {
		_cleanup_json_ json_t *message = NULL;
		size_t len;
		int r = door_recv(c->fd, c->in, &len);

		if (r == -EAGAIN)
			return;
		if (r <= 0) {
			lose_connection(c, r ? -r : ECONNRESET);
			return;
		}
		if (relay(c, len))
			continue;
		message = json_loadb(c->in, len, 0, NULL);
		if (message)
			dispatch(c, message);
	}
}

void door_client_batch(struct door_client *c)
{
	c->batched = true;
}

void door_client_flush(struct door_client *c)
{
	if (door_client_up(c))
		send_all_waiting(c);
	flush_out(c);
}

void door_client_process(struct door_client *c)
{
	if (c->fd < 0 && clock_boot_us() >= c->retry_us)
		connect_now(c);
	flush_out(c);
	read_messages(c);
	door_client_flush(c);
}

/* Takes the text, which ends before the command's last '}'. */
static int keep_waiting(struct door_client *c, const char *id, char *text, size_t len, int64_t age_ms)
{
	struct waiting *w = &c->waiting[c->waiting_n];
	int r = text ? 0 : -ENOMEM;

	if (r == 0 && c->waiting_n == DOOR_CLIENT_WAITING_MAX)
		r = -EAGAIN;
	if (r == 0 && strlen(id) >= sizeof(w->id))
		r = -EINVAL;
	if (r < 0) {
		free(text);
		return r;
	}
	*w = (struct waiting){ .text = text, .len = len,
		.born_us = clock_boot_us() - age_ms * US_PER_MS };
	text_copy(w->id, sizeof(w->id), id);
	c->waiting_n++;
	c->unsent_n++;
	if (!c->batched)
		door_client_flush(c);
	return 0;
}

/* Gives the command its id: its own, or one made here. */
static int set_id(struct door_client *c, json_t *command, char *ret_id, size_t size)
{
	const char *given = json_string_value(json_object_get(command, "id"));

	if (given)
		return text_copy(ret_id, size, given) < 0 ? -EINVAL : 0;
	text_format(ret_id, size, "%s:%lld", c->origin, (long long)c->next_n);
	return json_object_set_new(command, "id", json_string(ret_id)) < 0 ? -ENOMEM : 1;
}

int door_client_command(struct door_client *c, json_t *command, int64_t *ret_n)
{
	int64_t age_ms = json_int(command, "age_ms");
	char id[DOOR_ID_MAX], *text = NULL;
	int made = set_id(c, command, id, sizeof(id)), r = made;

	json_object_del(command, "age_ms");
	if (r >= 0)
		text = json_dumps(command, JSON_COMPACT);
	json_decref(command);
	if (r >= 0)
		r = keep_waiting(c, id, text, text ? strlen(text) - 1 : 0, age_ms);
	if (r == 0 && made) {
		if (ret_n)
			*ret_n = c->next_n;
		c->next_n++;
	}
	return r;
}

int door_client_command_text(struct door_client *c, const char *id, char *text, int64_t age_ms)
{
	return keep_waiting(c, id, text, strlen(text) - 1, age_ms);
}

int door_client_send(struct door_client *c, json_t *message)
{
	int r;

	if (!door_client_up(c)) {
		json_decref(message);
		return -ENOTCONN;
	}
	r = queue_message(c, message);
	if (r == 0 && !c->batched)
		flush_out(c);
	return r;
}

int door_client_subscribe(struct door_client *c, const char *topic)
{
	char *copy;

	for (size_t i = 0; i < c->topics_n; i++)
		if (strcmp(c->topics[i], topic) == 0)
			return 0;
	copy = c->topics_n < TOPICS_MAX ? strdup(topic) : NULL;
	if (!copy)
		return -ENOMEM;
	c->topics[c->topics_n++] = copy;
	if (door_client_up(c))
		return door_client_send(c, json_pack("{s:{s:s}}", "subscribe", "topic", topic));
	return 0;
}

void door_client_unsubscribe(struct door_client *c, const char *topic)
{
	for (size_t i = 0; i < c->topics_n; i++) {
		if (strcmp(c->topics[i], topic) != 0)
			continue;
		free(c->topics[i]);
		c->topics[i] = c->topics[--c->topics_n];
		if (door_client_up(c))
			door_client_send(c, json_pack("{s:{s:s}}", "unsubscribe", "topic", topic));
		return;
	}
}
