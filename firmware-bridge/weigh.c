#include "weigh.h"

#include <string.h>

void weigh_init(struct weigh *w, int64_t min_ug)
{
	*w = (struct weigh){ .min_ug = min_ug };
}

void weigh_restart(struct weigh *w)
{
	w->equal = 0;
	w->frames_n = 0;
}

void weigh_used(struct weigh *w)
{
	w->must_empty = true;
	weigh_restart(w);
}

static bool is_empty(const struct weigh *w, const struct reading *r)
{
	if (r->kind == READING_WEIGHT)
		return r->value_ug <= 0 || r->value_ug < w->min_ug;
	return r->kind == READING_STATUS && r->flags & (WEIGHT_UNDER | WEIGHT_CENTRE_ZERO) &&
		!(r->flags & (WEIGHT_MOTION | WEIGHT_OVER));
}

static void keep_frame(struct weigh *w, const struct reading *r)
{
	struct weigh_frame *f;

	if (w->frames_n == WEIGH_EVIDENCE_MAX)
		memmove(&w->frames[0], &w->frames[1], --w->frames_n * sizeof(w->frames[0]));
	f = &w->frames[w->frames_n++];
	f->len = r->raw_len < sizeof(f->bytes) ? r->raw_len : sizeof(f->bytes);
	memcpy(f->bytes, r->raw, f->len);
}

static void note_weight(struct weigh *w, const struct reading *r, int64_t now_us)
{
	if (!w->equal || r->value_ug != w->value_ug || r->flags != w->flags || r->unit != w->unit) {
		weigh_restart(w);
		w->value_ug = r->value_ug;
		w->flags = r->flags;
		w->unit = r->unit;
		w->first_us = now_us;
	}
	w->equal++;
	w->last_us = now_us;
	keep_frame(w, r);
}

bool weigh_note(struct weigh *w, const struct reading *r, int64_t now_us)
{
	bool emptied = w->must_empty && is_empty(w, r);
	bool usable = r->kind == READING_WEIGHT &&
		!(r->flags & (WEIGHT_MOTION | WEIGHT_OVER | WEIGHT_UNDER));

	if (emptied)
		w->must_empty = false;
	if (usable)
		note_weight(w, r, now_us);
	else
		weigh_restart(w);
	return emptied;
}

bool weigh_ready(const struct weigh *w)
{
	return w->equal >= WEIGH_EQUAL_MIN && w->last_us - w->first_us >= WEIGH_EQUAL_US &&
		!w->must_empty && w->value_ug > 0 && w->value_ug >= w->min_ug;
}
