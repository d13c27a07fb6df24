/* The induct: a scan and the PLC's request belong together when they happened at one induct within a window. What counts
 * is when they happened, not when they came here: either may have waited for a core that was away. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conveyor.h"
#include "engine.h"
#include "json.h"
#include "states.h"

/* A carton needs about a second from the scanner to the divert photo-eye; a scan older than this belongs to a
 * carton that was lifted off. */
#define PAIR_WINDOW_US INT64_C(5000000)

#define WATCH_MS_MAX (INT64_C(1) << 40)

#define REASON_NORMAL 0
#define REASON_NO_PLAN 1
#define REASON_LANE_FULL 2
#define REASON_REJECT 3

bool carton_on_conveyor(struct engine *e, int64_t carton)
{
	unsigned state = carton_state(e, carton);

	return state == CARTON_INDUCTED || state == CARTON_LABELLED || state == CARTON_STRAY;
}

static int64_t lane_of_role(struct engine *e, const char *plc, const char *role)
{
	return store_number(e->store, 0, SQL_LANE_OF_ROLE, "tt", plc, role);
}

struct plan {
	int64_t lane, reason;
};

static struct plan plan_lane(struct engine *e, const char *plc, int64_t carton)
{
	char order[64] = "", carrier[64] = "";
	struct store_cursor q = store_query(e->store, SQL_CARTON_ORDER, "i", carton);
	int64_t lane;

	if (store_first(&q)) {
		text_copy(order, sizeof(order), store_text(&q, 0));
		text_copy(carrier, sizeof(carrier), store_text(&q, 1));
		store_end(&q);
	}
	if (!order[0])
		return (struct plan){ lane_of_role(e, plc, "default"), REASON_NO_PLAN };
	if (order_state(e, order) == ORDER_CANCELLED)
		return (struct plan){ lane_of_role(e, plc, "reject"), REASON_REJECT };
	lane = store_number(e->store, 0, SQL_LANE_OF_CARRIER, "tt", plc, carrier);
	if (lane)
		return (struct plan){ lane, REASON_NORMAL };
	return (struct plan){ lane_of_role(e, plc, "default"),
		store_number(e->store, 0, SQL_LANE_FULL_OF_CARRIER, "tt", plc, carrier) ? REASON_LANE_FULL :
											  REASON_NO_PLAN };
}

static void decide_divert(struct engine *e, struct outcome *o, const char *plc, int64_t divert, int64_t carton)
{
	struct plan plan = plan_lane(e, plc, carton);

	store_run(e->store, SQL_DIVERT_DECIDE, "iiiti", carton, plan.lane, plan.reason,
		state_move(MACHINE_DIVERT, DIVERT_ASKED, DIVERT_DUE), divert);
	o->touched |= TOUCHED_DIVERT;
}

static int64_t carton_of_sscc(struct engine *e, const char *sscc)
{
	return sscc[0] ? store_number(e->store, 0, SQL_CARTON_BY_SSCC, "t", sscc) : 0;
}

static int64_t happened_us(const struct command *c)
{
	return c->moment.boot_us - c->age_ms * 1000;
}

/* The request of this scan, if it came first. One that nobody can answer any more keeps its scan all the same: else that
 * scan would meet the request of the next carton, and from there on every carton would go where the one before belongs. */
static bool pair_with_request(struct engine *e, struct command *c, struct outcome *o, const char *station, int64_t carton)
{
	struct store_cursor q = store_query(e->store, SQL_DIVERT_UNPAIRED, "tii", station, happened_us(c),
		c->moment.boot_us);
	char plc[64];
	int64_t divert;
	bool open;

	if (!store_first(&q))
		return false;
	divert = store_int(&q, 0);
	text_copy(plc, sizeof(plc), store_text(&q, 1));
	open = store_int(&q, 2);
	store_end(&q);
	if (open)
		decide_divert(e, o, plc, divert, carton);
	else
		divert_name(e, c, o, plc, divert, carton);
	return true;
}

void conveyor_scan(struct engine *e, struct command *c, struct outcome *o, const char *station, const char *aim,
	const char *data)
{
	char sscc[19];
	int64_t carton;
	bool paired;

	sscc_of_scan(aim, data, sscc);
	carton = carton_of_sscc(e, sscc);
	if (!carton) {
		case_open(e, c, o, "unknown_lpn", ROLE_SUPERVISOR, station, "noted", "Unknown carton at %s: %.60s", station,
			data);
		outcome_bad(o, "unknown_carton", "Unknown carton: take it off");
		o->keep = true;
		return;
	}
	if (!carton_on_conveyor(e, carton)) {
		outcome_bad(o, "not_ready", "Carton %s is %s: take it off", sscc,
			state_name(MACHINE_CARTON, carton_state(e, carton)));
		return;
	}
	carton_move(e, carton, CARTON_INDUCTED);
	/* Scanned again, it is still one carton: a second row would meet the next carton's request. */
	store_run(e->store, SQL_INDUCT_CARTON_GONE, "i", carton);
	paired = pair_with_request(e, c, o, station, carton);
	store_run(e->store, SQL_INDUCT_ADD, "tiit", station, carton, happened_us(c), paired ? "paired" : "waiting");
	o->effect = true;
	outcome_good(o, "inducted", "Carton %s on the conveyor", sscc);
}

struct request {
	int64_t seq, tracking, point, read;
	int64_t watch_ms;    /* so long before it the link has seen every request */
	int64_t at_us, deadline_us;
	const char *code;
};

/* Scans that can only belong to other requests: too old, or made while requests passed unseen. */
static int64_t oldest_scan_us(const struct request *r)
{
	int64_t watched_us = r->watch_ms * 1000;

	return r->at_us - (watched_us < PAIR_WINDOW_US ? watched_us : PAIR_WINDOW_US);
}

/* The carton a request is about: by its own code, else the oldest scan that waits at this induct. */
static int64_t identify_carton(struct engine *e, const struct command *c, const struct request *r)
{
	char sscc[19];
	struct store_cursor q;
	int64_t induct, carton;

	if (r->read != 1)
		return 0;
	if (r->code[0]) {
		sscc_of_scan("", r->code, sscc);
		carton = carton_of_sscc(e, sscc);
		store_run(e->store, SQL_INDUCT_CARTON_GONE, "i", carton);
		return carton;
	}
	store_run(e->store, SQL_INDUCT_EXPIRE, "ti", c->device, oldest_scan_us(r));
	q = store_query(e->store, SQL_INDUCT_NEXT, "ti", c->device, r->deadline_us);
	if (!store_first(&q))
		return 0;
	induct = store_int(&q, 0);
	carton = store_int(&q, 1);
	store_end(&q);
	store_run(e->store, SQL_INDUCT_PAIRED, "i", induct);
	return carton;
}

static void answer_request(struct engine *e, struct command *c, struct outcome *o, struct request *r)
{
	int64_t deadline_ms = store_number(e->store, 250, SQL_PLC_DEADLINE, "t", c->device);
	int64_t divert, carton;

	r->at_us = happened_us(c);
	r->deadline_us = r->at_us + deadline_ms * 1000;
	store_run(e->store, SQL_DIVERT_ADD, "tiiiii", c->device, r->tracking, r->seq, r->point, r->at_us, r->deadline_us);
	divert = store_last_id(e->store);
	carton = identify_carton(e, c, r);
	/* Unread by the PLC's own reader but no scan yet: the scan may still come within the deadline. */
	if (carton || r->read != 1 || r->code[0])
		decide_divert(e, o, c->device, divert, carton);
	outcome_quiet(o, carton ? "decided" : "asked");
}

int on_divert_request(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	struct request r = { .code = "", .watch_ms = WATCH_MS_MAX };
	const struct json_field fields[] = {
		{ "seq", JSON_REQUIRED, JSON_INTEGER, &r.seq, 1, 65535 },
		{ "tracking", JSON_REQUIRED, JSON_INTEGER, &r.tracking, 0, UINT32_MAX },
		{ "point", JSON_REQUIRED, JSON_INTEGER, &r.point, 0, 65535 },
		{ "read", JSON_REQUIRED, JSON_INTEGER, &r.read, 0, 65535 },
		{ "code", JSON_OPTIONAL, JSON_STRING, &r.code, 0, 60 },
		{ "watch_ms", JSON_OPTIONAL, JSON_INTEGER, &r.watch_ms, 0, WATCH_MS_MAX },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	o->touched |= TOUCHED_DIVERT;
	if (store_number(e->store, 0, SQL_DIVERT_SAME, "tii", c->device, r.tracking, r.seq)) {
		/* The link was restarted and read the same request again. */
		outcome_quiet(o, "known");
		return 0;
	}
	answer_request(e, c, o, &r);
	return 0;
}

int on_plc_state(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t mode = 0, faults = 0;
	const json_t *counts = NULL;
	const struct json_field fields[] = {
		{ "mode", JSON_REQUIRED, JSON_INTEGER, &mode, 0, 65535 },
		{ "faults", JSON_REQUIRED, JSON_INTEGER, &faults, 0, 65535 },
		{ "counts", JSON_OPTIONAL, JSON_OBJECT, &counts, 0, 0 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (faults)
		case_open(e, c, o, "plc_fault", ROLE_MAINTENANCE, c->device, "cleared", "%s reports fault bits 0x%04llx",
			c->device, (unsigned long long)faults);
	else
		case_close(e, o, "plc_fault", c->device, "cleared");
	outcome_quiet(o, "noted");
	return 0;
}
