#include "plc_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fails_now(struct world *w)
{
	return w->fail_in && --w->fail_in == 0;
}

static int fake_read(void *user, enum plc_block block, unsigned first, unsigned n, uint16_t *ret)
{
	struct world *w = user;

	w->now_us += w->cost_us;
	if (fails_now(w))
		return -ETIMEDOUT;
	memcpy(ret, (block == PLC_A ? w->a : w->b) + first, n * sizeof(*ret));
	if (w->on_read)
		w->on_read(w);
	return 0;
}

static int fake_write(void *user, unsigned first, unsigned n, const uint16_t *words)
{
	struct world *w = user;
	bool fail = fails_now(w);

	assert_true(first + n <= PLC_B_WORDS);
	w->now_us += w->cost_us;
	w->order[w->order_n++ % WRITES_MAX] = first;
	if (w->lose_writes && first >= PLC_B_SEQ && w->lose_count-- > 0)
		return 0;
	if (!fail || w->fail_after)
		memcpy(w->b + first, words, n * sizeof(*words));
	return fail ? -ECONNRESET : 0;
}

static int fake_tell(void *user, const struct plc_fact *fact, int64_t *ret_n)
{
	struct world *w = user;

	if (w->core_full)
		return -EAGAIN;
	assert_true(w->facts_n < FACTS_MAX);
	w->facts[w->facts_n] = *fact;
	if (fact->divert)
		strcpy(w->diverts[w->facts_n], fact->divert);
	*ret_n = ++w->facts_n;
	return 0;
}

static int64_t fake_now(void *user)
{
	return ((struct world *)user)->now_us;
}

static const struct plc_verbs verbs = { fake_read, fake_write, fake_tell, fake_now };

void start_host(struct world *w, bool commissioned)
{
	const struct plc_settings settings = { .commissioned = commissioned, .deadline_us = 250 * MS };

	plc_init(&w->plc, &settings, &verbs, w);
	plc_host_ready(&w->plc, true);
	plc_connected(&w->plc);
}

int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->now_us = 10 * 1000 * MS;
	start_host(w, true);
	*state = w;
	return 0;
}

int world_close(void **state)
{
	free(*state);
	return 0;
}

void set_u32(uint16_t *words, uint32_t value)
{
	words[0] = (uint16_t)(value >> 16);
	words[1] = (uint16_t)value;
}

void plc_asks(struct world *w, uint16_t seq, uint32_t tracking)
{
	set_u32(&w->a[PLC_A_TRACKING], tracking);
	w->a[PLC_A_POINT] = 3;
	w->a[PLC_A_READ] = PLC_READ_OK;
	w->a[PLC_A_CODE] = '0' << 8 | '1';
	w->a[PLC_A_CODE + 1] = '2' << 8;
	w->a[PLC_A_SEQ] = seq;
}

void step(struct world *w)
{
	w->a[PLC_A_BEAT]++;
	w->now_us += 20 * MS;
	assert_int_equal(plc_step(&w->plc), 0);
}

struct plc_fact *told(struct world *w, enum plc_fact_kind kind)
{
	for (int i = w->facts_n - 1; i >= 0; i--)
		if (w->facts[i].kind == kind)
			return &w->facts[i];
	return NULL;
}

int count(struct world *w, enum plc_fact_kind kind)
{
	int n = 0;

	for (int i = 0; i < w->facts_n; i++)
		n += w->facts[i].kind == kind;
	return n;
}

void answer(struct world *w, enum plc_fact_kind kind, enum plc_answer how)
{
	struct plc_fact *fact = told(w, kind);

	assert_non_null(fact);
	plc_answer(&w->plc, fact - w->facts + 1, how);
}

int order(struct world *w, const char *id, uint16_t seq, uint32_t tracking, uint16_t lane)
{
	struct plc_divert divert = { .seq = seq,
		.tracking = tracking,
		.lane = lane,
		.deadline_us = w->now_us + 200 * MS };

	strcpy(divert.id, id);
	return plc_take_order(&w->plc, &divert);
}

void ready_to_write(struct world *w)
{
	plc_asks(w, 12, 70007);
	step(w);
	answer(w, PLC_FACT_REQUEST, PLC_ANSWER_OK);
	assert_int_equal(order(w, "d-1", 12, 70007, 4), 0);
	plc_tick(&w->plc);
	answer(w, PLC_FACT_TAKEN, PLC_ANSWER_OK);
}

void reconnect(struct world *w)
{
	plc_disconnected(&w->plc);
	plc_tick(&w->plc);
	plc_connected(&w->plc);
	w->order_n = 0;
}
