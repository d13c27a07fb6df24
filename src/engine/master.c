#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "json.h"
#include "states.h"

#define UG_PER_G INT64_C(1000000)

int64_t catalog_live(struct engine *e)
{
	return store_number(e->store, 0, SQL_CATALOG_LIVE, "");
}

int put_item_row(struct engine *e, const json_t *args, int64_t generation, const char **ret_item, char *why)
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

	if (json_fields(args, fields, array_len(fields), why, WHY_MAX) < 0 || check_name("item", item, why) < 0 ||
		check_name("title", title, why) < 0)
		return -EINVAL;
	if (weight_g)
		store_run(e->store, SQL_ITEM_PUT, "titi", item, generation, title, weight_g * UG_PER_G);
	else
		store_run(e->store, SQL_ITEM_PUT, "titn", item, generation, title);
	store_run(e->store, SQL_BARCODE_PUT, "titi", barcode, generation, item, pack_qty);
	*ret_item = item;
	return 0;
}

int put_location_row(struct engine *e, const json_t *args, int64_t generation, const char **ret_location, char *why)
{
	const char *location = NULL, *zone = "";
	int64_t walk = 0;
	const struct json_field fields[] = {
		{ "location", JSON_REQUIRED, JSON_STRING, &location, 1, 60 },
		{ "zone", JSON_OPTIONAL, JSON_STRING, &zone, 0, 40 },
		{ "walk", JSON_OPTIONAL, JSON_INTEGER, &walk, 0, 100000000 },
	};

	if (json_fields(args, fields, array_len(fields), why, WHY_MAX) < 0 ||
		check_name("location", location, why) < 0)
		return -EINVAL;
	/* Totes and cartons are places too: their names have a slash. */
	if (strchr(location, '/')) {
		snprintf(why, WHY_MAX, "\"location\" must not hold a slash");
		return -EINVAL;
	}
	store_run(e->store, SQL_LOCATION_PUT, "titi", location, generation, zone, walk);
	*ret_location = location;
	return 0;
}

int put_tote_row(struct engine *e, const json_t *args, int64_t generation, const char **ret_tote, char *why)
{
	const char *tote = NULL;
	const struct json_field fields[] = { { "tote", JSON_REQUIRED, JSON_STRING, &tote, 1, 40 } };

	if (json_fields(args, fields, array_len(fields), why, WHY_MAX) < 0 || check_name("tote", tote, why) < 0)
		return -EINVAL;
	store_run(e->store, SQL_TOTE_PUT, "tti", tote, state_name(MACHINE_TOTE, TOTE_FREE), generation);
	*ret_tote = tote;
	return 0;
}

static const json_t *args_of(const struct command *c)
{
	return c->args ? c->args : json_object_shared();
}

int item_put(struct engine *e, struct command *c, struct outcome *o, const json_t *args, char *why)
{
	const char *item;

	(void)c;
	if (put_item_row(e, args, catalog_live(e), &item, why) < 0)
		return -EINVAL;
	outcome_good(o, "put", "Item %s", item);
	return 0;
}

int on_item_put(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	return item_put(e, c, o, args_of(c), why);
}

int on_location_put(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *location;

	if (put_location_row(e, args_of(c), catalog_live(e), &location, why) < 0)
		return -EINVAL;
	outcome_good(o, "put", "Location %s", location);
	return 0;
}

int on_tote_put(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *tote;

	if (put_tote_row(e, args_of(c), catalog_live(e), &tote, why) < 0)
		return -EINVAL;
	outcome_good(o, "put", "Tote %s", tote);
	return 0;
}
