#include "loop.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "clock.h"

void loop_init(struct loop *loop)
{
	pthread_condattr_t attr;

	memset(loop, 0, sizeof(*loop));
	pthread_mutex_init(&loop->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&loop->changed, &attr);
	pthread_condattr_destroy(&attr);
}

void loop_fini(struct loop *loop)
{
	pthread_cond_destroy(&loop->changed);
	pthread_mutex_destroy(&loop->lock);
}

int loop_add(struct loop *loop, int fd, short events, loop_ready *ready, void *user)
{
	if (loop->sources_n == LOOP_SOURCES_MAX)
		return -ENOSPC;
	loop->sources[loop->sources_n++] =
		(struct loop_source){ .fd = fd, .events = events, .ready = ready, .user = user };
	return 0;
}

static struct loop_source *find_source(struct loop *loop, int fd)
{
	for (size_t i = 0; i < loop->sources_n; i++)
		if (loop->sources[i].fd == fd)
			return &loop->sources[i];
	return NULL;
}

void loop_want(struct loop *loop, int fd, short events)
{
	struct loop_source *source = find_source(loop, fd);

	if (source)
		source->events = events;
}

void loop_remove(struct loop *loop, int fd)
{
	struct loop_source *source = find_source(loop, fd);

	if (source)
		*source = loop->sources[--loop->sources_n];
}

int loop_add_tick(struct loop *loop, loop_tick *tick, void *user)
{
	if (loop->ticks_n == LOOP_TICKS_MAX)
		return -ENOSPC;
	loop->ticks[loop->ticks_n].tick = tick;
	loop->ticks[loop->ticks_n++].user = user;
	return 0;
}

static size_t copy_polls(const struct loop *loop, struct pollfd *polls)
{
	for (size_t i = 0; i < loop->sources_n; i++)
		polls[i] = (struct pollfd){ .fd = loop->sources[i].fd,
			.events = loop->sources[i].events };
	return loop->sources_n;
}

/* A callback may remove any source, so each is looked up again by its descriptor. */
static void call_ready(struct loop *loop, const struct pollfd *polls, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		struct loop_source *source = polls[i].revents ? find_source(loop, polls[i].fd) : NULL;

		if (!source)
			continue;
		source->ready(source->user, polls[i].revents);
		any = true;
	}
	for (size_t i = 0; i < loop->ticks_n; i++)
		loop->ticks[i].tick(loop->ticks[i].user, clock_boot_us());
	if (any)
		pthread_cond_broadcast(&loop->changed);
}

void loop_run(struct loop *loop)
{
	struct pollfd polls[LOOP_SOURCES_MAX];

	pthread_mutex_lock(&loop->lock);
	while (!loop->stop) {
		size_t n = copy_polls(loop, polls);

		pthread_mutex_unlock(&loop->lock);
		poll(polls, (nfds_t)n, LOOP_TICK_MS);
		pthread_mutex_lock(&loop->lock);
		call_ready(loop, polls, n);
	}
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
}

void loop_stop(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stop = true;
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
}

bool loop_wait(struct loop *loop, int64_t until_us)
{
	int64_t left_us = until_us - clock_boot_us();
	struct timespec at;

	if (left_us <= 0 || loop->stop)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &at);
	left_us += at.tv_nsec / 1000;
	at.tv_sec += (time_t)(left_us / US_PER_S);
	at.tv_nsec = (long)(left_us % US_PER_S) * 1000;
	pthread_cond_timedwait(&loop->changed, &loop->lock, &at);
	return !loop->stop;
}

bool loop_pause(struct loop *loop, int64_t ms)
{
	int64_t until_us = clock_boot_us() + ms * US_PER_MS;
	bool going;

	pthread_mutex_lock(&loop->lock);
	while (loop_wait(loop, until_us))
		;
	going = !loop->stop;
	pthread_mutex_unlock(&loop->lock);
	return going;
}
