/* The row of a conversation: where a person and the core are. Each change is a new step, and a scan that was made
 * on an older screen is not taken for one on the new. */
#include <string.h>

#include "engine.h"

bool dialogue_load(struct engine *e, const char *place, struct dialogue *d)
{
	struct store_cursor q = store_query(e->store, SQL_DIALOGUE_GET, "t", place);

	*d = (struct dialogue){ 0 };
	if (!store_first(&q))
		return false;
	text_copy(d->place, sizeof(d->place), place);
	text_copy(d->kind, sizeof(d->kind), store_text(&q, 0));
	text_copy(d->state, sizeof(d->state), store_text(&q, 1));
	d->step = store_int(&q, 2);
	text_copy(d->session, sizeof(d->session), store_text(&q, 3));
	text_copy(d->order, sizeof(d->order), store_text(&q, 4));
	d->task = store_int(&q, 5);
	d->carton = store_int(&q, 6);
	text_copy(d->tote, sizeof(d->tote), store_text(&q, 7));
	d->counted = store_int(&q, 8);
	store_end(&q);
	return true;
}

void dialogue_store(struct engine *e, struct outcome *o, struct dialogue *d)
{
	d->step++;
	store_run(e->store, SQL_DIALOGUE_SET, "ttittiitit", d->kind, d->state, d->step, d->session, d->order, d->task,
		d->carton, d->tote, d->counted, d->place);
	outcome_touch_place(o, d->place);
}
