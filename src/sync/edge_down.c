/* The down stream and the SSCC blocks: acknowledged only when their effect is on the site's disk.
 */
#include <stdio.h>
#include <string.h>

#include "edge_private.h"

static struct sync_frame *acknowledge(struct edge_turn *t)
{
	struct sync_frame *f = edge_send(t, SYNC_DOWNACK);

	f->down_n = t->edge->down_done;
	return f;
}

void edge_down_message(struct edge_turn *t, const struct sync_frame *f)
{
	struct edge *edge = t->edge;

	if (f->bodies_n != 1 || edge->state != EDGE_LIVE)
		return;
	/* Had before, or behind a gap: HQ learns where this site stands. */
	if (f->down_n <= edge->down_done || f->down_n > edge->down_given + 1) {
		acknowledge(t);
		return;
	}
	/* Given and not yet decided: it is acknowledged when it is. */
	if (f->down_n <= edge->down_given || edge->down_given - edge->down_done >= SYNC_DOWN_WINDOW)
		return;
	edge->down_given = f->down_n;
	edge_out(t, EDGE_OUT_DOWN)->frame = f;
}

/* May come in any state: what was given to the core is decided there whatever the link does. */
void edge_down_done(struct edge_turn *t)
{
	struct edge *edge = t->edge;
	bool live = edge->state == EDGE_LIVE;
	struct sync_frame *f;

	if (t->in->n != edge->down_done + 1 || t->in->n > edge->down_given)
		return;
	if (t->in->done == EDGE_CONFLICT) {
		edge->down_given = edge->down_done;
		if (live)
			edge_refuse(t, "HQ's message %lld cannot be taken: %.100s",
				(long long)t->in->n, t->in->why);
		return;
	}
	edge->down_done = t->in->n;
	if (!live)
		return;
	f = acknowledge(t);
	if (t->in->done == EDGE_POISON) {
		f->bad[0].n = t->in->n;
		f->bad_n = 1;
		snprintf(f->bad[0].why, sizeof(f->bad[0].why), "%s", t->in->why);
	}
}

void edge_lease_ask(struct edge_turn *t)
{
	struct edge *edge = t->edge;

	if (!edge->link.lease_wanted || edge->lease_open || t->in->now_us < edge->lease_us)
		return;
	edge->lease_us = t->in->now_us + EDGE_LEASE_US;
	edge_send(t, SYNC_LEASE_REQ)->lease = edge->lease_have;
}

void edge_lease_message(struct edge_turn *t, const struct sync_frame *f)
{
	struct edge *edge = t->edge;

	if (f->lease <= edge->lease_have || edge->lease_open)
		return;
	edge->lease_open = f->lease;
	edge_out(t, EDGE_OUT_LEASE)->frame = f;
}

void edge_lease_done(struct edge_turn *t)
{
	struct edge *edge = t->edge;

	if (t->in->n != edge->lease_open)
		return;
	edge->lease_open = 0;
	if (t->in->done == EDGE_DONE && edge->lease_have < t->in->n)
		edge->lease_have = t->in->n;
	/* The core says "wanted" again by itself if one block was not enough. */
	edge->lease_us = t->in->now_us + EDGE_LEASE_US / 5;
}
