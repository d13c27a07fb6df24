/* The poll loop of the virtual devices. One lock covers the whole virtual world: the loop holds it
 * while it calls, people (threads) take it to touch a device, and `changed` wakes those who wait. */
#ifndef WHARF_SIM_LOOP_H
#define WHARF_SIM_LOOP_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LOOP_SOURCES_MAX 160
#define LOOP_TICKS_MAX 8
#define LOOP_TICK_MS 5

typedef void loop_ready(void *user, short revents);
typedef void loop_tick(void *user, int64_t now_us);

struct loop {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop;
	struct loop_source {
		int fd;
		short events;
		loop_ready *ready;
		void *user;
	} sources[LOOP_SOURCES_MAX];
	size_t sources_n;
	struct {
		loop_tick *tick;
		void *user;
	} ticks[LOOP_TICKS_MAX];
	size_t ticks_n;
};

void loop_init(struct loop *loop);
void loop_fini(struct loop *loop);

/* With the lock held, or before the loop runs. -ENOSPC where a table is full. */
int loop_add(struct loop *loop, int fd, short events, loop_ready *ready, void *user);
void loop_want(struct loop *loop, int fd, short events);
void loop_remove(struct loop *loop, int fd);
int loop_add_tick(struct loop *loop, loop_tick *tick, void *user);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* For people: waits with the lock held until something changed, `until_us` (boot clock) at most.
 * False when the time is over or the loop stops. */
bool loop_wait(struct loop *loop, int64_t until_us);

/* A person's pause; false when the loop stops. Takes the lock itself. */
bool loop_pause(struct loop *loop, int64_t ms);

#endif
