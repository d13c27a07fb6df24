/* What an event means at HQ. Types that are not known are stored and mean nothing yet. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "store_private.h"

#define SHIPMENT_MAX 96

int books_read(const void *bytes, size_t len, struct event_head *ret, char *why, size_t why_size)
{
	json_t *event = json_parse(bytes, len, why, why_size);

	if (!event)
		return -EINVAL;
	if (!json_str(event, "id")[0] || !json_str(event, "type")[0]) {
		snprintf(why, why_size, "no CloudEvent: \"id\" or \"type\" is missing");
		json_decref(event);
		return -EINVAL;
	}
	*ret = (struct event_head){.event = event,
		.id = json_str(event, "id"),
		.type = json_str(event, "type"),
		.key = json_str(event, "subject")};
	return 0;
}

static int told_again(struct store *s, const char *site, const char *shipment)
{
	sqlite3_stmt *stmt = store_statement(s, SQL_SHIPMENT_TOLD);
	int r;

	store_bind_text(stmt, 1, site);
	store_bind_text(stmt, 2, shipment);
	r = store_run(s, stmt);
	return r < 0 ? r : -EEXIST;
}

static int apply_shipment(struct store *s, const char *site, int64_t n, const json_t *data,
	char *why, size_t why_size)
{
	const char *shipment = json_str(data, "shipment"), *order = json_str(data, "order");
	sqlite3_stmt *stmt = store_statement(s, SQL_SHIPMENT_ADD);
	int r;

	if (!shipment[0] || strlen(shipment) >= SHIPMENT_MAX || !order[0]) {
		snprintf(why, why_size, "a shipment without number or order");
		return -EINVAL;
	}
	store_bind_text(stmt, 1, site);
	store_bind_text(stmt, 2, shipment);
	store_bind_text(stmt, 3, order);
	sqlite3_bind_int64(stmt, 4, n);
	sqlite3_bind_int64(
		stmt, 5, (sqlite3_int64)json_array_size(json_object_get(data, "cartons")));
	r = store_run(s, stmt);
	return r == -EEXIST ? told_again(s, site, shipment) : r;
}

int books_apply(struct store *s, const char *site, int64_t n, const struct event_head *head,
	char *why, size_t why_size)
{
	static const struct {
		const char *type;
		int (*apply)(struct store *, const char *, int64_t, const json_t *, char *, size_t);
	} rows[] = {
		{"wharf.shipment.confirmed", apply_shipment},
	};

	for (size_t i = 0; i < array_len(rows); i++)
		if (strcmp(rows[i].type, head->type) == 0)
			return rows[i].apply(
				s, site, n, json_object_get(head->event, "data"), why, why_size);
	return 0;
}
