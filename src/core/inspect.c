/* Looks at a copy of the database: does the chain recompute, is stock the sum of its movements, does the journal replayed
 * into an empty database give the same state? Never looks at the living file. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "cleanup.h"
#include "core.h"
#include "json.h"
#include "log.h"
#include "states.h"
#include "text.h"

#define FINDINGS_MAX 20

struct findings {
	json_t *list;
	size_t n;
};

static void find(struct findings *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void find(struct findings *f, const char *format, ...)
{
	char line[300];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (f->n++ < FINDINGS_MAX)
		json_array_append_new(f->list, json_string(line));
}

static struct store *open_copy(const char *path)
{
	struct store *store = NULL;
	int r = store_open_readonly(path, &store);

	if (r < 0)
		fprintf(stderr, "wharfd: %s cannot be read as a wharf database: %s\n", path, strerror(-r));
	return r < 0 ? NULL : store;
}

static int64_t audit_journal(struct store *store, struct findings *f)
{
	struct store_cursor q = store_query(store, SQL_JOURNAL_AFTER, "i", INT64_C(0));
	uint8_t hash[HASH_BYTES] = { 0 };
	int64_t expect = 1;

	for (; store_next(&q); expect++) {
		int64_t numbers[3] = { store_int(&q, 0), store_int(&q, 1), store_int(&q, 2) };
		crypto_generichash_state state;
		int len;

		crypto_generichash_init(&state, NULL, 0, HASH_BYTES);
		crypto_generichash_update(&state, hash, HASH_BYTES);
		crypto_generichash_update(&state, (const uint8_t *)numbers, sizeof(numbers));
		for (int i = 4; i <= 6; i++)
			crypto_generichash_update(&state, (const uint8_t *)store_text(&q, i),
				strlen(store_text(&q, i)) + 1);
		crypto_generichash_final(&state, hash, HASH_BYTES);
		if (numbers[0] != expect)
			find(f, "journal: row %lld is missing", (long long)expect);
		if (memcmp(store_blob(&q, 7, &len), hash, HASH_BYTES) != 0) {
			find(f, "journal: the chain breaks at row %lld", (long long)numbers[0]);
			store_end(&q);
			break;
		}
	}
	return expect - 1;
}

static int64_t audit_outbox(struct store *store, struct findings *f)
{
	struct store_cursor q = store_query(store, SQL_OUTBOX_AFTER, "i", INT64_C(0));
	uint8_t hash[HASH_BYTES] = { 0 };
	int64_t n = 0;

	while (store_next(&q)) {
		const char *bytes = store_text(&q, 3);
		int len;

		if (store_int(&q, 0) != ++n)
			find(f, "events: %lld is missing", (long long)n);
		chain_next(hash, (uint64_t)store_int(&q, 0), bytes, strlen(bytes), hash);
		if (memcmp(store_blob(&q, 4, &len), hash, HASH_BYTES) != 0) {
			find(f, "events: the chain breaks at %lld", (long long)store_int(&q, 0));
			store_end(&q);
			break;
		}
	}
	return n;
}

static void audit_stock(struct store *store, struct findings *f)
{
	struct store_cursor q = store_query(store, SQL_AUDIT_STOCK, "");

	while (store_next(&q))
		if (store_int(&q, 3) != store_int(&q, 4))
			find(f, "stock: %s at %s is %lld, its movements give %lld", store_text(&q, 1), store_text(&q, 0),
				(long long)store_int(&q, 3), (long long)store_int(&q, 4));
	q = store_query(store, SQL_AUDIT_MOVED, "");
	while (store_next(&q))
		find(f, "stock: movements leave %lld of %s at %s, the stock does not say so", (long long)store_int(&q, 3),
			store_text(&q, 1), store_text(&q, 0));
}

static void audit_rows(struct store *store, struct findings *f, enum sql sql, const char *what, const char *wrong)
{
	struct store_cursor q = store_query(store, sql, "");

	while (store_next(&q))
		find(f, "%s %s %s", what, store_text(&q, 0), wrong);
}

static int print_result(const char *what, struct findings *f, json_t *more, bool json)
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

int inspect_audit(const char *path, bool json)
{
	struct store *store = open_copy(path);
	struct findings f = { .list = json_array() };
	char why[200];
	int64_t rows, events;
	int r;

	if (!store)
		return 2;
	if (store_integrity(store, why, sizeof(why)) < 0)
		find(&f, "database: %s", why);
	rows = audit_journal(store, &f);
	events = audit_outbox(store, &f);
	audit_stock(store, &f);
	audit_rows(store, &f, SQL_AUDIT_SSCC_TWICE, "labels: SSCC", "is on two cartons");
	audit_rows(store, &f, SQL_AUDIT_SSCC_STRANGE, "cartons: SSCC", "came from no block");
	audit_rows(store, &f, SQL_AUDIT_LINES, "orders:", "has more packed than picked or shipped than packed");
	if (store_failure(store) != STORE_OK)
		find(&f, "database: %s", store_failure_text(store));
	r = print_result("audit", &f, json_pack("{s:I, s:I}", "journal", (json_int_t)rows, "events", (json_int_t)events),
		json);
	store_close(store);
	return r;
}

static unsigned peer_named(const char *name)
{
	for (unsigned kind = 0; kind < DOOR_KINDS; kind++)
		if (strcmp(door_kind_name((enum door_kind)kind), name) == 0)
			return kind;
	return PEER_INTERNAL;
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
		find(f, "row %lld is not readable: %s", (long long)store_int(q, 0), why);
		return;
	}
	command.moment = (struct moment){ store_int(q, 1), store_int(q, 2), store_int(q, 3) };
	store_begin(engine->store);
	engine_apply(engine, &command, strstr(store_text(q, 6), "\"code\":\"refused\"") ?
		ENGINE_POISON_SAY : NULL, &result);
	if (result.answer != ENGINE_DECIDED || strcmp(result.text, store_text(q, 6)) != 0)
		find(f, "row %lld decides differently: %.120s", (long long)store_int(q, 0),
			result.text ? result.text : result.why);
	if (store_commit(engine->store) < 0)
		find(f, "row %lld: %s", (long long)store_int(q, 0), store_failure_text(engine->store));
	engine_result_fini(&result);
	command_fini(&command);
}

static int64_t replay_all(struct store *from, struct store *into, struct findings *f)
{
	struct engine engine;
	struct store_cursor q;
	int64_t rows = 0;

	store_begin(into);
	engine_load(&engine, into);
	if (store_commit(into) < 0)
		return 0;
	q = store_query(from, SQL_JOURNAL_AFTER, "i", INT64_C(0));
	for (; store_next(&q) && f->n < FINDINGS_MAX; rows++)
		replay_row(&engine, &q, f);
	store_end(&q);
	return rows;
}

int inspect_replay(const char *path, bool json)
{
	struct store *from = open_copy(path), *into = NULL;
	struct findings f = { .list = json_array() };
	uint8_t want[HASH_BYTES] = { 0 }, got[HASH_BYTES] = { 1 };
	char want_hex[HASH_HEX], got_hex[HASH_HEX];
	int64_t rows = 0;
	int r;

	if (!from)
		return 2;
	dialogue_register();
	if (store_open(":memory:", NULL, &into) < 0)
		find(&f, "no memory for the replay");
	else
		rows = replay_all(from, into, &f);
	if (into && (store_state_hash(from, want) < 0 || store_state_hash(into, got) < 0 ||
			    memcmp(want, got, HASH_BYTES) != 0))
		find(&f, "the replayed state differs");
	text_hex(want, HASH_BYTES, want_hex);
	text_hex(got, HASH_BYTES, got_hex);
	r = print_result("replay", &f,
		json_pack("{s:I, s:s, s:s}", "rows", (json_int_t)rows, "state", want_hex, "replayed", got_hex), json);
	store_close(from);
	store_close(into);
	return r;
}

static void print_fact(const char *word, json_t *body)
{
	_cleanup_json_ json_t *fact = json_pack("{s:o}", word, body);
	_cleanup_free_ char *text = json_dumps(fact, JSON_COMPACT);

	puts(text);
}

static const char *bucket_of(const char *state, bool short_lines)
{
	switch ((enum order_state)state_named(MACHINE_ORDER, state)) {
	case ORDER_SHIPPED:
	case ORDER_CONFIRMED:
		return short_lines ? "short" : "shipped";
	case ORDER_SHORT:
		return "short";
	case ORDER_CANCELLED:
		return "cancelled";
	case ORDER_HELD:
		return "held";
	case ORDER_RECEIVED:
	case ORDER_ALLOCATED:
	case ORDER_PICKING:
	case ORDER_PICKED:
	case ORDER_PACKED:
	case ORDER_LABELLED:
	case ORDER_STAGED:
		return "open";
	}
	return "open";
}

static void print_events(struct store *store)
{
	struct store_cursor q = store_query(store, SQL_OUTBOX_AFTER, "i", INT64_C(0));

	while (store_next(&q)) {
		char hex[HASH_HEX];
		int len;
		const void *hash = store_blob(&q, 4, &len);

		text_hex(hash, HASH_BYTES, hex);
		print_fact("event", json_pack("{s:I, s:s, s:s, s:s}", "n", (json_int_t)store_int(&q, 0), "id",
					     store_text(&q, 1), "type", store_text(&q, 2), "hash", hex));
	}
}

int inspect_facts(const char *path)
{
	struct store *store = open_copy(path);
	struct store_cursor q;

	if (!store)
		return 2;
	q = store_query(store, SQL_FACT_ORDERS, "");
	while (store_next(&q))
		print_fact("order", json_pack("{s:s, s:s, s:s}", "order", store_text(&q, 0), "state", store_text(&q, 1),
					     "bucket", bucket_of(store_text(&q, 1), store_int(&q, 2))));
	print_events(store);
	q = store_query(store, SQL_FACT_CARTONS, "");
	while (store_next(&q))
		print_fact("carton", json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "carton", store_text(&q, 0),
					      "order", store_text(&q, 1), "sscc", store_text(&q, 2), "state",
					      store_text(&q, 3), "lane", store_text(&q, 4), "result",
					      store_null(&q, 5) ? "none" : store_text(&q, 5)));
	q = store_query(store, SQL_FACT_LABELS, "");
	while (store_next(&q))
		print_fact("label", json_pack("{s:s, s:s, s:s, s:I}", "job", store_text(&q, 0), "sscc",
					     store_text(&q, 1), "state", store_text(&q, 2), "attempt",
					     (json_int_t)store_int(&q, 3)));
	store_close(store);
	return 0;
}
