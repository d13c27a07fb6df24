#include "scale.h"

#include <unistd.h>

#include "clock.h"
#include "log.h"

#define SETTLE_US (300 * US_PER_MS)

static void answer(struct scale *s, uint8_t command)
{
	char out[TOLEDO_REPLY_MAX];
	size_t len = toledo_answer(&s->pan, command, clock_boot_us(), out);

	if (!len)
		return;
	if (s->pan.load_g == 0 && out[1] != '?' && !s->shown_empty) {
		s->shown_empty = true;
		pthread_cond_broadcast(&s->loop->changed);
	}
	if (write(s->tty.master, out, len) < 0)
		log_debug("the host does not read the scale");
}

static void on_ready(void *user, short revents)
{
	struct scale *s = user;
	uint8_t bytes[64];
	ssize_t n;

	(void)revents;
	while ((n = read(s->tty.master, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n; i++)
			answer(s, bytes[i] & 0x7f); /* 7E1: the eighth bit is parity */
}

int scale_open(struct scale *s, struct loop *loop, const char *port)
{
	int r;

	*s = (struct scale){ .loop = loop, .shown_empty = true };
	r = tty_open(&s->tty, port);
	return r < 0 ? r : loop_add(loop, s->tty.master, POLLIN, on_ready, s);
}

void scale_close(struct scale *s)
{
	if (s->tty.master >= 0)
		loop_remove(s->loop, s->tty.master);
	tty_close(&s->tty);
}

void scale_put(struct scale *s, int64_t load_g)
{
	pthread_mutex_lock(&s->loop->lock);
	toledo_load(&s->pan, load_g, clock_boot_us(), SETTLE_US);
	s->shown_empty = false;
	pthread_mutex_unlock(&s->loop->lock);
}

bool scale_wait_empty(struct scale *s, int wait_ms)
{
	int64_t until_us = clock_boot_us() + wait_ms * US_PER_MS;
	bool empty;

	pthread_mutex_lock(&s->loop->lock);
	while (!s->shown_empty && loop_wait(s->loop, until_us))
		;
	empty = s->shown_empty;
	pthread_mutex_unlock(&s->loop->lock);
	return empty;
}
