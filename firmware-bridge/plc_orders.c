/* Divert orders: offered, taken, written, ended. */
#include <errno.h>
#include <string.h>

#include "plc_handshake.h"

#define CRC_POLYNOMIAL 0xA001
#define CRC_START 0xFFFF

static uint16_t crc_byte(uint16_t crc, unsigned byte)
{
	crc = (uint16_t)(crc ^ byte);
	for (int bit = 0; bit < 8; bit++)
		crc = (uint16_t)(crc & 1 ? crc >> 1 ^ CRC_POLYNOMIAL : crc >> 1);
	return crc;
}

uint16_t plc_crc(const uint16_t *words, size_t n)
{
	uint16_t crc = CRC_START;

	for (size_t i = 0; i < n; i++) {
		crc = crc_byte(crc, words[i] >> 8);
		crc = crc_byte(crc, words[i] & 0xff);
	}
	return crc;
}

static int64_t now_of(const struct plc_handshake *p)
{
	return p->verbs->now_us(p->user);
}

bool plc_has_order(const struct plc_handshake *p, uint16_t seq, uint32_t tracking)
{
	for (size_t i = 0; i < PLC_ORDERS_MAX; i++) {
		const struct plc_order *o = &p->orders[i];

		if (o->state != PLC_ORDER_FREE && o->state < PLC_ORDER_ENDING &&
			o->divert.seq == seq && o->divert.tracking == tracking)
			return true;
	}
	return false;
}

static struct plc_order *find_order(struct plc_handshake *p, const char *id)
{
	for (size_t i = 0; i < PLC_ORDERS_MAX; i++)
		if (p->orders[i].state != PLC_ORDER_FREE && strcmp(p->orders[i].divert.id, id) == 0)
			return &p->orders[i];
	return NULL;
}

static struct plc_order *free_order(struct plc_handshake *p)
{
	for (size_t i = 0; i < PLC_ORDERS_MAX; i++)
		if (p->orders[i].state == PLC_ORDER_FREE)
			return &p->orders[i];
	return NULL;
}

/* The core counts from when it heard of the request; we know when it was seen. The earlier end holds. */
static int64_t deadline_of(const struct plc_handshake *p, const struct plc_divert *divert)
{
	int64_t seen_us = p->seq_us + p->settings.deadline_us;

	if (divert->seq != p->seq || divert->tracking != p->tracking || !p->seq_us)
		return divert->deadline_us;
	return seen_us < divert->deadline_us ? seen_us : divert->deadline_us;
}

int plc_take_order(struct plc_handshake *p, const struct plc_divert *divert)
{
	struct plc_order *o;

	if (!p->settings.commissioned)
		return -EPERM;
	if (find_order(p, divert->id))
		return -EEXIST;
	if (now_of(p) >= deadline_of(p, divert))
		return -ETIME;
	o = free_order(p);
	if (!o)
		return -ENOSPC;
	*o = (struct plc_order){ .state = PLC_ORDER_OFFERED, .divert = *divert };
	o->divert.deadline_us = deadline_of(p, divert);
	return 0;
}

int plc_recover_order(struct plc_handshake *p, const struct plc_divert *divert)
{
	struct plc_order *o;

	if (find_order(p, divert->id))
		return -EEXIST;
	o = free_order(p);
	if (!o)
		return -ENOSPC;
	*o = (struct plc_order){ .state = PLC_ORDER_LOST, .divert = *divert };
	return 0;
}

static void end_order(struct plc_order *o, const char *result_word, const char *reason)
{
	o->state = PLC_ORDER_ENDING;
	o->result_word = result_word;
	o->reason = reason;
	o->hold_us = 0;
}

static void tell_order(struct plc_handshake *p, struct plc_order *o, enum plc_fact_kind kind,
	enum plc_order_state next)
{
	struct plc_fact fact = { .kind = kind,
		.divert = o->divert.id,
		.result_word = o->result_word,
		.reason = o->reason };

	if (now_of(p) >= o->hold_us && p->verbs->tell(p->user, &fact, &o->n) == 0)
		o->state = next;
}

static bool is_late(const struct plc_handshake *p, const struct plc_order *o)
{
	return now_of(p) >= o->divert.deadline_us;
}

static void make_reply(const struct plc_divert *divert, uint16_t *ret)
{
	ret[0] = divert->seq;
	ret[PLC_B_TRACKING - PLC_B_SEQ] = (uint16_t)(divert->tracking >> 16);
	ret[PLC_B_TRACKING - PLC_B_SEQ + 1] = (uint16_t)divert->tracking;
	ret[PLC_B_LANE - PLC_B_SEQ] = divert->lane;
	ret[PLC_B_REASON - PLC_B_SEQ] = divert->reason;
	ret[PLC_B_FLAGS - PLC_B_SEQ] = 0;
	ret[PLC_B_CRC - PLC_B_SEQ] = plc_crc(ret, PLC_REPLY_WORDS - 1);
}

/* The sequence goes last, so a reply that is whole was given to the PLC. One that is not there may have been replaced
 * since: then nobody knows, and the PLC's confirmation will tell. */
static void end_lost(const struct plc_handshake *p, struct plc_order *o)
{
	uint16_t reply[PLC_REPLY_WORDS];

	make_reply(&o->divert, reply);
	if (memcmp(p->left, reply, sizeof(reply)) == 0)
		end_order(o, "written", "found in the PLC's registers by a new run of the link");
	else
		end_order(o, "failed", "the link ended after taking it; the PLC's registers do not hold it");
}

/* An order is only taken while it could be written: untaken ones the core closes by itself. */
static void tick_order(struct plc_handshake *p, struct plc_order *o)
{
	switch (o->state) {
	case PLC_ORDER_OFFERED:
		if (is_late(p, o))
			o->state = PLC_ORDER_FREE;
		else if (p->synced)
			tell_order(p, o, PLC_FACT_TAKEN, PLC_ORDER_TAKING);
		break;
	case PLC_ORDER_WRITING:
		if (p->synced || !is_late(p, o))
			break;
		if (o->touched)
			end_order(o, "failed", "the connection broke while it was written");
		else
			end_order(o, "late", "no connection before the deadline");
		break;
	case PLC_ORDER_LOST:
		if (p->found)
			end_lost(p, o);
		break;
	case PLC_ORDER_ENDING:
		tell_order(p, o, PLC_FACT_ENDED, PLC_ORDER_ENDED);
		break;
	case PLC_ORDER_FREE:
	case PLC_ORDER_TAKING:
	case PLC_ORDER_ENDED:
		break;
	}
}

void plc_tick(struct plc_handshake *p)
{
	for (size_t i = 0; i < PLC_ORDERS_MAX; i++)
		tick_order(p, &p->orders[i]);
}

bool plc_urgent(const struct plc_handshake *p)
{
	for (size_t i = 0; i < PLC_ORDERS_MAX; i++)
		if (p->orders[i].state == PLC_ORDER_WRITING)
			return true;
	return false;
}

/* 1: block B holds the reply, 0: it does not, -errno. */
static int verify_reply(struct plc_handshake *p, const uint16_t *reply)
{
	uint16_t *held = &p->b[PLC_B_SEQ];
	int r = p->verbs->read(p->user, PLC_B, PLC_B_SEQ, PLC_REPLY_WORDS, held);

	return r < 0 ? r : memcmp(held, reply, PLC_REPLY_WORDS * sizeof(reply[0])) == 0;
}

static int write_words(struct plc_handshake *p, struct plc_order *o, unsigned first, unsigned n,
	const uint16_t *words)
{
	/* Before each register: a word that went out late could still be acted on. */
	if (is_late(p, o))
		return -ETIME;
	o->touched |= first == PLC_B_SEQ && words[0];
	return p->verbs->write(p->user, first, n, words);
}

/* A sequence that stands in B3 already (the PLC began anew, or the first try was spoilt) is taken away
 * first: else the PLC would act on a half-written payload. */
static int write_reply(struct plc_handshake *p, struct plc_order *o, const uint16_t *reply)
{
	const uint16_t none = 0;
	int r = 0;

	if (p->b[PLC_B_SEQ] == reply[0])
		r = write_words(p, o, PLC_B_SEQ, 1, &none);
	if (r == 0)
		r = write_words(p, o, PLC_B_TRACKING, PLC_REPLY_WORDS - 1, &reply[1]);
	if (r == 0)
		r = write_words(p, o, PLC_B_SEQ, 1, reply);
	return r == 0 ? verify_reply(p, reply) : r;
}

static bool still_wanted(struct plc_handshake *p, struct plc_order *o)
{
	if (p->a[PLC_A_SEQ] != o->divert.seq)
		end_order(o, "late", "the PLC did not wait");
	else if (plc_u32(&p->a[PLC_A_TRACKING]) != o->divert.tracking)
		end_order(o, "failed", "the PLC asks for another carton");
	return o->state == PLC_ORDER_WRITING;
}

/* Written, verified, once more, then a fault. -errno of the connection only. */
static int write_order(struct plc_handshake *p, struct plc_order *o)
{
	uint16_t reply[PLC_REPLY_WORDS];
	int r;

	make_reply(&o->divert, reply);
	/* The connection broke in the middle: perhaps all of it arrived. */
	r = o->touched ? verify_reply(p, reply) : 0;
	if (r == 0 && !still_wanted(p, o))
		return 0;
	for (int try = 0; r == 0 && try < 2; try++)
		r = write_reply(p, o, reply);
	if (r == -ETIME && !o->touched) {
		end_order(o, "late", "the deadline passed");
		return 0;
	}
	if (r < 0 && r != -ETIME)
		return r;
	p->write_fault = r != 1;
	if (r == 1)
		end_order(o, "written", "");
	else
		end_order(o, "failed", "the PLC does not keep what is written");
	return 0;
}

int plc_write_orders(struct plc_handshake *p)
{
	for (size_t i = 0; i < PLC_ORDERS_MAX; i++) {
		int r;

		if (p->orders[i].state != PLC_ORDER_WRITING)
			continue;
		r = write_order(p, &p->orders[i]);
		if (r < 0)
			return r;
	}
	plc_tick(p);
	return 0;
}

static void answer_taken(struct plc_handshake *p, struct plc_order *o, enum plc_answer answer)
{
	switch (answer) {
	case PLC_ANSWER_OK:
		o->state = PLC_ORDER_WRITING;
		break;
	case PLC_ANSWER_NO:
		o->state = PLC_ORDER_FREE;
		break;
	case PLC_ANSWER_REFUSED:
		o->state = PLC_ORDER_OFFERED;
		o->hold_us = now_of(p) + PLC_RETELL_US;
		break;
	}
}

static void answer_ended(struct plc_handshake *p, struct plc_order *o, enum plc_answer answer)
{
	if (answer == PLC_ANSWER_REFUSED) {
		o->state = PLC_ORDER_ENDING;
		o->hold_us = now_of(p) + PLC_RETELL_US;
	} else {
		o->state = PLC_ORDER_FREE;
	}
}

bool plc_answer_order(struct plc_handshake *p, int64_t n, enum plc_answer answer)
{
	for (size_t i = 0; i < PLC_ORDERS_MAX; i++) {
		struct plc_order *o = &p->orders[i];

		if (o->n != n)
			continue;
		if (o->state == PLC_ORDER_TAKING) {
			answer_taken(p, o, answer);
			return true;
		}
		if (o->state == PLC_ORDER_ENDED) {
			answer_ended(p, o, answer);
			return true;
		}
	}
	return false;
}
