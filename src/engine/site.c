/* What wharfd itself tells the engine: that it started, with the configuration the rules look at; that a day's uptime
 * is over. Both are commands, so that a replay sees the same. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "json.h"

static void put_settings(struct engine *e, const json_t *settings)
{
	const char *key;
	json_t *value;

	store_run(e->store, SQL_SETTINGS_CLEAR, "");
	json_object_foreach((json_t *)settings, key, value) {
		char name[160];

		if (text_format(name, sizeof(name), "setting/%s", key) == 0)
			store_set_meta(e->store, name, json_string_value(value));
	}
}

static void put_station(struct engine *e, const json_t *s)
{
	store_run(e->store, SQL_STATION_PUT, "tttt", json_str(s, "station"), json_str(s, "kind"),
		json_str(s, "printer"), json_str(s, "scale"));
	if (strcmp(json_str(s, "kind"), "pack") == 0)
		store_run(e->store, SQL_DIALOGUE_ADD, "ttt", json_str(s, "station"), "pack", "tote");
}

static void put_floor(struct engine *e, const struct command *c, const json_t *args)
{
	const json_t *row;
	size_t i;

	store_run(e->store, SQL_STATIONS_CLEAR, "");
	json_array_foreach(json_object_get(args, "stations"), i, row)
		put_station(e, row);
	json_array_foreach(json_object_get(args, "devices"), i, row)
		store_run(e->store, SQL_DEVICE_PUT, "ttti", json_str(row, "device"), json_str(row, "kind"),
			json_str(row, "station"), c->moment.now_us);
	json_array_foreach(json_object_get(args, "lanes"), i, row)
		store_run(e->store, SQL_LANE_PUT, "tittt", json_str(row, "lane"), json_int(row, "number"),
			json_str(row, "plc"), json_str(row, "carrier"), json_str(row, "role"));
}

static void put_meta_once(struct engine *e, const json_t *args, const char *key)
{
	char old[128];

	if (store_meta(e->store, key, old, sizeof(old)) < 0)
		store_set_meta(e->store, key, json_str(args, key));
}

int on_started(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	char boot[64] = "";

	(void)why;
	store_meta(e->store, "boot", boot, sizeof(boot));
	put_meta_once(e, c->args, "incarnation");
	put_meta_once(e, c->args, "epoch");
	put_meta_once(e, c->args, "site");
	text_copy(e->site, sizeof(e->site), json_str(c->args, "site"));
	put_settings(e, json_object_get(c->args, "settings"));
	put_floor(e, c, c->args);
	/* Boot times of another boot mean nothing now: what was due then is late. */
	if (strcmp(boot, json_str(c->args, "boot")) != 0) {
		store_run(e->store, SQL_DIVERTS_LATE, "");
		store_run(e->store, SQL_DIVERTS_FORGET, "");
		/* Their cartons may still be confirmed: the PLC was not restarted. */
		store_run(e->store, SQL_DIVERTS_AWAIT, "i", c->moment.boot_us);
		store_run(e->store, SQL_INDUCTS_GONE, "");
		store_set_meta(e->store, "boot", json_str(c->args, "boot"));
	}
	store_run(e->store, SQL_DEVICES_UNKNOWN, "i", c->moment.now_us);
	o->touched |= TOUCHED_DEVICES | TOUCHED_LINK;
	outcome_quiet(o, "started");
	return 0;
}

int on_day(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	(void)why;
	e->day++;
	store_run(e->store, SQL_DAY_ADD, "iii", e->day, c->seq, c->moment.now_us);
	prune_start(e, o);
	outcome_quiet(o, "day");
	return 0;
}
