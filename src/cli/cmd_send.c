/* Many commands through the ctl door, a bounded number at a time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "clock.h"
#include "door_client.h"
#include "json.h"
#include "lines.h"
#include "text.h"

#define WINDOW 64
#define BUSY_RETRY_MS 50
#define BUSY_TRIES_MAX 200   /* 10 s of a busy core */
#define AWAY_MAX_MS 30000    /* longest without a door before we give up */
#define PROGRESS_MS 500

struct slot {
	json_t *command;         /* as the line had it; NULL: free */
	size_t line;
	char id[DOOR_ID_MAX];
	int tries;
	int64_t retry_us;        /* 0: on its way */
};

struct sending {
	struct door_client *client;
	char origin[BOOT_ID_MAX];
	bool json;
	struct lines lines;
	struct slot slots[WINDOW];
	size_t used;
	size_t done, refused;
	int64_t up_us;           /* the door was last up then */
	int64_t shown_us;
};

static void free_slot(struct sending *s, struct slot *slot)
{
	json_decref(slot->command);
	*slot = (struct slot){ .command = NULL };
	s->used--;
}

static struct slot *find_slot(struct sending *s, const char *id)
{
	for (size_t i = 0; i < WINDOW; i++)
		if (s->slots[i].command && strcmp(s->slots[i].id, id) == 0)
			return &s->slots[i];
	return NULL;
}

static struct slot *find_free_slot(struct sending *s)
{
	for (size_t i = 0; i < WINDOW; i++)
		if (!s->slots[i].command)
			return &s->slots[i];
	return NULL;
}

static void report(struct sending *s, size_t line, bool ok, const char *code, const char *say)
{
	_cleanup_json_ json_t *answer = NULL;

	*(ok ? &s->done : &s->refused) += 1;
	if (s->json) {
		answer = json_pack("{s:I, s:b, s:s, s:s}", "line", (json_int_t)line, "ok", ok, "code",
			code, "say", say);
		if (answer)
			cli_print_json(answer);
		fflush(stdout); /* who feeds us line by line waits for it */
	} else if (!ok) {
		fprintf(stderr, "line %zu: %s (%s)\n", line, say, code);
	}
}

static void on_outcome(void *user, const json_t *outcome)
{
	struct sending *s = user;
	struct slot *slot = find_slot(s, json_str(outcome, "id"));

	if (!slot)
		return;
	report(s, slot->line, json_is_true(json_object_get(outcome, "ok")),
		json_str(outcome, "code"), json_str(outcome, "say"));
	free_slot(s, slot);
}

static void on_refused(void *user, const json_t *refused)
{
	struct sending *s = user;
	struct slot *slot = find_slot(s, json_str(refused, "id"));

	if (!slot)
		return;
	if (strcmp(json_str(refused, "why"), "busy") == 0 && ++slot->tries < BUSY_TRIES_MAX) {
		slot->retry_us = clock_boot_us() + BUSY_RETRY_MS * US_PER_MS;
		return;
	}
	report(s, slot->line, false, json_str(refused, "why"), json_str(refused, "say"));
	free_slot(s, slot);
}

/* Sends what the slot holds, under its own id or a fresh one of ours. */
static void send_slot(struct sending *s, struct slot *slot)
{
	json_t *copy = json_deep_copy(slot->command);
	const char *own = json_string_value(json_object_get(slot->command, "id"));
	int64_t n = 0;
	int r = copy ? door_client_command(s->client, copy, &n) : -ENOMEM;

	slot->retry_us = 0;
	if (r == 0 && own)
		r = text_copy(slot->id, sizeof(slot->id), own);
	else if (r == 0)
		r = text_format(slot->id, sizeof(slot->id), "%s:%lld", s->origin, (long long)n);
	if (r == 0)
		return;
	report(s, slot->line, false, "not_sent", strerror(-r));
	free_slot(s, slot);
}

/* {"kind","args"}, or the same inside {"command":…}. NULL with the reason in `why`. */
static json_t *read_command(const char *line, size_t len, char *why, size_t why_size)
{
	_cleanup_json_ json_t *value = json_parse(line, len, why, why_size);
	json_t *inner = json_object_get(value, "command");
	json_t *command = inner ? inner : value;

	if (!value)
		return NULL;
	if (!json_is_string(json_object_get(command, "kind"))) {
		snprintf(why, why_size, "no \"kind\"");
		return NULL;
	}
	return json_incref(command);
}

static void take_line(struct sending *s, const char *line, size_t len)
{
	struct slot *slot = find_free_slot(s);
	char why[160];
	json_t *command;

	if (len == 0)
		return;
	command = read_command(line, len, why, sizeof(why));
	if (!command) {
		report(s, s->lines.number, false, "malformed", why);
		return;
	}
	*slot = (struct slot){ .command = command, .line = s->lines.number };
	s->used++;
	send_slot(s, slot);
}

static void fill_window(struct sending *s)
{
	const char *line;
	size_t len;

	while (s->used < WINDOW && (line = lines_next(&s->lines, &len)))
		take_line(s, line, len);
}

static void retry_busy(struct sending *s)
{
	int64_t now_us = clock_boot_us();

	for (size_t i = 0; i < WINDOW; i++)
		if (s->slots[i].command && s->slots[i].retry_us && s->slots[i].retry_us <= now_us)
			send_slot(s, &s->slots[i]);
}

static void show_progress(struct sending *s, bool last)
{
	int64_t now_us = clock_boot_us();

	if (s->json || !isatty(STDERR_FILENO) ||
		(!last && now_us - s->shown_us < PROGRESS_MS * US_PER_MS))
		return;
	s->shown_us = now_us;
	fprintf(stderr, "\r%zu done, %zu refused, %zu on their way%s", s->done, s->refused, s->used,
		last ? "\n" : "");
}

static int wait_events(struct sending *s)
{
	bool wants = s->used < WINDOW && !s->lines.eof;
	struct pollfd fds[2] = {
		{ .fd = door_client_fd(s->client), .events = door_client_events(s->client) },
		{ .fd = wants ? s->lines.fd : -1, .events = POLLIN },
	};
	int door_ms = door_client_timeout_ms(s->client);
	int wait_ms = door_ms >= 0 && door_ms < BUSY_RETRY_MS ? door_ms : BUSY_RETRY_MS;
	int r = 0;

	if (poll(fds, 2, wait_ms) < 0 && errno != EINTR)
		return -errno;
	if (fds[1].revents)
		r = lines_read(&s->lines);
	if (r < 0)
		fprintf(stderr, "line %zu: %s\n", s->lines.number + 1,
			r == -EMSGSIZE ? "longer than a message of the door" : strerror(-r));
	door_client_process(s->client);
	return r;
}

static int check_door(struct sending *s, const char *path)
{
	int64_t now_us = clock_boot_us();

	if (door_client_up(s->client))
		s->up_us = now_us;
	if (now_us - s->up_us < AWAY_MAX_MS * US_PER_MS)
		return 0;
	fprintf(stderr,
		"wharfd does not answer at %s for %d s: %zu commands may or may not be done. "
		"See: systemctl status wharfd\n",
		path, AWAY_MAX_MS / 1000, s->used);
	return -ETIMEDOUT;
}

static int send_all(struct sending *s, const char *path)
{
	int r = 0;

	s->up_us = clock_boot_us();
	while (r == 0) {
		retry_busy(s);
		fill_window(s);
		if (s->used == 0 && lines_ended(&s->lines))
			break;
		r = wait_events(s);
		if (r == 0)
			r = check_door(s, path);
		show_progress(s, false);
	}
	show_progress(s, true);
	return r;
}

static int open_door(struct sending *s, const struct cli *cli, char *path, size_t size)
{
	static const struct door_handlers handlers = { .outcome = on_outcome,
		.refused = on_refused };
	int r = door_path(cli_run_folder(cli), DOOR_CTL, path, size);

	text_boot_id(s->origin);
	if (r == 0)
		r = door_client_create(&s->client, path, DOOR_CTL, s->origin, NULL, &handlers, s);
	if (r < 0)
		return r;
	door_client_process(s->client);
	if (door_client_fd(s->client) >= 0)
		return 0;
	fprintf(stderr, "wharfd does not answer at %s: is it running? systemctl status wharfd\n",
		path);
	return -ENOTCONN;
}

static int open_input(const char *name)
{
	int fd = strcmp(name, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
					  open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fprintf(stderr, "%s: %s\n", name, strerror(errno));
	return fd;
}

static int run_send(struct cli *cli)
{
	_cleanup_free_ struct sending *s = calloc(1, sizeof(*s));
	_cleanup_fd_ int fd = open_input(cli->words[0]);
	char path[PATH_MAX];
	int r;

	if (!s || fd < 0)
		return CLI_FAILED;
	s->json = cli->json;
	lines_init(&s->lines, fd);
	r = open_door(s, cli, path, sizeof(path));
	if (r == 0)
		r = send_all(s, path);
	for (size_t i = 0; i < WINDOW; i++)
		json_decref(s->slots[i].command);
	door_client_destroy(s->client);
	if (r == 0 && !cli->json)
		printf("%zu commands: %zu done, %zu refused\n", s->done + s->refused, s->done,
			s->refused);
	return r == 0 && s->refused == 0 ? CLI_OK : CLI_FAILED;
}

const struct subcommand cmd_send = { .name = "send", .synopsis = "[OPTIONS] FILE|-",
	.brief = "commands from a file, one JSON object a line, through the door",
	.about = "Each line is {\"kind\": ..., \"args\": {...}} or a whole command as in the door's "
		 "page. At most 64 are on their way at a time; a lost door is opened again and "
		 "nothing is applied twice. Each refusal is reported with its line.",
	.words_min = 1, .words_max = 1, .run = run_send };
