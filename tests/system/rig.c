#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "text.h"

#define TICK_MS 2

static void write_config(struct rig *rig, const char *floor)
{
	char text[4096];

	text_format(rig->config, sizeof(rig->config), "%s/wharf.conf", rig->folder);
	assert_int_equal(text_format(text, sizeof(text), "[paths]\nrun = %s\nstate = %s\n%s", rig->folder,
				 rig->folder, floor), 0);
	assert_int_equal(text_write_file(rig->config, text, strlen(text), 0600), 0);
}

void rig_open(struct rig *rig, enum door_kind kind, const char *floor)
{
	char path[108];

	*rig = (struct rig){ .listener = -1, .door = -1, .kind = kind };
	strcpy(rig->folder, "/tmp/wharf-rig-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	write_config(rig, floor);
	text_format(path, sizeof(path), "%s/door", rig->folder);
	text_mkdirs(path, 0700);
	text_format(path, sizeof(path), "%s/tty", rig->folder);
	text_mkdirs(path, 0700);
	assert_int_equal(door_path(rig->folder, kind, path, sizeof(path)), 0);
	rig->listener = door_listen(path, 0600);
	assert_true(rig->listener >= 0);
}

void rig_close(struct rig *rig)
{
	char command[128];

	rig_kill(rig);
	rig_hang_up(rig);
	close(rig->listener);
	text_format(command, sizeof(command), "rm -rf '%s'", rig->folder);
	assert_int_equal(system(command), 0);
}

void rig_start(struct rig *rig, const char *program, const char *argument)
{
	char path[512];

	text_format(path, sizeof(path), "%s/%s", WHARF_BIN, program);
	rig->pid = fork();
	assert_true(rig->pid >= 0);
	if (rig->pid)
		return;
	if (!getenv("WHARF_TEST_LOG") && freopen("/dev/null", "w", stderr) == NULL)
		_exit(126);
	execl(path, program, "-c", rig->config, argument, (char *)NULL);
	_exit(127);
}

void rig_kill(struct rig *rig)
{
	if (rig->pid <= 0)
		return;
	kill(rig->pid, SIGKILL);
	waitpid(rig->pid, NULL, 0);
	rig->pid = 0;
}

void rig_hang_up(struct rig *rig)
{
	if (rig->door >= 0)
		close(rig->door);
	rig->door = -1;
}

/* One short wait for `fd`; true when it is readable. */
static bool tick(struct rig *rig, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (rig->idle)
		rig->idle(rig->user);
	return poll(&p, 1, TICK_MS) > 0;
}

json_t *rig_accept(struct rig *rig)
{
	int64_t end_us = clock_boot_us() + RIG_LIMIT_MS * US_PER_MS;
	json_t *hello;

	rig_hang_up(rig);
	while (!tick(rig, rig->listener))
		assert_true(clock_boot_us() < end_us);
	rig->door = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(rig->door >= 0);
	hello = rig_next(rig, "hello");
	rig_send(rig, json_pack("{s:{s:i,s:s,s:s,s:i,s:i,s:b}}", "welcome", "version", DOOR_VERSION,
			      "core", "test", "site", "TEST", "acked", 0, "as_of", 0, "accepting", 1));
	return hello;
}

/* The next message, or NULL after one tick. */
static json_t *receive(struct rig *rig)
{
	json_t *message;
	size_t len;
	int r;

	if (!tick(rig, rig->door))
		return NULL;
	r = door_recv(rig->door, rig->in, &len);
	if (r <= 0)
		fail_msg("the program hung up: %s", strerror(-r));
	message = json_loadb(rig->in, len, 0, NULL);
	assert_non_null(message);
	if (getenv("WHARF_TEST_LOG"))
		fprintf(stderr, "<- %s\n", rig->in);
	return message;
}

static json_t *body_of(json_t *message, const char *word)
{
	json_t *body = json_incref(json_object_get(message, word));

	json_decref(message);
	return body;
}

json_t *rig_next(struct rig *rig, const char *word)
{
	int64_t end_us = clock_boot_us() + RIG_LIMIT_MS * US_PER_MS;

	while (clock_boot_us() < end_us) {
		json_t *message = receive(rig);
		json_t *body = message ? body_of(message, word) : NULL;

		if (body)
			return body;
	}
	fail_msg("no %s", word);
	return NULL;
}

static bool is_state(const json_t *command)
{
	const char *kind = json_str(command, "kind");

	return strcmp(kind, "device_state") == 0 || strcmp(kind, "plc_state") == 0;
}

json_t *rig_command(struct rig *rig, const char *kind)
{
	for (;;) {
		json_t *command = rig_next(rig, "command");

		if (strcmp(json_str(command, "kind"), kind) == 0)
			return command;
		if (!is_state(command))
			fail_msg("%s instead of %s", json_str(command, "kind"), kind);
		rig_outcome(rig, command, true, "none");
		json_decref(command);
	}
}

bool rig_hears(struct rig *rig, const char *kind, bool (*done)(void *user))
{
	int64_t end_us = clock_boot_us() + RIG_LIMIT_MS * US_PER_MS;

	while (!done(rig->user)) {
		json_t *message = receive(rig);
		_cleanup_json_ json_t *command = message ? body_of(message, "command") : NULL;

		assert_true(clock_boot_us() < end_us);
		if (command && strcmp(json_str(command, "kind"), kind) == 0)
			return true;
		if (command)
			rig_outcome(rig, command, true, "none");
	}
	return false;
}

void rig_until(struct rig *rig, bool (*done)(void *user))
{
	assert_false(rig_hears(rig, "", done));
}

void rig_send(struct rig *rig, json_t *message)
{
	_cleanup_free_ char *text = json_dumps(message, JSON_COMPACT);

	json_decref(message);
	assert_non_null(text);
	assert_int_equal(door_send(rig->door, text, strlen(text)), 0);
}

void rig_outcome(struct rig *rig, const json_t *command, bool ok, const char *signal)
{
	rig_send(rig, json_pack("{s:{s:s,s:b,s:s,s:s,s:s,s:i}}", "outcome", "id", json_str(command, "id"),
			      "ok", ok, "code", "test", "say", "", "signal", signal, "seq", 1));
}

void rig_refuse(struct rig *rig, const json_t *command, const char *why)
{
	rig_send(rig, json_pack("{s:{s:s,s:s,s:s}}", "refused", "id", json_str(command, "id"), "why", why,
			      "say", "Not accepting"));
}

static const json_t *find(const json_t *command, const char *key)
{
	const json_t *value = json_object_get(command, key);

	return value ? value : json_object_get(json_object_get(command, "args"), key);
}

const char *rig_text(const json_t *command, const char *key)
{
	const char *text = json_string_value(find(command, key));

	return text ? text : "";
}

json_int_t rig_int(const json_t *command, const char *key)
{
	const json_t *value = find(command, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

int rig_pty(struct rig *rig, const char *name)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	char link[128], end[64];
	struct termios t;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, end, sizeof(end)), 0);
	assert_int_equal(tcgetattr(master, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(master, TCSANOW, &t), 0);
	text_format(link, sizeof(link), "%s/tty/%s", rig->folder, name);
	unlink(link);
	assert_int_equal(symlink(end, link), 0);
	return master;
}
