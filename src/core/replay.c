/* The replay of a copy: a sealed state, and behind it the journal decided again. Each answer must be the same bytes, and the
 * state at the end the same. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "dialogue.h"
#include "inspect.h"
#include "json.h"
#include "text.h"

struct replay {
	const struct inspect_task *task;
	struct store *file;          /* the copy that was named */
	struct store *rows;          /* where the rows are read from: that copy, or the segment's own */
	struct store *into;
	struct segment base;         /* number 0: an empty database */
	struct segment end;          /* last segment that is replayed */
	char base_path[PATH_MAX];    /* "" for an empty database */
	int64_t rows_n;
	struct findings findings;
};

static unsigned peer_named(const char *name)
{
	for (unsigned kind = 0; kind < DOOR_KINDS; kind++)
		if (strcmp(door_kind_name((enum door_kind)kind), name) == 0)
			return kind;
	return PEER_INTERNAL;
}

/* A command that was refused because it had killed the core twice: the journal is the only one who knows. */
static const char *refusal_of(const char *outcome)
{
	_cleanup_json_ json_t *answer = strstr(outcome, "\"refused\"") ? json_loads(outcome, 0, NULL) : NULL;

	return strcmp(json_str(answer, "code"), "refused") == 0 ? ENGINE_POISON_SAY : NULL;
}

/* Decides one journal row again; the outcome must be the same bytes. */
static void replay_row(struct engine *engine, const struct store_cursor *q, struct findings *f)
{
	const char *text = store_text(q, 5), *code;
	struct engine_result result;
	struct command command;
	char why[WHY_MAX];

	if (command_parse(&command, peer_named(store_text(q, 4)), json_loads(text, 0, NULL), text, &code, why,
		    sizeof(why)) < 0) {
		inspect_find(f, "row %lld is not readable: %s", (long long)store_int(q, 0), why);
		return;
	}
	command.moment = (struct moment){ store_int(q, 1), store_int(q, 2), store_int(q, 3) };
	store_begin(engine->store);
	engine_apply(engine, &command, refusal_of(store_text(q, 6)), &result);
	if (result.answer != ENGINE_DECIDED || strcmp(result.text, store_text(q, 6)) != 0)
		inspect_find(f, "row %lld decides differently: %.120s", (long long)store_int(q, 0),
			result.text ? result.text : result.why);
	if (store_commit(engine->store) < 0)
		inspect_find(f, "row %lld: %s", (long long)store_int(q, 0), store_failure_text(engine->store));
	engine_result_fini(&result);
	command_fini(&command);
}

static void replay_rows(struct replay *r)
{
	struct engine engine;
	struct store_cursor q;

	store_begin(r->into);
	engine_load(&engine, r->into);
	if (store_commit(r->into) < 0) {
		inspect_find(&r->findings, "scratch: %s", store_failure_text(r->into));
		return;
	}
	q = store_query(r->rows, SQL_JOURNAL_BETWEEN, "ii", r->base.last_seq, r->end.last_seq ? r->end.last_seq : INT64_MAX);
	for (; r->findings.n < FINDINGS_MAX && store_next(&q); r->rows_n++)
		replay_row(&engine, &q, &r->findings);
	store_end(&q);
	if (r->end.last_seq && (engine.seq != r->end.last_seq || memcmp(engine.hash, r->end.last_hash, HASH_BYTES) != 0))
		inspect_find(&r->findings, "the journal does not lead to the end of segment %lld", (long long)r->end.number);
}

/* The newest sealed copy that is here and lies before `end`; where there is none, an empty database. */
static void find_base(struct replay *r)
{
	struct segment s;

	for (int64_t n = r->end.number - 1; n > 0 && !r->task->from_empty; n--)
		if (segment_get(r->file, n, &s) && s.hashed &&
			inspect_snapshot(r->task, &s, r->base_path, sizeof(r->base_path))) {
			r->base = s;
			return;
		}
	r->base_path[0] = '\0';
}

/* Code that decides differently must not call an honest journal false. */
static int64_t other_engine(const struct replay *r)
{
	struct segment s;

	for (int64_t n = r->base.number + 1; n <= r->end.number; n++)
		if (segment_get(r->file, n, &s) && s.engine != ENGINE_VERSION)
			return n;
	return 0;
}

/* The rows behind the base, in the file or, where it dropped them, in the copy of their segment. */
static bool find_rows(struct replay *r)
{
	char path[PATH_MAX];
	struct segment first;

	r->rows = r->file;
	if (!segment_get(r->file, r->base.number + 1, &first) || !first.dropped)
		return true;
	if (first.number != r->end.number || !inspect_snapshot(r->task, &r->end, path, sizeof(path)))
		return false;
	r->rows = inspect_open(path);
	return r->rows != NULL;
}

static void compare_base(struct replay *r)
{
	uint8_t hash[HASH_BYTES];

	if (r->base.number && (store_state_hash(r->into, hash) < 0 || memcmp(hash, r->base.state_hash, HASH_BYTES) != 0))
		inspect_find(&r->findings, "%s has not the state that was sealed", r->base_path);
}

static void compare_end(struct replay *r, char *want_hex, char *got_hex)
{
	uint8_t want[HASH_BYTES] = { 0 }, got[HASH_BYTES] = { 1 };
	int known = 0;

	if (r->end.last_seq && r->end.hashed)
		memcpy(want, r->end.state_hash, HASH_BYTES);
	else if (!r->end.last_seq)
		known = store_state_hash(r->file, want);
	if (known < 0 || store_state_hash(r->into, got) < 0 || memcmp(want, got, HASH_BYTES) != 0)
		inspect_find(&r->findings, "the replayed state differs");
	text_hex(want, HASH_BYTES, want_hex);
	text_hex(got, HASH_BYTES, got_hex);
}

static int run_replay(struct replay *r)
{
	char want[HASH_HEX] = "", got[HASH_HEX] = "";
	int error = store_open_scratch(r->base_path[0] ? r->base_path : NULL, &r->into);

	if (error < 0)
		inspect_find(&r->findings, "no scratch database: %s", strerror(-error));
	else
		compare_base(r);
	/* On a wrong base every row would decide differently. */
	if (!r->findings.n)
		replay_rows(r);
	if (r->into)
		compare_end(r, want, got);
	return inspect_print("replay", &r->findings,
		json_pack("{s:I, s:I, s:s, s:I, s:s, s:s}", "segment", (json_int_t)r->end.number, "rows", (json_int_t)r->rows_n,
			"from", r->base_path[0] ? r->base_path : "empty", "from_seq", (json_int_t)r->base.last_seq, "state", want,
			"replayed", got),
		r->task->json);
}

static int plan(struct replay *r)
{
	const struct inspect_task *task = r->task;
	int64_t number = task->segment ? task->segment : inspect_last_segment(r->file), other;

	if (!segment_get(r->file, number, &r->end))
		return inspect_unjudged("replay", task->json, "there is no segment %lld", (long long)number);
	if (r->end.last_seq && !r->end.hashed)
		return inspect_unjudged("replay", task->json, "segment %lld is not sealed yet", (long long)number);
	find_base(r);
	other = other_engine(r);
	if (other)
		return inspect_unjudged("replay", task->json,
			"segment %lld was decided by another engine than this program's (%d); replay it with that release",
			(long long)other, ENGINE_VERSION);
	if (!find_rows(r))
		return inspect_unjudged("replay", task->json, "the copy of segment %lld is not here; name its folder with --segments",
			(long long)r->base.number + 1);
	return run_replay(r);
}

int inspect_replay(const struct inspect_task *task)
{
	struct replay r = { .task = task, .file = inspect_open(task->path), .findings = { .list = json_array() } };
	int code;

	if (!r.file) {
		json_decref(r.findings.list);
		return INSPECT_UNREADABLE;
	}
	dialogue_register();
	code = plan(&r);
	if (code == INSPECT_UNJUDGED)
		json_decref(r.findings.list);
	if (r.rows != r.file)
		store_close(r.rows);
	store_close(r.file);
	store_close(r.into);
	return code;
}
