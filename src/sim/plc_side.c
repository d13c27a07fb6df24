#include "plc_side.h"

#include <errno.h>
#include <string.h>

#define BEAT_US INT64_C(1000000)

static struct plc_parcel *ring_first(struct plc_ring *ring)
{
	return ring->n ? &ring->parcels[ring->first] : NULL;
}

static int ring_put(struct plc_ring *ring, const struct plc_parcel *parcel)
{
	if (ring->n == PLC_PARCELS_MAX)
		return -ENOSPC;
	ring->parcels[(ring->first + ring->n++) % PLC_PARCELS_MAX] = *parcel;
	return 0;
}

static void ring_drop(struct plc_ring *ring)
{
	ring->first = (ring->first + 1) % PLC_PARCELS_MAX;
	ring->n--;
}

static uint32_t read_u32(const uint16_t *words)
{
	return (uint32_t)words[0] << 16 | words[1];
}

static void write_u32(uint16_t *words, uint32_t value)
{
	words[0] = (uint16_t)(value >> 16);
	words[1] = (uint16_t)value;
}

static uint16_t seq_after(uint16_t seq)
{
	return seq == UINT16_MAX ? 1 : (uint16_t)(seq + 1); /* 0 means none */
}

void plc_side_init(struct plc_side *p, uint16_t *a, uint16_t *b, const struct plc_times *times,
	int64_t now_us)
{
	*p = (struct plc_side){ .times = *times, .a = a, .b = b, .host_seen_us = now_us };
	memset(a, 0, PLC_A_WORDS * sizeof(*a));
	a[A_MODE] = PLC_MODE_EXECUTE;
	p->beat_us = now_us;
	p->host_beat = b[B_HEARTBEAT];
}

int plc_side_enter(struct plc_side *p, const struct plc_parcel *parcel)
{
	size_t on_belt = p->waiting.n + p->travelling.n + p->arrived.n;

	if (on_belt >= PLC_PARCELS_MAX)
		return -ENOSPC;
	return ring_put(&p->waiting, parcel);
}

static void beat(struct plc_side *p, int64_t now_us)
{
	if (now_us >= p->beat_us) {
		p->a[A_HEARTBEAT]++;
		p->beat_us = now_us + BEAT_US;
	}
	if (p->b[B_HEARTBEAT] != p->host_beat) {
		p->host_beat = p->b[B_HEARTBEAT];
		p->host_seen_us = now_us;
	}
	if (now_us - p->host_seen_us >= p->times.host_dead_us)
		p->a[A_FAULTS] |= PLC_FAULT_HOST_LOST;
	else
		p->a[A_FAULTS] &= (uint16_t)~PLC_FAULT_HOST_LOST;
}

static void write_code(uint16_t *words, const char *code)
{
	size_t len = strlen(code);

	for (size_t i = 0; i < PLC_CODE_MAX / 2; i++) {
		unsigned high = i * 2 < len ? (uint8_t)code[i * 2] : 0;
		unsigned low = i * 2 + 1 < len ? (uint8_t)code[i * 2 + 1] : 0;

		words[i] = (uint16_t)(high << 8 | low);
	}
}

/* Payload first, sequence last: the host acts on the sequence. */
static void ask(struct plc_side *p, struct plc_parcel *parcel, int64_t now_us)
{
	write_u32(&p->a[A_TRACKING], parcel->tracking);
	p->a[A_POINT] = parcel->point;
	p->a[A_READ] = parcel->read;
	write_code(&p->a[A_CODE], parcel->code);
	p->seq = seq_after(p->seq);
	p->a[A_SEQ] = p->seq;
	parcel->due_us = now_us + p->times.decide_us;
	p->asking = true;
}

static bool host_replied(struct plc_side *p, const struct plc_parcel *parcel)
{
	if (p->b[B_SEQ] != p->seq)
		return false;
	if (read_u32(&p->b[B_TRACKING]) == parcel->tracking)
		return true;
	if (p->ignored_seq != p->seq)
		p->ignored++;
	p->ignored_seq = p->seq;
	return false;
}

static void send_on(struct plc_side *p, uint16_t lane, bool decided, int64_t now_us)
{
	struct plc_parcel parcel = *ring_first(&p->waiting);

	parcel.lane = lane;
	parcel.decided = decided;
	parcel.due_us = now_us + p->times.travel_us;
	ring_drop(&p->waiting);
	ring_put(&p->travelling, &parcel); /* never full: the belt's total is bounded */
	p->asking = false;
}

static void decide(struct plc_side *p, int64_t now_us)
{
	struct plc_parcel *parcel = ring_first(&p->waiting);

	if (!parcel)
		return;
	if (!p->asking)
		ask(p, parcel, now_us);
	if (host_replied(p, parcel))
		send_on(p, p->b[B_LANE], true, now_us);
	else if (now_us >= parcel->due_us || p->a[A_FAULTS] & PLC_FAULT_HOST_LOST)
		send_on(p, p->times.default_lane, false, now_us);
}

/* The next confirmation waits until the host has acknowledged the one before. */
static void confirm(struct plc_side *p)
{
	const struct plc_parcel *parcel = ring_first(&p->arrived);

	if (!parcel || p->b[B_CONFIRM_ACK] != p->confirm_seq)
		return;
	write_u32(&p->a[A_CONFIRM_TRACKING], parcel->tracking);
	p->a[A_CONFIRM_LANE] = parcel->lane;
	p->a[A_CONFIRM_RESULT] = PLC_RESULT_OK;
	p->confirm_seq = seq_after(p->confirm_seq);
	p->a[A_CONFIRM] = p->confirm_seq;
	ring_drop(&p->arrived);
}

bool plc_side_step(struct plc_side *p, int64_t now_us, struct plc_parcel *ret_end)
{
	struct plc_parcel *parcel;
	bool ended = false;

	beat(p, now_us);
	decide(p, now_us);
	parcel = ring_first(&p->travelling);
	if (parcel && now_us >= parcel->due_us) {
		*ret_end = *parcel;
		ring_put(&p->arrived, parcel);
		ring_drop(&p->travelling);
		ended = true;
	}
	confirm(p);
	return ended;
}
