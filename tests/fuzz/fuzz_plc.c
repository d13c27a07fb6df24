/* A PLC that holds any words and loses or tears them, orders that come in any order, a core that answers late, no or not at
 * all, and time that jumps. Nothing may be written before its taking was answered yes, after its deadline, or without being
 * commissioned; and every order must come to an end. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_script.h"
#include "plc_handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 300
#define FACTS_MAX 512
#define S INT64_C(1000000)

/* A fact the core was told; the last FACTS_MAX are remembered. */
struct told {
	int64_t n;
	char taking[PLC_ID_MAX]; /* the divert it wants, "" for another fact */
	bool answered, yes;
};

struct floor {
	struct script script;
	struct plc_handshake plc;
	uint16_t a[PLC_A_WORDS], b[PLC_B_WORDS];
	int64_t now_us, facts;
	struct told told[FACTS_MAX];
	bool connected, commissioned;
};

static int read_words(void *user, enum plc_block block, unsigned first, unsigned n, uint16_t *ret)
{
	struct floor *f = user;
	const uint16_t *from = block == PLC_A ? f->a : f->b;

	assert(first + n <= (block == PLC_A ? PLC_A_WORDS : PLC_B_WORDS));
	if (script_byte(&f->script) == 0xff)
		return -EIO;
	memcpy(ret, from + first, n * sizeof(*ret));
	return 0;
}

static bool given_away(const struct floor *f, const char *divert)
{
	for (unsigned i = 0; i < FACTS_MAX; i++)
		if (f->told[i].yes && strcmp(f->told[i].taking, divert) == 0)
			return true;
	return false;
}

/* A sequence makes the PLC act: it belongs to an order that is ours and in time. */
static void check_sequence(const struct floor *f, uint16_t seq)
{
	bool ours = false;

	for (unsigned i = 0; i < PLC_ORDERS_MAX; i++) {
		const struct plc_order *o = &f->plc.orders[i];

		ours = ours || (o->state == PLC_ORDER_WRITING && o->divert.seq == seq && o->divert.deadline_us > f->now_us &&
				       given_away(f, o->divert.id));
	}
	assert(ours);
}

/* Words that are lost or torn on their way are seen when they are read back. */
static int write_words(void *user, unsigned first, unsigned n, const uint16_t *words)
{
	struct floor *f = user;
	uint8_t luck = script_byte(&f->script);

	assert(f->commissioned && n >= 1 && first + n <= PLC_B_WORDS);
	if (first <= PLC_B_SEQ && first + n > PLC_B_SEQ && words[PLC_B_SEQ - first])
		check_sequence(f, words[PLC_B_SEQ - first]);
	if (luck == 0xff)
		return -EIO;
	if (luck == 0xfe)
		n /= 2;
	memcpy(f->b + first, words, n * sizeof(*words));
	return 0;
}

static int tell(void *user, const struct plc_fact *fact, int64_t *ret_n)
{
	struct floor *f = user;
	struct told *t;

	if (script_byte(&f->script) == 0xff)
		return -EAGAIN;
	assert(memchr(fact->code, '\0', sizeof(fact->code)));
	assert(fact->kind != PLC_FACT_ENDED || (fact->divert && fact->result_word && fact->reason));
	*ret_n = ++f->facts;
	t = &f->told[f->facts % FACTS_MAX];
	*t = (struct told){ .n = f->facts };
	if (fact->kind == PLC_FACT_TAKEN)
		memcpy(t->taking, fact->divert, strlen(fact->divert) + 1);
	return 0;
}

static int64_t now_us(void *user)
{
	return ((struct floor *)user)->now_us;
}

static void order(struct floor *f)
{
	struct plc_divert d = { .seq = script_choice(&f->script, 4) ? f->a[PLC_A_SEQ] : script_byte(&f->script),
		.lane = script_byte(&f->script),
		.deadline_us = f->now_us + script_time_us(&f->script) - S / 2 };

	d.tracking = script_choice(&f->script, 4) ? plc_u32(f->a + PLC_A_TRACKING) : script_byte(&f->script);
	d.id[0] = (char)('a' + script_choice(&f->script, 20));
	if (plc_take_order(&f->plc, &d) == 0)
		assert(f->commissioned && d.deadline_us > f->now_us);
}

static void answer(struct floor *f)
{
	enum plc_answer word = (enum plc_answer)script_choice(&f->script, PLC_ANSWER_REFUSED + 1);
	int64_t n = f->facts - (int64_t)script_choice(&f->script, 8);
	struct told *t = &f->told[(n > 0 ? n : 0) % FACTS_MAX];

	if (n < 1 || t->n != n || t->answered)
		return;
	t->answered = true;
	t->yes = word == PLC_ANSWER_OK;
	plc_answer(&f->plc, n, word);
}

static void change_words(struct floor *f)
{
	unsigned at = script_choice(&f->script, PLC_A_WORDS + 6);

	at = at < PLC_A_WORDS ? at : PLC_A_SEQ + (at - PLC_A_WORDS) % 3;
	f->a[at] = (uint16_t)script_number(&f->script, 2);
	f->a[PLC_A_BEAT] = (uint16_t)(f->a[PLC_A_BEAT] + script_choice(&f->script, 2));
}

static void act(struct floor *f)
{
	switch (script_choice(&f->script, 12)) {
	case 0:
	case 1:
		change_words(f);
		return;
	case 2:
	case 3:
		order(f);
		return;
	case 4:
	case 5:
		answer(f);
		return;
	case 6:
		f->now_us += script_time_us(&f->script);
		plc_tick(&f->plc);
		return;
	case 7:
		if (f->connected)
			plc_disconnected(&f->plc);
		f->connected = false;
		return;
	case 8:
		plc_host_ready(&f->plc, script_choice(&f->script, 2));
		return;
	default:
		if (!f->connected)
			plc_connected(&f->plc);
		f->connected = plc_step(&f->plc) == 0;
		if (!f->connected)
			plc_disconnected(&f->plc);
		return;
	}
}

static void check(const struct floor *f)
{
	const char *reason = NULL;

	plc_health(&f->plc, &reason);
	assert(reason);
	for (unsigned i = 0; i < PLC_ORDERS_MAX; i++) {
		const struct plc_order *o = &f->plc.orders[i];

		assert(o->state <= PLC_ORDER_ENDED);
		assert(o->state != PLC_ORDER_WRITING || f->commissioned);
		assert((o->state != PLC_ORDER_ENDING && o->state != PLC_ORDER_ENDED) || o->result_word);
	}
}

/* With a core that says yes to everything no order stays open behind its deadline. */
static void let_end(struct floor *f)
{
	f->script = (struct script){ 0 };
	plc_disconnected(&f->plc);
	for (int i = 0; i < 40; i++) {
		f->now_us += (INT64_C(1) << 30) / 8;
		plc_tick(&f->plc);
		for (unsigned k = 0; k < PLC_ORDERS_MAX; k++)
			if (f->plc.orders[k].state == PLC_ORDER_TAKING || f->plc.orders[k].state == PLC_ORDER_ENDED)
				plc_answer(&f->plc, f->plc.orders[k].n, PLC_ANSWER_OK);
	}
	for (unsigned k = 0; k < PLC_ORDERS_MAX; k++)
		assert(f->plc.orders[k].state == PLC_ORDER_FREE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct plc_verbs verbs = { read_words, write_words, tell, now_us };
	struct plc_settings settings = { .deadline_us = S / 2 };
	struct floor *f = calloc(1, sizeof(*f));

	assert(f);
	f->script = (struct script){ data, data + size };
	f->now_us = 1000 * S;
	settings.commissioned = f->commissioned = script_choice(&f->script, 4) != 3;
	plc_init(&f->plc, &settings, &verbs, f);
	for (int i = 0; i < STEPS_MAX && f->script.p < f->script.end; i++) {
		act(f);
		check(f);
	}
	let_end(f);
	free(f);
	return 0;
}
