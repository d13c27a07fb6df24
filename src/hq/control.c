/* The control socket: SOCK_SEQPACKET, one JSON object a message, answered in order. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "hq.h"
#include "json.h"
#include "log.h"

#define SOCKET_MODE 0660
#define MESSAGES_PER_TURN 64
#define TYPE_MAX 60	     /* what the site's door takes */
#define BODY_MAX (48 * 1024) /* with its envelope it must pass the site's door */
#define WHY_MAX 200

int control_open(struct hq *hq)
{
	const char *path = config_text(hq->config, "hub", "socket");
	char folder[PATH_MAX];
	int r = text_copy(folder, sizeof(folder), path);

	if (r == 0)
		r = text_mkdirs(dirname(folder), 0755);
	if (r == 0)
		hq->control = door_listen(path, SOCKET_MODE);
	if (hq->control < 0) {
		log_error("control socket %s: %s", path, strerror(r < 0 ? -r : -hq->control));
		return r < 0 ? r : hq->control;
	}
	return 0;
}

void control_close(struct hq *hq)
{
	for (size_t i = 0; i < hq->clients_n; i++)
		close(hq->clients[i]);
	if (hq->control >= 0) {
		close(hq->control);
		unlink(config_text(hq->config, "hub", "socket"));
	}
}

static void accept_clients(struct hq *hq)
{
	while (hq->clients_n < HQ_CLIENTS_MAX) {
		int fd = accept4(hq->control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		hq->clients[hq->clients_n++] = fd;
	}
}

static json_t *error_of(const char *why, const char *say)
{
	return json_pack("{s:{s:s,s:s}}", "error", "why", why, "say", say);
}

static json_t *error_code(int r)
{
	if (r == -ENOENT)
		return error_of("unknown_site", "no key of that site is enrolled");
	if (r == -ENOSPC)
		return error_of("disk_full", "the disk is full: nothing was written");
	return error_of("busy", "the store is busy: nothing was written");
}

/* A site exists from the moment its key is enrolled, also before it speaks. */
static int ensure_site(struct hq *hq, const char *site)
{
	int64_t safe;
	bool active;

	if (store_site_active(hq->store, site, &active, &safe) == 0)
		return 0;
	return zap_knows(hq->zap, site) ? store_site_add(hq->store, site) : -ENOENT;
}

static json_t *on_send(struct hq *hq, const json_t *args)
{
	const char *site = NULL, *type = NULL;
	const json_t *body = NULL;
	char why[WHY_MAX];
	const struct json_field fields[] = {
		{"site", JSON_REQUIRED, JSON_STRING, &site, 1, SYNC_SITE_MAX - 1},
		{"type", JSON_REQUIRED, JSON_STRING, &type, 1, TYPE_MAX},
		{"body", JSON_REQUIRED, JSON_OBJECT, &body, 0, 0},
	};
	_cleanup_free_ char *text = NULL;
	int64_t n = 0;
	int r;

	if (json_fields(args, fields, array_len(fields), why, sizeof(why)) < 0)
		return error_of("malformed", why);
	text = json_text(body);
	if (!text || strlen(text) > BODY_MAX)
		return error_of("malformed", "the body is longer than 48 KiB");
	r = ensure_site(hq, site);
	if (r == 0)
		r = store_down_put(hq->store, site, type, text, &n);
	if (r < 0)
		return error_code(r);
	hq_down_ready(hq, site);
	return json_pack("{s:{s:I}}", "sent", "n", (json_int_t)n);
}

static json_t *on_status(struct hq *hq)
{
	json_t *sites = store_status(hq->store), *row;
	size_t i;

	json_array_foreach(sites, i, row)
	{
		const struct hq_site *site = hq_find_site(hq, json_str(row, "site"));

		json_object_set_new(row, "link",
			json_string(site ? hub_states[site->session.state].name
					 : hub_states[HUB_NONE].name));
		json_object_set_new(row, "refused", json_string(site ? site->session.refused : ""));
		json_object_set_new(row, "depth", json_integer(site ? site->session.depth : 0));
		json_object_set_new(row, "build", json_string(site ? site->session.build : ""));
	}
	return json_pack("{s:{s:s,s:I,s:o}}", "status", "hub_gen", store_gen(hq->store),
		"strangers", (json_int_t)hq->strangers, "sites", sites);
}

static json_t *on_site(struct hq *hq, const json_t *args)
{
	const char *site = NULL, *status = NULL;
	char why[WHY_MAX];
	const struct json_field fields[] = {
		{"site", JSON_REQUIRED, JSON_STRING, &site, 1, SYNC_SITE_MAX - 1},
		{"status", JSON_REQUIRED, JSON_STRING, &status, 1, 20},
	};
	int r;

	if (json_fields(args, fields, array_len(fields), why, sizeof(why)) < 0)
		return error_of("malformed", why);
	if (strcmp(status, "active") != 0 && strcmp(status, "blocked") != 0)
		return error_of("malformed", "\"status\" must be active or blocked");
	r = store_site_set(hq->store, site, strcmp(status, "active") == 0);
	return r < 0 ? error_code(r)
		     : json_pack("{s:{s:s,s:s}}", "site", "site", site, "status", status);
}

/* The answer comes when the copy is there. */
static json_t *on_backup(struct hq *hq, int client, const json_t *args)
{
	const char *to = NULL;
	char why[WHY_MAX];
	const struct json_field fields[] = {
		{"to", JSON_REQUIRED, JSON_STRING, &to, 1, sizeof(hq->backup_to) - 1},
	};

	if (json_fields(args, fields, array_len(fields), why, sizeof(why)) < 0)
		return error_of("malformed", why);
	if (hq->backup)
		return error_of("busy", "a backup is under way");
	if (store_backup_start(hq->store, to, &hq->backup, why, sizeof(why)) < 0)
		return error_of("backup", why);
	hq->backup_client = client;
	return NULL;
}

static json_t *answer_message(struct hq *hq, int client, const char *bytes, size_t len)
{
	char why[WHY_MAX];
	_cleanup_json_ json_t *message = json_parse(bytes, len, why, sizeof(why));
	const char *word;
	const json_t *args;

	if (!message)
		return error_of("malformed", why);
	if (json_object_size(message) != 1)
		return error_of("malformed", "a message is an object with exactly one key");
	word = json_object_iter_key(json_object_iter(message));
	args = json_object_get(message, word);
	if (strcmp(word, "send") == 0)
		return on_send(hq, args);
	if (strcmp(word, "status") == 0)
		return on_status(hq);
	if (strcmp(word, "backup") == 0)
		return on_backup(hq, client, args);
	if (strcmp(word, "site") == 0)
		return on_site(hq, args);
	return error_of("malformed", "unknown word");
}

/* Takes the answer. A client that does not read its answers is closed. */
static int send_answer(int fd, json_t *answer)
{
	_cleanup_free_ char *text = answer ? json_text(answer) : NULL;

	json_decref(answer);
	if (!text)
		return 0;
	return door_send(fd, text, strlen(text));
}

/* False when the client is gone. */
static bool serve_client(struct hq *hq, int fd)
{
	static char buf[DOOR_MESSAGE_MAX + 1];

	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		size_t len;
		int r = door_recv(fd, buf, &len);

		if (r == -EAGAIN)
			return true;
		if (r == -EMSGSIZE)
			r = send_answer(fd, error_of("malformed", "longer than 64 KiB"));
		else if (r > 0)
			r = send_answer(fd, answer_message(hq, fd, buf, len));
		else
			return false;
		if (r < 0)
			return false;
	}
	return true;
}

static void drop_client(struct hq *hq, size_t i)
{
	if (hq->backup && hq->backup_client == hq->clients[i])
		hq->backup_client = -1; /* the copy is made all the same */
	close(hq->clients[i]);
	hq->clients[i] = hq->clients[--hq->clients_n];
}

static void run_backup(struct hq *hq)
{
	char why[WHY_MAX] = "";
	int r = store_backup_step(hq->backup, why, sizeof(why));

	if (r > 0)
		return;
	store_backup_end(hq->backup);
	hq->backup = NULL;
	if (r < 0)
		log_error("backup: %s", why);
	if (hq->backup_client < 0)
		return;
	send_answer(hq->backup_client,
		r < 0 ? error_of("backup", why) : json_pack("{s:{s:b}}", "backup", "done", 1));
}

void control_process(struct hq *hq)
{
	accept_clients(hq);
	for (size_t i = hq->clients_n; i-- > 0;)
		if (!serve_client(hq, hq->clients[i]))
			drop_client(hq, i);
	if (hq->backup)
		run_backup(hq);
}
