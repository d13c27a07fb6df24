/* The door to the core: pages of the outbox out, decisions in. Event bytes pass as they are stored.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "uplink.h"

#define RETRY_US (US_PER_S / 2)
#define PAGE_MAX 200 /* rows of one answer at the door */

static void retry_later(struct uplink *u)
{
	u->retry_us = clock_boot_us() + RETRY_US;
}

static json_t *make_command(const char *kind, json_t *args)
{
	return json_pack("{s:s,s:O}", "kind", kind, "args", args);
}

/* ---- what the core shall know the newest of ---- */

static void send_latest(struct uplink *u, struct latest *l)
{
	if (!l->args || l->sent_n)
		return;
	if (door_client_command(u->door, make_command(l->kind, l->args), &l->sent_n) < 0) {
		l->sent_n = 0;
		retry_later(u);
		return;
	}
	json_decref(l->sent);
	l->sent = l->args;
	l->args = NULL;
}

void door_side_set(struct uplink *u, struct latest *l, json_t *args)
{
	json_decref(l->args);
	l->args = args;
	send_latest(u, l);
}

static struct latest *latest_of(struct uplink *u, int64_t n)
{
	struct latest *all[] = {&u->acked, &u->link, &u->epoch};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->sent_n == n)
			return all[i];
	return NULL;
}

/* `again`: not taken, so the same is said once more unless there is something newer. */
static void end_latest(struct uplink *u, struct latest *l, bool again)
{
	l->sent_n = 0;
	if (again && !l->args) {
		l->args = l->sent;
		l->sent = NULL;
	}
	if (again)
		retry_later(u);
	else
		send_latest(u, l);
}

/* ---- the down stream ---- */

static void down_id(const struct uplink *u, const struct down_waiting *d, char *out)
{
	snprintf(out, DOOR_ID_MAX, "hq.%s.%s:%lld", u->site, d->gen, (long long)d->n);
}

static void drop_first_down(struct uplink *u)
{
	free(u->downs[0].body);
	u->downs_n--;
	memmove(&u->downs[0], &u->downs[1], u->downs_n * sizeof(u->downs[0]));
	u->down_sent = false;
}

static void end_down(struct uplink *u, enum edge_done done, const char *why)
{
	struct edge_input in = {
		.kind = EDGE_IN_DOWN_DONE, .n = u->downs[0].n, .done = done, .why = why};

	if (done == EDGE_CONFLICT)
		while (u->downs_n > 1) { /* HQ sends them again when this is settled */
			free(u->downs[--u->downs_n].body);
		}
	drop_first_down(u);
	uplink_feed(u, &in);
}

/* HQ's number is the id of the command: sent twice it is applied once. */
static json_t *down_command(const struct uplink *u, const struct down_waiting *d)
{
	char id[DOOR_ID_MAX];
	json_t *body = json_loadb(d->body, d->len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(body)) {
		json_decref(body);
		return NULL;
	}
	down_id(u, d, id);
	return json_pack("{s:s,s:s,s:{s:I,s:s,s:o}}", "id", id, "kind", "hq_down", "args", "n",
		(json_int_t)d->n, "type", d->kind, "body", body);
}

static void send_first_down(struct uplink *u)
{
	json_t *command;

	if (!u->downs_n || u->down_sent)
		return;
	command = down_command(u, &u->downs[0]);
	if (!command || door_client_command(u->door, command, NULL) < 0)
		retry_later(u);
	else
		u->down_sent = true;
}

void door_side_down(struct uplink *u, const struct sync_frame *f)
{
	struct down_waiting *d = &u->downs[u->downs_n];

	assert(u->downs_n < SYNC_DOWN_WINDOW);
	*d = (struct down_waiting){.n = f->down_n, .len = f->bodies[0].len};
	memcpy(d->kind, f->kind, sizeof(d->kind));
	memcpy(d->gen, f->gen, sizeof(d->gen));
	d->body = malloc(d->len + 1);
	if (!d->body)
		abort();
	memcpy(d->body, f->bodies[0].bytes, d->len);
	u->downs_n++;
	send_first_down(u);
}

static bool is_first_down(const struct uplink *u, const char *id)
{
	char mine[DOOR_ID_MAX];

	if (!u->downs_n)
		return false;
	down_id(u, &u->downs[0], mine);
	return strcmp(mine, id) == 0;
}

/* ---- SSCC blocks ---- */

static void send_lease(struct uplink *u)
{
	if (!u->lease || u->lease_sent)
		return;
	if (door_client_command(u->door, json_deep_copy(u->lease), NULL) < 0)
		retry_later(u);
	else
		u->lease_sent = true;
}

void door_side_lease(struct uplink *u, const struct sync_frame *f)
{
	char id[DOOR_ID_MAX];

	snprintf(id, sizeof(id), "sscc.%s.%s:%lld", u->site, f->gen, (long long)f->lease);
	json_decref(u->lease);
	u->lease = json_pack("{s:s,s:s,s:{s:s,s:s,s:I,s:I,s:I,s:b}}", "id", id, "kind",
		"sscc_lease", "args", "block", f->block, "prefix", f->prefix, "first",
		(json_int_t)f->lease_first, "count", (json_int_t)f->lease_count, "epoch",
		(json_int_t)f->epoch, "reserve", f->reserve != 0);
	u->lease_n = f->lease;
	u->lease_sent = false;
	send_lease(u);
}

static void end_lease(struct uplink *u, enum edge_done done)
{
	struct edge_input in = {.kind = EDGE_IN_LEASE_DONE, .n = u->lease_n, .done = done};

	json_decref(u->lease);
	u->lease = NULL;
	u->lease_sent = false;
	uplink_feed(u, &in);
}

static bool is_lease(const struct uplink *u, const char *id)
{
	return u->lease && strcmp(json_str(u->lease, "id"), id) == 0;
}

/* Where the link starts from; asked again at every welcome. */
static void ask_link(struct uplink *u)
{
	u->link_refused = false;
	door_client_send(u->door,
		json_pack("{s:{s:s,s:s,s:i}}", "query", "id", "link", "name", "link", "limit", 1));
}

void door_side_send_due(struct uplink *u)
{
	u->retry_us = 0;
	if (u->link_refused)
		ask_link(u);
	send_latest(u, &u->epoch);
	send_latest(u, &u->acked);
	send_latest(u, &u->link);
	send_lease(u);
	if (u->downs_n && !u->down_sent) {
		json_t *command = down_command(u, &u->downs[0]);

		if (!command) {
			end_down(u, EDGE_CONFLICT, "the body is no JSON object");
			return;
		}
		json_decref(command);
		send_first_down(u);
	}
}

/* ---- what the core says ---- */

static int64_t own_number(const struct uplink *u, const char *id)
{
	char origin[DOOR_ORIGIN_MAX];
	int64_t n;

	if (door_parse_id(id, origin, &n) < 0 || strcmp(origin, u->boot) != 0)
		return 0;
	return n;
}

/* Decided against is decided: the core's cursor moved with it. Except where it saw a hole. */
static enum edge_done down_done(bool ok, const char *code)
{
	if (ok)
		return EDGE_DONE;
	return strcmp(code, "gap") == 0 ? EDGE_CONFLICT : EDGE_POISON;
}

static void on_outcome(void *user, const json_t *outcome)
{
	struct uplink *u = user;
	const char *id = json_str(outcome, "id");
	bool ok = json_is_true(json_object_get(outcome, "ok"));
	int64_t n = own_number(u, id);
	struct latest *l = n ? latest_of(u, n) : NULL;
	char why[SYNC_BAD_WHY_MAX];

	if (!ok)
		log_warning("the core decided against: %s id=%s code=%s", json_str(outcome, "say"),
			id, json_str(outcome, "code"));
	if (l) {
		end_latest(u, l, false);
	} else if (is_lease(u, id)) {
		end_lease(u, ok ? EDGE_DONE : EDGE_POISON);
	} else if (is_first_down(u, id)) {
		snprintf(why, sizeof(why), "%s: %s", json_str(outcome, "code"),
			json_str(outcome, "say"));
		end_down(u, down_done(ok, json_str(outcome, "code")), why);
		send_first_down(u);
	}
}

enum not_taken { TAKE_AGAIN, TAKEN_BEFORE, TAKE_NEVER };

static enum not_taken read_why(const char *why)
{
	if (strcmp(why, "busy") == 0 || strcmp(why, "disk_full") == 0 || strcmp(why, "closed") == 0)
		return TAKE_AGAIN;
	if (strcmp(why, "forgotten") == 0)
		return TAKEN_BEFORE;
	return TAKE_NEVER;
}

static void on_down_refused(struct uplink *u, enum not_taken taken, const char *say)
{
	switch (taken) {
	case TAKE_AGAIN:
		u->down_sent = false;
		retry_later(u);
		return;
	case TAKEN_BEFORE:
		end_down(u, EDGE_DONE, "");
		break;
	case TAKE_NEVER: /* the core's cursor stands: going on would leave a hole */
		end_down(u, EDGE_CONFLICT, say);
		break;
	}
	send_first_down(u);
}

/* The core reads nothing while its log drains. False where the id is no query of ours. */
static bool query_refused(struct uplink *u, const char *id)
{
	int64_t read;

	if (strcmp(id, "link") == 0) {
		u->link_refused = true;
		retry_later(u);
		return true;
	}
	if (text_number_behind("outbox-", id, &read) < 0)
		return false;
	u->read_failed = read;
	return true;
}

static void on_refused(void *user, const json_t *refused)
{
	struct uplink *u = user;
	const char *id = json_str(refused, "id"), *say = json_str(refused, "say");
	enum not_taken taken = read_why(json_str(refused, "why"));
	int64_t n = own_number(u, id);
	struct latest *l = n ? latest_of(u, n) : NULL;

	if (taken != TAKE_AGAIN)
		log_warning("the core did not take it: %s id=%s", say, id);
	if (query_refused(u, id))
		return;
	if (l) {
		end_latest(u, l, taken == TAKE_AGAIN);
	} else if (is_lease(u, id)) {
		if (taken == TAKE_AGAIN) {
			u->lease_sent = false;
			retry_later(u);
			return;
		}
		end_lease(u, taken == TAKEN_BEFORE ? EDGE_DONE : EDGE_POISON);
	} else if (is_first_down(u, id)) {
		on_down_refused(u, taken, say);
	}
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key)) || json_int(object, key) > 0;
}

static bool read_hash(const json_t *object, const char *key, uint8_t *ret)
{
	return text_unhex(json_str(object, key), ret, HASH_BYTES) == 0;
}

static void on_link_row(struct uplink *u, const json_t *row)
{
	struct edge_link link = {.head = json_int(row, "up_head"),
		.acked = json_int(row, "up_acked"),
		.safe = json_int(row, "up_safe"),
		.oldest = json_int(row, "up_oldest"),
		.down_n = json_int(row, "down_n"),
		.epoch = json_int(row, "epoch"),
		.lease_wanted = is_true(row, "lease_wanted")};
	struct edge_input in = {.kind = EDGE_IN_LINK, .link = &link};

	if (!read_hash(row, "head_hash", link.head_hash) && link.head > 0) {
		log_error("the core's link row has no hash of its head");
		return;
	}
	snprintf(link.incarnation, sizeof(link.incarnation), "%s", json_str(row, "incarnation"));
	uplink_feed(u, &in);
}

static void on_outbox_rows(struct uplink *u, int64_t read, const json_t *rows)
{
	struct edge_event events[PAGE_MAX];
	struct edge_input in = {.kind = EDGE_IN_EVENTS, .read = read, .events = events};
	size_t n = json_array_size(rows);

	for (size_t i = 0; i < n && i < PAGE_MAX; i++) {
		const json_t *row = json_array_get(rows, i);
		const json_t *bytes = json_object_get(row, "bytes");

		events[i] = (struct edge_event){.n = json_int(row, "n"),
			.bytes = json_string_value(bytes),
			.len = json_string_length(bytes)};
		if (!events[i].bytes || !read_hash(row, "hash", events[i].hash))
			break;
		in.events_n = i + 1;
	}
	uplink_feed(u, &in);
}

static void on_rows(void *user, const json_t *rows)
{
	struct uplink *u = user;
	const json_t *list = json_object_get(rows, "rows");
	const char *id = json_str(rows, "id");
	int64_t read;

	if (strcmp(id, "link") == 0 && json_array_size(list) == 1)
		on_link_row(u, json_array_get(list, 0));
	else if (text_number_behind("outbox-", id, &read) == 0)
		on_outbox_rows(u, read, list);
}

static void on_push(void *user, const json_t *push)
{
	struct uplink *u = user;
	struct edge_link link = {
		.head = json_int(push, "head"), .lease_wanted = is_true(push, "lease_wanted")};
	struct edge_input in = {.kind = EDGE_IN_OUTBOX, .link = &link};

	if (strcmp(json_str(push, "topic"), "outbox") != 0 || !u->edge.linked)
		return;
	if (!read_hash(push, "hash", link.head_hash) && link.head > 0)
		return;
	uplink_feed(u, &in);
}

static void on_welcome(void *user, const json_t *welcome)
{
	(void)welcome;
	ask_link(user);
}

static void on_lost(void *user)
{
	((struct uplink *)user)->door_lost = true;
}

static void on_other(void *user, const json_t *message)
{
	const json_t *error = json_object_get(message, "error");

	(void)user;
	log_error("the core refused a message: %s", json_str(error, "say"));
}

void door_side_read_outbox(struct uplink *u, const struct edge_output *out)
{
	char id[32], after[32];
	json_t *query;

	snprintf(id, sizeof(id), "outbox-%lld", (long long)out->read);
	snprintf(after, sizeof(after), "%lld", (long long)out->after);
	query = json_pack("{s:{s:s,s:s,s:s,s:I}}", "query", "id", id, "name", "outbox", "after",
		after, "limit", (json_int_t)out->limit);
	if (door_client_send(u->door, query) < 0)
		u->read_failed = out->read;
}

int door_side_open(struct uplink *u)
{
	static const struct door_handlers handlers = {.welcome = on_welcome,
		.outcome = on_outcome,
		.refused = on_refused,
		.push = on_push,
		.rows = on_rows,
		.other = on_other,
		.lost = on_lost};
	char path[108];
	int r = door_path(config_text(u->config, "paths", "run"), DOOR_SYNC, path, sizeof(path));

	u->acked.kind = "hq_acked";
	u->link.kind = "hq_link";
	u->epoch.kind = "hq_epoch";
	text_boot_id(u->boot);
	if (r == 0)
		r = door_client_create(&u->door, path, DOOR_SYNC, u->boot, NULL, &handlers, u);
	if (r == 0)
		r = door_client_subscribe(u->door, "outbox");
	return r;
}

static void drop_latest(struct latest *l)
{
	json_decref(l->args);
	json_decref(l->sent);
}

void door_side_close(struct uplink *u)
{
	door_client_destroy(u->door);
	while (u->downs_n)
		drop_first_down(u);
	json_decref(u->lease);
	drop_latest(&u->acked);
	drop_latest(&u->link);
	drop_latest(&u->epoch);
}
