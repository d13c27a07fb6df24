/* A core without a memory: it speaks just enough of the door's web socket for the pages and for measuring the web
 * server alone. One pick conversation per device, a packing prompt, and a few rows per query.
 *   fake_core RUN [ITEMS]
 * ITEMS is how many of an item an order wants (default 3). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"
#include "door.h"
#include "json.h"
#include "text.h"

#define PEERS_MAX 8
#define PLACES_MAX 512
#define LAST_MAX 512

enum pick_state { PICK_START, PICK_LOCATION, PICK_ITEM, PICK_TOTE };

struct place {
	char name[DOOR_NAME_MAX];
	enum pick_state state;
	int64_t step, done, orders;
	char last[LAST_MAX];
	bool watched;
};

static struct place places[PLACES_MAX];
static char sessions[PLACES_MAX][2][DOOR_NAME_MAX];
static size_t sessions_n;
static int64_t seq;
static int64_t item_count = 3;

static void send_object(int fd, json_t *message)
{
	_cleanup_free_ char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	json_decref(message);
	while (text && door_send(fd, text, strlen(text)) == -EAGAIN)
		poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 1000);
}

static struct place *place_of(const char *name)
{
	for (size_t i = 0; i < PLACES_MAX; i++) {
		if (strcmp(places[i].name, name) == 0)
			return &places[i];
		if (places[i].name[0])
			continue;
		text_copy(places[i].name, sizeof(places[i].name), name);
		places[i].step = 1;
		return &places[i];
	}
	abort();
}

static json_t *key(const char *name, const char *label)
{
	return json_pack("{s:s,s:s}", "key", name, "label", label);
}

static json_t *prompt_of(const struct place *p)
{
	static const char *const expects[] = { "start", "location", "item", "tote" };
	static const char *const titles[] = { "Ready", "Go to", "Scan the item", "Into tote" };
	static const char *const bigs[] = { "Press start", "A-01-1", "Green tea 500 g", "Tote T-1" };
	json_t *keys = json_array(), *lines = json_array();

	if (p->state == PICK_START)
		json_array_append_new(keys, key("start", "Start"));
	if (p->state == PICK_ITEM) {
		json_array_append_new(keys, key("quantity", "Quantity"));
		json_array_append_new(keys, key("short", "Short"));
	}
	if (p->state != PICK_START)
		json_array_append_new(lines, json_string("Order SO-1001 · Müller GmbH"));
	return json_pack("{s:s,s:I,s:s,s:s,s:s,s:o,s:I,s:I,s:s,s:o,s:o}", "place", p->name, "step",
		(json_int_t)p->step, "dialogue", "pick", "title", titles[p->state], "big", bigs[p->state],
		"lines", lines, "done", (json_int_t)p->done, "of",
		(json_int_t)(p->state == PICK_ITEM ? item_count : 0), "expect", expects[p->state], "keys", keys,
		"last", p->last[0] ? json_loads(p->last, 0, NULL) : json_null());
}

static void push_prompt(int fd, const struct place *p)
{
	json_t *push = prompt_of(p);
	char topic[DOOR_NAME_MAX + 8];

	text_format(topic, sizeof(topic), "prompt/%s", p->name);
	json_object_set_new(push, "topic", json_string(topic));
	send_object(fd, json_pack("{s:o}", "push", push));
}

static const char *wanted(const struct place *p)
{
	static const char *const codes[] = { "", "A-01-1", "4012345000016", "T-1" };

	return codes[p->state];
}

static bool decide(struct place *p, const json_t *command, const char **ret_say)
{
	const json_t *args = json_object_get(command, "args");
	bool scan = strcmp(json_str(command, "kind"), "scan") == 0;

	if (scan ? strcmp(json_str(args, "data"), wanted(p)) != 0 : p->state != PICK_START) {
		*ret_say = "That is not what is wanted here";
		return false;
	}
	p->step++;
	*ret_say = "Right";
	if (p->state == PICK_ITEM && ++p->done < item_count)
		return true;
	p->state = p->state == PICK_TOTE ? PICK_START : p->state + 1;
	if (p->state != PICK_ITEM)
		p->done = 0;
	return true;
}

static void on_command(int fd, const json_t *command)
{
	struct place *p = place_of(json_str(command, "device"));
	const char *say = "", *id = json_str(command, "id");
	bool ok = strcmp(json_str(command, "kind"), "logout") == 0 || decide(p, command, &say);

	snprintf(p->last, sizeof(p->last),
		"{\"id\":\"%s\",\"ok\":%s,\"say\":\"%s\",\"signal\":\"%s\",\"code\":\"%s\"}", id,
		ok ? "true" : "false", say, ok ? "good" : "bad", ok ? "right" : "wrong");
	send_object(fd, json_pack("{s:{s:s,s:b,s:s,s:s,s:s,s:I,s:{},s:o}}", "outcome", "id", id, "ok", ok,
				"code", ok ? "right" : "wrong", "say", say, "signal", ok ? "good" : "bad",
				"seq", (json_int_t)++seq, "data", "prompt", prompt_of(p)));
	if (p->watched)
		push_prompt(fd, p);
}

static json_t *session_rows(const char *session)
{
	for (size_t i = 0; i < sessions_n; i++)
		if (strcmp(sessions[i][0], session) == 0)
			return json_pack("[{s:s,s:s,s:s,s:s}]", "badge", "S1", "name", "Sam", "role",
				"supervisor", "device", sessions[i][1]);
	return json_array();
}

static json_t *rows_of(const json_t *query)
{
	const char *name = json_str(query, "name");
	const json_t *args = json_object_get(query, "args");

	if (strcmp(name, "salt") == 0)
		return json_pack("[{s:s}]", "salt", "000102030405060708090a0b0c0d0e0f");
	if (strcmp(name, "session") == 0)
		return session_rows(json_str(args, "session"));
	if (strcmp(name, "link") == 0)
		return json_pack("[{s:s,s:s,s:i,s:i}]", "state", "down", "since", "2026-11-23T06:12:01.000Z",
			"up_head", 40, "up_safe", 12);
	return json_array();
}

static void on_login(int fd, const json_t *login)
{
	size_t i = sessions_n < PLACES_MAX ? sessions_n++ : PLACES_MAX - 1;

	text_copy(sessions[i][0], DOOR_NAME_MAX, json_str(login, "session"));
	text_copy(sessions[i][1], DOOR_NAME_MAX, json_str(login, "device"));
	send_object(fd, json_pack("{s:{s:s,s:b,s:s,s:s,s:s,s:i,s:{s:s,s:s}}}", "outcome", "id",
				json_str(login, "id"), "ok", 1, "code", "welcome", "say", "Hello Sam",
				"signal", "good", "seq", 1, "data", "name", "Sam", "role", "supervisor"));
}

static void on_subscribe(int fd, const char *topic)
{
	if (strncmp(topic, "prompt/", 7) == 0) {
		struct place *p = place_of(topic + 7);

		p->watched = true;
		push_prompt(fd, p);
		return;
	}
	send_object(fd, json_pack("{s:{s:s,s:I,s:s}}", "push", "topic", topic, "as_of", (json_int_t)seq,
				"state", "up"));
}

static void on_message(int fd, const json_t *message)
{
	const char *word = json_object_iter_key(json_object_iter((json_t *)message));
	const json_t *body = word ? json_object_get(message, word) : NULL;

	if (!word)
		return;
	if (strcmp(word, "hello") == 0)
		send_object(fd, json_pack("{s:{s:i,s:s,s:s,s:i,s:I,s:b}}", "welcome", "version", 1, "core",
					"fake", "site", "DEMO", "acked", 0, "as_of", (json_int_t)seq,
					"accepting", 1));
	else if (strcmp(word, "command") == 0)
		on_command(fd, body);
	else if (strcmp(word, "query") == 0)
		send_object(fd, json_pack("{s:{s:s,s:s,s:I,s:o,s:n}}", "rows", "id", json_str(body, "id"),
					"name", json_str(body, "name"), "as_of", (json_int_t)seq, "rows",
					rows_of(body), "next"));
	else if (strcmp(word, "login") == 0)
		on_login(fd, body);
	else if (strcmp(word, "subscribe") == 0)
		on_subscribe(fd, json_str(body, "topic"));
}

/* False at the end. */
static bool read_peer(int fd)
{
	static char buf[DOOR_MESSAGE_MAX + 1];
	size_t len;
	int r;

	while ((r = door_recv(fd, buf, &len)) > 0) {
		_cleanup_json_ json_t *message = json_loadb(buf, len, 0, NULL);

		if (message)
			on_message(fd, message);
	}
	return r == -EAGAIN;
}

int main(int argc, char **argv)
{
	struct pollfd fds[1 + PEERS_MAX] = { { .fd = -1 } };
	char path[108];
	nfds_t n = 1;

	if (argc < 2 || text_format(path, sizeof(path), "%s/door", argv[1]) < 0 ||
		text_mkdirs(path, 0750) < 0 || door_path(argv[1], DOOR_WEB, path, sizeof(path)) < 0)
		return EXIT_FAILURE;
	fds[0] = (struct pollfd){ .fd = door_listen(path, 0600), .events = POLLIN };
	if (fds[0].fd < 0)
		return EXIT_FAILURE;
	if (argc > 2)
		item_count = atoll(argv[2]);
	while (poll(fds, n, -1) >= 0) {
		if (fds[0].revents && n <= PEERS_MAX)
			fds[n++] = (struct pollfd){ .fd = accept4(fds[0].fd, NULL, NULL, SOCK_NONBLOCK),
				.events = POLLIN };
		for (nfds_t i = 1; i < n; i++)
			if (fds[i].revents && !read_peer(fds[i].fd)) {
				close(fds[i].fd);
				fds[i--] = fds[--n];
			}
	}
	return EXIT_SUCCESS;
}
