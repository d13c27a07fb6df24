/* Waves: orders that are released together. Their lines are allocated a few a turn, and pickers see none of them before
 * all are done: the end is one row, the number of releases that are seen. Releases go one after the other. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "json.h"
#include "states.h"

struct wave {
	char name[64];
	unsigned state;
	int64_t release_n, orders, lines, lines_short;
};

static bool load(struct engine *e, const char *name, struct wave *ret)
{
	struct store_cursor q = store_query(e->store, SQL_WAVE_GET, "t", name);

	*ret = (struct wave){ 0 };
	if (!store_first(&q))
		return false;
	text_copy(ret->name, sizeof(ret->name), name);
	ret->state = state_named(MACHINE_WAVE, store_text(&q, 0));
	ret->release_n = store_int(&q, 1);
	ret->orders = store_int(&q, 2);
	ret->lines = store_int(&q, 3);
	ret->lines_short = store_int(&q, 4);
	store_end(&q);
	return true;
}

/* The one whose lines are being allocated: released first. */
static bool load_releasing(struct engine *e, struct wave *ret)
{
	struct store_cursor q = store_query(e->store, SQL_WAVE_RELEASING, "");
	char name[64];

	if (!store_first(&q))
		return false;
	text_copy(name, sizeof(name), store_text(&q, 0));
	store_end(&q);
	return load(e, name, ret);
}

static void move(struct engine *e, struct wave *w, unsigned to)
{
	store_run(e->store, SQL_WAVE_SET, "tit", state_move(MACHINE_WAVE, w->state, to), w->release_n, w->name);
	w->state = to;
}

void wave_join(struct engine *e, const char *wave, int64_t lines)
{
	if (wave[0])
		store_run(e->store, SQL_WAVE_JOIN, "tti", wave, state_name(MACHINE_WAVE, WAVE_COLLECTING), lines);
}

bool wave_keeps(struct engine *e, const char *order)
{
	struct store_cursor q = store_query(e->store, SQL_WAVE_OF_ORDER, "t", order);
	char name[64] = "";
	struct wave w;

	if (store_first(&q)) {
		text_copy(name, sizeof(name), store_text(&q, 0));
		store_end(&q);
	}
	return name[0] && load(e, name, &w) && w.state != WAVE_RELEASED;
}

void wave_go_on(struct engine *e, struct outcome *o)
{
	struct wave w;

	/* One chain works on all releases, in their order. */
	if (load_releasing(e, &w) && !store_number(e->store, 0, SQL_CONTINUATION_OF, "t", "wave_allocate"))
		continuation_add(e, o, "wave_allocate", json_object());
}

static void answer(struct outcome *o, const struct wave *w, const char *code, const char *how)
{
	outcome_good(o, code, "Wave %s is %s: %lld orders, %lld lines", w->name, how, (long long)w->orders, (long long)w->lines);
	o->data = json_pack("{s:s, s:I, s:I}", "state", state_name(MACHINE_WAVE, w->state), "orders", (json_int_t)w->orders,
		"lines", (json_int_t)w->lines);
}

void wave_release(struct engine *e, struct outcome *o, const char *wave)
{
	struct wave w;

	if (!load(e, wave, &w)) {
		outcome_bad(o, "unknown_wave", "There is no wave %.60s", wave);
		return;
	}
	/* Told once more, a release whose chain was given up goes on. */
	if (w.state != WAVE_COLLECTING) {
		wave_go_on(e, o);
		answer(o, &w, "known", w.state == WAVE_RELEASED ? "released already" : "being released already");
		return;
	}
	w.release_n = store_number(e->store, 0, SQL_WAVE_NEXT_N, "");
	move(e, &w, WAVE_RELEASING);
	wave_go_on(e, o);
	o->touched |= TOUCHED_ORDERS;
	answer(o, &w, "releasing", "being released");
}

int on_wave_release(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *wave = NULL;
	const struct json_field fields[] = { { "wave", JSON_REQUIRED, JSON_STRING, &wave, 1, 60 } };

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	wave_release(e, o, wave);
	return 0;
}

static bool next_order(struct engine *e, const struct wave *w, char *ret_order, size_t size)
{
	struct store_cursor q = store_query(e->store, SQL_WAVE_NEXT_ORDER, "t", w->name);

	if (!store_first(&q))
		return false;
	text_copy(ret_order, size, store_text(&q, 0));
	store_end(&q);
	return true;
}

/* Some lines; false where no order of the wave waits any more. An order that is only finished counts as a line. */
static bool allocate_part(struct engine *e, struct command *c, struct outcome *o, struct wave *w)
{
	int64_t done = 0, lines_short = 0;
	char order[64];
	size_t room = ALLOCATE_LINES_MAX;
	bool more = true;

	while (room > 0 && (more = next_order(e, w, order, sizeof(order)))) {
		struct allocated some;
		size_t n = allocate_lines(e, order, 0, room, &some);

		done += (int64_t)n;
		lines_short += some.lines_short;
		if (n < room)
			allocate_finish(e, c, o, order, w->release_n);
		room -= n ? n : 1;
	}
	store_run(e->store, SQL_WAVE_DONE, "iit", done, lines_short, w->name);
	w->lines_short += lines_short;
	return more;
}

/* The switch: one row, and every order of the wave is there to be picked. */
static void show(struct engine *e, struct command *c, struct outcome *o, struct wave *w)
{
	store_run(e->store, SQL_RELEASES_SET, "i", w->release_n);
	move(e, w, WAVE_RELEASED);
	event_make(e, c, o, "wave.released", w->name,
		json_pack("{s:s, s:I, s:I, s:I}", "wave", w->name, "orders", (json_int_t)w->orders, "lines",
			(json_int_t)w->lines, "lines_short", (json_int_t)w->lines_short));
	o->touched |= TOUCHED_ORDERS;
}

int on_wave_allocate(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	struct wave w;

	(void)why;
	continuation_done(e, json_int(c->args, "continuation"));
	outcome_quiet(o, "allocating");
	/* Not from a half-filled warehouse: the import's end goes on with it. */
	if (import_books_stock(e)) {
		outcome_quiet(o, "waiting");
		return 0;
	}
	if (!load_releasing(e, &w))
		return 0;
	if (!allocate_part(e, c, o, &w))
		show(e, c, o, &w);
	wave_go_on(e, o);
	return 0;
}
