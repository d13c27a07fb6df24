/* The audit of a copy: do the chains recompute, do the segments meet, is stock the sum of its movements? */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "cleanup.h"
#include "inspect.h"
#include "journal_check.h"
#include "json.h"
#include "log.h"
#include "text.h"

#define CHECK_ROWS 1000

void inspect_find(struct findings *f, const char *format, ...)
{
	char line[300];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (f->n++ < FINDINGS_MAX)
		json_array_append_new(f->list, json_string(line));
}

struct store *inspect_open(const char *path)
{
	struct store *store = NULL;
	int r = store_open_readonly(path, &store);

	if (r < 0)
		fprintf(stderr, "wharfd: %s cannot be read as a wharf database: %s\n", path, strerror(-r));
	return r < 0 ? NULL : store;
}

/* Where the first rows were dropped, the chain begins behind them: their segment knows the hash. */
static int64_t audit_journal(struct store *store, struct findings *f)
{
	struct journal_check check;
	struct segment first;
	int r = 0;

	if (!segment_get(store, store_number(store, 1, SQL_SEGMENT_FIRST, ""), &first)) {
		inspect_find(f, "journal: it has no segments");
		return 0;
	}
	journal_check_start(&check, store, first.first_seq, INT64_MAX, first.first_hash);
	while (r == 0)
		r = journal_check_step(&check, CHECK_ROWS);
	if (r < 0)
		inspect_find(f, check.missing ? "journal: row %lld is missing" : "journal: the chain breaks at row %lld",
			(long long)check.next_seq);
	journal_check_end(&check);
	return check.next_seq - first.first_seq;
}

static bool hash_of_row(struct store *store, int64_t seq, uint8_t *ret)
{
	struct store_cursor q = store_query(store, SQL_JOURNAL_HASH, "i", seq);
	const void *bytes;
	int len = 0;

	if (!store_first(&q))
		return false;
	bytes = store_blob(&q, 0, &len);
	if (len == HASH_BYTES)
		memcpy(ret, bytes, HASH_BYTES);
	store_end(&q);
	return len == HASH_BYTES;
}

/* Each segment begins where the one before it ended, and ends with the row it names. */
static void audit_links(struct store *store, struct findings *f)
{
	struct store_cursor q = store_query(store, SQL_SEGMENT_AFTER, "i", INT64_C(0));
	struct segment before = { 0 }, s;
	uint8_t hash[HASH_BYTES];

	for (; store_next(&q); before = s) {
		segment_read(&q, &s);
		if (s.number != before.number + 1 || s.first_seq != before.last_seq + 1 ||
			memcmp(s.first_hash, before.last_hash, HASH_BYTES) != 0 || (before.number && !before.last_seq))
			inspect_find(f, "segments: %lld does not begin where the one before it ended", (long long)s.number);
		if (s.last_seq && !s.dropped &&
			(!hash_of_row(store, s.last_seq, hash) || memcmp(hash, s.last_hash, HASH_BYTES) != 0))
			inspect_find(f, "segments: %lld does not end with row %lld", (long long)s.number, (long long)s.last_seq);
	}
}

/* The rows inside a copy lead to the hash the segment was closed with. */
static bool copy_chains(const char *path, const struct segment *s)
{
	struct store *copy = inspect_open(path);
	struct journal_check check;
	bool good;
	int r = 0;

	if (!copy)
		return false;
	journal_check_start(&check, copy, s->first_seq, s->last_seq, s->first_hash);
	while (r == 0)
		r = journal_check_step(&check, CHECK_ROWS);
	good = r == 1 && check.next_seq == s->last_seq + 1 && memcmp(check.hash, s->last_hash, HASH_BYTES) == 0;
	journal_check_end(&check);
	store_close(copy);
	return good;
}

static bool copy_hashes(const char *path, const struct segment *s)
{
	uint8_t hash[HASH_BYTES] = { 0 };
	struct store_hash *h = NULL;
	int r = store_hash_open(path, &h);

	while (r == 0)
		r = store_hash_step(h, CHECK_ROWS, hash);
	store_hash_close(h);
	return r == 1 && memcmp(hash, s->state_hash, HASH_BYTES) == 0;
}

/* The copies that are here. Older ones may have been moved elsewhere; the newest a replay needs. */
static int64_t audit_copies(struct store *store, const struct inspect_task *task, struct findings *f)
{
	int64_t last = inspect_last_segment(store), read = 0;
	char path[PATH_MAX];
	struct segment s;

	for (int64_t n = 1; n < last; n++) {
		if (!segment_get(store, n, &s) || !s.hashed || !inspect_snapshot(task, &s, path, sizeof(path)))
			continue;
		read++;
		if (!copy_hashes(path, &s))
			inspect_find(f, "segments: %s has not the state that was sealed", path);
		else if (!copy_chains(path, &s))
			inspect_find(f, "segments: the journal in %s is not the one that was sealed", path);
	}
	return read;
}

struct event_chain {
	int64_t n;
	uint8_t hash[HASH_BYTES];
};

static void read_chain(struct store *store, enum sql sql, struct event_chain *ret)
{
	struct store_cursor q = store_query(store, sql, "");
	const void *bytes;
	int len = 0;

	*ret = (struct event_chain){ 0 };
	if (!store_first(&q))
		return;
	ret->n = store_int(&q, 0);
	bytes = store_blob(&q, 1, &len);
	if (len == HASH_BYTES)
		memcpy(ret->hash, bytes, HASH_BYTES);
	store_end(&q);
}

/* From the last event that was forgotten to the head the link knows. */
static int64_t audit_outbox(struct store *store, struct findings *f)
{
	struct store_cursor q = store_query(store, SQL_OUTBOX_AFTER, "i", INT64_C(0));
	struct event_chain chain, head;
	int len;

	read_chain(store, SQL_LINK_BASE, &chain);
	read_chain(store, SQL_LINK_HEAD, &head);
	while (store_next(&q)) {
		const char *bytes = store_text(&q, 3);

		if (store_int(&q, 0) != ++chain.n)
			inspect_find(f, "events: %lld is missing", (long long)chain.n);
		chain_next(chain.hash, (uint64_t)store_int(&q, 0), bytes, strlen(bytes), chain.hash);
		if (memcmp(store_blob(&q, 4, &len), chain.hash, HASH_BYTES) != 0) {
			inspect_find(f, "events: the chain breaks at %lld", (long long)store_int(&q, 0));
			store_end(&q);
			return chain.n;
		}
	}
	if (chain.n != head.n || memcmp(chain.hash, head.hash, HASH_BYTES) != 0)
		inspect_find(f, "events: they end at %lld, the link says %lld", (long long)chain.n, (long long)head.n);
	return chain.n;
}

static void audit_stock(struct store *store, struct findings *f)
{
	struct store_cursor q = store_query(store, SQL_AUDIT_STOCK, "");

	while (store_next(&q))
		if (store_int(&q, 3) != store_int(&q, 4))
			inspect_find(f, "stock: %s at %s is %lld, its movements give %lld", store_text(&q, 1), store_text(&q, 0),
				(long long)store_int(&q, 3), (long long)store_int(&q, 4));
	q = store_query(store, SQL_AUDIT_MOVED, "");
	while (store_next(&q))
		inspect_find(f, "stock: movements leave %lld of %s at %s, the stock does not say so", (long long)store_int(&q, 3),
			store_text(&q, 1), store_text(&q, 0));
}

static void audit_rows(struct store *store, struct findings *f, enum sql sql, const char *what, const char *wrong)
{
	struct store_cursor q = store_query(store, sql, "");

	while (store_next(&q))
		inspect_find(f, "%s %s %s", what, store_text(&q, 0), wrong);
}

int inspect_print(const char *what, struct findings *f, json_t *more, bool json)
{
	_cleanup_json_ json_t *result = json_pack("{s:b, s:o, s:I}", "ok", f->n == 0, "findings", f->list, "count",
		(json_int_t)f->n);
	_cleanup_free_ char *text = NULL;

	json_object_update_new(result, more);
	if (json) {
		text = json_dumps(result, JSON_COMPACT);
		puts(text);
		return f->n ? 1 : 0;
	}
	for (size_t i = 0; i < json_array_size(f->list); i++)
		printf("%s: %s\n", what, json_string_value(json_array_get(f->list, i)));
	json_object_del(result, "findings");
	text = json_dumps(result, 0);
	printf("%s: %s %s\n", what, f->n ? "FALSE" : "true", text);
	return f->n ? 1 : 0;
}

int inspect_unjudged(const char *what, bool json, const char *format, ...)
{
	char line[300];
	_cleanup_json_ json_t *result = NULL;
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	result = json_pack("{s:b, s:b, s:s}", "ok", 0, "judged", 0, "reason", line);
	text = json_dumps(result, JSON_COMPACT);
	if (json)
		puts(text);
	else
		printf("%s: not judged: %s\n", what, line);
	return INSPECT_UNJUDGED;
}

bool inspect_snapshot(const struct inspect_task *task, const struct segment *segment, char *ret_path, size_t size)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(task->path, '/');
	int len = slash ? (int)(slash - task->path) : 1;

	if (!segment->snapshot[0])
		return false;
	if (task->folder)
		return text_format(ret_path, size, "%s/%s", task->folder, segment->snapshot) == 0 && access(ret_path, R_OK) == 0;
	if (text_format(folder, sizeof(folder), "%.*s", len, slash ? task->path : ".") < 0)
		return false;
	return (text_format(ret_path, size, "%s/segments/%s", folder, segment->snapshot) == 0 && access(ret_path, R_OK) == 0) ||
		(text_format(ret_path, size, "%s/../segments/%s", folder, segment->snapshot) == 0 &&
			access(ret_path, R_OK) == 0);
}

int64_t inspect_last_segment(struct store *store)
{
	return store_number(store, 0, SQL_SEGMENT_LAST, "");
}

int inspect_audit(const struct inspect_task *task)
{
	struct store *store = inspect_open(task->path);
	struct findings f = { .list = json_array() };
	char why[200];
	int64_t rows, events, copies;
	int r;

	if (!store)
		return INSPECT_UNREADABLE;
	if (store_integrity(store, why, sizeof(why)) < 0)
		inspect_find(&f, "database: %s", why);
	rows = audit_journal(store, &f);
	audit_links(store, &f);
	copies = audit_copies(store, task, &f);
	events = audit_outbox(store, &f);
	audit_stock(store, &f);
	audit_rows(store, &f, SQL_AUDIT_SSCC_TWICE, "labels: SSCC", "is on two cartons");
	audit_rows(store, &f, SQL_AUDIT_SSCC_STRANGE, "cartons: SSCC", "came from no block");
	audit_rows(store, &f, SQL_AUDIT_LINES, "orders:", "has more packed than picked or shipped than packed");
	if (store_failure(store) != STORE_OK)
		inspect_find(&f, "database: %s", store_failure_text(store));
	r = inspect_print("audit", &f, json_pack("{s:I, s:I, s:I, s:I}", "journal", (json_int_t)rows, "events", (json_int_t)events,
		"segments", (json_int_t)inspect_last_segment(store), "copies", (json_int_t)copies), task->json);
	store_close(store);
	return r;
}
