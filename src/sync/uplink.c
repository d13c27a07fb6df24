#include "uplink.h"

#include <sodium.h>
#include <string.h>

#include "clock.h"
#include "log.h"

static json_t *acked_args(const struct sync_frame *f)
{
	char hash[HASH_HEX];

	text_hex(f->up_hash, HASH_BYTES, hash);
	return json_pack("{s:I,s:I,s:s,s:s}", "cum", (json_int_t)f->up_n, "safe",
		(json_int_t)f->safe, "hub_gen", f->gen, "hash", hash);
}

static void say_link(struct uplink *u, const struct edge_output *out)
{
	log_info("link to HQ: %s%s%s", out->word, out->why[0] ? ": " : "", out->why);
	door_side_set(u, &u->link, json_pack("{s:s,s:s}", "state", out->word, "reason", out->why));
}

static void do_output(struct uplink *u, const struct edge_output *out)
{
	switch (out->kind) {
	case EDGE_OUT_OPEN:
		hq_side_open(u);
		return;
	case EDGE_OUT_CLOSE:
		hq_side_close(u);
		return;
	case EDGE_OUT_SEND:
		hq_side_send(u, out->frame);
		return;
	case EDGE_OUT_READ:
		door_side_read_outbox(u, out);
		return;
	case EDGE_OUT_ACKED:
		door_side_set(u, &u->acked, acked_args(out->frame));
		return;
	case EDGE_OUT_DOWN:
		door_side_down(u, out->frame);
		return;
	case EDGE_OUT_LEASE:
		door_side_lease(u, out->frame);
		return;
	case EDGE_OUT_EPOCH:
		door_side_set(u, &u->epoch,
			json_pack("{s:I,s:s}", "epoch", (json_int_t)out->frame->epoch, "hub_gen",
				out->frame->gen));
		return;
	case EDGE_OUT_LINK:
		say_link(u, out);
		return;
	}
}

void uplink_feed(struct uplink *u, struct edge_input *in)
{
	in->now_us = clock_boot_us();
	in->real_us = clock_real_us();
	randombytes_buf(in->random, sizeof(in->random));
	edge_step(&u->edge, in, &u->outputs);
	u->timer_us = u->outputs.timer_us;
	for (size_t i = 0; i < u->outputs.n; i++)
		do_output(u, &u->outputs.out[i]);
}

static void tell_read_failed(struct uplink *u, int64_t read)
{
	struct edge_input in = {.kind = EDGE_IN_EVENTS, .read = read};

	uplink_feed(u, &in);
}

void uplink_tell(struct uplink *u)
{
	int64_t read = u->read_failed;

	if (u->door_lost) { /* queries are not kept over a reconnect */
		u->door_lost = false;
		read = u->edge.read_open;
	}
	u->read_failed = 0;
	if (read)
		tell_read_failed(u, read);
	if (u->lost_why[0]) {
		char why[SYNC_WHY_MAX];
		struct edge_input in = {.kind = EDGE_IN_SOCKET_DOWN, .why = why};

		memcpy(why, u->lost_why, sizeof(why));
		u->lost_why[0] = '\0';
		uplink_feed(u, &in);
	}
	if (u->retry_us && clock_boot_us() >= u->retry_us)
		door_side_send_due(u);
	if (clock_boot_us() >= u->timer_us) {
		struct edge_input in = {.kind = EDGE_IN_TIMER};

		uplink_feed(u, &in);
	}
}
