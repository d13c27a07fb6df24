/* The turn: all commands that are ready share one transaction; then one commit; then, and only then, the answers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "core.h"
#include "json.h"
#include "log.h"
#include "text.h"

/* Every so many frames (4 KiB each) the log is written home; one longer than 64 MiB gives its space back, too. */
#define CHECKPOINT_FRAMES 1000
#define CHECKPOINT_TRUNCATE_FRAMES 16384
/* Timers decided in one turn beside the commands. */
#define OVERDUE_PER_TURN 4

/* An origin's commands are decided in the order it made them, whatever their kinds: behind one that overtook it a
 * command would be "forgotten". So one that follows a slower one of its origin waits with that. */
static int behind_its_own(const struct core *core, const struct pending *p, int priority)
{
	for (int i = PRIORITIES - 1; i > priority; i--)
		for (const struct pending *q = core->queue_first[i]; q; q = q->next)
			if (q->peer_serial == p->peer_serial && strcmp(q->command.origin, p->command.origin) == 0)
				return i;
	return priority;
}

void turn_queue(struct core *core, struct pending *p, int priority)
{
	priority = behind_its_own(core, p, priority);
	if (core->queue_last[priority])
		core->queue_last[priority]->next = p;
	else
		core->queue_first[priority] = p;
	core->queue_last[priority] = p;
	turn_want(core);
}

void turn_want(struct core *core)
{
	sd_event_source_set_enabled(core->turn_source, SD_EVENT_ONESHOT);
}

/* A turn that wants the next itself would always be ready before a peer that spoke meanwhile: a copy or a chain of
 * commands would deafen the door until its end. A timer that is due is ready in the loop's next round, as they are. */
static void turn_again(struct core *core)
{
	sd_event_source_set_time(core->again_source, 1);
	sd_event_source_set_enabled(core->again_source, SD_EVENT_ONESHOT);
}

static struct pending *next_pending(struct core *core)
{
	for (int i = 0; i < PRIORITIES; i++) {
		struct pending *p = core->queue_first[i];

		if (!p)
			continue;
		core->queue_first[i] = p->next;
		if (!p->next)
			core->queue_last[i] = NULL;
		p->next = NULL;
		return p;
	}
	return NULL;
}

static bool queue_empty(const struct core *core)
{
	for (int i = 0; i < PRIORITIES; i++)
		if (core->queue_first[i])
			return false;
	return true;
}

void pending_free(struct pending *p)
{
	command_fini(&p->command);
	free(p->text);
	free(p);
}

/* What was answered before is on disk, what was not is asked again after the restart. */
static _Noreturn void end_without_answer(struct core *core)
{
	log_error("database failed, ending without an answer: %s", store_failure_text(core->store));
	_exit(EXIT_FAILURE);
}

void core_check_store(struct core *core)
{
	if (store_failure(core->store) == STORE_BROKEN)
		end_without_answer(core);
}

/* A full disk leaves the log as it is; a broken one is found out before the next commit. */
int core_checkpoint(struct core *core, bool truncate)
{
	int frames = store_checkpoint(core->store, truncate);

	core_check_store(core);
	return frames;
}

/* SQLite decides what can still be said. Full: nothing of this turn happened. Anything else: end without a word. */
static void on_store_failure(struct core *core)
{
	if (store_failure(core->store) != STORE_FULL)
		end_without_answer(core);
	log_error("disk full, nothing is taken until there is space: %s", store_failure_text(core->store));
	store_rollback(core->store);
	store_clear(core->store);
	disk_full(core);
	engine_load(&core->engine, core->store);
	if (store_failure(core->store) != STORE_OK)
		end_without_answer(core);
}

static void drop_decided(struct core *core)
{
	for (size_t i = 0; i < core->decided_n; i++)
		engine_result_fini(&core->decided[i].result);
	core->decided_n = 0;
}

const char *core_closed(const struct core *core)
{
	if (core->disk >= DISK_CLOSED)
		return "disk_full";
	return core->closed_reason[0] ? "closed" : NULL;
}

const char *core_say(const struct core *core)
{
	return core->disk < DISK_CLOSED && core->closed_reason[0] ? core->closed_reason : disk_say(core->disk);
}

/* Not taken: no row, and the id stays free. */
static void refuse_closed(struct core *core, const struct pending *p)
{
	struct peer *peer = peer_find(core, p->peer_serial);

	if (peer)
		message_refuse(peer, p->command.id, core_closed(core), core_say(core));
}

/* What the poison file calls a command. The core's own comes again under a new id (the next run's first commands take
 * its number), but for the same row. */
static void guard_name(const struct command *command, char *out, size_t size)
{
	int64_t continuation = json_int(command->args, "continuation");

	if (command->peer == PEER_INTERNAL)
		text_format(out, size, "core/%s:%lld%.40s", command->kind->name,
			(long long)(continuation ? continuation : json_int(command->args, "divert")),
			json_str(command->args, "badge"));
	else
		text_copy(out, size, command->id);
}

static void apply_one(struct core *core, struct command *command, uint64_t serial)
{
	struct decided *d = &core->decided[core->decided_n++];
	char name[DOOR_ID_MAX];

	guard_name(command, name, sizeof(name));
	*d = (struct decided){ .peer_serial = serial, .internal = command->peer == PEER_INTERNAL };
	guard_enter(core, name);
	engine_apply(&core->engine, command, guard_poisoned(core, name), &d->result);
	/* A row the tables do not allow ends this run, too. */
	if (store_failure(core->store) != STORE_BROKEN)
		guard_leave(core);
	text_copy(d->id, sizeof(d->id), command->id);
	text_copy(d->place, sizeof(d->place), command->place);
}

/* After any error SQLite may have rolled back by itself; the next statement would then commit on its own. */
static bool healthy(const struct core *core)
{
	return store_failure(core->store) == STORE_OK && store_in_transaction(core->store);
}

/* Runs an internal command inside the open transaction. `args` is taken. */
static bool apply_internal(struct core *core, const char *kind, json_t *args, struct moment moment)
{
	struct command command;
	_cleanup_free_ char *text = NULL;

	if (engine_internal(&core->engine, kind, args, moment, &command, &text) < 0)
		return false;
	apply_one(core, &command, 0);
	command_fini(&command);
	return healthy(core);
}

static bool apply_overdue(struct core *core, struct moment moment)
{
	for (int i = 0; i < OVERDUE_PER_TURN; i++) {
		const char *kind;
		int64_t id = divert_overdue(&core->engine, moment.boot_us, &kind);

		if (!id)
			return healthy(core);
		if (!apply_internal(core, kind, json_pack("{s:I}", "divert", (json_int_t)id), moment))
			return false;
	}
	return true;
}

static bool apply_continuation(struct core *core, struct moment moment)
{
	struct store_cursor q = store_query(core->store, SQL_CONTINUATION_NEXT, "");
	char kind[40];
	json_t *args;

	core->more = store_first(&q);
	if (!core->more)
		return healthy(core);
	text_copy(kind, sizeof(kind), store_text(&q, 1));
	args = json_loads(store_text(&q, 2), 0, NULL);
	json_object_set_new(args, "continuation", json_integer(store_int(&q, 0)));
	store_end(&q);
	return apply_internal(core, kind, args, moment);
}

/* The commands of a turn are kept until its commit: a full disk throws the outcomes away. */
struct batch {
	struct pending *items[TURN_COMMANDS_MAX];
	size_t n;
};

static bool apply_pending(struct core *core, struct batch *batch, struct moment moment)
{
	int64_t end_us = clock_boot_us() + TURN_US_MAX;

	while (batch->n < TURN_COMMANDS_MAX && clock_boot_us() < end_us) {
		struct pending *p = next_pending(core);

		if (!p)
			break;
		batch->items[batch->n++] = p;
		p->command.moment = moment;
		apply_one(core, &p->command, p->peer_serial);
		if (!healthy(core))
			return false;
	}
	return true;
}

static void finish_batch(struct core *core, struct batch *batch, bool refused)
{
	for (size_t i = 0; i < batch->n; i++) {
		struct peer *peer = peer_find(core, batch->items[i]->peer_serial);

		if (refused)
			refuse_closed(core, batch->items[i]);
		if (peer) {
			peer->commands--;
			peer_read_again(peer);
		}
		pending_free(batch->items[i]);
	}
}

static void refuse_queue(struct core *core)
{
	struct batch batch = { 0 };

	while (batch.n < TURN_COMMANDS_MAX && (batch.items[batch.n] = next_pending(core)))
		batch.n++;
	finish_batch(core, &batch, true);
}

/* Between a turn's answers and the next read: no read is at work and none can begin, so nothing a reader does keeps the
 * log from being emptied. What could not be written home (a full disk) is tried again that much later, not each turn. */
static void checkpoint_sometimes(struct core *core)
{
	int frames = store_log_frames(core->store);

	if (frames < core->log_tried)
		core->log_tried = 0;
	if (frames - core->log_tried < CHECKPOINT_FRAMES)
		return;
	core_checkpoint(core, frames > CHECKPOINT_TRUNCATE_FRAMES);
	core->log_tried = store_log_frames(core->store);
}

static void wake_at_deadline(struct core *core)
{
	int64_t deadline_us = divert_next_us(&core->engine);

	if (!deadline_us)
		return;
	sd_event_source_set_time(core->deadline_source, (uint64_t)deadline_us + 1000);
	sd_event_source_set_enabled(core->deadline_source, SD_EVENT_ONESHOT);
}

static bool run_turn(struct core *core, struct batch *batch)
{
	struct moment moment = guard_moment(core);

	store_begin(core->store);
	return healthy(core) && apply_overdue(core, moment) && apply_pending(core, batch, moment) &&
		apply_continuation(core, moment) && store_commit(core->store) == 0;
}

int on_turn(sd_event_source *source, void *user)
{
	struct core *core = user;
	struct batch batch = { 0 };
	bool busy;

	(void)source;
	if (core_closed(core)) {
		refuse_queue(core);
	} else if (run_turn(core, &batch)) {
		release_all(core);
		core_check_store(core);
		drop_decided(core);
		finish_batch(core, &batch, false);
		wake_at_deadline(core);
		checkpoint_sometimes(core);
	} else {
		on_store_failure(core);
		drop_decided(core);
		finish_batch(core, &batch, true);
	}
	busy = backup_work(core);
	busy |= segments_work(core);
	if (busy || !queue_empty(core) || (core->more && !core_closed(core)))
		turn_again(core);
	return 0;
}

int on_turn_again(sd_event_source *source, uint64_t usec, void *user)
{
	(void)usec;
	return on_turn(source, user);
}

int turn_internal(struct core *core, const char *kind, json_t *args, struct decided *ret)
{
	if (core->disk >= DISK_CLOSED) {
		json_decref(args);
		return -EAGAIN;
	}
	store_begin(core->store);
	if (!healthy(core) || !apply_internal(core, kind, args, guard_moment(core)) || store_commit(core->store) < 0) {
		on_store_failure(core);
		drop_decided(core);
		return -EAGAIN;
	}
	*ret = core->decided[0];
	core->decided_n = 0;
	return 0;
}
