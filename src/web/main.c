#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "options.h"
#include "web.h"

#define TICK_MS 500 /* heartbeats, time limits, watchdog */

static const char about[] =
	"Serves the pages of handhelds, stations and the desk, the JSON API and live prompts over HTTPS, and\n"
	"carries what people do to\n.BR wharfd (8)\nthrough its door. It keeps nothing: sessions belong to the core, and a page repeats what was not\n"
	"answered.\n.PP\nWhere certificate and key are both missing it makes a local CA and a server certificate; the CA is\n"
	"served as /ca.pem for the enrolment of handhelds. PINs are stretched with argon2id here, one at a time; the\n"
	"core sees only the result.";

static int make_signal_fd(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void on_push(void *user, const char *topic, const char *text, size_t len)
{
	struct web *web = user;

	if (strcmp(topic, SESSIONS_TOPIC) != 0) {
		events_push(web, topic, text, len);
		return;
	}
	sessions_changed(&web->sessions);
	events_check_sessions(web);
}

static void on_up(void *user, bool up)
{
	struct web *web = user;

	/* What was missed meanwhile comes with the first push; nothing is believed until then. */
	if (up)
		sessions_changed(&web->sessions);
	events_door(web, up);
}

static int shorter(int a, int b)
{
	return b >= 0 && b < a ? b : a;
}

static void sweep(struct web *web, int64_t *next_us)
{
	if (web->now_us < *next_us)
		return;
	*next_us = web->now_us + TICK_MS * US_PER_MS;
	upstream_sweep(web->upstream, web->now_us);
	events_sweep(web);
	server_sweep(web);
	sd_notify(0, "WATCHDOG=1");
}

static void collect_keys(struct web *web)
{
	struct password_job *job;

	while ((job = password_worker_next(web->worker)))
		auth_job_done(web, job);
}

/* First the browsers' requests, then the door: what came together goes to the core together, and its
 * answers leave in the same turn. */
static void run(struct web *web, int signal_fd)
{
	struct pollfd fds[] = { { .fd = signal_fd, .events = POLLIN },
		{ .fd = server_epoll_fd(web), .events = POLLIN },
		{ .fd = password_worker_fd(web->worker), .events = POLLIN }, { .events = POLLIN } };
	int64_t next_us = 0;

	while (!(fds[0].revents & POLLIN)) {
		int timeout = shorter(TICK_MS, server_timeout_ms(web));

		fds[3].fd = upstream_fd(web->upstream);
		fds[3].events = upstream_events(web->upstream);
		if (poll(fds, array_len(fds), shorter(timeout, upstream_timeout_ms(web->upstream))) < 0)
			continue;
		web->now_us = clock_boot_us();
		if (fds[2].revents)
			collect_keys(web);
		upstream_process(web->upstream);
		server_run(web);
		upstream_flush(web->upstream);
		sweep(web, &next_us);
	}
}

static int serve(const struct config *config)
{
	static const struct upstream_events events = { .push = on_push, .up = on_up };
	struct web *web = calloc(1, sizeof(*web));
	_cleanup_fd_ int signal_fd = make_signal_fd();
	int r = web ? signal_fd : -ENOMEM;

	if (r < 0)
		goto out;
	web->config = config;
	web->now_us = clock_boot_us();
	r = password_worker_create(&web->worker);
	if (r == 0)
		r = upstream_create(&web->upstream, config_text(config, "paths", "run"), &events, web);
	if (r == 0)
		r = upstream_subscribe(web->upstream, SESSIONS_TOPIC);
	if (r == 0 && !events_keep(web, STATUS_TOPIC))
		r = -ENOMEM;
	if (r == 0)
		r = server_start(web);
	if (r == 0) {
		sd_notify(0, "READY=1");
		run(web, signal_fd);
		sd_notify(0, "STOPPING=1");
	}
	server_stop(web);
	upstream_destroy(web->upstream);
	password_worker_destroy(web->worker);
	topics_fini(&web->topics);
out:
	free(web);
	return r;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	bool check_only = false, verbose = false;
	const struct option_row rows[] = {
		COMMON_OPTIONS(path, check_only),
		{ "verbose", 'v', NULL, "log what only a developer wants to know", NULL, &verbose },
	};
	const struct program_info info = { "wharf-web", "pages and live prompts of one warehouse floor",
		"[OPTIONS]", about, rows, array_len(rows) };
	struct config *config = NULL;
	int r;

	options_parse(&info, argc, argv);
	log_open(info.name, verbose ? LOG_DEBUG : LOG_INFO);
	if (sodium_init() < 0 || config_load(path, stderr, &config) < 0)
		return EXIT_FAILURE;
	if (check_only) {
		puts("configuration OK");
		config_destroy(config);
		return EXIT_SUCCESS;
	}
	r = serve(config);
	config_destroy(config);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
