/* A batch of events into the books, and the blocks of SSCCs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "store_private.h"

/* H1: only the batch that continues exactly what is stored gets past this statement. */
static int advance(struct store *s, const char *site, const struct sync_frame *up)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SITE_ADVANCE);
	int r;

	store_bind_text(stmt, 1, site);
	sqlite3_bind_int64(stmt, 2, up->first + (int64_t)up->bodies_n - 1);
	sqlite3_bind_blob(stmt, 3, up->hash, HASH_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 4, up->first - 1);
	sqlite3_bind_blob(stmt, 5, up->prev, HASH_BYTES, SQLITE_STATIC);
	r = store_run(s, stmt);
	return r == 0 && sqlite3_changes(s->db) == 0 ? -ESTALE : r;
}

static int keep_event(struct store *s, const char *site, int64_t n, const struct sync_part *body,
	const uint8_t *hash, const struct event_head *head)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_EVENT_ADD);

	store_bind_text(stmt, 1, site);
	sqlite3_bind_int64(stmt, 2, n);
	store_bind_text(stmt, 3, head->id);
	store_bind_text(stmt, 4, head->type);
	sqlite3_bind_blob64(stmt, 5, body->bytes, body->len, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 6, hash, HASH_BYTES, SQLITE_STATIC);
	return store_run(s, stmt);
}

static int quarantine(
	struct store *s, const char *site, int64_t n, const char *key, const char *why)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_QUARANTINE_ADD);

	log_warning("event in quarantine site=%s n=%lld: %s", site, (long long)n, why);
	store_bind_text(stmt, 1, site);
	sqlite3_bind_int64(stmt, 2, n);
	store_bind_text(stmt, 3, key);
	store_bind_text(stmt, 4, why);
	return store_run(s, stmt);
}

/* The number of an event of the same business key that is in quarantine; 0: none. */
static int64_t waits_behind(struct store *s, const char *site, const char *key)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_QUARANTINE_KEY);
	int64_t n = 0;

	if (!key[0])
		return 0;
	store_bind_text(stmt, 1, site);
	store_bind_text(stmt, 2, key);
	if (store_step(s, stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return n;
}

static int count_duplicate(struct store *s, const char *site)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SITE_DUPLICATE);

	store_bind_text(stmt, 1, site);
	return store_run(s, stmt);
}

/* 0 also for poison: it is stored, named in `bad` and does not hold up the others. */
static int apply_event(struct store *s, const char *site, int64_t n, const struct sync_part *body,
	const uint8_t *hash, struct sync_bad *bad, size_t *bad_n)
{
	struct event_head head = {.id = "", .type = "", .key = ""};
	char why[SYNC_BAD_WHY_MAX] = "";
	int sense = books_read(body->bytes, body->len, &head, why, sizeof(why));
	int64_t behind = sense == 0 ? waits_behind(s, site, head.key) : 0;
	int r = keep_event(s, site, n, body, hash, &head);

	if (behind) {
		snprintf(why, sizeof(why), "waits behind event %lld", (long long)behind);
		sense = -EINVAL;
	} else if (r == 0 && sense == 0) {
		sense = books_apply(s, site, n, &head, why, sizeof(why));
	}
	if (r == 0 && sense == -EEXIST)
		r = count_duplicate(s, site);
	else if (r == 0 && sense == -EINVAL)
		r = quarantine(s, site, n, head.key, why);
	else if (r == 0)
		r = sense;
	if (r == 0 && sense == -EINVAL && *bad_n < SYNC_BAD_MAX) {
		bad[*bad_n].n = n;
		memcpy(bad[(*bad_n)++].why, why, sizeof(why));
	}
	json_decref(head.event);
	return r;
}

static int apply_all(struct store *s, const char *site, const struct sync_frame *up,
	const uint8_t (*hashes)[HASH_BYTES], struct sync_bad *bad, size_t *bad_n)
{
	int r = advance(s, site, up);

	for (size_t i = 0; r == 0 && i < up->bodies_n; i++)
		r = apply_event(
			s, site, up->first + (int64_t)i, &up->bodies[i], hashes[i], bad, bad_n);
	return r;
}

enum hub_result store_apply(struct store *s, const char *site, const struct sync_frame *up,
	const uint8_t (*hashes)[HASH_BYTES], struct hub_cursor *ret, struct sync_bad *bad,
	size_t *ret_bad_n)
{
	size_t bad_n = 0;
	int r = store_begin(s);

	if (r < 0)
		return HUB_BUSY_STORE;
	r = apply_all(s, site, up, hashes, bad, &bad_n);
	if (r == 0)
		r = store_commit(s);
	if (r < 0)
		store_rollback(s);
	if (r == 0)
		*ret_bad_n = bad_n;
	if (r < 0 && r != -ESTALE)
		return HUB_BUSY_STORE;
	if (!store_cursor(s, site, ret))
		return HUB_REFUSED;
	return r == 0 ? HUB_OK : HUB_MISMATCH;
}

/* ---- SSCC blocks ---- */

static bool lease_after(struct store *s, const char *site, int64_t have, struct sync_frame *ret)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_LEASE_NEXT);
	bool found;

	store_bind_text(stmt, 1, site);
	sqlite3_bind_int64(stmt, 2, have);
	found = store_step(s, stmt) == SQLITE_ROW;
	if (found) {
		ret->lease = sqlite3_column_int64(stmt, 0);
		ret->lease_first = sqlite3_column_int64(stmt, 2);
		ret->lease_count = sqlite3_column_int64(stmt, 3);
		ret->epoch = sqlite3_column_int64(stmt, 5);
		store_copy_text(stmt, 1, ret->prefix, sizeof(ret->prefix));
		store_copy_text(stmt, 4, ret->gen, sizeof(ret->gen));
		store_copy_text(stmt, 6, ret->block, sizeof(ret->block));
	}
	sqlite3_reset(stmt);
	return found;
}

static int64_t read_number(struct store *s, enum statement statement, const char *key)
{
	sqlite3_stmt *stmt = store_statement(s, statement);
	int64_t n = 0;

	store_bind_text(stmt, 1, key);
	if (store_step(s, stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return n;
}

/* Prefix and serial fill the 17 digits in front of the check digit. */
static bool serials_left(const struct lease_terms *terms, int64_t first)
{
	int64_t end = 1;

	for (size_t digits = strlen(terms->prefix); digits < 17; digits++)
		end *= 10;
	return first + terms->count <= end;
}

static int cut_block(struct store *s, const char *site, const struct lease_terms *terms)
{
	int64_t first = read_number(s, SQL_LEASE_END, terms->prefix);
	int64_t n = read_number(s, SQL_LEASE_LAST, site) + 1;
	char block[SYNC_NAME_MAX];
	sqlite3_stmt *stmt;

	if (!serials_left(terms, first)) {
		log_error("no SSCCs are left below the prefix %s", terms->prefix);
		return -ENOSPC;
	}
	snprintf(block, sizeof(block), "%s-%s-%lld", site, s->gen, (long long)n);
	stmt = store_statement(s, SQL_LEASE_ADD);
	store_bind_text(stmt, 1, terms->prefix);
	sqlite3_bind_int64(stmt, 2, first);
	sqlite3_bind_int64(stmt, 3, terms->count);
	store_bind_text(stmt, 4, site);
	sqlite3_bind_int64(stmt, 5, n);
	store_bind_text(stmt, 6, s->gen);
	store_bind_text(stmt, 7, block);
	return store_run(s, stmt);
}

enum hub_result store_lease(struct store *s, const char *site, int64_t have,
	const struct lease_terms *terms, struct sync_frame *ret)
{
	int r;

	if (lease_after(s, site, have, ret))
		return HUB_OK;
	r = store_begin(s);
	if (r < 0)
		return HUB_BUSY_STORE;
	r = cut_block(s, site, terms);
	if (r == 0)
		r = store_commit(s);
	if (r < 0) {
		store_rollback(s);
		return HUB_BUSY_STORE;
	}
	return lease_after(s, site, have, ret) ? HUB_OK : HUB_REFUSED;
}
