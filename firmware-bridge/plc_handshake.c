#include "plc_handshake.h"

#include <ctype.h>
#include <string.h>

uint32_t plc_u32(const uint16_t *words)
{
	return (uint32_t)words[0] << 16 | words[1];
}

void plc_init(struct plc_handshake *p, const struct plc_settings *settings,
	const struct plc_verbs *verbs, void *user)
{
	*p = (struct plc_handshake){ .settings = *settings, .verbs = verbs, .user = user };
}

void plc_connected(struct plc_handshake *p)
{
	p->synced = false;
	p->seen_us = p->verbs->now_us(p->user);
}

void plc_disconnected(struct plc_handshake *p)
{
	p->synced = false;
}

void plc_host_ready(struct plc_handshake *p, bool ready)
{
	p->beat_now |= p->host_ready != ready;
	p->host_ready = ready;
}

int plc_tell(struct plc_handshake *p, const struct plc_fact *fact, struct plc_told *told)
{
	int r;

	if (p->verbs->now_us(p->user) < told->hold_us)
		return -1;
	r = p->verbs->tell(p->user, fact, &told->n);
	told->waiting = r == 0;
	return r;
}

static int read_a(struct plc_handshake *p, uint16_t *ret)
{
	return p->verbs->read(p->user, PLC_A, 0, PLC_A_WORDS, ret);
}

static void see_beat(struct plc_handshake *p, uint16_t beat)
{
	if (beat != p->a[PLC_A_BEAT])
		p->seen_us = p->verbs->now_us(p->user);
}

/* Rule 2: what block B already answers was done by a run of ours before this one. */
static void resume_request(struct plc_handshake *p)
{
	uint16_t seq = p->a[PLC_A_SEQ];
	uint32_t tracking = plc_u32(&p->a[PLC_A_TRACKING]);
	bool answered = p->b[PLC_B_SEQ] == seq && plc_u32(&p->b[PLC_B_TRACKING]) == tracking;
	bool fresh = p->verbs->now_us(p->user) < p->seq_us + p->settings.deadline_us;
	bool asked = p->seq == seq && p->tracking == tracking &&
		(p->request.waiting || fresh || plc_has_order(p, seq, tracking));

	p->seq = answered || asked ? seq : 0;
	p->tracking = tracking;
}

static void resume_confirm(struct plc_handshake *p)
{
	uint16_t seq = p->a[PLC_A_CONFIRM];

	if (p->b[PLC_B_CONFIRM_ACK] == seq)
		p->confirm_seq = p->ack = seq;
	else if (p->confirm_seq == seq && (p->confirm.waiting || p->ack == seq))
		return; /* told before the connection broke; the acknowledgement follows */
	else {
		p->confirm_seq = 0;
		p->ack = p->b[PLC_B_CONFIRM_ACK];
	}
}

/* Before this run writes anything. */
static void keep_left(struct plc_handshake *p)
{
	if (!p->found)
		memcpy(p->left, &p->b[PLC_B_SEQ], sizeof(p->left));
	p->found = true;
}

static int resync(struct plc_handshake *p)
{
	int r = read_a(p, p->a);

	if (r == 0)
		r = p->verbs->read(p->user, PLC_B, 0, PLC_B_WORDS, p->b);
	if (r < 0)
		return r;
	keep_left(p);
	resume_request(p);
	resume_confirm(p);
	p->synced = true;
	p->watch_us = p->verbs->now_us(p->user);
	p->beat_now = true;
	return 0;
}

static int look(struct plc_handshake *p)
{
	uint16_t a[PLC_A_WORDS];
	int r = read_a(p, a);

	if (r < 0)
		return r;
	see_beat(p, a[PLC_A_BEAT]);
	memcpy(p->a, a, sizeof(a));
	return 0;
}

/* A PLC may change words while a read passes over them: what counts is what two reads show alike. */
static int seen_twice(struct plc_handshake *p, unsigned first, unsigned n)
{
	uint16_t again[PLC_A_WORDS];
	int r = read_a(p, again);

	if (r < 0)
		return r;
	return memcmp(&again[first], &p->a[first], n * sizeof(again[0])) == 0;
}

/* Control characters other than GS, or bytes beyond ASCII: the reader sent noise. "" then. */
static void read_code(const uint16_t *words, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < PLC_CODE_MAX; i++) {
		int c = words[i / 2] >> (i % 2 ? 0 : 8) & 0xff;

		if (!c)
			break;
		if (c > 0x7e || (c < 0x20 && c != 0x1d)) {
			len = 0;
			break;
		}
		out[len++] = (char)c;
	}
	out[len] = '\0';
}

static void make_request(const struct plc_handshake *p, struct plc_fact *ret)
{
	uint16_t read = p->a[PLC_A_READ];

	*ret = (struct plc_fact){ .kind = PLC_FACT_REQUEST,
		.seq = p->a[PLC_A_SEQ],
		.tracking = plc_u32(&p->a[PLC_A_TRACKING]),
		.point = p->a[PLC_A_POINT],
		.watch_ms = (p->verbs->now_us(p->user) - p->watch_us) / 1000,
		.read = read >= PLC_READ_OK && read <= PLC_READ_CONFLICT ? read : PLC_READ_CONFLICT };
	read_code(&p->a[PLC_A_CODE], ret->code);
}

static int note_request(struct plc_handshake *p)
{
	struct plc_fact fact;
	int r;

	if (!p->a[PLC_A_SEQ])
		p->seq = 0;
	if (p->a[PLC_A_SEQ] == p->seq)
		return 0;
	r = seen_twice(p, PLC_A_SEQ, PLC_A_CONFIRM - PLC_A_SEQ);
	if (r <= 0)
		return r;
	make_request(p, &fact);
	if (plc_tell(p, &fact, &p->request) < 0)
		return 0;
	p->seq = fact.seq;
	p->tracking = fact.tracking;
	p->seq_us = p->verbs->now_us(p->user);
	return 0;
}

static int note_confirm(struct plc_handshake *p)
{
	uint16_t result = p->a[PLC_A_CONFIRM_RESULT];
	struct plc_fact fact = { .kind = PLC_FACT_CONFIRM,
		.seq = p->a[PLC_A_CONFIRM],
		.tracking = plc_u32(&p->a[PLC_A_CONFIRM_TRACKING]),
		.lane = p->a[PLC_A_CONFIRM_LANE],
		.result = result >= PLC_RESULT_OK && result <= PLC_RESULT_UNKNOWN ?
			result : PLC_RESULT_UNKNOWN };
	int r;

	if (!fact.seq) /* the PLC began anew */
		p->confirm_seq = p->ack = 0;
	if (fact.seq == p->confirm_seq)
		return 0;
	r = seen_twice(p, PLC_A_CONFIRM, PLC_A_WORDS - PLC_A_CONFIRM);
	if (r <= 0)
		return r;
	if (plc_tell(p, &fact, &p->confirm) == 0)
		p->confirm_seq = fact.seq;
	return 0;
}

/* The latest is enough; one at a time on its way. */
static void note_state(struct plc_handshake *p)
{
	struct plc_fact fact = { .kind = PLC_FACT_STATE,
		.mode = p->a[PLC_A_MODE],
		.faults = p->a[PLC_A_FAULTS] };

	if (p->state.waiting ||
		(p->state_known && p->mode == fact.mode && p->faults == fact.faults))
		return;
	if (plc_tell(p, &fact, &p->state) < 0)
		return;
	p->state_known = true;
	p->mode = fact.mode;
	p->faults = fact.faults;
}

static int write_ack(struct plc_handshake *p)
{
	int r;

	if (!p->settings.commissioned || p->ack == p->b[PLC_B_CONFIRM_ACK])
		return 0;
	r = p->verbs->write(p->user, PLC_B_CONFIRM_ACK, 1, &p->ack);
	if (r == 0)
		p->b[PLC_B_CONFIRM_ACK] = p->ack;
	return r;
}

static int beat(struct plc_handshake *p)
{
	int64_t now_us = p->verbs->now_us(p->user);
	int r;

	if (!p->settings.commissioned || (!p->beat_now && now_us < p->beat_us))
		return 0;
	p->b[PLC_B_BEAT]++;
	p->b[PLC_B_STATE] = p->host_ready ? PLC_HOST_READY : PLC_HOST_AWAY;
	p->b[PLC_B_COMMAND] = 0;
	r = p->verbs->write(p->user, PLC_B_BEAT, PLC_B_COMMAND + 1, p->b);
	if (r < 0)
		return r;
	p->beat_now = false;
	p->beat_us = now_us + PLC_HEARTBEAT_US;
	return 0;
}

int plc_step(struct plc_handshake *p)
{
	int r = p->synced ? look(p) : resync(p);

	if (r < 0)
		return r;
	note_state(p);
	r = note_request(p);
	plc_tick(p);
	if (r == 0)
		r = plc_write_orders(p);
	if (r == 0)
		r = note_confirm(p);
	if (r == 0)
		r = write_ack(p);
	return r < 0 ? r : beat(p);
}

static bool answers(struct plc_handshake *p, struct plc_told *told, int64_t n, enum plc_answer answer)
{
	if (!told->waiting || told->n != n)
		return false;
	told->waiting = false;
	if (answer == PLC_ANSWER_REFUSED)
		told->hold_us = p->verbs->now_us(p->user) + PLC_RETELL_US;
	return true;
}

void plc_answer(struct plc_handshake *p, int64_t n, enum plc_answer answer)
{
	if (plc_answer_order(p, n, answer))
		return;
	if (answers(p, &p->request, n, answer)) {
		if (answer == PLC_ANSWER_REFUSED)
			p->seq = 0;
	} else if (answers(p, &p->confirm, n, answer)) {
		if (answer == PLC_ANSWER_REFUSED)
			p->confirm_seq = 0;
		else
			p->ack = p->confirm_seq;
	} else if (answers(p, &p->state, n, answer)) {
		if (answer == PLC_ANSWER_REFUSED)
			p->state_known = false;
	}
}

enum plc_health plc_health(const struct plc_handshake *p, const char **ret_reason)
{
	if (p->verbs->now_us(p->user) - p->seen_us >= PLC_DEAD_US) {
		*ret_reason = "heartbeat of the PLC stopped";
		return PLC_STALE;
	}
	if (p->write_fault) {
		*ret_reason = "the PLC does not keep what is written";
		return PLC_FAULT;
	}
	*ret_reason = p->settings.commissioned ? "" : "read-only: not commissioned";
	return PLC_UP;
}
