/* Picking: start -> location -> item (counted) -> tote -> next location ... -> start. */
#include <stdio.h>
#include <string.h>

#include "dialogue.h"
#include "states.h"

static void go(struct dialogue *d, const char *state)
{
	text_copy(d->state, sizeof(d->state), state);
}

static void to_start(struct dialogue *d)
{
	go(d, "start");
	d->order[0] = '\0';
	d->task = 0;
	d->counted = 0;
}

/* The next bin of the order, or its end. */
static void next_task(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d)
{
	struct pick_task t;

	d->counted = 0;
	if (pick_next(e, d->order, d->place, &t)) {
		d->task = t.task;
		go(d, "location");
	} else {
		pick_finish(e, c, o, d->order);
		to_start(d);
	}
	dialogue_store(e, o, d);
}

/* False where the order left picking meanwhile (it was cancelled). */
static bool still_picking(struct engine *e, struct outcome *o, struct dialogue *d, struct pick_task *t)
{
	if (order_state(e, d->order) == ORDER_PICKING && pick_load(e, d->task, t))
		return true;
	outcome_bad(o, "cancelled", "Order %s was cancelled: bring the tote to the desk", d->order);
	o->keep = true;
	to_start(d);
	dialogue_store(e, o, d);
	return false;
}

static void scan_location(struct engine *e, struct outcome *o, struct dialogue *d, const struct pick_task *t,
	const struct scan *s)
{
	if (strcmp(s->data, t->location) != 0) {
		outcome_bad(o, "wrong_location", "Wrong place: go to %s", t->location);
		return;
	}
	go(d, "item");
	dialogue_store(e, o, d);
	o->effect = true;
	outcome_good(o, "right_location", "%s", t->location);
}

static void count(struct engine *e, struct outcome *o, struct dialogue *d, const struct pick_task *t, int64_t counted)
{
	d->counted = counted;
	if (counted == t->qty)
		go(d, "tote");
	dialogue_store(e, o, d);
	o->effect = true;
	outcome_good(o, "counted", "%lld of %lld", (long long)counted, (long long)t->qty);
}

static void scan_piece(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d,
	const struct pick_task *t, const struct scan *s)
{
	char item[64];
	int64_t qty;

	if (!scan_item(e, c, o, s, item, sizeof(item), &qty))
		return;
	if (strcmp(item, t->item) != 0)
		outcome_bad(o, "wrong_item", "Wrong item: take %s", t->title);
	else if (d->counted + qty > t->qty)
		outcome_bad(o, "too_many", "Only %lld needed", (long long)t->qty);
	else
		count(e, o, d, t, d->counted + qty);
}

static void scan_tote(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d,
	const struct pick_task *t, const struct scan *s)
{
	char tote[64];

	if (text_copy(tote, sizeof(tote), s->data) < 0) {
		outcome_bad(o, "not_a_tote", "That is no tote");
		return;
	}
	if (!pick_into_tote(e, c, o, t, tote, d->counted))
		return;
	if (d->counted < t->qty)
		pick_short(e, c, o, t, d->counted);
	next_task(e, c, o, d);
	o->effect = true;
	outcome_good(o, "in_tote", d->order[0] ? "In tote %s" : "Order complete: bring tote %s to packing", tote);
}

void pick_scan(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d, const struct scan *s)
{
	struct pick_task t;

	if (strcmp(d->state, "start") == 0) {
		outcome_bad(o, "press_start", "Press start first");
		return;
	}
	if (!still_picking(e, o, d, &t))
		return;
	if (strcmp(d->state, "location") == 0)
		scan_location(e, o, d, &t, s);
	else if (strcmp(d->state, "item") == 0)
		scan_piece(e, c, o, d, &t, s);
	else
		scan_tote(e, c, o, d, &t, s);
}

static void key_start(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d)
{
	if (!pick_start(e, o, d->place, d->order, sizeof(d->order))) {
		outcome_bad(o, "no_work", "Nothing to pick right now");
		return;
	}
	next_task(e, c, o, d);
	outcome_good(o, "started", "Order %s", d->order);
}

static void key_short(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d,
	const struct pick_task *t)
{
	if (d->counted > 0) {
		go(d, "tote");
		dialogue_store(e, o, d);
		outcome_good(o, "short", "Short by %lld: scan the tote", (long long)(t->qty - d->counted));
		return;
	}
	pick_short(e, c, o, t, 0);
	next_task(e, c, o, d);
	outcome_good(o, "short", "Short: %s will be counted", t->location);
}

static void key_quantity(struct engine *e, struct outcome *o, struct dialogue *d, const struct pick_task *t,
	int64_t value)
{
	if (d->counted < 1)
		outcome_bad(o, "scan_first", "Scan one piece first");
	else if (value < d->counted || value > t->qty)
		outcome_bad(o, "wrong_quantity", "Needs %lld to %lld", (long long)d->counted, (long long)t->qty);
	else
		count(e, o, d, t, value);
}

void pick_key(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d, const char *key,
	int64_t value)
{
	struct pick_task t;
	bool at_item = strcmp(d->state, "item") == 0;

	if (strcmp(key, "start") == 0 && strcmp(d->state, "start") == 0)
		key_start(e, c, o, d);
	else if (!at_item || (strcmp(key, "short") != 0 && strcmp(key, "quantity") != 0))
		outcome_bad(o, "no_such_key", "That key has no meaning here");
	else if (!still_picking(e, o, d, &t))
		return;
	else if (strcmp(key, "short") == 0)
		key_short(e, c, o, d, &t);
	else
		key_quantity(e, o, d, &t, value);
}
