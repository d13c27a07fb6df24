#include "core.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "chain.h"
#include "cleanup.h"
#include "door.h"
#include "json.h"

#define PAGE_BYTES (48 * 1024)

static void complain(struct core *c, const char *what, const char *detail)
{
	if (!c->wrong[0])
		snprintf(c->wrong, sizeof(c->wrong), "%s: %s", what, detail);
}

void core_open(struct core *c, const char *run)
{
	char path[108];

	*c = (struct core){.client = -1};
	assert(door_path(run, DOOR_SYNC, path, sizeof(path)) == 0);
	c->listener = door_listen(path, 0600);
	assert(c->listener >= 0);
}

void core_drop_client(struct core *c)
{
	if (c->client >= 0)
		close(c->client);
	c->client = -1;
	c->subscribed = false;
}

void core_close(struct core *c)
{
	core_drop_client(c);
	close(c->listener);
	for (int64_t n = 1; n <= c->head; n++)
		free(c->events[n]);
}

/* Takes the message. */
static void say(struct core *c, json_t *message)
{
	_cleanup_free_ char *text = json_dumps(message, JSON_COMPACT);

	json_decref(message);
	assert(text);
	if (c->client >= 0 && door_send(c->client, text, strlen(text)) < 0)
		core_drop_client(c);
}

static json_t *hash_text(const uint8_t *hash)
{
	char hex[HASH_HEX];

	text_hex(hash, HASH_BYTES, hex);
	return json_string(hex);
}

static void push_outbox(struct core *c)
{
	if (c->subscribed)
		say(c, json_pack("{s:{s:s,s:I,s:o,s:I,s:b,s:I}}", "push", "topic", "outbox", "head",
			       (json_int_t)c->head, "hash", hash_text(c->hash[c->head]), "acked",
			       (json_int_t)c->acked, "lease_wanted", c->lease_wanted, "epoch",
			       (json_int_t)c->epoch));
}

void core_add_event(struct core *c, const char *type, const char *data)
{
	int64_t n = ++c->head;

	assert(n <= CORE_EVENTS_MAX);
	/* Blanks and key order that no encoder of ours would write: the bytes must pass untouched.
	 */
	assert(asprintf(&c->events[n],
		       "{ \"type\":\"%s\",\"id\":\"t:%lld/1\", "
		       "\"specversion\":\"1.0\",\"subject\":\"K%lld\","
		       "\"source\":\"/wharf/T\",\"data\":%s}",
		       type, (long long)n, (long long)n, data) > 0);
	chain_next(c->hash[n - 1], (uint64_t)n, c->events[n], strlen(c->events[n]), c->hash[n]);
	push_outbox(c);
}

static void refuse(struct core *c, const char *id)
{
	say(c, json_pack("{s:{s:s,s:s,s:s}}", "refused", "id", id, "why", "busy", "say", "busy"));
}

static void answer_outbox(struct core *c, const json_t *query)
{
	json_t *rows = json_array();
	int64_t n = atoll(json_str(query, "after")) + 1, limit = json_int(query, "limit");
	size_t bytes = 0;

	if (c->busy_reads-- > 0 || !json_is_string(json_object_get(query, "after"))) {
		refuse(c, json_str(query, "id"));
		json_decref(rows);
		return;
	}
	for (; n <= c->head && limit-- > 0 && bytes < PAGE_BYTES; n++) {
		bytes += strlen(c->events[n]);
		json_array_append_new(
			rows, json_pack("{s:I,s:s,s:s,s:o}", "n", (json_int_t)n, "key", "k",
				      "bytes", c->events[n], "hash", hash_text(c->hash[n])));
	}
	say(c, json_pack("{s:{s:s,s:s,s:i,s:o,s:n}}", "rows", "id", json_str(query, "id"), "name",
		       "outbox", "as_of", 1, "rows", rows, "next"));
}

static void say_link(struct core *c, const json_t *query)
{
	json_t *row = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:s,s:o,s:b}", "state", c->state,
		"up_head", (json_int_t)c->head, "up_acked", (json_int_t)c->acked, "up_safe",
		(json_int_t)c->safe, "down_n", (json_int_t)c->down_n, "epoch", (json_int_t)c->epoch,
		"incarnation", "00112233445566778899aabbccddeeff", "head_hash",
		hash_text(c->hash[c->head]), "lease_wanted", c->lease_wanted);

	say(c, json_pack("{s:{s:s,s:s,s:i,s:[o],s:n}}", "rows", "id", json_str(query, "id"), "name",
		       "link", "as_of", 1, "rows", row, "next"));
}

static void answer_link(struct core *c, const json_t *query)
{
	if (c->busy_reads-- > 0) {
		refuse(c, json_str(query, "id"));
		return;
	}
	say_link(c, query);
}

static void apply_down(struct core *c, const char *id, const json_t *args)
{
	int64_t n = json_int(args, "n");
	char expected[96];

	snprintf(expected, sizeof(expected), ".%s:%lld", c->gen, (long long)n);
	if (strncmp(id, "hq.T.", 5) != 0 || !strstr(id, expected))
		complain(c, "id of a down message", id);
	if (n <= c->down_n)
		return;
	if (n != c->down_n + 1)
		complain(c, "down message out of order", id);
	c->down_n = n;
	c->applied++;
	snprintf(c->last_down, sizeof(c->last_down), "%s %s", json_str(args, "type"),
		json_str(json_object_get(args, "body"), "order"));
}

static void apply_lease(struct core *c, const json_t *args)
{
	if (strcmp(c->block, json_str(args, "block")) == 0)
		return;
	snprintf(c->block, sizeof(c->block), "%s", json_str(args, "block"));
	snprintf(c->prefix, sizeof(c->prefix), "%s", json_str(args, "prefix"));
	c->first = json_int(args, "first");
	c->count = json_int(args, "count");
	c->leases++;
	c->lease_wanted = false;
	push_outbox(c);
}

static void apply(struct core *c, const char *id, const char *kind, const json_t *args)
{
	if (strcmp(kind, "hq_down") == 0) {
		apply_down(c, id, args);
	} else if (strcmp(kind, "sscc_lease") == 0) {
		apply_lease(c, args);
	} else if (strcmp(kind, "hq_acked") == 0) {
		if (json_int(args, "cum") > c->head)
			complain(c, "acknowledged beyond the head", id);
		c->acked = json_int(args, "cum");
		c->safe = json_int(args, "safe");
	} else if (strcmp(kind, "hq_link") == 0) {
		snprintf(c->state, sizeof(c->state), "%s", json_str(args, "state"));
		snprintf(c->reason, sizeof(c->reason), "%s", json_str(args, "reason"));
	} else if (strcmp(kind, "hq_epoch") == 0) {
		c->epoch = json_int(args, "epoch");
		snprintf(c->gen, sizeof(c->gen), "%s", json_str(args, "hub_gen"));
	} else {
		complain(c, "unknown kind", kind);
	}
}

static void on_command(struct core *c, const json_t *command)
{
	const char *id = json_str(command, "id"), *kind = json_str(command, "kind");

	if (c->busy_answers > 0 && strcmp(kind, "hq_down") == 0) {
		c->busy_answers--;
		refuse(c, id);
		return;
	}
	apply(c, id, kind, json_object_get(command, "args"));
	say(c, json_pack("{s:{s:s,s:b,s:s,s:s,s:i}}", "outcome", "id", id, "ok", 1, "code", "done",
		       "say", "", "seq", 1));
}

static void on_message(struct core *c, const json_t *m)
{
	const json_t *body;

	if (json_object_get(m, "hello")) {
		say(c, json_pack("{s:{s:i,s:s,s:s,s:i,s:i,s:b}}", "welcome", "version", 1, "core",
			       "test", "site", "T", "acked", 0, "as_of", 1, "accepting", 1));
	} else if ((body = json_object_get(m, "query"))) {
		if (strcmp(json_str(body, "name"), "link") == 0)
			answer_link(c, body);
		else
			answer_outbox(c, body);
	} else if (json_object_get(m, "subscribe")) {
		c->subscribed = true;
		push_outbox(c);
	} else if ((body = json_object_get(m, "command"))) {
		on_command(c, body);
	} else {
		complain(c, "a message the door does not know", "");
	}
}

void core_pump(struct core *c)
{
	static char buf[DOOR_MESSAGE_MAX + 1];
	int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		core_drop_client(c);
		c->client = fd;
	}
	while (c->client >= 0) {
		_cleanup_json_ json_t *m = NULL;
		size_t len;
		int r = door_recv(c->client, buf, &len);

		if (r == -EAGAIN)
			return;
		if (r <= 0) {
			core_drop_client(c);
			return;
		}
		m = json_loadb(buf, len, 0, NULL);
		on_message(c, m);
	}
}
