#include "scanner.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "text.h"

#define BEL '\x07'
#define SCAN_MAX 512
/* A run of BELs ends after this silence; one BEL takes 1 ms at 9600 Bd. */
#define RUN_END_US (30 * US_PER_MS)

static void on_ready(void *user, short revents)
{
	struct scanner *s = user;
	char bytes[64];
	ssize_t n;

	(void)revents;
	while ((n = read(s->tty.master, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (bytes[i] == BEL) {
				s->run++;
				s->run_us = clock_boot_us();
			}
}

static void on_tick(void *user, int64_t now_us)
{
	struct scanner *s = user;

	if (!s->run || now_us - s->run_us < RUN_END_US)
		return;
	s->last = s->run >= BEEP_BAD ? BEEP_BAD : (enum beep)s->run;
	s->run = 0;
	s->answers++;
	pthread_cond_broadcast(&s->loop->changed);
}

int scanner_open(struct scanner *s, struct loop *loop, const char *name, const char *port)
{
	int r;

	*s = (struct scanner){ .loop = loop, .tty = { .master = -1, .slave = -1 } };
	r = text_copy(s->name, sizeof(s->name), name);
	if (r == 0)
		r = tty_open(&s->tty, port);
	if (r == 0)
		r = loop_add(loop, s->tty.master, POLLIN, on_ready, s);
	if (r == 0)
		r = loop_add_tick(loop, on_tick, s);
	return r;
}

void scanner_close(struct scanner *s)
{
	if (s->tty.master >= 0)
		loop_remove(s->loop, s->tty.master);
	tty_close(&s->tty);
}

static int write_scan(struct scanner *s, const char *aim, const char *data)
{
	char line[SCAN_MAX];
	int r = text_format(line, sizeof(line), "%s%s\r\n", aim, data);

	if (r < 0)
		return r;
	return write(s->tty.master, line, strlen(line)) < 0 ? -errno : 0;
}

enum beep scanner_scan(struct scanner *s, const char *aim, const char *data, int wait_ms)
{
	int64_t until_us = clock_boot_us() + wait_ms * US_PER_MS;
	enum beep beep = BEEP_NONE;
	unsigned before;
	int r;

	pthread_mutex_lock(&s->loop->lock);
	before = s->answers;
	r = write_scan(s, aim, data);
	if (r < 0)
		log_warning("scan not written: %s device=%s", strerror(-r), s->name);
	while (wait_ms && s->answers == before && loop_wait(s->loop, until_us))
		;
	if (s->answers != before)
		beep = s->last;
	pthread_mutex_unlock(&s->loop->lock);
	return beep;
}
