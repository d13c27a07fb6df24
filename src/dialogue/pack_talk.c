/* Packing: tote -> item (each piece) -> close -> weigh -> label (the fresh label is scanned back) -> tote. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dialogue.h"
#include "json.h"
#include "states.h"

static void go(struct dialogue *d, const char *state)
{
	text_copy(d->state, sizeof(d->state), state);
}

static void to_start(struct engine *e, struct outcome *o, struct dialogue *d)
{
	go(d, "tote");
	d->order[0] = d->tote[0] = '\0';
	d->carton = 0;
	dialogue_store(e, o, d);
}

struct station {
	char printer[64], scale[64];
};

static void load_station(struct engine *e, const char *place, struct station *s)
{
	struct store_cursor q = store_query(e->store, SQL_STATION_GET, "t", place);

	*s = (struct station){ 0 };
	if (store_first(&q)) {
		text_copy(s->printer, sizeof(s->printer), store_text(&q, 0));
		text_copy(s->scale, sizeof(s->scale), store_text(&q, 1));
		store_end(&q);
	}
}

/* An order cancelled under the packer's hands: the carton stays open for the person at the desk. */
static bool still_packing(struct engine *e, struct outcome *o, struct dialogue *d)
{
	if (!d->order[0] || order_state(e, d->order) != ORDER_CANCELLED)
		return true;
	outcome_bad(o, "cancelled", "Order %s was cancelled: put everything aside for the desk", d->order);
	o->keep = true;
	store_run(e->store, SQL_WEIGH_DROP, "i", d->carton);
	to_start(e, o, d);
	return false;
}

/* One carton is packed at one station: a second one would close it under the hands of the first. */
static bool packed_elsewhere(struct engine *e, struct outcome *o, const struct dialogue *d, const char *order)
{
	struct store_cursor q = store_query(e->store, SQL_DIALOGUE_PACKING, "tt", order, d->place);

	if (!store_first(&q))
		return false;
	outcome_bad(o, "packed_elsewhere", "Order %s is being packed at %s", order, store_text(&q, 0));
	store_end(&q);
	return true;
}

static void scan_tote(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d, const struct scan *s)
{
	struct store_cursor q = store_query(e->store, SQL_TOTE_GET, "t", s->data);
	char order[64] = "";
	unsigned state = TOTE_FREE;
	bool found = store_first(&q);

	if (found) {
		state = state_named(MACHINE_TOTE, store_text(&q, 0));
		text_copy(order, sizeof(order), store_text(&q, 1));
		store_end(&q);
	}
	if (!found || text_copy(d->tote, sizeof(d->tote), s->data) < 0) {
		outcome_bad(o, "not_a_tote", "That is no tote");
	} else if (state == TOTE_RETURN) {
		outcome_bad(o, "cancelled", "Order %s was cancelled: bring the tote to the desk", order);
	} else if (state != TOTE_PICKED || order_state(e, order) != ORDER_PICKED) {
		outcome_bad(o, "not_picked", "Tote %s is not ready for packing", s->data);
	} else if (!packed_elsewhere(e, o, d, order)) {
		text_copy(d->order, sizeof(d->order), order);
		d->carton = store_number(e->store, 0, SQL_CARTON_OPEN_OF_ORDER, "t", order);
		if (!d->carton)
			d->carton = pack_open(e, c, order, d->place);
		go(d, "item");
		dialogue_store(e, o, d);
		o->effect = true;
		outcome_good(o, "tote", "Order %s", order);
	}
}

static bool tote_empty(struct engine *e, const char *tote)
{
	char place[80];

	snprintf(place, sizeof(place), "tote/%s", tote);
	return store_number(e->store, 0, SQL_STOCK_SUM_AT, "t", place) == 0;
}

static void scan_piece(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d,
	const struct scan *s)
{
	char item[64];
	int64_t qty;

	if (!scan_item(e, c, o, s, item, sizeof(item), &qty) || !pack_item(e, c, o, d->carton, d->tote, item, qty))
		return;
	go(d, tote_empty(e, d->tote) ? "close" : "item");
	dialogue_store(e, o, d);
	o->effect = true;
	outcome_good(o, "packed", strcmp(d->state, "close") == 0 ? "All packed: close the carton" : "Packed");
}

static void scan_label(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d, const struct scan *s)
{
	char order[64];

	if (!pack_label_seen(e, c, o, d->carton, s->aim, s->data))
		return;
	text_copy(order, sizeof(order), d->order);
	to_start(e, o, d);
	o->effect = true;
	outcome_good(o, "labelled", "Order %s is packed: put the carton on the conveyor", order);
}

void pack_scan(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d, const struct scan *s)
{
	if (!still_packing(e, o, d))
		return;
	if (strcmp(d->state, "tote") == 0)
		scan_tote(e, c, o, d, s);
	else if (strcmp(d->state, "item") == 0)
		scan_piece(e, c, o, d, s);
	else if (strcmp(d->state, "label") == 0)
		scan_label(e, c, o, d, s);
	else
		outcome_bad(o, "no_scan_now", "No scan is needed now: look at the screen");
}

static void print_label(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d)
{
	struct station s;

	load_station(e, d->place, &s);
	if (pack_label(e, c, o, d->carton, s.printer)) {
		go(d, "label");
		outcome_good(o, "label", "Scan the label when it is on the carton");
	} else {
		go(d, "sscc");
		outcome_bad(o, "no_sscc", "No carton number is left: the supervisor has been told");
		o->keep = true;
	}
	dialogue_store(e, o, d);
}

/* A supervisor accepted the weight that was off. */
static bool weight_accepted(struct engine *e, int64_t carton)
{
	char subject[32];

	snprintf(subject, sizeof(subject), "%" PRId64, carton);
	/* Of an earlier weight it says nothing about the one that is open now. */
	return store_number(e->store, 0, SQL_CASE_ACCEPTED, "tt", "weight_off", subject) > 0 &&
		!store_number(e->store, 0, SQL_CASE_FIND, "tt", "weight_off", subject);
}

static void close_carton(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d)
{
	struct station s;

	load_station(e, d->place, &s);
	pack_close(e, c, o, d->carton, d->tote, s.scale);
	go(d, "weigh");
	dialogue_store(e, o, d);
	outcome_good(o, "closed", "Put the carton on the scale");
}

static void weigh_again(struct engine *e, struct outcome *o, struct dialogue *d)
{
	struct station s;

	load_station(e, d->place, &s);
	pack_ask_weight(e, o, d->carton, s.scale);
	dialogue_store(e, o, d);
	outcome_good(o, "weigh", "Put the carton on the scale");
}

void pack_key(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d, const char *key)
{
	if (!still_packing(e, o, d))
		return;
	if (strcmp(key, "close") == 0 && strcmp(d->state, "close") == 0)
		close_carton(e, c, o, d);
	else if (strcmp(key, "weigh") == 0 && strcmp(d->state, "weigh") == 0)
		weigh_again(e, o, d);
	else if (strcmp(key, "continue") == 0 && strcmp(d->state, "weigh") == 0 && weight_accepted(e, d->carton))
		print_label(e, c, o, d);
	else if (strcmp(key, "continue") == 0 && strcmp(d->state, "weigh") == 0)
		outcome_bad(o, "not_accepted", "A supervisor must accept the weight first");
	else if (strcmp(key, "retry") == 0 && strcmp(d->state, "sscc") == 0)
		print_label(e, c, o, d);
	else if (strcmp(key, "retry") == 0 && strcmp(d->state, "label") == 0 && pack_label_missing(e, d->carton))
		print_label(e, c, o, d);
	else
		outcome_bad(o, "no_such_key", "That key has no meaning here");
}

static int64_t weigh_number(const char *ask)
{
	int64_t n = 0;

	return text_number_behind("w-", ask, &n) == 0 ? n : 0;
}

void pack_weight(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d)
{
	int64_t due = store_number(e->store, 0, SQL_WEIGH_DUE_OF, "it", d->carton, c->device);

	if (strcmp(d->state, "weigh") != 0 || !due || due != weigh_number(json_str(c->args, "ask"))) {
		outcome_bad(o, "not_asked", "Nobody asked for this weight (any more)");
		return;
	}
	if (!still_packing(e, o, d))
		return;
	if (pack_weigh(e, c, o, d->carton)) {
		print_label(e, c, o, d);
	} else {
		dialogue_store(e, o, d);
	}
}
