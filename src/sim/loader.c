/* The loader at the dock: carries cartons from the default lane to their own, stages them there by
 * hand, and closes the loads when somebody says so. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "people.h"
#include "text.h"

#define LOOK_MS 300
#define RETRY_MS 1000
#define LANES_MAX 16

struct dock {
	char lanes[LANES_MAX][DOOR_NAME_MAX]; /* shipping lanes */
	size_t n;
};

static int read_lanes(struct person *p, struct dock *dock)
{
	_cleanup_json_ json_t *rows = NULL;
	json_t *row;
	size_t i;
	int r = api_get(&p->api, "/api/query/lanes?limit=200", &rows);

	dock->n = 0;
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(rows, "rows"), i, row)
		if (dock->n < LANES_MAX && strcmp(json_str(row, "role"), "ship") == 0 &&
			text_copy(dock->lanes[dock->n], DOOR_NAME_MAX, json_str(row, "lane")) == 0)
			dock->n++;
	return dock->n ? 0 : -EAGAIN;
}

/* The lane whose carrier is on the label: the core refuses the others. The answer's code, "" where
 * there was none. */
static void stage(struct person *p, const char *sscc, const char *lane, char ret_code[32])
{
	_cleanup_json_ json_t *outcome = NULL;

	*ret_code = '\0';
	if (person_order(p, "stage", json_pack("{s:s, s:s}", "sscc", sscc, "lane", lane), &outcome) == 0)
		text_copy(ret_code, 32, json_str(outcome, "code"));
}

/* True where the carton needs no more carrying. */
static bool carry(struct person *p, const struct dock *dock, const char *sscc)
{
	char code[32] = "";

	for (size_t i = 0; i < dock->n; i++) {
		stage(p, sscc, dock->lanes[i], code);
		if (strcmp(code, "staged") == 0) {
			world_count(p->world, &p->world->tally.staged);
			log_info("carried by hand sscc=%s lane=%s", sscc, dock->lanes[i]);
			return true;
		}
		if (strcmp(code, "wrong_lane") != 0)
			break;
	}
	if (strcmp(code, "cancelled") != 0)
		return false;
	log_info("cancelled carton brought to the desk sscc=%s", sscc);
	return true;
}

static void close_loads(struct person *p, const struct dock *dock)
{
	for (size_t i = 0; i < dock->n; i++) {
		_cleanup_json_ json_t *outcome = NULL;
		char seal[32];

		text_format(seal, sizeof(seal), "SEAL-%06lld",
			(long long)chance_range(&p->chance, 0, 999999));
		if (person_order(p, "load_close",
			    json_pack("{s:s, s:s}", "lane", dock->lanes[i], "seal", seal), &outcome) < 0)
			continue;
		log_info("load close: %s lane=%s", json_str(outcome, "say"), dock->lanes[i]);
		if (json_is_true(json_object_get(outcome, "ok")))
			world_count(p->world, &p->world->tally.loads_closed);
	}
}

static bool told_to_close(struct person *p)
{
	bool told;

	pthread_mutex_lock(&p->world->loop.lock);
	told = p->world->close_loads;
	p->world->close_loads = false;
	pthread_mutex_unlock(&p->world->loop.lock);
	return told;
}

void loader_work(struct person *p)
{
	struct dock dock = { .n = 0 };

	while (loop_pause(&p->world->loop, LOOK_MS)) {
		if (!dock.n && read_lanes(p, &dock) < 0)
			continue;
		if (world_fetch(p->world, &p->world->conveyor.default_lane, LOOK_MS, p->sscc) == 0 &&
			!carry(p, &dock, p->sscc)) {
			/* Its confirmation is still on the way: a look later. */
			loop_pause(&p->world->loop, RETRY_MS);
			world_hand_on(p->world, &p->world->conveyor.default_lane, p->sscc);
		}
		if (told_to_close(p))
			close_loads(p, &dock);
	}
}
