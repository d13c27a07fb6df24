#include "wan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "net.h"

static void drop(struct wan_pair *pair)
{
	struct loop *loop = pair->wan->loop;

	loop_remove(loop, pair->up.from);
	loop_remove(loop, pair->down.from);
	net_reset(pair->up.from);
	net_reset(pair->down.from);
	free(pair->up.bytes);
	free(pair->down.bytes);
	*pair = (struct wan_pair){ .wan = pair->wan };
}

/* Reads only into an empty buffer: the sender's TCP window does the rest. */
static void want_flow(struct wan_flow *f)
{
	const struct wan_flow *other = f == &f->pair->up ? &f->pair->down : &f->pair->up;
	bool writing = other->len && !f->pair->wan->delay_ms;
	bool reading = f->pair->wan->cut || (!f->len && !f->ended);

	loop_want(f->pair->wan->loop, f->from,
		(short)((reading ? POLLIN : 0) | (writing && !f->pair->wan->cut ? POLLOUT : 0)));
}

static void want_pair(struct wan_pair *pair)
{
	want_flow(&pair->up);
	want_flow(&pair->down);
}

/* False where the connection broke. */
static bool push(struct wan_flow *f, int64_t now_us)
{
	ssize_t n;

	if (!f->len || now_us < f->due_us)
		return true;
	n = send(f->to, f->bytes, f->len, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == ENOTCONN || errno == EINPROGRESS;
	f->len -= (size_t)n;
	memmove(f->bytes, f->bytes + n, f->len);
	f->pair->wan->passed_bytes += (uint64_t)n;
	return true;
}

static bool pull(struct wan_flow *f, int64_t now_us)
{
	char scrap[4096];
	bool cut = f->pair->wan->cut;
	ssize_t n;

	if (f->ended || (f->len && !cut))
		return true;
	n = cut ? read(f->from, scrap, sizeof(scrap)) : read(f->from, f->bytes, WAN_BUFFER);
	if (n < 0)
		return errno == EAGAIN || errno == ENOTCONN || errno == EINPROGRESS;
	if (n == 0) {
		f->ended = true;
		return !cut; /* nobody is left to be silent to */
	}
	if (cut) {
		f->pair->wan->lost_bytes += (uint64_t)n;
		return true;
	}
	f->len = (size_t)n;
	f->due_us = now_us + f->pair->wan->delay_ms * US_PER_MS;
	return true;
}

static void move(struct wan_pair *pair, int64_t now_us)
{
	bool alive = pull(&pair->up, now_us) && pull(&pair->down, now_us);

	if (alive && !pair->wan->cut)
		alive = push(&pair->up, now_us) && push(&pair->down, now_us);
	if ((pair->up.ended && !pair->up.len) || (pair->down.ended && !pair->down.len))
		alive = false;
	if (alive)
		want_pair(pair);
	else
		drop(pair);
}

static void on_side(void *user, short revents)
{
	(void)revents;
	move(user, clock_boot_us());
}

static void on_tick(void *user, int64_t now_us)
{
	struct wan *w = user;

	for (size_t i = 0; w->delay_ms && !w->cut && i < WAN_PAIRS_MAX; i++)
		if (w->pairs[i].used)
			move(&w->pairs[i], now_us);
}

static int start_pair(struct wan_pair *pair, int near, int far)
{
	struct loop *loop = pair->wan->loop;

	*pair = (struct wan_pair){ .wan = pair->wan, .used = true,
		.up = { .pair = pair, .from = near, .to = far, .bytes = malloc(WAN_BUFFER) },
		.down = { .pair = pair, .from = far, .to = near, .bytes = malloc(WAN_BUFFER) } };
	if (!pair->up.bytes || !pair->down.bytes)
		return -ENOMEM;
	if (loop_add(loop, near, POLLIN, on_side, pair) < 0)
		return -ENOSPC;
	return loop_add(loop, far, POLLIN, on_side, pair);
}

static struct wan_pair *free_pair(struct wan *w)
{
	for (size_t i = 0; i < WAN_PAIRS_MAX; i++)
		if (!w->pairs[i].used)
			return &w->pairs[i];
	return NULL;
}

static void on_listener(void *user, short revents)
{
	struct wan *w = user;
	struct wan_pair *pair = free_pair(w);
	int near = net_accept(w->listener), far;

	(void)revents;
	if (near < 0)
		return;
	far = pair ? net_connect(w->target_port) : -ENOSPC;
	if (far < 0) {
		net_reset(near);
		return;
	}
	w->connections++;
	if (start_pair(pair, near, far) < 0)
		drop(pair);
}

int wan_open(struct wan *w, struct loop *loop, int listen_port, int target_port)
{
	int r;

	*w = (struct wan){ .loop = loop, .target_port = target_port };
	for (size_t i = 0; i < WAN_PAIRS_MAX; i++)
		w->pairs[i].wan = w;
	w->listener = net_listen(listen_port);
	if (w->listener < 0)
		return w->listener;
	r = loop_add(loop, w->listener, POLLIN, on_listener, w);
	return r < 0 ? r : loop_add_tick(loop, on_tick, w);
}

static void drop_all(struct wan *w)
{
	for (size_t i = 0; i < WAN_PAIRS_MAX; i++)
		if (w->pairs[i].used)
			drop(&w->pairs[i]);
}

void wan_close(struct wan *w)
{
	if (!w->loop || w->listener < 0)
		return;
	drop_all(w);
	loop_remove(w->loop, w->listener);
	close(w->listener);
	w->listener = -1;
}

void wan_cut(struct wan *w)
{
	if (w->cut)
		return;
	w->cut = true;
	w->cuts++;
	for (size_t i = 0; i < WAN_PAIRS_MAX; i++)
		if (w->pairs[i].used)
			want_pair(&w->pairs[i]);
	log_info("WAN cut");
}

void wan_heal(struct wan *w)
{
	if (!w->cut)
		return;
	w->cut = false;
	drop_all(w);
	log_info("WAN healed lost_bytes=%llu", (unsigned long long)w->lost_bytes);
}

void wan_delay(struct wan *w, int delay_ms)
{
	w->delay_ms = delay_ms;
	for (size_t i = 0; i < WAN_PAIRS_MAX; i++)
		if (w->pairs[i].used)
			want_pair(&w->pairs[i]);
}
