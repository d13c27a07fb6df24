/* A label is a row with a life of its own: due, taken before its first byte leaves, then what became of it. Nothing
 * is printed twice by itself; the scan of the fresh label is the proof at a printer without a back-channel. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "json.h"
#include "states.h"

struct label {
	int64_t label, carton, attempt;
	unsigned state;
	char sscc[24], printer[64];
};

void label_move(struct engine *e, int64_t label, unsigned from, unsigned to, const char *evidence)
{
	store_run(e->store, SQL_LABEL_SET, "tti", state_move(MACHINE_LABEL, from, to), evidence, label);
}

static bool read_label(struct store_cursor q, struct label *l)
{
	*l = (struct label){ 0 };
	if (!store_first(&q))
		return false;
	l->label = store_int(&q, 0);
	l->carton = store_int(&q, 1);
	l->attempt = store_int(&q, 2);
	l->state = state_named(MACHINE_LABEL, store_text(&q, 3));
	text_copy(l->sscc, sizeof(l->sscc), store_text(&q, 4));
	text_copy(l->printer, sizeof(l->printer), store_text(&q, 5));
	store_end(&q);
	return true;
}

static json_t *label_data(struct engine *e, int64_t carton)
{
	struct store_cursor q = store_query(e->store, SQL_LABEL_DATA, "i", carton);
	json_t *data = json_object();

	if (store_first(&q)) {
		json_t *ship_to = json_loads(store_text(&q, 5), 0, NULL);

		json_object_set_new(data, "order", json_string(store_text(&q, 0)));
		json_object_set_new(data, "customer", json_string(store_text(&q, 1)));
		json_object_set_new(data, "customer_po", json_string(store_text(&q, 2)));
		json_object_set_new(data, "carrier", json_string(store_text(&q, 3)));
		json_object_set_new(data, "service", json_string(store_text(&q, 4)));
		json_object_set_new(data, "ship_to", ship_to ? ship_to : json_object());
		json_object_set_new(data, "weight_g", json_integer(store_int(&q, 6) / 1000000));
		json_object_set_new(data, "pieces", json_integer(store_int(&q, 7)));
		store_end(&q);
	}
	json_object_set_new(data, "site", json_string(e->site));
	return data;
}

bool pack_label(struct engine *e, struct command *c, struct outcome *o, int64_t carton, const char *printer)
{
	_cleanup_json_ json_t *data = NULL;
	_cleanup_free_ char *text = NULL;
	char sscc[19], order[64] = "";
	struct store_cursor q;

	if (!sscc_take(e, c, o, carton, sscc))
		return false;
	/* Weighed already: its first label was voided. */
	if (carton_state(e, carton) != CARTON_WEIGHED)
		carton_move(e, carton, CARTON_WEIGHED);
	store_run(e->store, SQL_CARTON_SSCC, "ti", sscc, carton);
	data = label_data(e, carton);
	text = json_text(data);
	store_run(e->store, SQL_LABEL_ADD, "itttt", carton, sscc, printer, "logistic-a6", text);
	q = store_query(e->store, SQL_CARTON_ORDER, "i", carton);
	if (store_first(&q)) {
		text_copy(order, sizeof(order), store_text(&q, 0));
		store_end(&q);
	}
	if (order_state(e, order) == ORDER_PICKED) {
		order_move(e, o, order, ORDER_PACKED);
		order_milestone(e, c, o, order, "order.packed");
	}
	o->touched |= TOUCHED_PRINT;
	return true;
}

bool pack_label_missing(struct engine *e, int64_t carton)
{
	struct label l;

	return carton_state(e, carton) == CARTON_WEIGHED &&
		!read_label(store_query(e->store, SQL_LABEL_OF_CARTON, "i", carton), &l);
}

static bool same_label(const struct label *l, const char *sscc)
{
	return sscc[0] && strcmp(l->sscc, sscc) == 0;
}

static void close_label_cases(struct engine *e, struct outcome *o, int64_t label, const char *resolution)
{
	char subject[32];

	snprintf(subject, sizeof(subject), "%lld", (long long)label);
	case_close(e, o, "label_doubtful", subject, resolution);
	case_close(e, o, "label_failed", subject, resolution);
}

bool pack_label_seen(struct engine *e, struct command *c, struct outcome *o, int64_t carton, const char *aim,
	const char *data)
{
	struct label l;
	char sscc[19], order[64] = "";
	struct store_cursor q;

	sscc_of_scan(aim, data, sscc);
	if (!read_label(store_query(e->store, SQL_LABEL_OF_CARTON, "i", carton), &l) || !same_label(&l, sscc)) {
		outcome_bad(o, "wrong_label", sscc[0] ? "That label belongs to another carton" : "Scan the carton's new label");
		return false;
	}
	if (l.state != LABEL_PRINTED)
		label_move(e, l.label, l.state, LABEL_PRINTED, "scanned back at the station");
	close_label_cases(e, o, l.label, "scanned");
	carton_move(e, carton, CARTON_LABELLED);
	q = store_query(e->store, SQL_CARTON_ORDER, "i", carton);
	if (store_first(&q)) {
		text_copy(order, sizeof(order), store_text(&q, 0));
		store_end(&q);
	}
	if (order_state(e, order) == ORDER_PACKED) {
		order_move(e, o, order, ORDER_LABELLED);
		order_milestone(e, c, o, order, "order.labelled");
	}
	return true;
}

int on_print_taken(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t job = 0, attempt = 0;
	struct label l;
	const struct json_field fields[] = {
		{ "job", JSON_REQUIRED, JSON_INTEGER, &job, 1, INT64_MAX },
		{ "attempt", JSON_REQUIRED, JSON_INTEGER, &attempt, 1, 1000000 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (!read_label(store_query(e->store, SQL_LABEL_GET, "i", job), &l) || l.state != LABEL_DUE ||
		l.attempt != attempt) {
		outcome_bad(o, "not_due", "Label %lld is not due (any more)", (long long)job);
		return 0;
	}
	label_move(e, job, LABEL_DUE, LABEL_TAKEN, "");
	outcome_quiet(o, "taken");
	return 0;
}

static void end_label(struct engine *e, struct command *c, struct outcome *o, const struct label *l, unsigned to,
	const char *evidence)
{
	char subject[32];

	snprintf(subject, sizeof(subject), "%lld", (long long)l->label);
	label_move(e, l->label, LABEL_TAKEN, to, evidence);
	if (to == LABEL_DOUBTFUL)
		case_open(e, c, o, "label_doubtful", ROLE_PACKER, subject, "noted",
			"Label %s: nobody knows whether it was printed. Look at the printer, then scan it, void it or print it again",
			l->sscc);
	if (to == LABEL_FAILED)
		case_open(e, c, o, "label_failed", ROLE_PACKER, subject, "noted", "Label %s was not printed: %s",
			l->sscc, evidence);
}

int on_print_ended(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *result = NULL, *evidence = "";
	int64_t job = 0, attempt = 0;
	struct label l;
	unsigned to;
	const struct json_field fields[] = {
		{ "job", JSON_REQUIRED, JSON_INTEGER, &job, 1, INT64_MAX },
		{ "attempt", JSON_REQUIRED, JSON_INTEGER, &attempt, 1, 1000000 },
		{ "result", JSON_REQUIRED, JSON_STRING, &result, 1, 20 },
		{ "evidence", JSON_OPTIONAL, JSON_STRING, &evidence, 0, 400 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (strcmp(result, "sent") != 0 && strcmp(result, "printed") != 0 && strcmp(result, "doubtful") != 0 &&
		strcmp(result, "failed") != 0) {
		snprintf(why, WHY_MAX, "\"result\" must be sent, printed, doubtful or failed");
		return -EINVAL;
	}
	to = state_named(MACHINE_LABEL, result);
	/* The scan-back may have come first: a label that was seen is printed, whatever its queue says later. */
	if (read_label(store_query(e->store, SQL_LABEL_GET, "i", job), &l) && l.state == LABEL_TAKEN &&
		l.attempt == attempt)
		end_label(e, c, o, &l, to, evidence);
	outcome_quiet(o, "noted");
	return 0;
}

/* Prints again with the same SSCC: counted, journalled, and only because a person said so. */
static void print_again(struct engine *e, struct outcome *o, const struct label *l)
{
	store_run(e->store, SQL_LABEL_AGAIN, "i", l->label);
	o->touched |= TOUCHED_PRINT;
	outcome_good(o, "again", "Label %s is printed again", l->sscc);
}

static void resolve_label(struct engine *e, struct command *c, struct outcome *o, const struct label *l,
	const char *result)
{
	unsigned to = strcmp(result, "printed") == 0 ? LABEL_PRINTED :
		strcmp(result, "again") == 0 ? LABEL_DUE : LABEL_VOID;

	/* A number that left the station is on a carton: it is not taken back. */
	if (!state_may_follow(MACHINE_LABEL, l->state, to) ||
		(to == LABEL_VOID && carton_state(e, l->carton) != CARTON_WEIGHED)) {
		outcome_bad(o, "not_possible", "Label %s is %s", l->sscc, state_name(MACHINE_LABEL, l->state));
		return;
	}
	close_label_cases(e, o, l->label, result);
	if (to == LABEL_DUE) {
		print_again(e, o, l);
		return;
	}
	label_move(e, l->label, l->state, to, c->badge);
	if (to == LABEL_VOID)
		store_run(e->store, SQL_SSCC_VOID, "t", l->sscc);
	event_make(e, c, o, to == LABEL_VOID ? "label.voided" : "label.confirmed", l->sscc,
		json_pack("{s:s, s:s}", "sscc", l->sscc, "by", c->badge));
	outcome_good(o, "resolved", "Label %s: %s", l->sscc, result);
}

int on_label_resolve(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *result = NULL;
	int64_t job = 0;
	struct label l;
	const struct json_field fields[] = {
		{ "job", JSON_REQUIRED, JSON_INTEGER, &job, 1, INT64_MAX },
		{ "result", JSON_REQUIRED, JSON_STRING, &result, 1, 20 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	if (strcmp(result, "printed") != 0 && strcmp(result, "void") != 0 && strcmp(result, "again") != 0) {
		snprintf(why, WHY_MAX, "\"result\" must be printed, void or again");
		return -EINVAL;
	}
	if (!read_label(store_query(e->store, SQL_LABEL_GET, "i", job), &l))
		outcome_bad(o, "unknown_label", "There is no label %lld", (long long)job);
	else
		resolve_label(e, c, o, &l, result);
	return 0;
}
