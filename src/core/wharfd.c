#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "clock.h"
#include "core.h"
#include "inspect.h"
#include "log.h"
#include "options.h"
#include "text.h"

#define TICK_US 1000000

static const char *opt_config, *opt_audit, *opt_replay, *opt_facts, *opt_segments, *opt_segment;
static bool opt_check, opt_json, opt_example, opt_from_empty;

static const struct option_row options[] = {
	COMMON_OPTIONS(opt_config, opt_check),
	{ "audit", 0, "FILE", "audit a backup copy: chains, stock, numbers", &opt_audit, NULL },
	{ "replay", 0, "FILE", "replay a backup copy's journal behind the copy of its last sealed segment and compare",
		&opt_replay, NULL },
	{ "segments", 0, "FOLDER", "with --audit and --replay: copies of sealed segments (default: segments beside FILE or its folder)",
		&opt_segments, NULL },
	{ "segment", 0, "N", "with --replay: replay this segment and compare with what was sealed", &opt_segment, NULL },
	{ "from-empty", 0, NULL, "with --replay: begin with an empty database", NULL, &opt_from_empty },
	{ "facts", 0, "FILE", "print a backup copy's orders, events, cartons and labels as JSON lines", &opt_facts, NULL },
	{ "json", 0, NULL, "answers of --audit and --replay as JSON", NULL, &opt_json },
	{ "example-config", 0, NULL, "print a commented example configuration and end", NULL, &opt_example },
};

static const struct program_info info = {
	.name = "wharfd",
	.brief = "the core of a warehouse floor's controller",
	.synopsis = "[OPTIONS]",
	.about = "Decides and records everything that happens on the floor. The only program that opens the database; it "
		 "speaks with all others at its door (RUN/door/KIND). It answers only what is on disk.",
	.options = options,
	.options_n = array_len(options),
};

static int on_tick(sd_event_source *source, uint64_t usec, void *user)
{
	struct core *core = user;

	guard_tick(core);
	days_tick(core);
	segments_tick(core);
	peers_check(core);
	sd_event_source_set_time(source, usec + TICK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *user)
{
	(void)source;
	(void)usec;
	turn_want(user);
	return 0;
}

static int add_sources(struct core *core)
{
	int r = sd_event_add_defer(core->event, &core->turn_source, on_turn, core);

	/* Of the same priority as the peers: the loop takes what was ready first, so what came together is committed
	 * together, and a peer that never stops asking cannot keep a turn from its commit. */
	if (r >= 0)
		r = sd_event_add_time_relative(core->event, &core->tick_source, CLOCK_BOOTTIME, TICK_US, 100000, on_tick,
			core);
	if (r >= 0)
		r = sd_event_add_time(core->event, &core->again_source, CLOCK_BOOTTIME, 1, 1, on_turn_again, core);
	if (r >= 0)
		r = sd_event_add_time_relative(core->event, &core->deadline_source, CLOCK_BOOTTIME, TICK_US, 1000,
			on_deadline, core);
	return r;
}

/* Two cores on one database would both be right and together wrong. */
static int lock_state(struct core *core)
{
	char path[300];
	int fd, r = text_mkdirs(core->state, 0700);

	if (r < 0 || text_format(path, sizeof(path), "%s/lock", core->state) < 0) {
		log_error("state folder cannot be made: %s path=%s", strerror(-r), core->state);
		return -ENOENT;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		log_error("another wharfd works in this folder path=%s", core->state);
		return -EBUSY;
	}
	return 0; /* held until the process ends */
}

static int open_store(struct core *core)
{
	char path[300];
	int r;

	if (text_format(path, sizeof(path), "%s/wharf.db", core->state) < 0)
		return -ENAMETOOLONG;
	r = store_open(path, NULL, &core->store);
	if (r < 0) {
		log_error("database cannot be used: %s path=%s", strerror(-r), path);
		return r;
	}
	store_begin(core->store);
	engine_load(&core->engine, core->store);
	if (store_commit(core->store) < 0) {
		log_error("database cannot be written: %s path=%s", store_failure_text(core->store), path);
		return -EIO;
	}
	return 0;
}

static int open_core(struct core *core)
{
	int r = text_copy(core->state, sizeof(core->state), config_text(core->config, "paths", "state"));

	if (r == 0)
		r = text_copy(core->run, sizeof(core->run), config_text(core->config, "paths", "run"));
	if (r == 0)
		r = lock_state(core);
	if (r == 0)
		r = text_mkdirs(core->run, 0755);
	if (r == 0)
		r = open_store(core);
	if (r == 0)
		r = guard_open(core);
	if (r == 0)
		r = guard_check_witness(core);
	if (r == 0)
		r = login_open(core);
	if (r < 0) {
		log_error("start failed: %s state=%s run=%s", strerror(-r), core->state, core->run);
		return r;
	}
	days_open(core);
	/* On a full disk it is told when there is space: until then the door is there and says why it is closed. */
	if (!core_closed(core) && core_start_site(core) < 0)
		log_warning("started on a full disk");
	if (core->site_started) {
		days_tick(core);
		segments_tick(core);
	}
	return 0;
}

static void close_core(struct core *core)
{
	backup_destroy(core);
	segments_destroy(core);
	peers_destroy(core);
	sd_event_source_disable_unref(core->turn_source);
	sd_event_source_disable_unref(core->again_source);
	sd_event_source_disable_unref(core->tick_source);
	sd_event_source_disable_unref(core->deadline_source);
	sd_event_unref(core->event);
	if (core->store)
		store_checkpoint(core->store, true);
	store_close(core->store);
	sodium_memzero(core->pepper, sizeof(core->pepper));
}

static int block_signals(sd_event *event)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL) < 0)
		return -EIO;
	return sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
}

static int run(const struct config *config)
{
	struct core *core = calloc(1, sizeof(*core));
	int r;

	if (!core)
		return EXIT_FAILURE;
	core->config = config;
	text_boot_id(core->boot);
	dialogue_register();
	r = sd_event_new(&core->event);
	if (r >= 0)
		r = block_signals(core->event);
	if (r >= 0)
		r = add_sources(core);
	if (r >= 0)
		r = open_core(core);
	if (r >= 0)
		r = peers_listen(core);
	if (r >= 0) {
		sd_event_set_watchdog(core->event, true);
		sd_notify(0, "READY=1");
		log_info("ready site=%s seq=%lld", core->engine.site, (long long)core->engine.seq);
		r = sd_event_loop(core->event);
	}
	close_core(core);
	free(core);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct config *config = NULL;
	int r;

	options_parse(&info, argc, argv);
	log_open("wharfd", LOG_INFO);
	if (opt_example) {
		config_print_example(stdout);
		return EXIT_SUCCESS;
	}
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	store_single_thread();
	if (opt_audit)
		return inspect_audit(&(struct inspect_task){ .path = opt_audit, .folder = opt_segments, .json = opt_json });
	if (opt_replay)
		return inspect_replay(&(struct inspect_task){ .path = opt_replay, .folder = opt_segments, .json = opt_json,
			.segment = opt_segment ? strtoll(opt_segment, NULL, 10) : 0, .from_empty = opt_from_empty });
	if (opt_facts)
		return inspect_facts(opt_facts);
	if (config_load(opt_config, stderr, &config) < 0)
		return EXIT_FAILURE;
	if (opt_check)
		puts("configuration OK");
	r = opt_check ? EXIT_SUCCESS : run(config);
	config_destroy(config);
	return r;
}
