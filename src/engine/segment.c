/* The journal's segments. A segment ends with a copy of the whole database, made by wharfd between two turns; what was
 * found out about that copy comes in here as commands, so that a replay knows it, too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "json.h"

bool segment_get(struct store *store, int64_t number, struct segment *ret)
{
	struct store_cursor q = store_query(store, SQL_SEGMENT_GET, "i", number);

	if (!store_first(&q))
		return false;
	segment_read(&q, ret);
	store_end(&q);
	return true;
}

static void read_hash(const struct store_cursor *q, int column, uint8_t *ret)
{
	int len = 0;
	const void *bytes = store_blob(q, column, &len);

	memset(ret, 0, HASH_BYTES);
	if (len == HASH_BYTES)
		memcpy(ret, bytes, HASH_BYTES);
}

void segment_read(const struct store_cursor *q, struct segment *ret)
{
	*ret = (struct segment){ .number = store_int(q, 0), .engine = store_int(q, 1), .first_seq = store_int(q, 2),
		.first_day = store_int(q, 4), .last_seq = store_int(q, 5), .hashed = !store_null(q, 8),
		.witnessed = store_int(q, 9), .dropped = store_int(q, 10) };
	read_hash(q, 3, ret->first_hash);
	read_hash(q, 6, ret->last_hash);
	read_hash(q, 8, ret->state_hash);
	if (!store_null(q, 7))
		text_format(ret->snapshot, sizeof(ret->snapshot), "%s", store_text(q, 7));
}

/* The copy is the end of the journal as it stands: this command's row is the first of the next segment. */
int on_segment_seal(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t segment = 0, engine = 0, last_seq = 0;
	const char *last_hash = NULL, *snapshot = NULL;
	uint8_t hash[HASH_BYTES];
	const struct json_field fields[] = {
		{ "segment", JSON_REQUIRED, JSON_INTEGER, &segment, 1, INT64_MAX },
		{ "engine", JSON_REQUIRED, JSON_INTEGER, &engine, 1, INT32_MAX },
		{ "last_seq", JSON_REQUIRED, JSON_INTEGER, &last_seq, 1, INT64_MAX },
		{ "last_hash", JSON_REQUIRED, JSON_STRING, &last_hash, HASH_HEX - 1, HASH_HEX - 1 },
		{ "snapshot", JSON_REQUIRED, JSON_STRING, &snapshot, 1, SEGMENT_NAME_MAX - 1 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (segment != e->segment || last_seq != e->seq || text_unhex(last_hash, hash, HASH_BYTES) < 0 ||
		memcmp(hash, e->hash, HASH_BYTES) != 0) {
		outcome_bad(o, "outdated", "The copy is not the end of the journal");
		return 0;
	}
	store_run(e->store, SQL_SEGMENT_CLOSE, "ibti", last_seq, e->hash, HASH_BYTES, snapshot, segment);
	store_run(e->store, SQL_SEGMENT_OPEN, "iib", engine, c->seq, e->hash, HASH_BYTES);
	e->segment = segment + 1;
	outcome_quiet(o, "closed");
	return 0;
}

static void tell_hq(struct engine *e, struct command *c, struct outcome *o, const struct segment *s, const uint8_t *hash)
{
	char last_hex[HASH_HEX], state_hex[HASH_HEX];
	int64_t n;

	text_hex(s->last_hash, HASH_BYTES, last_hex);
	text_hex(hash, HASH_BYTES, state_hex);
	n = event_make(e, c, o, "journal.sealed", "journal",
		json_pack("{s:I, s:I, s:I, s:s, s:s, s:I}", "segment", (json_int_t)s->number, "first_seq",
			(json_int_t)s->first_seq, "last_seq", (json_int_t)s->last_seq, "last_hash", last_hex, "state_hash",
			state_hex, "engine", (json_int_t)s->engine));
	store_run(e->store, SQL_SEGMENT_SEALED, "bii", hash, HASH_BYTES, n, s->number);
}

int on_segment_sealed(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t number = 0;
	const char *state_hash = NULL;
	struct segment s;
	uint8_t hash[HASH_BYTES];
	const struct json_field fields[] = {
		{ "segment", JSON_REQUIRED, JSON_INTEGER, &number, 1, INT64_MAX },
		{ "state_hash", JSON_REQUIRED, JSON_STRING, &state_hash, HASH_HEX - 1, HASH_HEX - 1 },
	};

	if (READ_ARGS(fields) < 0 || text_unhex(state_hash, hash, HASH_BYTES) < 0)
		return -EINVAL;
	if (!segment_get(e->store, number, &s) || !s.last_seq || s.hashed) {
		outcome_bad(o, "outdated", "Segment %lld does not wait for its hash", (long long)number);
		return 0;
	}
	tell_hq(e, c, o, &s, hash);
	outcome_quiet(o, "sealed");
	return 0;
}

#define CHANGED "its file is missing or not the one that was sealed"

/* "" where the rows of the segment may go. HQ must hold the hash of the file that has them, and no answer that is still
 * kept may stand in them. */
static const char *why_kept(struct engine *e, const struct segment *s, const uint8_t *hash)
{
	int64_t kept_seq = prune_kept_seq(e);

	if (!s->hashed || memcmp(s->state_hash, hash, HASH_BYTES) != 0)
		return CHANGED;
	if (!s->witnessed)
		return "HQ has not witnessed it";
	if (s->dropped || s->last_seq >= kept_seq)
		return "it is not old enough";
	return store_number(e->store, 0, SQL_SEGMENT_DROPPABLE, "i", kept_seq) == s->number ? "" :
											     "an older one is there";
}

static void tell_admin(struct engine *e, struct command *c, struct outcome *o, const struct segment *s)
{
	char subject[32];

	snprintf(subject, sizeof(subject), "%lld", (long long)s->number);
	case_open(e, c, o, "segment", ROLE_ADMIN, subject, "noted",
		"The file %s of journal segment %lld is missing or was changed", s->snapshot, (long long)s->number);
	o->keep = true;
}

int on_segment_drop(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t number = 0;
	const char *state_hash = NULL, *kept;
	struct segment s;
	uint8_t hash[HASH_BYTES];
	const struct json_field fields[] = {
		{ "segment", JSON_REQUIRED, JSON_INTEGER, &number, 1, INT64_MAX },
		{ "state_hash", JSON_REQUIRED, JSON_STRING, &state_hash, HASH_HEX - 1, HASH_HEX - 1 },
	};

	if (READ_ARGS(fields) < 0 || text_unhex(state_hash, hash, HASH_BYTES) < 0)
		return -EINVAL;
	kept = segment_get(e->store, number, &s) ? why_kept(e, &s, hash) : "there is none";
	if (kept[0]) {
		if (strcmp(kept, CHANGED) == 0)
			tell_admin(e, c, o, &s);
		outcome_bad(o, "kept", "Segment %lld stays: %s", (long long)number, kept);
		return 0;
	}
	store_run(e->store, SQL_SEGMENT_DROPPED, "i", number);
	continuation_add(e, o, "prune", json_pack("{s:s}", "step", "journal"));
	outcome_quiet(o, "dropped");
	return 0;
}
