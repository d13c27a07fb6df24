/* The words a peer may say, each checked before anything happens. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "core.h"
#include "json.h"
#include "text.h"

void message_refuse(struct peer *peer, const char *id, const char *why, const char *say)
{
	char text[WHY_MAX];

	/* It may quote what came, cut at a number of bytes. */
	snprintf(text, sizeof(text), "%s", say);
	text_make_utf8(text);
	if (id)
		peer_send(peer, json_pack("{s:{s:s, s:s, s:s}}", "refused", "id", id, "why", why, "say", text));
	else
		peer_send(peer, json_pack("{s:{s:s, s:s}}", "error", "why", why, "say", text));
}

/* The id of a command that is otherwise not readable, so that its sender knows which one was refused. */
static const char *id_in(const json_t *body)
{
	const char *id = json_string_value(json_object_get(body, "id"));

	return id && strlen(id) < DOOR_ID_MAX ? id : NULL;
}

static void welcome(struct peer *peer, const char *boot)
{
	const struct core *core = peer->core;

	peer->hello = true;
	text_copy(peer->boot, sizeof(peer->boot), boot);
	peer_send(peer,
		json_pack("{s:{s:i, s:s, s:s, s:I, s:I, s:b, s:s}}", "welcome", "version", DOOR_VERSION, "core", core->boot,
			"site", core->engine.site, "acked",
			(json_int_t)store_number(core->store, 0, SQL_ORIGIN_LAST_N, "t", boot), "as_of",
			(json_int_t)core->engine.seq, "accepting", core_closed(core) == NULL, "reason",
			core_say(core)));
}

static void take_hello(struct peer *peer, const json_t *body)
{
	const char *kind = NULL, *boot = NULL;
	const json_t *devices = NULL;
	char why[WHY_MAX];
	int64_t version = 0;
	const struct json_field fields[] = {
		{ "peer", JSON_REQUIRED, JSON_STRING, &kind, 1, 20 },
		{ "version", JSON_REQUIRED, JSON_INTEGER, &version, 0, 0 },
		{ "boot", JSON_REQUIRED, JSON_STRING, &boot, 1, DOOR_ORIGIN_MAX - 1 },
		{ "devices", JSON_OPTIONAL, JSON_ARRAY, &devices, 0, 0 },
	};

	if (json_fields(body, fields, array_len(fields), why, sizeof(why)) < 0) {
		message_refuse(peer, NULL, "malformed", why);
	} else if (strcmp(kind, door_kind_name(peer->kind)) != 0 || version != DOOR_VERSION) {
		snprintf(why, sizeof(why), "this is the door of %s, version %d", door_kind_name(peer->kind), DOOR_VERSION);
		message_refuse(peer, NULL, "not_allowed", why);
	} else {
		welcome(peer, boot);
	}
}

/* The text that goes into the journal: what was sent, or with a secret replaced by its keyed hash. */
static char *journal_text(struct core *core, json_t *message, const char *bytes, size_t len, char *why)
{
	json_t *body = json_object_get(message, "command");

	if (strcmp(json_str(body, "kind"), "user_put") != 0)
		return strndup(bytes, len);
	if (login_rewrite(core, body, why, WHY_MAX) < 0)
		return NULL;
	return json_dumps(message, JSON_COMPACT);
}

static void take_command(struct peer *peer, json_t *message, const char *bytes, size_t len)
{
	struct core *core = peer->core;
	char why[WHY_MAX] = "";
	const char *code = "malformed", *id = id_in(json_object_get(message, "command")), *say;
	struct pending *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	p->peer_serial = peer->serial;
	p->text = journal_text(core, message, bytes, len, why);
	if (!p->text ||
		command_parse(&p->command, peer->kind, json_incref(message), p->text, &code, why, sizeof(why)) < 0) {
		message_refuse(peer, id, code, why);
		free(p->text);
		free(p);
		return;
	}
	say = disk_refuses(core, &p->command);
	if (say) {
		message_refuse(peer, id, "disk_full", say);
		pending_free(p);
		return;
	}
	peer->commands++;
	turn_queue(core, p, p->command.kind->priority);
}

json_t *status_of(const struct core *core)
{
	char now[CLOCK_TEXT_MAX];

	clock_text(clock_real_us(), now);
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:i}", "core", core->boot, "version", WHARF_VERSION, "now", now,
		"accepting", core_closed(core) == NULL, "reason", core_say(core), "disk", disk_word(core->disk),
		"peers", (int)core->peers_n);
}

struct question {
	const char *id, *name, *after;
	const json_t *args;
	int64_t limit;
};

static void answer_rows(struct peer *peer, const struct question *q, json_t *rows, const char *next)
{
	peer_send(peer,
		json_pack("{s:{s:s, s:s, s:I, s:o, s:o}}", "rows", "id", q->id, "name", q->name, "as_of",
			(json_int_t)peer->core->engine.seq, "rows", rows, "next",
			next[0] ? json_string(next) : json_null()));
}

static void run_query(struct peer *peer, const struct question *q)
{
	struct core *core = peer->core;
	char why[WHY_MAX], next[200];
	json_t *rows = NULL;
	int r = store_rows(core->store, q->name, q->args, q->after, (int)q->limit, &rows, next, sizeof(next), why,
		sizeof(why));

	core_check_store(core);
	if (r < 0) {
		message_refuse(peer, q->id, r == -ETIMEDOUT || r == -EMSGSIZE ? "too_long" : "malformed", why);
		return;
	}
	if (strcmp(q->name, "status") == 0 && json_array_size(rows)) {
		_cleanup_json_ json_t *more = status_of(core);

		json_object_update(json_array_get(rows, 0), more);
	}
	answer_rows(peer, q, rows, next);
}

static void take_query(struct peer *peer, const json_t *body)
{
	struct question q = { .after = "", .args = json_object_shared(), .limit = 50 };
	char why[WHY_MAX];
	const struct json_field fields[] = {
		{ "id", JSON_REQUIRED, JSON_STRING, &q.id, 1, 60 },
		{ "name", JSON_REQUIRED, JSON_STRING, &q.name, 1, 40 },
		{ "args", JSON_OPTIONAL, JSON_OBJECT, &q.args, 0, 0 },
		{ "after", JSON_OPTIONAL, JSON_STRING, &q.after, 0, 190 },
		{ "limit", JSON_OPTIONAL, JSON_INTEGER, &q.limit, 1, 200 },
	};

	if (json_fields(body, fields, array_len(fields), why, sizeof(why)) < 0)
		message_refuse(peer, id_in(body), "malformed", why);
	else if (strcmp(q.name, "salt") == 0)
		answer_rows(peer, &q, login_salt(peer->core, json_str(q.args, "badge")), "");
	else
		run_query(peer, &q);
}

static bool topic_allowed(const struct peer *peer, const char *name)
{
	static const char *const all[] = { "devices", "orders", "cases", "status", "link" };

	for (size_t i = 0; i < array_len(all); i++)
		if (strcmp(all[i], name) == 0)
			return true;
	if (strncmp(name, "prompt/", 7) == 0)
		return door_name_ok(name + 7);
	if (strncmp(name, "orders/", 7) == 0)
		return door_name_ok(name + 7) &&
			(peer->kind == DOOR_BRIDGE || peer->kind == DOOR_PLC || peer->kind == DOOR_PRINT);
	return (strcmp(name, "outbox") == 0 && peer->kind == DOOR_SYNC) ||
		(strcmp(name, "sessions") == 0 && peer->kind == DOOR_WEB);
}

static struct topic *add_topic(struct peer *peer, const char *name)
{
	struct topic *topic = peer->topics_n < PEER_TOPICS_MAX ? calloc(1, sizeof(*topic)) : NULL;

	if (!topic)
		return NULL;
	text_copy(topic->name, sizeof(topic->name), name);
	peer->topics[peer->topics_n++] = topic;
	return topic;
}

/* The topic's name; NULL where the message was refused. */
static const char *read_topic(struct peer *peer, const json_t *body)
{
	const char *name = NULL;
	char why[WHY_MAX] = "there is no such topic for this peer";
	const struct json_field fields[] = { { "topic", JSON_REQUIRED, JSON_STRING, &name, 1, DOOR_NAME_MAX + 8 } };

	if (json_fields(body, fields, array_len(fields), why, sizeof(why)) == 0 && topic_allowed(peer, name))
		return name;
	message_refuse(peer, NULL, "malformed", why);
	return NULL;
}

static void take_subscribe(struct peer *peer, const json_t *body)
{
	const char *name = read_topic(peer, body);
	struct topic *topic;

	if (!name)
		return;
	topic = peer_topic(peer, name);
	if (!topic)
		topic = add_topic(peer, name);
	if (topic)
		release_topic(peer->core, peer, topic);
	else
		message_refuse(peer, NULL, "busy", "too many topics");
}

/* A device's orders stay with its connection: what was shown on it is remembered with the topic, and would else be shown
 * again. */
static void take_unsubscribe(struct peer *peer, const json_t *body)
{
	const char *name = read_topic(peer, body);
	struct topic *topic = name ? peer_topic(peer, name) : NULL;

	if (name && strncmp(name, "orders/", 7) == 0)
		message_refuse(peer, NULL, "not_allowed", "a device's orders end with its connection only");
	else if (topic)
		peer_drop_topic(peer, topic);
}

static void take_ping(struct peer *peer, const json_t *body)
{
	peer_send(peer, json_pack("{s:{s:I, s:I}}", "pong", "n", (json_int_t)json_int(body, "n"), "as_of",
				(json_int_t)peer->core->engine.seq));
}

static void dispatch(struct peer *peer, const char *word, json_t *message, const char *bytes, size_t len)
{
	const json_t *body = json_object_get(message, word);

	if (strcmp(word, "hello") == 0)
		take_hello(peer, body);
	else if (!peer->hello)
		message_refuse(peer, NULL, "malformed", "say hello first");
	else if (strcmp(word, "command") == 0)
		take_command(peer, message, bytes, len);
	else if (strcmp(word, "query") == 0)
		take_query(peer, body);
	else if (strcmp(word, "subscribe") == 0)
		take_subscribe(peer, body);
	else if (strcmp(word, "unsubscribe") == 0)
		take_unsubscribe(peer, body);
	else if (strcmp(word, "ping") == 0)
		take_ping(peer, body);
	else if (strcmp(word, "login") == 0 && peer->kind == DOOR_WEB)
		login_take(peer, body);
	else if (strcmp(word, "backup") == 0 && peer->kind == DOOR_CTL)
		backup_take(peer, body);
	else if (strcmp(word, "seal") == 0 && peer->kind == DOOR_CTL)
		segments_take(peer, body);
	else
		message_refuse(peer, NULL, "malformed", "unknown word");
}

void message_take(struct peer *peer, const char *bytes, size_t len)
{
	char why[WHY_MAX];
	_cleanup_json_ json_t *message = NULL;

	/* socat and friends end a typed line with a newline. */
	while (len && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
		len--;
	message = json_parse(bytes, len, why, sizeof(why));
	if (!message)
		message_refuse(peer, NULL, "malformed", why);
	else if (!json_is_object(message) || json_object_size(message) != 1 ||
		!json_is_object(json_object_iter_value(json_object_iter(message))))
		message_refuse(peer, NULL, "malformed", "a message is an object with one word that holds an object");
	else
		dispatch(peer, json_object_iter_key(json_object_iter(message)), message, bytes, len);
	core_check_store(peer->core);
}
