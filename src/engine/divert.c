/* What the PLC asks and what became of it: asked -> due -> taken -> written -> ended, or late and never written. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conveyor.h"
#include "engine.h"
#include "json.h"
#include "states.h"

static bool read_divert(struct store_cursor q, struct divert *d)
{
	*d = (struct divert){ 0 };
	if (!store_first(&q))
		return false;
	d->divert = store_int(&q, 0);
	d->tracking = store_int(&q, 1);
	d->carton = store_int(&q, 2);
	d->lane = store_int(&q, 3);
	d->deadline_us = store_int(&q, 4);
	d->state = state_named(MACHINE_DIVERT, store_text(&q, 5));
	store_end(&q);
	return true;
}

void divert_move(struct engine *e, const struct divert *d, unsigned to, const char *result)
{
	store_run(e->store, SQL_DIVERT_SET, "tti", state_move(MACHINE_DIVERT, d->state, to), result, d->divert);
}

static int64_t divert_number(const char *id)
{
	int64_t n = 0;

	return text_number_behind("d-", id, &n) == 0 ? n : 0;
}

int on_divert_taken(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *id = NULL;
	struct divert d;
	const struct json_field fields[] = { { "divert", JSON_REQUIRED, JSON_STRING, &id, 3, 40 } };

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (!read_divert(store_query(e->store, SQL_DIVERT_GET, "i", divert_number(id)), &d) ||
		d.state != DIVERT_DUE) {
		outcome_bad(o, "not_due", "Divert %s is not due (any more)", id);
		return 0;
	}
	if (c->moment.boot_us > d.deadline_us) {
		divert_move(e, &d, DIVERT_LATE, "taken after its deadline");
		outcome_bad(o, "late", "Divert %s is late: not written", id);
		o->keep = true;
		return 0;
	}
	divert_move(e, &d, DIVERT_TAKEN, "");
	outcome_quiet(o, "taken");
	return 0;
}

int on_divert_ended(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *id = NULL, *result = NULL, *reason = "";
	struct divert d;
	unsigned to;
	const struct json_field fields[] = {
		{ "divert", JSON_REQUIRED, JSON_STRING, &id, 3, 40 },
		{ "result", JSON_REQUIRED, JSON_STRING, &result, 1, 20 },
		{ "reason", JSON_OPTIONAL, JSON_STRING, &reason, 0, 200 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	to = strcmp(result, "written") == 0 ? DIVERT_WRITTEN :
		strcmp(result, "late") == 0 ? DIVERT_LATE : DIVERT_FAILED;
	/* The PLC's confirm may have ended it already. */
	if (read_divert(store_query(e->store, SQL_DIVERT_GET, "i", divert_number(id)), &d) && d.state == DIVERT_TAKEN)
		divert_move(e, &d, to, reason);
	outcome_quiet(o, "noted");
	return 0;
}

int on_divert_late(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t id = 0;
	struct divert d;
	const struct json_field fields[] = { { "divert", JSON_REQUIRED, JSON_INTEGER, &id, 1, INT64_MAX } };

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (read_divert(store_query(e->store, SQL_DIVERT_GET, "i", id), &d) &&
		(d.state == DIVERT_DUE || d.state == DIVERT_ASKED) && c->moment.boot_us > d.deadline_us)
		divert_move(e, &d, DIVERT_LATE, d.state == DIVERT_ASKED ? "no scan in time" : "not taken in time");
	outcome_quiet(o, "closed");
	return 0;
}

/* A carton that nobody has confirmed so long after its deadline is on no belt any more. */
#define CONFIRM_US INT64_C(120000000)

int64_t divert_overdue(struct engine *e, int64_t boot_us, const char **ret_kind)
{
	int64_t divert = store_number(e->store, 0, SQL_DIVERT_OVERDUE, "i", boot_us);

	*ret_kind = divert ? "divert_late" : "divert_unconfirmed";
	return divert ? divert : store_number(e->store, 0, SQL_DIVERT_UNCONFIRMED, "i", boot_us - CONFIRM_US);
}

int64_t divert_next_us(struct engine *e)
{
	return store_number(e->store, 0, SQL_DIVERT_NEXT_DEADLINE, "i", CONFIRM_US);
}

static bool is_awaited(const struct divert *d)
{
	return d->carton && d->deadline_us &&
		(d->state == DIVERT_TAKEN || d->state == DIVERT_WRITTEN || d->state == DIVERT_LATE || d->state == DIVERT_FAILED);
}

/* Somebody must look for it. A confirmation that comes all the same still counts, and ends the case. */
int on_divert_unconfirmed(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t id = 0;
	struct divert d;
	char subject[32];
	const struct json_field fields[] = { { "divert", JSON_REQUIRED, JSON_INTEGER, &id, 1, INT64_MAX } };

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	outcome_quiet(o, "noted");
	if (!read_divert(store_query(e->store, SQL_DIVERT_GET, "i", id), &d) || !is_awaited(&d) ||
		c->moment.boot_us <= d.deadline_us + CONFIRM_US)
		return 0;
	store_run(e->store, SQL_DIVERT_NOT_AWAITED, "i", id);
	if (carton_state(e, d.carton) != CARTON_INDUCTED)
		return 0;
	snprintf(subject, sizeof(subject), "%lld", (long long)d.carton);
	carton_move(e, d.carton, CARTON_STRAY);
	case_open(e, c, o, "stray_carton", ROLE_LOADER, subject, "staged|noted",
		"Carton %lld was sent to lane %lld and nobody has confirmed it: find it, bring it to its lane and scan it there",
		(long long)d.carton, (long long)d.lane);
	return 0;
}

#define RESULT_OK 1
#define RESULT_UNKNOWN 4

struct confirm {
	int64_t seq, tracking, lane, result;
};

static const char *result_word(int64_t result)
{
	static const char *const words[] = { "unknown", "ok", "failed", "lost", "unknown" };

	return result >= 0 && result <= 4 ? words[result] : "unknown";
}

/* What a lane means for a carton: ship only for its own carrier and an order that still goes, reject only for one
 * that was cancelled. Whatever else the PLC did by itself, a person must see. */
static bool lane_is_for(struct engine *e, int64_t carton, const char *lane, const char *role)
{
	char order[64] = "", carrier[64] = "";
	struct store_cursor q = store_query(e->store, SQL_CARTON_ORDER, "i", carton);
	bool cancelled;

	if (store_first(&q)) {
		text_copy(order, sizeof(order), store_text(&q, 0));
		text_copy(carrier, sizeof(carrier), store_text(&q, 1));
		store_end(&q);
	}
	cancelled = order_state(e, order) == ORDER_CANCELLED;
	if (strcmp(role, "reject") == 0)
		return cancelled;
	return strcmp(role, "ship") == 0 && !cancelled &&
		store_number(e->store, 0, SQL_LANE_TAKES, "tt", lane, carrier);
}

/* Where a confirmed carton is now. */
static void settle(struct engine *e, struct command *c, struct outcome *o, const char *plc, int64_t carton,
	const struct confirm *f)
{
	struct store_cursor q = store_query(e->store, SQL_LANE_BY_NUMBER, "ti", plc, f->lane);
	char lane[64] = "", role[32] = "", subject[32];
	bool right;

	if (store_first(&q)) {
		text_copy(lane, sizeof(lane), store_text(&q, 0));
		text_copy(role, sizeof(role), store_text(&q, 1));
		store_end(&q);
	}
	snprintf(subject, sizeof(subject), "%lld", (long long)carton);
	right = f->result == RESULT_OK && lane_is_for(e, carton, lane, role);
	if (right && strcmp(role, "ship") == 0) {
		carton_stage(e, c, o, carton, lane);
	} else if (right) {
		carton_move(e, carton, CARTON_REJECTED);
		case_close(e, o, "stray_carton", subject, "noted");
	} else {
		carton_move(e, carton, CARTON_STRAY);
		case_open(e, c, o, "stray_carton", ROLE_LOADER, subject, "staged|noted",
			"Carton %lld is in lane %lld (%s): bring it to its lane and scan it there", (long long)carton,
			(long long)f->lane, f->result != RESULT_OK ? result_word(f->result) : role[0] ? role : "unknown");
	}
}

void divert_name(struct engine *e, struct command *c, struct outcome *o, const char *plc, int64_t divert, int64_t carton)
{
	struct store_cursor q = store_query(e->store, SQL_DIVERT_CONFIRMED, "i", divert);
	struct confirm f = { 0 };
	bool confirmed = store_first(&q);

	if (confirmed) {
		f.lane = store_int(&q, 0);
		f.result = strcmp(store_text(&q, 1), result_word(RESULT_OK)) == 0 ? RESULT_OK : RESULT_UNKNOWN;
		store_end(&q);
	}
	store_run(e->store, SQL_DIVERT_CARTON, "ii", carton, divert);
	if (confirmed)
		settle(e, c, o, plc, carton, &f);
}

int on_divert_confirm(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	struct confirm f = { 0 };
	struct divert d;
	const struct json_field fields[] = {
		{ "seq", JSON_REQUIRED, JSON_INTEGER, &f.seq, 0, 65535 },
		{ "tracking", JSON_REQUIRED, JSON_INTEGER, &f.tracking, 0, UINT32_MAX },
		{ "lane", JSON_REQUIRED, JSON_INTEGER, &f.lane, 0, 65535 },
		{ "result", JSON_REQUIRED, JSON_INTEGER, &f.result, 0, 65535 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (!read_divert(store_query(e->store, SQL_DIVERT_BY_TRACKING, "ti", c->device, f.tracking), &d)) {
		/* The PLC decided by itself, for instance while we were away. Accepted and explained. */
		outcome_quiet(o, "not_ours");
		return 0;
	}
	outcome_quiet(o, "confirmed");
	if (d.state == DIVERT_ENDED)
		return 0;
	divert_move(e, &d, DIVERT_ENDED, result_word(f.result));
	store_run(e->store, SQL_DIVERT_CONFIRM, "ii", f.lane, d.divert);
	if (d.carton && carton_on_conveyor(e, d.carton))
		settle(e, c, o, c->device, d.carton, &f);
	return 0;
}
