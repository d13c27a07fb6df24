/* Stock figures: every change is a movement, and the sum of movements is the stock. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "json.h"

void stock_allocate(struct engine *e, const char *place, const char *item, const char *lot, int64_t qty)
{
	store_run(e->store, SQL_STOCK_ALLOCATE, "ittt", qty, place, item, lot);
}

void stock_move(struct engine *e, const struct command *c, const char *item, const char *lot, const char *from,
	const char *to, int64_t qty, int64_t allocated, const char *reason)
{
	if (qty <= 0)
		return;
	/* The table's CHECKs stop the program before a figure goes below zero. */
	if (from[0])
		store_run(e->store, SQL_STOCK_TAKE, "iittt", qty, allocated, from, item, lot);
	if (to[0])
		store_run(e->store, SQL_STOCK_GIVE, "ttti", to, item, lot, qty);
	store_run(e->store, SQL_MOVEMENT_ADD, "ittttit", c->seq, item, lot, from, to, qty, reason);
}

bool barcode_find(struct engine *e, const char *aim, const char *data, char *ret_item, size_t size,
	int64_t *ret_qty)
{
	/* UPC-A without AIM id has 12 digits, with it 13; stored codes have 13 or 14. */
	char padded[64];
	struct store_cursor q = store_query(e->store, SQL_BARCODE_GET, "t", data);
	bool found = store_first(&q);

	(void)aim;
	if (!found && strlen(data) == 12 && text_format(padded, sizeof(padded), "0%s", data) == 0) {
		q = store_query(e->store, SQL_BARCODE_GET, "t", padded);
		found = store_first(&q);
	}
	if (!found)
		return false;
	found = text_copy(ret_item, size, store_text(&q, 0)) == 0;
	*ret_qty = store_int(&q, 1);
	store_end(&q);
	return found;
}

static bool has_free(struct engine *e, const char *place, const char *item, const char *lot, int64_t qty)
{
	return store_number(e->store, 0, SQL_STOCK_FREE, "ttt", place, item, lot) >= qty;
}

static void adjust(struct engine *e, struct command *c, struct outcome *o, const char *location, const char *item,
	const char *lot, int64_t qty, const char *reason)
{
	if (qty > 0)
		stock_move(e, c, item, lot, "", location, qty, 0, reason);
	else
		stock_move(e, c, item, lot, location, "", -qty, 0, reason);
	event_make(e, c, o, "stock.adjusted", item,
		json_pack("{s:s, s:s, s:s, s:I, s:s}", "location", location, "item", item, "lot", lot, "qty",
			(json_int_t)qty, "reason", reason));
	outcome_good(o, "adjusted", "%s at %s: %+lld", item, location, (long long)qty);
}

int on_stock_adjust(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *location = NULL, *item = NULL, *lot = "", *expiry = "9999-12-31", *reason = NULL;
	int64_t qty = 0;
	const struct json_field fields[] = {
		{ "location", JSON_REQUIRED, JSON_STRING, &location, 1, 60 },
		{ "item", JSON_REQUIRED, JSON_STRING, &item, 1, 60 },
		{ "lot", JSON_OPTIONAL, JSON_STRING, &lot, 0, 60 },
		{ "expiry", JSON_OPTIONAL, JSON_STRING, &expiry, 10, 10 },
		{ "qty", JSON_REQUIRED, JSON_INTEGER, &qty, -1000000, 1000000 },
		{ "reason", JSON_REQUIRED, JSON_STRING, &reason, 1, 60 },
	};

	if (READ_ARGS(fields) < 0 || check_name("lot", lot, why) < 0 || check_date("expiry", expiry, why) < 0)
		return -EINVAL;
	if (!store_number(e->store, 0, SQL_LOCATION_IS, "t", location))
		outcome_bad(o, "unknown_location", "There is no location %s", location);
	else if (!store_number(e->store, 0, SQL_ITEM_IS, "t", item))
		outcome_bad(o, "unknown_item", "There is no item %s", item);
	else if (qty == 0 || (qty < 0 && !has_free(e, location, item, lot, -qty)))
		outcome_bad(o, "not_enough", "%s has not so many free pieces of %s", location, item);
	else {
		store_run(e->store, SQL_LOT_PUT, "ttti", item, lot, expiry, c->moment.now_us);
		adjust(e, c, o, location, item, lot, qty, reason);
	}
	return 0;
}
