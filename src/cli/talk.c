#include "talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "door_client.h"
#include "json.h"
#include "text.h"

#define ID_MAX 40
#define PAGE_ROWS 200

struct talk {
	struct door_client *client;
	char path[PATH_MAX];
	char wanted[ID_MAX];  /* id of the answer that is waited for */
	json_t *answer;       /* its body, or NULL */
	unsigned asked;
	void (*progress)(json_int_t pages, json_int_t of);
	char refusal[256];
};

static void keep_answer(struct talk *t, const json_t *body)
{
	if (t->answer || strcmp(json_str(body, "id"), t->wanted) != 0)
		return;
	t->answer = json_incref((json_t *)body);
}

static void on_rows(void *user, const json_t *rows)
{
	keep_answer(user, rows);
}

static void on_refused(void *user, const json_t *refused)
{
	struct talk *t = user;

	if (strcmp(json_str(refused, "id"), t->wanted) == 0)
		snprintf(t->refusal, sizeof(t->refusal), "%s", json_str(refused, "say"));
}

/* Backup and seal tell of their progress in the same words. */
static void on_backup(struct talk *t, const json_t *backup)
{
	if (strcmp(json_str(backup, "id"), t->wanted) != 0)
		return;
	if (t->progress && json_int(backup, "of"))
		t->progress(json_int(backup, "pages"), json_int(backup, "of"));
	if (json_str(backup, "error")[0])
		snprintf(t->refusal, sizeof(t->refusal), "%s", json_str(backup, "error"));
	else if (json_is_true(json_object_get(backup, "done")))
		keep_answer(t, backup);
}

static void on_other(void *user, const json_t *message)
{
	struct talk *t = user;
	const json_t *error = json_object_get(message, "error");
	const json_t *backup = json_object_get(message, "backup");
	const json_t *seal = json_object_get(message, "seal");

	if (error)
		snprintf(t->refusal, sizeof(t->refusal), "%s", json_str(error, "say"));
	if (backup || seal)
		on_backup(t, backup ? backup : seal);
}

static void on_lost(void *user)
{
	struct talk *t = user;

	if (t->wanted[0] && !t->answer)
		snprintf(t->refusal, sizeof(t->refusal), "wharfd closed the door; try again");
}

static int wait_once(struct talk *t, int64_t deadline_us)
{
	struct pollfd p = { .fd = door_client_fd(t->client),
		.events = door_client_events(t->client) };
	int64_t left_ms = (deadline_us - clock_boot_us()) / US_PER_MS;

	if (left_ms <= 0)
		return -ETIMEDOUT;
	if (poll(&p, 1, (int)left_ms) < 0 && errno != EINTR)
		return -errno;
	door_client_process(t->client);
	return 0;
}

static int wait_welcome(struct talk *t)
{
	int64_t deadline_us = clock_boot_us() + TALK_OPEN_MS * US_PER_MS;

	door_client_process(t->client);
	while (!door_client_up(t->client)) {
		/* A door that is not there will not come by waiting: say so at once. */
		if (door_client_fd(t->client) < 0)
			return -ECONNREFUSED;
		if (wait_once(t, deadline_us) < 0)
			return -ETIMEDOUT;
	}
	return 0;
}

int talk_open(struct talk **ret, const char *run)
{
	static const struct door_handlers handlers = { .rows = on_rows, .refused = on_refused,
		.other = on_other, .lost = on_lost };
	struct talk *t = calloc(1, sizeof(*t));
	char origin[BOOT_ID_MAX];
	int r;

	if (!t)
		return -ENOMEM;
	text_boot_id(origin);
	r = door_path(run, DOOR_CTL, t->path, sizeof(t->path));
	if (r == 0)
		r = door_client_create(&t->client, t->path, DOOR_CTL, origin, NULL, &handlers, t);
	if (r == 0)
		r = wait_welcome(t);
	if (r < 0) {
		fprintf(stderr,
			"wharfd does not answer at %s: is it running, and may you use its door? "
			"See: systemctl status wharfd\n",
			t->path);
		talk_close(t);
		return r;
	}
	*ret = t;
	return 0;
}

void talk_close(struct talk *t)
{
	if (!t)
		return;
	json_decref(t->answer);
	door_client_destroy(t->client);
	free(t);
}

/* Gives an id to the message's body, sends it and waits for its answer. `body` is stolen. */
static int exchange(struct talk *t, const char *word, json_t *body, int wait_ms, json_t **ret)
{
	int64_t deadline_us = clock_boot_us() + wait_ms * US_PER_MS;
	int r;

	snprintf(t->wanted, sizeof(t->wanted), "a%u", ++t->asked);
	json_object_set_new(body, "id", json_string(t->wanted));
	t->refusal[0] = '\0';
	json_decref(take_ptr(t->answer));
	r = door_client_send(t->client, json_pack("{s:o}", word, body));
	while (r == 0 && !t->answer && !t->refusal[0])
		r = wait_once(t, deadline_us);
	if (t->refusal[0]) {
		fprintf(stderr, "wharfd refused: %s\n", t->refusal);
		return -EPERM;
	}
	if (r < 0) {
		fprintf(stderr, "wharfd gave no answer in %d s; see: journalctl -u wharfd\n",
			wait_ms / 1000);
		return r;
	}
	*ret = take_ptr(t->answer);
	return 0;
}

int talk_page(struct talk *t, const char *name, const json_t *args, const json_t *after,
	json_int_t limit, json_t **ret)
{
	json_t *body = json_pack("{s:s}", "name", name);

	if (args)
		json_object_set(body, "args", (json_t *)args);
	if (after)
		json_object_set(body, "after", (json_t *)after);
	if (limit)
		json_object_set_new(body, "limit", json_integer(limit));
	return exchange(t, "query", body, TALK_ANSWER_MS, ret);
}

static bool is_last(const json_t *page)
{
	const json_t *next = json_object_get(page, "next");

	return !next || json_is_null(next);
}

int talk_rows(struct talk *t, const char *name, const json_t *args, json_t **ret_rows,
	json_int_t *ret_as_of)
{
	_cleanup_json_ json_t *rows = json_array();
	_cleanup_json_ json_t *after = NULL;

	for (;;) {
		_cleanup_json_ json_t *page = NULL;
		int r = talk_page(t, name, args, after, PAGE_ROWS, &page);

		if (r < 0)
			return r;
		json_array_extend(rows, json_object_get(page, "rows"));
		if (ret_as_of)
			*ret_as_of = json_int(page, "as_of");
		if (is_last(page))
			break;
		if (json_array_size(rows) >= TALK_ROWS_MAX) {
			fprintf(stderr, "more than %d rows: the rest is left out\n", TALK_ROWS_MAX);
			break;
		}
		json_decref(after);
		after = json_incref(json_object_get(page, "next"));
	}
	*ret_rows = take_ptr(rows);
	return 0;
}

int talk_backup(struct talk *t, const char *name, void (*progress)(json_int_t pages, json_int_t of))
{
	_cleanup_json_ json_t *done = NULL;

	t->progress = progress;
	return exchange(t, "backup", json_pack("{s:s}", "name", name), TALK_BACKUP_MS, &done);
}

int talk_seal(struct talk *t, void (*progress)(json_int_t pages, json_int_t of), json_t **ret)
{
	t->progress = progress;
	return exchange(t, "seal", json_object(), TALK_BACKUP_MS, ret);
}
