/* Ends a segment of the journal: a copy of the whole database, a few pages between two turns. When it is complete, also
 * between two turns, it is the state behind the last decided row; the very next row says so and begins the next segment.
 * Then the copy is hashed, slice by slice, and HQ gets the hash. Later a witnessed segment's rows may go: only after its
 * copy was read again from end to end. A crash in between leaves either a file nobody names or a segment that still waits
 * for its hash. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "clock.h"
#include "core.h"
#include "journal_check.h"
#include "json.h"
#include "log.h"
#include "text.h"

/* Rows hashed between two turns: under a millisecond. */
#define SLICE_ROWS 200
/* After a failure, before the next try. */
#define RETRY_US (600 * US_PER_S)
/* Sealing at a start: systemd waits this much longer after each piece. */
#define PIECE_EXTENDS "EXTEND_TIMEOUT_USEC=60000000"
#define MIB_SHIFT 20

enum phase { PHASE_COPY, PHASE_HASH, PHASE_CHECK_STATE, PHASE_CHECK_ROWS };

struct segment_job {
	enum phase phase;
	struct segment segment;
	char path[400];
	struct store_backup *copy;
	struct store_hash *hash;
	struct store *rows;
	struct journal_check check;
	uint8_t state_hash[HASH_BYTES];
	uint64_t peer_serial; /* 0: nobody asked */
	char id[64];
};

static int segment_path(const struct core *core, const char *snapshot, char *out, size_t size)
{
	return text_format(out, size, "%s/segments/%s", core->state, snapshot);
}

static void tell(struct core *core, const struct segment_job *job, json_t *more)
{
	struct peer *peer = peer_find(core, job->peer_serial);
	json_t *body = json_pack("{s:s, s:I}", "id", job->id, "segment", (json_int_t)job->segment.number);

	json_object_update_new(body, more);
	if (peer && (json_object_get(body, "error") || json_is_true(json_object_get(body, "done"))))
		peer_send(peer, json_pack("{s:o}", "seal", body));
	else if (peer)
		peer_send_topic(peer, "seal", json_pack("{s:o}", "seal", body));
	else
		json_decref(body);
}

static void free_job(struct core *core)
{
	struct segment_job *job = core->segment_job;

	core->segment_job = NULL;
	if (!job)
		return;
	store_backup_end(job->copy);
	store_hash_close(job->hash);
	if (job->rows)
		journal_check_end(&job->check);
	store_close(job->rows);
	free(job);
}

void segments_destroy(struct core *core)
{
	free_job(core);
}

static void give_up(struct core *core, const char *doing, int error)
{
	struct segment_job *job = core->segment_job;

	log_warning("%s: %s segment=%lld", doing, strerror(error), (long long)job->segment.number);
	tell(core, job, json_pack("{s:s}", "error", doing));
	core->segments_retry_us = clock_boot_us() + RETRY_US;
	free_job(core);
}

static struct segment_job *new_job(struct core *core, enum phase phase, int64_t number)
{
	struct segment_job *job = calloc(1, sizeof(*job));

	if (!job || !segment_get(core->store, number, &job->segment)) {
		free(job);
		return NULL;
	}
	job->phase = phase;
	core->segment_job = job;
	turn_want(core);
	return job;
}

/* The copy must not be what fills the disk. */
static bool has_space(const struct core *core)
{
	char path[300];
	struct statvfs fs;
	struct stat st;
	int64_t free_mib;

	if (text_format(path, sizeof(path), "%s/wharf.db", core->state) < 0 || stat(path, &st) < 0 ||
		statvfs(core->state, &fs) < 0)
		return false;
	free_mib = (int64_t)(((uint64_t)fs.f_bavail * fs.f_frsize - (uint64_t)st.st_size) >> MIB_SHIFT);
	return (uint64_t)st.st_size < (uint64_t)fs.f_bavail * fs.f_frsize &&
		free_mib >= config_int(core->config, "core", "intake_free_mib");
}

static int start_copy(struct core *core)
{
	struct segment_job *job;
	int r;

	if (!has_space(core))
		return -ENOSPC;
	job = new_job(core, PHASE_COPY, core->engine.segment);
	if (!job)
		return -ENOMEM;
	snprintf(job->segment.snapshot, sizeof(job->segment.snapshot), "%06lld.db", (long long)job->segment.number);
	r = segment_path(core, job->segment.snapshot, job->path, sizeof(job->path));
	if (r == 0)
		r = store_backup_start(core->store, job->path, &job->copy);
	if (r < 0)
		free_job(core);
	return r;
}

static int start_hash(struct core *core, enum phase phase, int64_t number)
{
	struct segment_job *job = core->segment_job ? core->segment_job : new_job(core, phase, number);
	int r;

	if (!job)
		return -ENOMEM;
	job->phase = phase;
	r = segment_path(core, job->segment.snapshot, job->path, sizeof(job->path));
	return r < 0 ? r : store_hash_open(job->path, &job->hash);
}

/* Decides an internal command about the job's segment; true where the engine agreed. `args` is taken. */
static bool decide(struct core *core, const char *kind, json_t *args)
{
	struct decided d;
	bool ok;

	json_object_set_new(args, "segment", json_integer(core->segment_job->segment.number));
	if (turn_internal(core, kind, args, &d) < 0)
		return false;
	release_decided(core, &d);
	ok = d.result.outcome.ok;
	engine_result_fini(&d.result);
	return ok;
}

/* Nothing was decided since the last page: the copy's end is the journal's. */
static void copied(struct core *core)
{
	struct segment_job *job = core->segment_job;
	char hex[HASH_HEX];
	int r;

	store_backup_end(job->copy);
	job->copy = NULL;
	text_hex(core->engine.hash, HASH_BYTES, hex);
	if (!decide(core, "segment_seal", json_pack("{s:i, s:I, s:s, s:s}", "engine", ENGINE_VERSION, "last_seq",
						  (json_int_t)core->engine.seq, "last_hash", hex, "snapshot",
						  job->segment.snapshot))) {
		unlink(job->path);
		give_up(core, "the segment could not be closed", EAGAIN);
		return;
	}
	r = start_hash(core, PHASE_HASH, job->segment.number);
	if (r < 0)
		give_up(core, "the copy of the segment cannot be read", -r);
}

static void copy_pages(struct core *core)
{
	struct segment_job *job = core->segment_job;
	int left = 0, total = 0;
	int r = store_backup_step(job->copy, (int)config_int(core->config, "core", "backup_pages"), &left, &total);

	if (r < 0) {
		give_up(core, "the copy of the segment failed", -r);
		return;
	}
	tell(core, job, json_pack("{s:b, s:i, s:i}", "done", 0, "pages", total - left, "of", total));
	if (r == 1)
		copied(core);
}

static void sealed(struct core *core)
{
	struct segment_job *job = core->segment_job;
	char hex[HASH_HEX];

	text_hex(job->state_hash, HASH_BYTES, hex);
	if (!decide(core, "segment_sealed", json_pack("{s:s}", "state_hash", hex))) {
		give_up(core, "the segment could not be sealed", EAGAIN);
		return;
	}
	log_info("segment sealed segment=%lld state=%s", (long long)job->segment.number, hex);
	tell(core, job, json_pack("{s:b, s:s, s:s}", "done", 1, "file", job->path, "state", hex));
	free_job(core);
}

/* The engine decides by what was found; a file that is gone or changed has no hash to show. */
static void checked(struct core *core, bool good)
{
	struct segment_job *job = core->segment_job;
	char hex[HASH_HEX];

	if (!good)
		memset(job->state_hash, 0, HASH_BYTES);
	text_hex(job->state_hash, HASH_BYTES, hex);
	if (!decide(core, "segment_drop", json_pack("{s:s}", "state_hash", hex)))
		log_warning("the rows of a segment stay: its copy is missing or changed segment=%lld path=%s",
			(long long)job->segment.number, job->path);
	free_job(core);
}

static void hash_rows(struct core *core)
{
	struct segment_job *job = core->segment_job;
	int r = store_hash_step(job->hash, SLICE_ROWS, job->state_hash);

	if (r == 0)
		return;
	store_hash_close(job->hash);
	job->hash = NULL;
	if (job->phase == PHASE_HASH && r < 0)
		give_up(core, "the copy of the segment cannot be read", -r);
	else if (job->phase == PHASE_HASH)
		sealed(core);
	else if (r < 0 || memcmp(job->state_hash, job->segment.state_hash, HASH_BYTES) != 0 ||
		store_open_readonly(job->path, &job->rows) < 0)
		checked(core, false);
	else {
		job->phase = PHASE_CHECK_ROWS;
		journal_check_start(&job->check, job->rows, job->segment.first_seq, job->segment.last_seq,
			job->segment.first_hash);
	}
}

static void check_rows(struct core *core)
{
	struct segment_job *job = core->segment_job;
	int r = journal_check_step(&job->check, SLICE_ROWS);

	if (r != 0)
		checked(core, r == 1 && job->check.next_seq == job->segment.last_seq + 1 &&
				      memcmp(job->check.hash, job->segment.last_hash, HASH_BYTES) == 0);
}

bool segments_work(struct core *core)
{
	if (core->segment_job && core_closed(core))
		give_up(core, "the door was closed", EAGAIN);
	if (!core->segment_job)
		return false;
	switch (core->segment_job->phase) {
	case PHASE_COPY:
		copy_pages(core);
		break;
	case PHASE_HASH:
	case PHASE_CHECK_STATE:
		hash_rows(core);
		break;
	case PHASE_CHECK_ROWS:
		check_rows(core);
		break;
	}
	return core->segment_job != NULL;
}

void segments_take(struct peer *peer, const json_t *body)
{
	struct core *core = peer->core;
	const char *id = NULL;
	char why[WHY_MAX];
	int r;
	const struct json_field fields[] = { { "id", JSON_REQUIRED, JSON_STRING, &id, 1, 60 } };

	if (json_fields(body, fields, array_len(fields), why, sizeof(why)) < 0) {
		message_refuse(peer, NULL, "malformed", why);
		return;
	}
	if (core->segment_job || core_closed(core)) {
		message_refuse(peer, id, core->segment_job ? "busy" : "closed",
			core->segment_job ? "a segment is being sealed or checked" : "the door is closed");
		return;
	}
	r = start_copy(core);
	if (r < 0) {
		message_refuse(peer, id, "failed", r == -ENOSPC ? "there is no space for the copy" : strerror(-r));
		return;
	}
	core->segment_job->peer_serial = peer->serial;
	text_copy(core->segment_job->id, sizeof(core->segment_job->id), id);
}

static bool seal_is_due(struct core *core)
{
	struct segment open;

	return segment_get(core->store, core->engine.segment, &open) &&
		core->engine.day - open.first_day >= day_marks(config_int(core->config, "journal", "seal_days"));
}

/* What a crash left without its hash; else what may go; else what is old enough to be sealed. */
static int start_next(struct core *core)
{
	int64_t number = store_number(core->store, 0, SQL_SEGMENT_UNHASHED, "");

	if (number && number != core->segments_lost) {
		core->segments_lost = number; /* not again in this run; what comes after it must not wait */
		return start_hash(core, PHASE_HASH, number);
	}
	number = store_number(core->store, 0, SQL_SEGMENT_DROPPABLE, "i", prune_kept_seq(&core->engine));
	if (number && core->segments_checked_day != core->engine.day + 1) {
		/* A copy that is missing is looked for again at the next day mark. */
		core->segments_checked_day = core->engine.day + 1;
		if (start_hash(core, PHASE_CHECK_STATE, number) < 0 && core->segment_job)
			checked(core, false);
		return 0;
	}
	return seal_is_due(core) ? start_copy(core) : 0;
}

void segments_tick(struct core *core)
{
	int r;

	if (core->segment_job || !core->site_started || core_closed(core) || clock_boot_us() < core->segments_retry_us)
		return;
	r = start_next(core);
	if (r == 0)
		return;
	log_warning("a segment cannot be sealed now: %s", strerror(-r));
	core->segments_retry_us = clock_boot_us() + RETRY_US;
	free_job(core);
}

/* A copy that was not finished belongs to nobody. */
static void remove_unfinished(const char *folder)
{
	_cleanup_dir_ DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strstr(entry->d_name, ".new"))
			unlinkat(dirfd(dir), entry->d_name, 0);
}

/* The next engine decides nothing before the segment of the one before it is sealed. */
static int seal_now(struct core *core)
{
	int64_t number = core->engine.segment;
	struct segment s;
	int r = start_copy(core);

	while (r == 0 && segments_work(core))
		sd_notify(0, PIECE_EXTENDS);
	if (r < 0 || !segment_get(core->store, number, &s) || !s.hashed) {
		log_error("the journal of the engine before this one cannot be sealed: %s segment=%lld",
			strerror(r < 0 ? -r : EIO), (long long)number);
		return r < 0 ? r : -EIO;
	}
	return 0;
}

int segments_start(struct core *core)
{
	char folder[300];
	struct segment open;
	int r = text_format(folder, sizeof(folder), "%s/segments", core->state);

	if (r == 0)
		r = text_mkdirs(folder, 0700);
	if (r < 0)
		return r;
	remove_unfinished(folder);
	if (!core->engine.seq || !segment_get(core->store, core->engine.segment, &open) || open.engine == ENGINE_VERSION)
		return 0;
	log_info("engine %d takes over from %lld: the journal so far is sealed first", ENGINE_VERSION,
		(long long)open.engine);
	return seal_now(core);
}
