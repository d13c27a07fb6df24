#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "json.h"
#include "states.h"

#define UG_PER_G INT64_C(1000000)

int item_put(struct engine *e, struct command *c, struct outcome *o, const json_t *args, char *why)
{
	const char *item = NULL, *title = NULL, *barcode = NULL;
	int64_t weight_g = 0, pack_qty = 1;
	const struct json_field fields[] = {
		{ "item", JSON_REQUIRED, JSON_STRING, &item, 1, 60 },
		{ "title", JSON_REQUIRED, JSON_STRING, &title, 1, 120 },
		{ "weight_g", JSON_OPTIONAL, JSON_INTEGER, &weight_g, 1, 1000000 },
		{ "barcode", JSON_REQUIRED, JSON_STRING, &barcode, 1, 60 },
		{ "pack_qty", JSON_OPTIONAL, JSON_INTEGER, &pack_qty, 1, 10000 },
	};

	(void)c;
	if (json_fields(args, fields, sizeof(fields) / sizeof(fields[0]), why, WHY_MAX) < 0 ||
		check_name("item", item, why) < 0 || check_name("title", title, why) < 0)
		return -EINVAL;
	if (weight_g)
		store_run(e->store, SQL_ITEM_PUT, "tti", item, title, weight_g * UG_PER_G);
	else
		store_run(e->store, SQL_ITEM_PUT, "ttn", item, title);
	store_run(e->store, SQL_BARCODE_PUT, "tti", barcode, item, pack_qty);
	outcome_good(o, "put", "Item %s", item);
	return 0;
}

int on_item_put(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	return item_put(e, c, o, c->args ? c->args : json_object_shared(), why);
}

int on_location_put(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *location = NULL, *zone = "";
	int64_t walk = 0;
	const struct json_field fields[] = {
		{ "location", JSON_REQUIRED, JSON_STRING, &location, 1, 60 },
		{ "zone", JSON_OPTIONAL, JSON_STRING, &zone, 0, 40 },
		{ "walk", JSON_OPTIONAL, JSON_INTEGER, &walk, 0, 100000000 },
	};

	if (READ_ARGS(fields) < 0 || check_name("location", location, why) < 0)
		return -EINVAL;
	/* Totes and cartons are places too: their names have a slash. */
	if (strchr(location, '/')) {
		snprintf(why, WHY_MAX, "\"location\" must not hold a slash");
		return -EINVAL;
	}
	store_run(e->store, SQL_LOCATION_PUT, "tti", location, zone, walk);
	outcome_good(o, "put", "Location %s", location);
	return 0;
}

int on_tote_put(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *tote = NULL;
	const struct json_field fields[] = { { "tote", JSON_REQUIRED, JSON_STRING, &tote, 1, 40 } };

	if (READ_ARGS(fields) < 0 || check_name("tote", tote, why) < 0)
		return -EINVAL;
	store_run(e->store, SQL_TOTE_PUT, "tt", tote, state_name(MACHINE_TOTE, TOTE_FREE));
	outcome_good(o, "put", "Tote %s", tote);
	return 0;
}
