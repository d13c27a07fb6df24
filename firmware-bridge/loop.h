/* What the bridges' poll() loops share: an end on SIGTERM or SIGINT, and signs of life for systemd. */
#ifndef WHARF_LOOP_H
#define WHARF_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Signals are only taken inside loop_wait(). */
void loop_open(void);

/* "READY=1", once. */
void loop_ready(void);

/* poll() until an event, a signal or `timeout_ms` (-1: none), with the watchdog fed in between.
 * False when the program shall end. */
bool loop_wait(struct pollfd *fds, size_t n, int timeout_ms);

/* ms until `due_us` (boot clock), for poll(): 0 when it is past. */
int loop_ms_until(int64_t due_us, int64_t now_us);

/* The shorter of two waits, where -1 means none. */
int loop_sooner(int a_ms, int b_ms);

#endif
