/* wharf-print: label printers. A peer of kind print at the door; one thread per printer talks to CUPS. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "clock.h"
#include "config.h"
#include "door_client.h"
#include "json.h"
#include "log.h"
#include "options.h"
#include "print_jobs.h"
#include "print_worker.h"
#include "template.h"
#include "text.h"

#define PRINTERS_MAX 64
#define END_WAIT_MS 2000
#define TURN_MS_MAX 5000  /* a turn at least so often: the watchdog hears from us */
#define STATE_RETRY_US US_PER_S
#define TOPIC "orders/"

struct printer {
	char device[DOOR_NAME_MAX];
	struct print_worker *worker;
	struct printer_state state;
	bool untold;        /* the core does not know this state yet */
	int64_t asked_n;    /* command that tells it; 0: none on its way */
	int64_t due_us;
	json_t *hello;      /* its row in the hello message, kept up to date for reconnects */
};

struct program {
	struct config *config;
	char path[128];
	struct door_client *door;
	json_t *devices;
	struct print_jobs *jobs;
	struct print_mailbox mail;
	struct printer printers[PRINTERS_MAX];
	size_t printers_n;
	bool missed;        /* an order found no room: ask again on a new connection */
	bool end;
};

static const char *config_path;
static bool check_only;

static int send_command(void *user, json_t *command, int64_t *ret_n)
{
	struct program *p = user;

	return door_client_command(p->door, command, ret_n);
}

static int give_work(void *user, size_t printer, const char *name, bool recover, const json_t *order,
	void *tag)
{
	struct program *p = user;
	struct print_work *work = calloc(1, sizeof(*work));

	if (!work)
		return -ENOMEM;
	work->tag = tag;
	work->recover = recover;
	snprintf(work->name, sizeof(work->name), "%s", name);
	work->order = json_deep_copy(order);
	if (!work->order) {
		free(work);
		return -ENOMEM;
	}
	print_worker_give(p->printers[printer].worker, work);
	return 0;
}

static struct printer *find_printer(struct program *p, const char *topic)
{
	if (strncmp(topic, TOPIC, strlen(TOPIC)) != 0)
		return NULL;
	for (size_t i = 0; i < p->printers_n; i++)
		if (strcmp(p->printers[i].device, topic + strlen(TOPIC)) == 0)
			return &p->printers[i];
	return NULL;
}

/* A core that was started anew knows no device's state. */
static void on_welcome(void *user, const json_t *welcome)
{
	struct program *p = user;

	(void)welcome;
	for (size_t i = 0; i < p->printers_n; i++)
		p->printers[i].untold = p->printers[i].state.state != NULL;
}

static void on_push(void *user, const json_t *push)
{
	struct program *p = user;
	struct printer *printer = find_printer(p, json_str(push, "topic"));
	int r;

	/* The first push of a topic may be empty: nothing to do now. */
	if (!printer || !json_object_get(push, "order"))
		return;
	r = print_jobs_order(p->jobs, (size_t)(printer - p->printers), printer->device, push,
		clock_boot_us());
	if (r == -EINVAL)
		log_error("not a print order device=%s", printer->device);
	if (r == -ENOSPC && !p->missed) {
		log_warning("%d print jobs at once, later ones wait", PRINT_JOBS_MAX);
		p->missed = true;
	}
}

static int64_t answer_number(const json_t *answer)
{
	char origin[DOOR_ORIGIN_MAX];
	int64_t n = 0;

	return door_parse_id(json_str(answer, "id"), origin, &n) < 0 ? 0 : n;
}

static struct printer *find_asked(struct program *p, int64_t n)
{
	for (size_t i = 0; i < p->printers_n; i++)
		if (n && p->printers[i].asked_n == n)
			return &p->printers[i];
	return NULL;
}

static void on_outcome(void *user, const json_t *outcome)
{
	struct program *p = user;
	int64_t n = answer_number(outcome);
	struct printer *printer = find_asked(p, n);

	if (printer)
		printer->asked_n = 0;
	print_jobs_outcome(p->jobs, n, json_is_true(json_object_get(outcome, "ok")), clock_boot_us());
}

/* Reasons that pass; with the others the same command would be refused for ever. */
static bool may_pass(const char *why)
{
	static const char *const passing[] = { "busy", "disk_full", "closed", "forgotten" };

	for (size_t i = 0; i < array_len(passing); i++)
		if (strcmp(why, passing[i]) == 0)
			return true;
	return false;
}

static void on_refused(void *user, const json_t *refused)
{
	struct program *p = user;
	int64_t n = answer_number(refused), now_us = clock_boot_us();
	bool again = may_pass(json_str(refused, "why"));
	struct printer *printer = find_asked(p, n);

	log_warning("not taken: %s why=%s", json_str(refused, "say"), json_str(refused, "why"));
	if (printer) {
		printer->asked_n = 0;
		printer->untold |= again;
		printer->due_us = now_us + STATE_RETRY_US;
	}
	print_jobs_refused(p->jobs, n, again, now_us);
}

static void on_other(void *user, const json_t *message)
{
	const json_t *error = json_object_get(message, "error");

	(void)user;
	if (error)
		log_error("the door says: %s why=%s", json_str(error, "say"), json_str(error, "why"));
}

static void take_state(struct program *p, const struct print_mail *mail)
{
	struct printer *printer = &p->printers[mail->printer];

	printer->state = mail->state;
	printer->untold = true;
	printer->due_us = 0;
	json_object_set_new(printer->hello, "state", json_string(mail->state.state));
	json_object_set_new(printer->hello, "reason", json_string(mail->state.reason));
	log_info("printer %s device=%s reason=%s", mail->state.state, printer->device, mail->state.reason);
}

static void read_mail(struct program *p)
{
	struct print_mail *mail;

	while ((mail = print_mailbox_take(&p->mail))) {
		if (mail->work)
			print_jobs_worked(p->jobs, mail->work->tag, print_result_name(mail->result),
				mail->evidence, clock_boot_us());
		else
			take_state(p, mail);
		print_mail_destroy(mail);
	}
}

/* The latest state of a printer, one command at a time. Milliseconds to the next try, -1: none. */
static int tell_states(struct program *p, int64_t now_us)
{
	int wait_ms = -1;

	for (size_t i = 0; i < p->printers_n; i++) {
		struct printer *printer = &p->printers[i];
		int64_t n = 0;

		if (!printer->untold || printer->asked_n)
			continue;
		if (printer->due_us <= now_us &&
			door_client_command(p->door,
				json_pack("{s:s, s:s, s:{s:s, s:s}}", "kind", "device_state", "device",
					printer->device, "args", "state", printer->state.state, "reason",
					printer->state.reason),
				&n) == 0) {
			printer->asked_n = n;
			printer->untold = false;
			continue;
		}
		wait_ms = (int)(STATE_RETRY_US / US_PER_MS);
	}
	return wait_ms;
}

static int connect_door(struct program *p)
{
	static const struct door_handlers handlers = { .welcome = on_welcome, .push = on_push,
		.outcome = on_outcome, .refused = on_refused, .other = on_other };
	char boot[BOOT_ID_MAX], topic[DOOR_NAME_MAX + sizeof(TOPIC)];
	int r;

	text_boot_id(boot);
	r = door_client_create(&p->door, p->path, DOOR_PRINT, boot,
		json_pack("{s:O}", "devices", p->devices), &handlers, p);
	for (size_t i = 0; r == 0 && i < p->printers_n; i++) {
		r = text_format(topic, sizeof(topic), TOPIC "%s", p->printers[i].device);
		if (r == 0)
			r = door_client_subscribe(p->door, topic);
	}
	return r;
}

/* Orders that found no room are offered again on a new connection: made when nothing is on its way. */
static int renew_door(struct program *p)
{
	if (!p->missed || print_jobs_count(p->jobs) || door_client_waiting(p->door))
		return 0;
	p->missed = false;
	door_client_destroy(p->door);
	p->door = NULL;
	return connect_door(p);
}

static int sooner(int a_ms, int b_ms)
{
	return a_ms < 0 ? b_ms : b_ms < 0 || a_ms < b_ms ? a_ms : b_ms;
}

static int run(struct program *p, int signals)
{
	while (!p->end) {
		int64_t now_us = clock_boot_us();
		int wait_ms = sooner(print_jobs_tick(p->jobs, now_us), tell_states(p, now_us));
		struct pollfd fds[] = {
			{ door_client_fd(p->door), door_client_events(p->door), 0 },
			{ p->mail.fd, POLLIN, 0 },
			{ signals, POLLIN, 0 },
		};

		wait_ms = sooner(sooner(wait_ms, door_client_timeout_ms(p->door)), TURN_MS_MAX);
		if (poll(fds, array_len(fds), wait_ms) < 0 && errno != EINTR)
			return -errno;
		sd_notify(0, "WATCHDOG=1");
		door_client_process(p->door);
		read_mail(p);
		p->end = fds[2].revents != 0;
		if (renew_door(p) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_printer(struct program *p, const char *section)
{
	struct printer *printer = &p->printers[p->printers_n];
	const char *queue = config_text(p->config, section, "queue");
	struct print_settings settings = { .printer = p->printers_n,
		.server = config_text(p->config, "cups", "server"),
		.templates = config_text(p->config, "labels", "templates"),
		.dpi = (int)config_int(p->config, section, "dpi"),
		.timeout_us = config_int(p->config, section, "timeout_s") * US_PER_S };
	int r = text_copy(printer->device, sizeof(printer->device), config_name(section));

	settings.queue = queue[0] ? queue : printer->device;
	if (r < 0 || !door_name_ok(printer->device)) {
		log_error("bad name of a printer: [%s]", section);
		return -EINVAL;
	}
	memcpy(settings.device, printer->device, sizeof(settings.device));
	printer->hello = json_pack("{s:s, s:s}", "device", printer->device, "state", "stale");
	json_array_append_new(p->devices, printer->hello);
	r = print_worker_create(&settings, &p->mail, &printer->worker);
	if (r == 0)
		p->printers_n++;
	else
		log_error("cannot serve printer: %s device=%s", strerror(-r), printer->device);
	return r;
}

static int add_printers(struct program *p)
{
	const char *section;
	int r = 0;

	p->devices = json_array();
	for (size_t i = 0; r == 0 && (section = config_section(p->config, "printer", i)); i++) {
		if (i == PRINTERS_MAX) {
			log_error("more than %d printers", PRINTERS_MAX);
			return -EINVAL;
		}
		r = add_printer(p, section);
	}
	return r;
}

/* Threads that hang in the print server are left behind: what they hold is the process's. */
static int stop_printers(struct program *p)
{
	int hanging = 0;

	for (size_t i = 0; i < p->printers_n; i++)
		print_worker_stop(p->printers[i].worker);
	for (size_t i = 0; i < p->printers_n; i++)
		hanging |= print_worker_destroy(p->printers[i].worker, END_WAIT_MS) < 0;
	return hanging ? -ETIMEDOUT : 0;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	/* Before the threads: they inherit the mask, and only the loop hears the signal. */
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int serve(struct program *p)
{
	static const struct print_jobs_ops ops = { .command = send_command, .work = give_work };
	_cleanup_fd_ int signals = open_signals();
	int r = signals < 0 ? -errno : print_mailbox_init(&p->mail);

	if (r < 0)
		return r;
	r = door_path(config_text(p->config, "paths", "run"), DOOR_PRINT, p->path, sizeof(p->path));
	if (r == 0)
		r = print_jobs_create(&ops, p, &p->jobs);
	if (r == 0)
		r = add_printers(p);
	if (r == 0)
		r = connect_door(p);
	if (r == 0) {
		log_info("started printers=%zu", p->printers_n);
		sd_notify(0, "READY=1");
		r = run(p, signals);
	}
	if (stop_printers(p) < 0)
		_exit(r < 0);
	door_client_destroy(p->door);
	print_jobs_destroy(p->jobs);
	print_mailbox_fini(&p->mail);
	json_decref(p->devices);
	return r;
}

static const char about[] =
	"Prints labels for wharfd. For each [printer NAME] of the configuration it takes print orders from\n"
	"the door, renders them from a label template and gives them to the printer's CUPS queue as raw\n"
	"data, under the name wharf\\-SERIES\\-JOB\\-ATTEMPT.\n"
	".PP\n"
	"A label is taken (recorded by wharfd) before its first byte leaves, and is never printed again by\n"
	"itself. Its end is \\fIsent\\fR (the queue sent every byte), \\fIfailed\\fR (certainly not printed)\n"
	"or \\fIdoubtful\\fR (nobody knows: look, or scan it). After a crash jobs are looked up in CUPS by\n"
	"their name; the queue must keep its job history (PreserveJobHistory, the default).\n"
	".PP\n"
	"Set each queue to \\fBprinter\\-error\\-policy=abort\\-job\\fR: with the other policies CUPS itself\n"
	"sends a job again after a broken connection. A template NAME is read from the folder\n"
	"[labels] templates, file NAME.label, or else is built in.\n";

int main(int argc, char **argv)
{
	const struct option_row options[] = { COMMON_OPTIONS(config_path, check_only) };
	const struct program_info info = { "wharf-print", "prints the labels of one warehouse floor",
		"[OPTIONS]", about, options, array_len(options) };
	struct program *p;
	int r;

	if (options_parse(&info, argc, argv) < argc) {
		fprintf(stderr, "wharf-print takes no words, only options\n");
		return 2;
	}
	log_open("wharf-print", LOG_INFO);
	p = calloc(1, sizeof(*p));
	if (!p)
		return 1;
	r = config_load(config_path, stderr, &p->config);
	if (r == 0 && check_only)
		puts("configuration OK");
	else if (r == 0)
		r = serve(p);
	if (r < 0 && p->config)
		log_error("%s", strerror(-r));
	config_destroy(p->config);
	free(p);
	return r < 0 ? 1 : 0;
}
