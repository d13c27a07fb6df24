#include "upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "text.h"

#define BUCKETS 512 /* as many as connections */

struct upstream {
	struct door_client *door;
	struct upstream_events events;
	void *user;
	struct exchange *buckets[BUCKETS];
	char boot[BOOT_ID_MAX];
	int64_t next_query;
	int64_t next_login;
};

static struct exchange **bucket_of(struct upstream *u, const char *id)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *id; id++)
		hash = (hash ^ (uint8_t)*id) * 16777619u;
	return &u->buckets[hash % BUCKETS];
}

static struct exchange *find(struct upstream *u, const char *id)
{
	struct exchange *x = *bucket_of(u, id);

	while (x && strcmp(x->id, id) != 0)
		x = x->next;
	return x;
}

static void start_waiting(struct upstream *u, struct exchange *x)
{
	struct exchange **bucket = bucket_of(u, x->id);

	x->next = *bucket;
	*bucket = x;
	x->waiting = true;
	x->asked_us = clock_boot_us();
}

void upstream_forget(struct upstream *u, struct exchange *x)
{
	struct exchange **link;

	if (!x->waiting)
		return;
	for (link = bucket_of(u, x->id); *link != x;)
		link = &(*link)->next;
	*link = x->next;
	x->waiting = false;
	json_decref(x->command);
	x->command = NULL;
}

static void answer(struct upstream *u, struct exchange *x, enum answer_kind kind, const json_t *body)
{
	upstream_forget(u, x);
	x->answered(x, kind, body);
}

static void answer_id(struct upstream *u, enum answer_kind kind, const json_t *body)
{
	struct exchange *x = find(u, json_str(body, "id"));

	if (x)
		answer(u, x, kind, body);
}

static void on_outcome(void *user, const json_t *outcome)
{
	answer_id(user, ANSWER_OUTCOME, outcome);
}

static void on_refused(void *user, const json_t *refused)
{
	answer_id(user, ANSWER_REFUSED, refused);
}

static void on_rows(void *user, const json_t *rows)
{
	answer_id(user, ANSWER_ROWS, rows);
}

/* A string's text without its quotes; our ids and topics have nothing to unescape. */
static bool peek_name(const char *text, size_t len, const char *key, char *out, size_t size)
{
	const char *value;
	size_t n;

	if (json_peek(text, len, key, &value, &n) < 0 || n < 2 || value[0] != '"' || n - 2 >= size ||
		memchr(value, '\\', n))
		return false;
	memcpy(out, value + 1, n - 2);
	out[n - 2] = '\0';
	return true;
}

static bool relay_push(struct upstream *u, const char *body, size_t len)
{
	char topic[DOOR_NAME_MAX * 2];

	if (!peek_name(body, len, "topic", topic, sizeof(topic)))
		return false;
	u->events.push(u->user, topic, body, len);
	return true;
}

static bool relay_answer(struct upstream *u, enum answer_kind kind, const char *message, size_t len,
	size_t head)
{
	char id[DOOR_ID_MAX];
	struct exchange *x;

	if (!peek_name(message + head, len - head - 1, "id", id, sizeof(id)))
		return false;
	x = find(u, id);
	if (!x)
		return true; /* its asker is gone */
	if (!x->wants_text)
		return false;
	x->text = message;
	x->text_len = len;
	answer(u, x, kind, NULL);
	return true;
}

/* What is only relayed is never parsed: at thousands of scans a second that would be most of the work. */
static bool on_raw(void *user, const char *word, const char *message, size_t len)
{
	size_t head = strlen(word) + 4;

	if (strcmp(word, "push") == 0)
		return relay_push(user, message + head, len - head - 1);
	if (strcmp(word, "outcome") == 0)
		return relay_answer(user, ANSWER_OUTCOME, message, len, head);
	if (strcmp(word, "rows") == 0)
		return relay_answer(user, ANSWER_ROWS, message, len, head);
	return false;
}

static void on_other(void *user, const json_t *message)
{
	const json_t *error = json_object_get(message, "error");

	(void)user;
	if (error)
		log_warning("the core refused a message: %.200s", json_str(error, "say"));
}

/* Answers every exchange that was asked before `limit_us`; each list is walked anew after an answer,
 * because answering may ask again. */
static void answer_all(struct upstream *u, enum answer_kind kind, int64_t limit_us)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct exchange *x = u->buckets[i]; x;) {
			if (x->asked_us > limit_us) {
				x = x->next;
				continue;
			}
			answer(u, x, kind, NULL);
			x = u->buckets[i];
		}
}

static void on_welcome(void *user, const json_t *welcome)
{
	struct upstream *u = user;

	(void)welcome;
	u->events.up(u->user, true);
}

static void on_lost(void *user)
{
	struct upstream *u = user;

	u->events.up(u->user, false);
	answer_all(u, ANSWER_LOST, INT64_MAX);
}

int upstream_create(struct upstream **ret, const char *run, const struct upstream_events *events,
	void *user)
{
	static const struct door_handlers handlers = { .raw = on_raw, .welcome = on_welcome, .outcome = on_outcome,
		.refused = on_refused, .rows = on_rows, .other = on_other,
		.lost = on_lost };
	struct upstream *u = calloc(1, sizeof(*u));
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int r;

	if (!u)
		return -ENOMEM;
	u->events = *events;
	u->user = user;
	text_boot_id(u->boot);
	r = door_path(run, DOOR_WEB, path, sizeof(path));
	if (r == 0)
		r = door_client_create(&u->door, path, DOOR_WEB, u->boot, NULL, &handlers, u);
	if (r < 0) {
		free(u);
		return r;
	}
	door_client_batch(u->door);
	*ret = u;
	return 0;
}

void upstream_destroy(struct upstream *u)
{
	if (!u)
		return;
	answer_all(u, ANSWER_LOST, INT64_MAX);
	door_client_destroy(u->door);
	free(u);
}

int upstream_fd(const struct upstream *u)
{
	return door_client_fd(u->door);
}

short upstream_events(const struct upstream *u)
{
	return door_client_events(u->door);
}

int upstream_timeout_ms(const struct upstream *u)
{
	return door_client_timeout_ms(u->door);
}

void upstream_process(struct upstream *u)
{
	door_client_process(u->door);
}

void upstream_flush(struct upstream *u)
{
	door_client_flush(u->door);
}

void upstream_sweep(struct upstream *u, int64_t now_us)
{
	answer_all(u, ANSWER_LATE, now_us - EXCHANGE_LONGEST_US);
}

bool upstream_up(const struct upstream *u)
{
	return door_client_up(u->door);
}

static bool same_key(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

	return x && y ? json_equal(x, y) : x == y;
}

/* What makes two commands of one id the same act for the core too. */
static bool same_command(const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "kind", "actor", "station", "device", "step", "args" };

	for (size_t i = 0; i < array_len(keys); i++)
		if (!same_key(a, b, keys[i]))
			return false;
	return true;
}

/* The older request is most likely a dead connection whose page asks again. */
static int take_over(struct upstream *u, struct exchange *older, struct exchange *x, const json_t *command)
{
	if (!older->command || !same_command(older->command, command))
		return -EEXIST;
	text_copy(x->id, sizeof(x->id), older->id);
	x->command = json_incref(older->command);
	answer(u, older, ANSWER_LATE, NULL);
	start_waiting(u, x);
	return 0;
}

int upstream_command(struct upstream *u, struct exchange *x, struct command_body *command)
{
	struct exchange *older = find(u, command->id);
	int r;

	if (older)
		return take_over(u, older, x, command->json);
	if (!door_client_up(u->door))
		return -ENOTCONN;
	text_copy(x->id, sizeof(x->id), command->id);
	r = door_client_command_text(u->door, x->id, take_ptr(command->text), command->age_ms);
	if (r < 0)
		return r;
	x->command = take_ptr(command->json);
	start_waiting(u, x);
	return 0;
}

static int send_body(struct upstream *u, struct exchange *x, const char *word, json_t *body)
{
	int r;

	json_object_set_new(body, "id", json_string(x->id));
	r = door_client_send(u->door, json_pack("{s:o}", word, body));
	if (r == 0)
		start_waiting(u, x);
	return r;
}

int upstream_query(struct upstream *u, struct exchange *x, const char *name, json_t *body)
{
	text_format(x->id, sizeof(x->id), "q-%lld", (long long)++u->next_query);
	json_object_set_new(body, "name", json_string(name));
	return send_body(u, x, "query", body);
}

int upstream_login(struct upstream *u, struct exchange *x, json_t *login)
{
	text_format(x->id, sizeof(x->id), "%s:%lld", u->boot, (long long)++u->next_login);
	return send_body(u, x, "login", login);
}

int upstream_subscribe(struct upstream *u, const char *topic)
{
	return door_client_subscribe(u->door, topic);
}

void upstream_unsubscribe(struct upstream *u, const char *topic)
{
	door_client_unsubscribe(u->door, topic);
}
