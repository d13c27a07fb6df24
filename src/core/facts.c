/* A copy's orders, events, cartons and labels as JSON lines: the edge's side of a proof. */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "inspect.h"
#include "states.h"
#include "text.h"

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

/* Events up to this one HQ holds in a backup; they are not here any more. */
static void print_forgotten(struct store *store)
{
	int64_t n = store_number(store, 0, SQL_LINK_BASE, "");

	if (n)
		print_fact("forgotten", json_pack("{s:I}", "n", (json_int_t)n));
}

int inspect_facts(const char *path)
{
	struct store *store = inspect_open(path);
	struct store_cursor q;

	if (!store)
		return INSPECT_UNREADABLE;
	q = store_query(store, SQL_FACT_ORDERS, "");
	while (store_next(&q))
		print_fact("order", json_pack("{s:s, s:s, s:s}", "order", store_text(&q, 0), "state", store_text(&q, 1),
					     "bucket", bucket_of(store_text(&q, 1), store_int(&q, 2))));
	print_forgotten(store);
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
