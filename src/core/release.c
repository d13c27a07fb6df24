/* After the commit: answers, prompts, orders to devices. What must survive a crash before this point is a row, and is
 * offered from the row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "core.h"
#include "json.h"
#include "text.h"

#define SERIES_DIGITS 8 /* of the incarnation: enough to tell the databases of one box apart */
#define SERIES_MAX 48

/* State: the newest is enough. */
static void push_state(struct peer *peer, const char *topic, json_t *body)
{
	json_object_set_new(body, "topic", json_string(topic));
	peer_send_topic(peer, topic, json_pack("{s:o}", "push", body));
}

/* Orders are never merged. */
static void push_order(struct peer *peer, const char *topic, json_t *body)
{
	json_object_set_new(body, "topic", json_string(topic));
	peer_send(peer, json_pack("{s:o}", "push", body));
}

/* True where the row was not shown on this connection yet; remembers it. */
static bool offer(struct topic *topic, int64_t id, int64_t attempt)
{
	for (size_t i = 0; i < topic->offers_n; i++)
		if (topic->offers[i].id == id && topic->offers[i].attempt == attempt)
			return false;
	if (topic->offers_n == OFFERS_MAX) {
		/* The oldest come first, and are long taken. */
		memmove(topic->offers, topic->offers + OFFERS_MAX / 2, sizeof(topic->offers) / 2);
		topic->offers_n = OFFERS_MAX / 2;
	}
	topic->offers[topic->offers_n++] = (struct offer){ id, attempt };
	return true;
}

/* Label numbers begin anew with a new database and with a new epoch; a print queue's memory does not. */
static void label_series(struct core *core, char *out, size_t size)
{
	char incarnation[64] = "", epoch[32] = "0";

	store_meta(core->store, "incarnation", incarnation, sizeof(incarnation));
	store_meta(core->store, "epoch", epoch, sizeof(epoch));
	snprintf(out, size, "%.*s-%s", SERIES_DIGITS, incarnation, epoch);
}

/* Taken on an earlier connection: the peer says what became of it, it is not printed again. Asked only when the
 * printer's topic is new on this connection, for later ones were taken on it. */
static void offer_recover(struct core *core, struct peer *peer, struct topic *topic, const char *printer,
	const char *series)
{
	struct store_cursor q = store_query(core->store, SQL_LABEL_RECOVER, "t", printer);

	while (store_next(&q))
		if (offer(topic, store_int(&q, 0), store_int(&q, 1)))
			push_order(peer, topic->name,
				json_pack("{s:s, s:s, s:I, s:I}", "order", "recover", "series", series, "id",
					(json_int_t)store_int(&q, 0), "attempt", (json_int_t)store_int(&q, 1)));
}

static void offer_labels(struct core *core, struct peer *peer, struct topic *topic, const char *printer)
{
	struct store_cursor q;
	char series[SERIES_MAX];

	label_series(core, series, sizeof(series));
	offer_recover(core, peer, topic, printer, series);
	q = store_query(core->store, SQL_LABEL_OFFER, "t", printer);
	while (store_next(&q)) {
		if (!offer(topic, store_int(&q, 0), store_int(&q, 1)))
			continue;
		push_order(peer, topic->name,
			json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:o}", "order", "print", "series", series, "id",
				(json_int_t)store_int(&q, 0), "attempt", (json_int_t)store_int(&q, 1), "template",
				store_text(&q, 2), "sscc", store_text(&q, 3), "data",
				json_loads(store_text(&q, 4), 0, NULL)));
	}
}

static void push_diverts(struct peer *peer, struct topic *topic, const char *order, struct store_cursor q)
{
	while (store_next(&q)) {
		char id[40];

		if (!offer(topic, store_int(&q, 0), 1))
			continue;
		snprintf(id, sizeof(id), "d-%lld", (long long)store_int(&q, 0));
		push_order(peer, topic->name,
			json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "order", order, "id", id, "tracking",
				(json_int_t)store_int(&q, 1), "seq", (json_int_t)store_int(&q, 2), "lane",
				(json_int_t)store_int(&q, 3), "reason", (json_int_t)store_int(&q, 4), "deadline_us",
				(json_int_t)store_int(&q, 5)));
	}
}

/* Taken on an earlier connection: the link says what became of it, it is not written again. */
static void offer_diverts(struct core *core, struct peer *peer, struct topic *topic, const char *plc)
{
	push_diverts(peer, topic, "recover", store_query(core->store, SQL_DIVERT_RECOVER, "t", plc));
	push_diverts(peer, topic, "divert", store_query(core->store, SQL_DIVERT_OFFER, "ti", plc, INT64_C(0)));
}

static void offer_weighs(struct core *core, struct peer *peer, struct topic *topic, const char *scale)
{
	struct store_cursor q = store_query(core->store, SQL_WEIGH_OFFER, "ti", scale, INT64_C(0));

	while (store_next(&q)) {
		char id[40];

		if (!offer(topic, store_int(&q, 0), 1))
			continue;
		snprintf(id, sizeof(id), "w-%lld", (long long)store_int(&q, 0));
		push_order(peer, topic->name, json_pack("{s:s, s:s}", "order", "weigh", "id", id));
	}
}

static void release_orders(struct core *core, struct peer *peer, struct topic *topic)
{
	const char *device = topic->name + strlen("orders/");

	if (peer->kind == DOOR_PRINT)
		offer_labels(core, peer, topic, device);
	else if (peer->kind == DOOR_PLC)
		offer_diverts(core, peer, topic, device);
	else
		offer_weighs(core, peer, topic, device);
}

/* The one row of a query, as an object. */
static json_t *query_row(struct core *core, const char *name)
{
	char next[8], why[WHY_MAX];
	_cleanup_json_ json_t *rows = NULL;
	json_t *row;

	if (store_rows(core->store, name, NULL, "", 1, &rows, next, sizeof(next), why, sizeof(why)) < 0)
		return json_object();
	row = json_array_get(rows, 0);
	return row ? json_incref(row) : json_object();
}

static json_t *outbox_state(struct core *core)
{
	_cleanup_json_ json_t *link = query_row(core, "link");

	return json_pack("{s:I, s:s, s:I, s:b, s:I}", "head", (json_int_t)json_int(link, "up_head"), "hash",
		json_str(link, "head_hash"), "acked", (json_int_t)json_int(link, "up_acked"), "lease_wanted",
		json_int(link, "lease_wanted") != 0, "epoch", (json_int_t)json_int(link, "epoch"));
}

static void forget_prompts(struct core *core)
{
	for (size_t i = 0; i < core->prompts_n; i++)
		free(core->prompts[i].text);
	core->prompts_n = 0;
}

/* The prompt of a place as text, from this turn's list or made now. Borrowed; NULL where there is none. */
static const char *prompt_text(struct core *core, const char *place)
{
	struct prompt_text *p = NULL;

	for (size_t i = 0; i < core->prompts_n; i++)
		if (strcmp(core->prompts[i].place, place) == 0)
			return core->prompts[i].text;
	if (core->prompts_n == TURN_COMMANDS_MAX)
		forget_prompts(core);
	p = &core->prompts[core->prompts_n++];
	text_copy(p->place, sizeof(p->place), place);
	p->text = dialogue_prompt(&core->engine, place);
	return p->text;
}

/* {"push":{"topic":…, and the prompt's own keys}} */
static char *prompt_push(const char *topic, const char *prompt)
{
	char *text = NULL;

	return asprintf(&text, "{\"push\":{\"topic\":\"%s\",%s}\n", topic, prompt + 1) < 0 ? NULL : text;
}

static void release_prompt(struct core *core, struct peer *peer, const struct topic *topic)
{
	const char *prompt = prompt_text(core, topic->name + strlen("prompt/"));

	if (prompt)
		peer_send_text(peer, topic->name, prompt_push(topic->name, prompt));
}

void release_topic(struct core *core, struct peer *peer, struct topic *topic)
{
	if (strncmp(topic->name, "orders/", 7) == 0) {
		release_orders(core, peer, topic);
	} else if (strncmp(topic->name, "prompt/", 7) == 0) {
		release_prompt(core, peer, topic);
		forget_prompts(core);
	} else if (strcmp(topic->name, "outbox") == 0) {
		push_state(peer, topic->name, outbox_state(core));
	} else if (strcmp(topic->name, "link") == 0) {
		push_state(peer, topic->name, query_row(core, "link"));
	} else if (strcmp(topic->name, "status") == 0) {
		push_state(peer, topic->name, status_of(core));
	} else {
		push_state(peer, topic->name, json_pack("{s:I}", "as_of", (json_int_t)core->engine.seq));
	}
}

void release_status(struct core *core)
{
	for (size_t i = 0; i < core->peers_n; i++) {
		struct topic *topic = peer_topic(core->peers[i], "status");

		if (topic)
			release_topic(core, core->peers[i], topic);
	}
}

static bool topic_touched(const struct topic *topic, const struct peer *peer, unsigned touched)
{
	if (strncmp(topic->name, "orders/", 7) == 0)
		return (peer->kind == DOOR_PRINT && (touched & TOUCHED_PRINT)) ||
			(peer->kind == DOOR_PLC && (touched & TOUCHED_DIVERT)) ||
			(peer->kind == DOOR_BRIDGE && (touched & TOUCHED_WEIGH));
	return (strcmp(topic->name, "outbox") == 0 && (touched & TOUCHED_OUTBOX)) ||
		(strcmp(topic->name, "link") == 0 && (touched & TOUCHED_LINK)) ||
		(strcmp(topic->name, "orders") == 0 && (touched & TOUCHED_ORDERS)) ||
		(strcmp(topic->name, "cases") == 0 && (touched & TOUCHED_CASES)) ||
		(strcmp(topic->name, "devices") == 0 && (touched & TOUCHED_DEVICES)) ||
		(strcmp(topic->name, "sessions") == 0 && (touched & TOUCHED_SESSIONS));
}

static void release_touched(struct core *core, unsigned touched)
{
	for (size_t i = 0; touched && i < core->peers_n; i++)
		for (size_t k = 0; k < core->peers[i]->topics_n; k++)
			if (topic_touched(core->peers[i]->topics[k], core->peers[i], touched))
				release_topic(core, core->peers[i], core->peers[i]->topics[k]);
	if (touched & TOUCHED_MORE)
		core->more = true;
}

static void release_place(struct core *core, const char *place)
{
	char name[DOOR_NAME_MAX + 16];

	snprintf(name, sizeof(name), "prompt/%s", place);
	for (size_t i = 0; i < core->peers_n; i++) {
		struct topic *topic = peer_topic(core->peers[i], name);

		if (topic)
			release_prompt(core, core->peers[i], topic);
	}
}

/* The stored answer as it is, byte for byte, and beside it the place's prompt, which is no part of what was decided. */
static char *outcome_message(const char *outcome, const char *prompt)
{
	size_t len = strlen(outcome);
	char *text = NULL;
	int n = prompt ? asprintf(&text, "{\"outcome\":%.*s,\"prompt\":%s}}\n", (int)len - 1, outcome, prompt) :
			 asprintf(&text, "{\"outcome\":%s}\n", outcome);

	return n < 0 ? NULL : text;
}

static void answer(struct core *core, const struct decided *d)
{
	struct peer *peer = peer_find(core, d->peer_serial);
	const char *prompt = NULL;

	if (!peer)
		return;
	if (d->result.answer == ENGINE_NOT_TAKEN) {
		message_refuse(peer, d->id, d->result.code, d->result.why);
		return;
	}
	if ((peer->kind == DOOR_WEB || peer->kind == DOOR_BRIDGE) && d->place[0])
		prompt = prompt_text(core, d->place);
	peer_send_text(peer, "", outcome_message(d->result.text, prompt));
}

void release_decided(struct core *core, const struct decided *d)
{
	for (size_t i = 0; i < d->result.outcome.places_n; i++)
		release_place(core, d->result.outcome.places[i]);
	release_touched(core, d->result.outcome.touched);
	forget_prompts(core);
}

void release_all(struct core *core)
{
	unsigned touched = 0;

	for (size_t i = 0; i < core->decided_n; i++) {
		const struct decided *d = &core->decided[i];

		touched |= d->result.outcome.touched;
		for (size_t k = 0; k < d->result.outcome.places_n; k++)
			release_place(core, d->result.outcome.places[k]);
		if (!d->internal)
			answer(core, d);
	}
	release_touched(core, touched);
	forget_prompts(core);
}
