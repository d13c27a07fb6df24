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
	json_t *command;
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
	int64_t retry_us;
	int retry_ms;
	int64_t next_n;

	struct waiting waiting[DOOR_CLIENT_WAITING_MAX];
	size_t waiting_n;
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
		json_decref(c->waiting[i].command);
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

/* Takes the object. */
static int queue_message(struct door_client *c, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);

	json_decref(message);
	if (!text)
		return -ENOMEM;
	if (c->out_n == OUT_MAX) {
		free(text);
		return -EAGAIN;
	}
	c->out[(c->out_first + c->out_n++) % OUT_MAX] = text;
	return 0;
}

static void send_waiting(struct door_client *c, struct waiting *w)
{
	json_object_set_new(w->command, "age_ms",
		json_integer((clock_boot_us() - w->born_us) / US_PER_MS));
	w->sent = queue_message(c, json_pack("{s:O}", "command", w->command)) == 0;
}

/* In the order they were made: a lower number after a higher one would be "forgotten". */
static void send_all_waiting(struct door_client *c)
{
	for (size_t i = 0; i < c->waiting_n; i++) {
		if (c->waiting[i].sent)
			continue;
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
		json_decref(c->waiting[i].command);
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
		message = json_loadb(c->in, len, 0, NULL);
		if (message)
			dispatch(c, message);
	}
}

void door_client_process(struct door_client *c)
{
	if (c->fd < 0 && clock_boot_us() >= c->retry_us)
		connect_now(c);
	flush_out(c);
	read_messages(c);
	if (door_client_up(c))
		send_all_waiting(c);
	flush_out(c);
}

int door_client_command(struct door_client *c, json_t *command, int64_t *ret_n)
{
	struct waiting *w = &c->waiting[c->waiting_n];
	const char *id = json_string_value(json_object_get(command, "id"));

	if (c->waiting_n == DOOR_CLIENT_WAITING_MAX) {
		json_decref(command);
		return -EAGAIN;
	}
	*w = (struct waiting){ .command = command,
		.born_us = clock_boot_us() - json_int(command, "age_ms") * US_PER_MS };
	if (id) {
		if (text_copy(w->id, sizeof(w->id), id) < 0) {
			json_decref(command);
			return -EINVAL;
		}
	} else {
		text_format(w->id, sizeof(w->id), "%s:%lld", c->origin, (long long)c->next_n);
		json_object_set_new(command, "id", json_string(w->id));
		if (ret_n)
			*ret_n = c->next_n;
		c->next_n++;
	}
	c->waiting_n++;
	if (door_client_up(c)) {
		send_all_waiting(c);
		flush_out(c);
	}
	return 0;
}

int door_client_send(struct door_client *c, json_t *message)
{
	int r;

	if (!door_client_up(c)) {
		json_decref(message);
		return -ENOTCONN;
	}
	r = queue_message(c, message);
	if (r == 0)
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
		return;
	}
}
