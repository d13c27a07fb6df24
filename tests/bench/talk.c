#include "talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "text.h"
#include "tool.h"

#define LIMIT_MS 30000
#define RETRY_US 200

int talk_connect(const char *path)
{
	int64_t start = now_ns();
	int fd;

	while ((fd = door_connect(path)) < 0) {
		if (seconds_since(start) * 1000 > LIMIT_MS)
			die("nobody listens at %s", path);
		usleep(RETRY_US);
	}
	return fd;
}

void talk_open(struct talk *t, const char *run, enum door_kind kind)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

	*t = (struct talk){ 0 };
	text_boot_id(t->origin);
	if (door_path(run, kind, path, sizeof(path)) < 0)
		die("path too long: %s", run);
	t->fd = talk_connect(path);
	talk_send(t, json_pack("{s:{s:s,s:i,s:s}}", "hello", "peer", door_kind_name(kind), "version", DOOR_VERSION,
			     "boot", t->origin));
	json_decref(talk_next(t, "welcome"));
}

void talk_close(struct talk *t)
{
	close(t->fd);
	t->fd = -1;
}

static void wait_for(const struct talk *t, short events)
{
	struct pollfd p = { .fd = t->fd, .events = events };

	if (poll(&p, 1, LIMIT_MS) <= 0)
		die("the core does not answer");
}

void talk_send(struct talk *t, json_t *message)
{
	_cleanup_free_ char *text = json_text(message);
	int r;

	json_decref(message);
	if (!text)
		die("out of memory");
	while ((r = door_send(t->fd, text, strlen(text))) == -EAGAIN)
		wait_for(t, POLLOUT);
	if (r < 0)
		die("the door is gone: %s", strerror(-r));
}

static json_t *read_message(struct talk *t)
{
	json_t *message;
	size_t len;
	int r;

	while ((r = door_recv(t->fd, t->in, &len)) == -EAGAIN)
		wait_for(t, POLLIN);
	if (r <= 0)
		die("the door was closed");
	message = json_loadb(t->in, len, 0, NULL);
	if (!message)
		die("no JSON: %.200s", t->in);
	return message;
}

json_t *talk_next(struct talk *t, const char *word)
{
	for (;;) {
		_cleanup_json_ json_t *message = read_message(t);
		json_t *body = json_object_get(message, word);

		if (body)
			return json_incref(body);
		if (json_object_get(message, "refused") || json_object_get(message, "error"))
			die("refused: %.300s", t->in);
	}
}

void talk_command(struct talk *t, json_t *command)
{
	char id[DOOR_ID_MAX];

	text_format(id, sizeof(id), "%s:%lld", t->origin, (long long)++t->n);
	json_object_set_new(command, "id", json_string(id));
	talk_send(t, json_pack("{s:o}", "command", command));
}

json_t *talk_ask(struct talk *t, json_t *command)
{
	talk_command(t, command);
	return talk_next(t, "outcome");
}

void talk_do(struct talk *t, const char *kind, json_t *args)
{
	_cleanup_json_ json_t *outcome = talk_ask(t, json_pack("{s:s,s:o}", "kind", kind, "args", args));

	if (!json_is_true(json_object_get(outcome, "ok")))
		die("%s: %s", kind, json_str(outcome, "say"));
}

json_t *talk_row(struct talk *t, const char *name)
{
	_cleanup_json_ json_t *rows = NULL;

	talk_send(t, json_pack("{s:{s:s,s:s}}", "query", "id", "q", "name", name));
	rows = talk_next(t, "rows");
	return json_incref(json_array_get(json_object_get(rows, "rows"), 0));
}
