/* The events HQ gets: made inside the business transaction, numbered without gaps, chained, stored once. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "cleanup.h"
#include "clock.h"
#include "engine.h"
#include "json.h"

static int64_t read_head(struct engine *e, uint8_t *ret_hash)
{
	struct store_cursor q = store_query(e->store, SQL_LINK_HEAD, "");
	int64_t n = 0;

	if (store_first(&q)) {
		int len;
		const void *hash = store_blob(&q, 1, &len);

		n = store_int(&q, 0);
		assert(len == HASH_BYTES);
		memcpy(ret_hash, hash, HASH_BYTES);
		store_end(&q);
	}
	return n;
}

int64_t event_make(struct engine *e, struct command *c, struct outcome *o, const char *type, const char *key,
	json_t *data)
{
	char id[DOOR_ID_MAX + 16], source[DOOR_NAME_MAX + 16], full_type[80], time[CLOCK_TEXT_MAX];
	_cleanup_json_ json_t *event = NULL;
	_cleanup_free_ char *bytes = NULL;
	uint8_t hash[HASH_BYTES] = { 0 };
	int64_t n = read_head(e, hash) + 1;

	/* The id comes from the command: the same event made again after a repair keeps it. */
	snprintf(id, sizeof(id), "%s/%d", c->id, ++c->events);
	snprintf(source, sizeof(source), "/wharf/%s", e->site);
	snprintf(full_type, sizeof(full_type), "wharf.%s", type);
	clock_text(c->moment.now_us, time);
	event = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "specversion", "1.0", "id", id, "source", source,
		"type", full_type, "subject", key, "time", time, "data", data);
	if (c->moment.doubtful)
		json_object_set_new(event, "timedoubtful", json_true());
	bytes = json_text(event);
	assert(bytes != NULL);
	chain_next(hash, (uint64_t)n, bytes, strlen(bytes), hash);
	store_run(e->store, SQL_OUTBOX_ADD, "ittttbi", n, id, full_type, key, bytes, hash, HASH_BYTES, e->day);
	store_run(e->store, SQL_LINK_SET_HEAD, "ib", n, hash, HASH_BYTES);
	o->touched |= TOUCHED_OUTBOX | TOUCHED_LINK;
	return n;
}

void continuation_add(struct engine *e, struct outcome *o, const char *kind, json_t *args)
{
	_cleanup_free_ char *text = json_text(args);

	json_decref(args);
	store_run(e->store, SQL_CONTINUATION_ADD, "tt", kind, text);
	o->touched |= TOUCHED_MORE;
}

void continuation_done(struct engine *e, int64_t continuation)
{
	if (continuation)
		store_run(e->store, SQL_CONTINUATION_DONE, "i", continuation);
}
