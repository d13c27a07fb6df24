/* wharf-sync: the link to HQ, outbound only. One loop over the door and one socket. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <zmq.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "options.h"
#include "uplink.h"

#define WAIT_MAX_MS 1000 /* also the beat of the systemd watchdog */

static const char *config_path;
static bool check_only;

static const struct option_row options[] = {COMMON_OPTIONS(config_path, check_only)};

static const struct program_info info = {
	.name = "wharf-sync",
	.brief = "the link between one warehouse and HQ",
	.synopsis = "[OPTIONS]",
	.about = "Carries the events of the core's outbox to\n.BR wharf-hq (8)\nand HQ's messages "
		 "to the core, "
		 "in order and with exactly one effect, over ZeroMQ with CURVE. It keeps nothing "
		 "itself: it can be killed at any time.\n.PP\nAt its first start it makes the "
		 "site's "
		 "key pair. The public key (printed with its path in the log) must be put into the "
		 "folder of site keys at HQ, and HQ's public key must be brought here; until then "
		 "the link says why it is refused. See section [hq] of the configuration.\n",
	.options = options,
	.options_n = array_len(options),
};

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int load_keys(struct uplink *u)
{
	const char *path = config_text(u->config, "hq", "key");
	char public_path[PATH_MAX];
	int made = 0, r = keys_public_path(path, public_path, sizeof(public_path));

	if (r == 0)
		r = keys_ensure_pair(path, public_path, &u->keys, &made);
	if (r == -EPERM)
		log_error("key file may be read by others (chmod 600): %s", path);
	else if (r < 0)
		log_error("key file: %s: %s", strerror(-r), path);
	else
		log_info(
			"%s site key pair, for HQ: %s", made ? "made a" : "using the", public_path);
	return r;
}

static int wait_ms(const struct uplink *u)
{
	int64_t now = clock_boot_us(), left = WAIT_MAX_MS;
	int door = door_client_timeout_ms(u->door);

	if (u->timer_us != EDGE_NEVER && (u->timer_us - now) / US_PER_MS + 1 < left)
		left = u->timer_us <= now ? 0 : (u->timer_us - now) / US_PER_MS + 1;
	if (u->retry_us && (u->retry_us - now) / US_PER_MS + 1 < left)
		left = u->retry_us <= now ? 0 : (u->retry_us - now) / US_PER_MS + 1;
	return (int)(door >= 0 && door < left ? door : left);
}

static void wait_for_work(struct uplink *u, int signals, short *ret_signal)
{
	zmq_pollitem_t items[4] = {{.fd = signals, .events = ZMQ_POLLIN}};
	int n = 1, door = door_client_fd(u->door);

	if (door >= 0)
		items[n++] = (zmq_pollitem_t){.fd = door,
			.events =
				(short)(ZMQ_POLLIN |
					((door_client_events(u->door) & POLLOUT) ? ZMQ_POLLOUT : 0))};
	if (u->dealer)
		items[n++] = (zmq_pollitem_t){.socket = u->dealer, .events = ZMQ_POLLIN};
	if (u->monitor)
		items[n++] = (zmq_pollitem_t){.socket = u->monitor, .events = ZMQ_POLLIN};
	if (zmq_poll(items, n, wait_ms(u)) < 0 && errno != EINTR)
		log_error("poll: %s", zmq_strerror(errno));
	*ret_signal = items[0].revents;
}

static void ask_to_stop(struct uplink *u, int signals)
{
	struct signalfd_siginfo got;
	struct edge_input in = {.kind = EDGE_IN_STOP};

	if (read(signals, &got, sizeof(got)) == (ssize_t)sizeof(got))
		uplink_feed(u, &in);
}

/* The door first: with its answers the link has work. A stop is obeyed between two turns. */
static void run(struct uplink *u, int signals)
{
	while (!u->edge.stopped) {
		short signal = 0;

		wait_for_work(u, signals, &signal);
		sd_notify(0, "WATCHDOG=1");
		door_client_process(u->door);
		uplink_tell(u);
		hq_side_monitor(u);
		uplink_tell(u);
		hq_side_read(u);
		uplink_tell(u);
		if (signal)
			ask_to_stop(u, signals);
	}
}

static void sleep_until_stopped(int signals)
{
	zmq_pollitem_t item = {.fd = signals, .events = ZMQ_POLLIN};

	log_info("no HQ is configured: nothing to do");
	while (!(item.revents & ZMQ_POLLIN)) {
		zmq_poll(&item, 1, WAIT_MAX_MS);
		sd_notify(0, "WATCHDOG=1");
	}
}

static int serve(struct uplink *u)
{
	_cleanup_fd_ int signals = open_signals();
	struct edge_config edge = {.ping_us = config_int(u->config, "hq", "ping_ms") * US_PER_MS,
		.watchdog_us = config_int(u->config, "hq", "watchdog_ms") * US_PER_MS,
		.build = "wharf " WHARF_VERSION};
	int r;

	if (signals < 0 || text_copy(edge.site, sizeof(edge.site), u->site) < 0 ||
		!door_name_ok(u->site)) {
		log_error("[site] name = %s: at most %d letters, digits, - _ .", u->site,
			SYNC_SITE_MAX - 1);
		return -EINVAL;
	}
	sd_notify(0, "READY=1");
	if (!config_text(u->config, "hq", "address")[0]) {
		sleep_until_stopped(signals);
		return 0;
	}
	edge_init(&u->edge, &edge);
	u->timer_us = EDGE_NEVER;
	r = load_keys(u);
	if (r < 0)
		return r;
	r = door_side_open(u);
	if (r < 0)
		return r;
	run(u, signals);
	return 0;
}

int main(int argc, char **argv)
{
	struct config *config = NULL;
	struct uplink *u;
	int r;

	options_parse(&info, argc, argv);
	log_open(info.name, LOG_INFO);
	if (sodium_init() < 0 || config_load(config_path, stderr, &config) < 0)
		return EXIT_FAILURE;
	if (check_only) {
		puts("configuration OK");
		config_destroy(config);
		return EXIT_SUCCESS;
	}
	u = calloc(1, sizeof(*u));
	if (!u) {
		config_destroy(config);
		return EXIT_FAILURE;
	}
	u->config = config;
	u->site = config_text(config, "site", "name");
	u->context = zmq_ctx_new();
	r = u->context ? serve(u) : -ENOMEM;
	hq_side_close(u);
	door_side_close(u);
	zmq_ctx_term(u->context);
	explicit_bzero(&u->keys, sizeof(u->keys));
	config_destroy(config);
	free(u);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
