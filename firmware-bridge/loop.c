#include "loop.h"

#include <signal.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "clock.h"

#define WAIT_MAX_MS 1000 /* the watchdog is fed at least so often */

static volatile sig_atomic_t loop_ended;
static sigset_t loop_mask; /* as it was before: signals come in during ppoll() */

static void on_signal(int number)
{
	(void)number;
	loop_ended = 1;
}

void loop_open(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, &loop_mask);
	sigdelset(&loop_mask, SIGTERM);
	sigdelset(&loop_mask, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void loop_ready(void)
{
	sd_notify(0, "READY=1");
}

bool loop_wait(struct pollfd *fds, size_t n, int timeout_ms)
{
	int ms = loop_sooner(timeout_ms, WAIT_MAX_MS);
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	sd_notify(0, "WATCHDOG=1");
	if (ppoll(fds, n, &t, &loop_mask) < 0)
		for (size_t i = 0; i < n; i++)
			fds[i].revents = 0;
	return !loop_ended;
}

int loop_ms_until(int64_t due_us, int64_t now_us)
{
	int64_t left_ms = (due_us - now_us + US_PER_MS - 1) / US_PER_MS;

	if (left_ms < 0)
		return 0;
	return left_ms < WAIT_MAX_MS ? (int)left_ms : WAIT_MAX_MS;
}

int loop_sooner(int a_ms, int b_ms)
{
	if (a_ms < 0 || b_ms < 0)
		return a_ms < 0 ? b_ms : a_ms;
	return a_ms < b_ms ? a_ms : b_ms;
}
