/* What comes from HQ: the effect and the down cursor are one transaction. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "json.h"

#define CONFIRMED_PER_TURN 400

static int order_word(struct engine *e, struct command *c, struct outcome *o, const char *type, const json_t *body,
	char *why)
{
	const char *order = NULL, *reason = "";
	const struct json_field fields[] = {
		{ "order", JSON_REQUIRED, JSON_STRING, &order, 1, 60 },
		{ "reason", JSON_OPTIONAL, JSON_STRING, &reason, 0, 120 },
	};

	if (json_fields(body, fields, array_len(fields), why, WHY_MAX) < 0)
		return -EINVAL;
	if (strcmp(type, "order.cancel") == 0)
		order_cancel(e, c, o, order, reason);
	else if (strcmp(type, "order.hold") == 0)
		order_hold(e, c, o, order, reason);
	else
		order_release(e, c, o, order);
	return 0;
}

static int invoice(struct engine *e, struct command *c, struct outcome *o, const char *type, const json_t *body,
	char *why)
{
	const char *shipment = NULL, *reason = "";
	const struct json_field fields[] = {
		{ "shipment", JSON_REQUIRED, JSON_STRING, &shipment, 1, 90 },
		{ "reason", JSON_OPTIONAL, JSON_STRING, &reason, 0, 200 },
	};

	if (json_fields(body, fields, array_len(fields), why, WHY_MAX) < 0)
		return -EINVAL;
	if (strcmp(type, "invoice.rejected") == 0)
		case_open(e, c, o, "invoice_rejected", ROLE_SUPERVISOR, shipment, "noted",
			"HQ rejected the invoice of shipment %s: %s", shipment, reason);
	outcome_quiet(o, "noted");
	return 0;
}

static int wave_word(struct engine *e, struct outcome *o, const json_t *body, char *why)
{
	const char *wave = NULL;
	const struct json_field fields[] = { { "wave", JSON_REQUIRED, JSON_STRING, &wave, 1, 60 } };

	if (json_fields(body, fields, array_len(fields), why, WHY_MAX) < 0)
		return -EINVAL;
	wave_release(e, o, wave);
	return 0;
}

static int apply_down(struct engine *e, struct command *c, struct outcome *o, int64_t n, const char *type,
	const json_t *body, char *why)
{
	if (strcmp(type, "order") == 0)
		return order_put(e, c, o, body, why);
	if (strcmp(type, "order.cancel") == 0 || strcmp(type, "order.hold") == 0 ||
		strcmp(type, "order.release") == 0)
		return order_word(e, c, o, type, body, why);
	if (strcmp(type, "wave.release") == 0)
		return wave_word(e, o, body, why);
	if (strcmp(type, "item") == 0)
		return item_put(e, c, o, body, why);
	if (strcmp(type, "invoice.posted") == 0 || strcmp(type, "invoice.rejected") == 0)
		return invoice(e, c, o, type, body, why);
	{
		_cleanup_free_ char *text = json_text(body);

		store_run(e->store, SQL_DOWN_RAW, "itt", n, type, text);
	}
	outcome_quiet(o, "stored_raw");
	return 0;
}

/* A message that can never be applied must not block those behind it: it is kept, a case is opened, the cursor moves. */
static void quarantine(struct engine *e, struct command *c, struct outcome *o, int64_t n, const char *type,
	const json_t *body, const char *why)
{
	_cleanup_free_ char *text = json_text(body);
	char subject[32];

	store_run(e->store, SQL_DOWN_RAW, "itt", n, type, text);
	snprintf(subject, sizeof(subject), "%lld", (long long)n);
	case_open(e, c, o, "hq_message", ROLE_ADMIN, subject, "noted", "HQ's message %lld (%.40s) makes no sense: %.100s",
		(long long)n, type, why);
	outcome_bad(o, "quarantined", "%s", why);
}

int on_hq_down(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *type = NULL;
	const json_t *body = NULL;
	int64_t n = 0, have = store_number(e->store, 0, SQL_LINK_DOWN, "");
	const struct json_field fields[] = {
		{ "n", JSON_REQUIRED, JSON_INTEGER, &n, 1, INT64_MAX },
		{ "type", JSON_REQUIRED, JSON_STRING, &type, 1, 60 },
		{ "body", JSON_REQUIRED, JSON_OBJECT, &body, 0, 0 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (n <= have) {
		outcome_quiet(o, "known");
		return 0;
	}
	if (n != have + 1) {
		outcome_bad(o, "gap", "Message %lld came, %lld was expected", (long long)n, (long long)have + 1);
		return 0;
	}
	store_savepoint(e->store);
	if (apply_down(e, c, o, n, type, body, why) < 0) {
		store_undo(e->store);
		quarantine(e, c, o, n, type, body, why);
	} else {
		store_release(e->store);
	}
	store_run(e->store, SQL_LINK_SET_DOWN, "i", n);
	/* A domain answer (too late to hold, say) is an answer: the cursor moves with it. */
	o->keep = true;
	o->touched |= TOUCHED_LINK;
	return 0;
}

/* After days without HQ one acknowledgement may confirm thousands. */
static void confirm_orders(struct engine *e, struct outcome *o)
{
	int n = store_run(e->store, SQL_ORDERS_CONFIRM, "i", (int64_t)CONFIRMED_PER_TURN);

	if (n > 0)
		o->touched |= TOUCHED_ORDERS;
	if (n == CONFIRMED_PER_TURN)
		continuation_add(e, o, "orders_confirm", json_object());
}

int on_orders_confirm(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	(void)why;
	continuation_done(e, json_int(c->args, "continuation"));
	confirm_orders(e, o);
	outcome_quiet(o, "confirmed");
	return 0;
}

int on_hq_acked(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t cum = 0, safe = 0, head = store_number(e->store, 0, SQL_LINK_HEAD, "");
	const char *hub_gen = NULL, *hash = "";
	const struct json_field fields[] = {
		{ "cum", JSON_REQUIRED, JSON_INTEGER, &cum, 0, INT64_MAX },
		{ "safe", JSON_REQUIRED, JSON_INTEGER, &safe, 0, INT64_MAX },
		{ "hub_gen", JSON_REQUIRED, JSON_STRING, &hub_gen, 0, 80 },
		{ "hash", JSON_OPTIONAL, JSON_STRING, &hash, 0, 64 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (cum > head || safe > head) {
		case_open(e, c, o, "hq_ahead", ROLE_ADMIN, "link", "noted", "HQ acknowledges event %lld that was never made",
			(long long)(cum > head ? cum : safe));
		outcome_bad(o, "ahead", "never made");
		o->keep = true;
		return 0;
	}
	store_run(e->store, SQL_LINK_SET_ACKED, "iit", cum, safe, hub_gen);
	store_run(e->store, SQL_SEGMENT_WITNESSED, "i", store_number(e->store, 0, SQL_LINK_SAFE, ""));
	confirm_orders(e, o);
	o->touched |= TOUCHED_LINK;
	outcome_quiet(o, "noted");
	return 0;
}

int on_hq_link(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *state = NULL, *reason = "";
	const struct json_field fields[] = {
		{ "state", JSON_REQUIRED, JSON_STRING, &state, 1, 40 },
		{ "reason", JSON_OPTIONAL, JSON_STRING, &reason, 0, 200 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	store_run(e->store, SQL_LINK_SET_STATE, "tti", state, reason, c->moment.now_us);
	o->touched |= TOUCHED_LINK;
	outcome_quiet(o, "noted");
	return 0;
}

int on_hq_epoch(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t epoch = 0;
	const char *hub_gen = NULL;
	char text[32] = "0";
	const struct json_field fields[] = {
		{ "epoch", JSON_REQUIRED, JSON_INTEGER, &epoch, 0, INT64_MAX },
		{ "hub_gen", JSON_REQUIRED, JSON_STRING, &hub_gen, 0, 80 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	/* Numbers of an epoch that is over were given out already. */
	store_meta(e->store, "epoch", text, sizeof(text));
	if (epoch < strtoll(text, NULL, 10)) {
		outcome_bad(o, "old_epoch", "Epoch %lld is over: it is %s", (long long)epoch, text);
		return 0;
	}
	snprintf(text, sizeof(text), "%lld", (long long)epoch);
	store_set_meta(e->store, "epoch", text);
	o->touched |= TOUCHED_LINK | TOUCHED_OUTBOX;
	outcome_quiet(o, "noted");
	return 0;
}
