/* The online backup: a few pages between two turns, so that nobody waits for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "core.h"
#include "json.h"
#include "log.h"
#include "text.h"

struct backup_job {
	struct store_backup *copy;
	uint64_t peer_serial;
	char id[64], name[DOOR_NAME_MAX];
};

static void report(struct core *core, const char *id, const char *name, int left, int total, bool done,
	const char *error)
{
	struct peer *peer = core->backup ? peer_find(core, core->backup->peer_serial) : NULL;
	json_t *body;

	if (!peer)
		return;
	body = json_pack("{s:s, s:s, s:b, s:i, s:i}", "id", id, "name", name, "done", done, "pages", total - left, "of",
		total);
	if (error)
		json_object_set_new(body, "error", json_string(error));
	/* Progress is state: a slow reader gets the newest. The end is said once. */
	if (done || error)
		peer_send(peer, json_pack("{s:o}", "backup", body));
	else
		peer_send_topic(peer, "backup", json_pack("{s:o}", "backup", body));
}

void backup_destroy(struct core *core)
{
	if (!core->backup)
		return;
	store_backup_end(core->backup->copy);
	free(core->backup);
	core->backup = NULL;
}

static int start(struct core *core, struct peer *peer, const char *id, const char *name)
{
	struct backup_job *job = calloc(1, sizeof(*job));
	char folder[300], path[400];
	int r = -ENOMEM;

	if (!job)
		return r;
	job->peer_serial = peer->serial;
	text_copy(job->id, sizeof(job->id), id);
	text_copy(job->name, sizeof(job->name), name);
	r = text_format(folder, sizeof(folder), "%s/backup", core->state);
	if (r == 0)
		r = text_format(path, sizeof(path), "%s/%s", folder, name);
	if (r == 0)
		r = text_mkdirs(folder, 0700);
	if (r == 0)
		r = store_backup_start(core->store, path, &job->copy);
	if (r < 0) {
		free(job);
		return r;
	}
	core->backup = job;
	turn_want(core);
	return 0;
}

void backup_take(struct peer *peer, const json_t *body)
{
	const char *id = NULL, *name = NULL;
	char why[WHY_MAX];
	int r;
	const struct json_field fields[] = {
		{ "id", JSON_REQUIRED, JSON_STRING, &id, 1, 60 },
		{ "name", JSON_REQUIRED, JSON_STRING, &name, 1, DOOR_NAME_MAX - 1 },
	};

	if (json_fields(body, fields, array_len(fields), why, sizeof(why)) < 0 || !door_name_ok(name) ||
		name[0] == '.') {
		message_refuse(peer, json_string_value(json_object_get(body, "id")), "malformed",
			"a backup needs an id and a file name of letters, digits, - _ .");
		return;
	}
	if (peer->core->backup) {
		message_refuse(peer, id, "busy", "another backup is running");
		return;
	}
	if (peer->core->disk >= DISK_NO_NEW_WORK || !disk_fits(peer->core, store_size(peer->core->store))) {
		message_refuse(peer, id, "disk_full", "the copy would fill the disk");
		return;
	}
	r = start(peer->core, peer, id, name);
	if (r < 0)
		message_refuse(peer, id, r == -ENOSPC ? "disk_full" : "failed", strerror(-r));
}

bool backup_work(struct core *core)
{
	struct backup_job *job = core->backup;
	int left = 0, total = 0, r;

	if (!job)
		return false;
	/* The floor needs the space more than the copy does. */
	r = core->disk >= DISK_NO_NEW_WORK ?
		-ENOSPC :
		store_backup_step(job->copy, (int)config_int(core->config, "core", "backup_pages"), &left, &total);
	report(core, job->id, job->name, left, total, r == 1, r < 0 ? strerror(-r) : NULL);
	if (r == 0)
		return true;
	log_info("backup %s name=%s pages=%d", r == 1 ? "done" : "failed", job->name, total);
	backup_destroy(core);
	return false;
}
