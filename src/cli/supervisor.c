#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "cleanup.h"
#include "clock.h"
#include "door.h"
#include "log.h"
#include "text.h"

#define DOOR_LOOK_MS 50
#define DOOR_LATE_MS 10000
#define OWN_NAME "wharf"

struct supervisor {
	struct children *children;
	const char *run;
	char door[PATH_MAX];
	int signals;          /* signalfd */
	int lock;             /* RUN/pids/wharf, held for life */
	int64_t waiting_us;   /* since when the door is looked for */
};

static int pid_path(const struct supervisor *s, const char *name, char *out)
{
	return text_format(out, PATH_MAX, "%s/pids/%s", s->run, name);
}

/* Written aside and renamed: a reader never sees half a number. A lost file costs nothing, so no
 * fsync. */
static void write_pid(const struct supervisor *s, const struct child *child)
{
	char path[PATH_MAX], aside[PATH_MAX];
	_cleanup_file_ FILE *f = NULL;

	if (pid_path(s, child->name, path) < 0 ||
		text_format(aside, sizeof(aside), "%s.new", path) < 0)
		return;
	f = fopen(aside, "we");
	if (!f || fprintf(f, "%d\n", (int)child->pid) < 0 || fflush(f) != 0 ||
		rename(aside, path) < 0)
		log_warning("cannot write %s: %s", path, strerror(errno));
}

static void remove_pid(const struct supervisor *s, const struct child *child)
{
	char path[PATH_MAX];

	if (pid_path(s, child->name, path) == 0)
		unlink(path);
}

/* Between fork and exec: only calls that are safe there. */
static void become(const struct child *child, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A group of its own: Ctrl-C reaches only the supervisor, which ends the programs in order. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	execv(child->path, (char *const *)child->argv);
	_exit(127);
}

static void start_child(struct supervisor *s, struct child *child)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	int64_t now_us = clock_boot_us();

	if (pid == 0)
		become(child, parent);
	if (pid < 0) {
		log_error("cannot start: %s program=%s", strerror(errno), child->name);
		child_ended(child, now_us);
		return;
	}
	child_started(child, pid, now_us);
	write_pid(s, child);
	log_info("started program=%s pid=%d", child->name, (int)pid);
}

static void log_end(const struct supervisor *s, const struct child *child, int status)
{
	int priority = s->children->stopping ? LOG_INFO : LOG_WARNING;

	if (WIFSIGNALED(status))
		log_write(priority, "ended by a signal program=%s signal=%d pid=%d", child->name,
			WTERMSIG(status), (int)child->pid);
	else
		log_write(priority, "ended program=%s code=%d pid=%d", child->name,
			WEXITSTATUS(status), (int)child->pid);
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *child = children_by_pid(s->children, pid);

		if (!child)
			continue;
		log_end(s, child, status);
		remove_pid(s, child);
		child_ended(child, clock_boot_us());
		if (!s->children->stopping)
			log_info("starts again program=%s in_ms=%lld", child->name,
				(long long)child->backoff_ms);
	}
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD || s->children->stopping)
			continue;
		log_info("ending all programs signal=%u", info.ssi_signo);
		children_stop(s->children, clock_boot_us());
	}
	reap(s);
}

static void stop_children(struct supervisor *s)
{
	int64_t now_us = clock_boot_us();
	struct child *child;

	while ((child = children_next_stop(s->children, now_us))) {
		kill(child->pid, SIGTERM);
		child_told(s->children, child, now_us);
	}
	if (!children_kill_now(s->children, now_us))
		return;
	for (size_t i = 0; i < s->children->n; i++) {
		child = &s->children->list[i];
		if (!child->pid)
			continue;
		log_warning("does not end, killed program=%s", child->name);
		kill(child->pid, SIGKILL);
	}
}

static void look_for_door(struct supervisor *s)
{
	int64_t now_us = clock_boot_us();
	_cleanup_fd_ int fd = door_connect(s->door);

	if (fd >= 0) {
		s->children->door_open = true;
		log_info("the door is open path=%s", s->door);
	} else if (now_us - s->waiting_us >= DOOR_LATE_MS * US_PER_MS) {
		s->waiting_us = now_us;
		log_warning("still waiting for the door path=%s", s->door);
	}
}

static void start_children(struct supervisor *s)
{
	struct child *child;

	while ((child = children_next_start(s->children, clock_boot_us())))
		start_child(s, child);
}

static int wait_ms(const struct supervisor *s)
{
	int ms = children_timeout_ms(s->children, clock_boot_us());

	if (s->children->door_open || s->children->stopping)
		return ms;
	return ms < 0 || ms > DOOR_LOOK_MS ? DOOR_LOOK_MS : ms;
}

static int loop(struct supervisor *s)
{
	struct pollfd p = { .fd = s->signals, .events = POLLIN };

	for (;;) {
		if (!s->children->door_open && !s->children->stopping)
			look_for_door(s);
		start_children(s);
		stop_children(s);
		if (s->children->stopping && !children_running(s->children))
			return 0;
		if (poll(&p, 1, wait_ms(s)) < 0 && errno != EINTR)
			return -errno;
		read_signals(s);
	}
}

static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* Two supervisors on one run folder would fight for the same sockets and database. */
static int take_lock(struct supervisor *s)
{
	char path[PATH_MAX];
	char text[32];
	int n;

	if (pid_path(s, OWN_NAME, path) < 0)
		return -ENAMETOOLONG;
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (s->lock < 0)
		return -errno;
	if (flock(s->lock, LOCK_EX | LOCK_NB) < 0)
		return -EBUSY;
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(s->lock, 0) < 0 || write(s->lock, text, (size_t)n) != n)
		return -errno;
	return 0;
}

static int make_folders(const char *run)
{
	char path[PATH_MAX];
	int r = text_format(path, sizeof(path), "%s/pids", run);

	if (r == 0)
		r = text_mkdirs(path, 0755);
	if (r == 0)
		r = text_format(path, sizeof(path), "%s/door", run);
	return r < 0 ? r : text_mkdirs(path, 0755);
}

int supervisor_run(struct children *children, const char *run)
{
	struct supervisor s = { .children = children, .run = run, .signals = -1, .lock = -1,
		.waiting_us = clock_boot_us() };
	int r = door_path(run, DOOR_CTL, s.door, sizeof(s.door));

	if (r == 0)
		r = make_folders(run);
	if (r == 0)
		r = take_lock(&s);
	if (r == 0) {
		s.signals = open_signals();
		r = s.signals < 0 ? s.signals : loop(&s);
		if (ftruncate(s.lock, 0) < 0)
			log_warning("cannot empty the pid file: %s", strerror(errno));
	}
	if (s.signals >= 0)
		close(s.signals);
	if (s.lock >= 0)
		close(s.lock);
	return r;
}
