/* The parts of an import through the ctl door: a few on their way at a time, so that people's scans never wait behind
 * more than those. A door that closes is opened again; what was answered is not sent twice. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "door_client.h"
#include "import.h"
#include "json.h"
#include "talk.h"

#define WINDOW 2               /* parts on their way */
#define AWAY_MAX_MS 30000      /* longest without a door before we give up */
#define CLEARING_MAX_MS 120000 /* longest wait for another import's rest */
#define RETRY_MS 50
#define PROGRESS_MS 500

struct sender {
	struct import_job *job;
	struct door_client *client;
	char origin[BOOT_ID_MAX], path[PATH_MAX];
	int waiting;            /* commands without an answer */
	bool ok;                /* of the last answer */
	char code[40];
	json_int_t parts, rows; /* what the last answer says is there */
	bool failed;            /* of the parts: the first that was not staged */
	int64_t up_us, shown_us;
};

static void keep(struct sender *s, const json_t *answer, const char *code_key)
{
	const json_t *data = json_object_get(answer, "data");

	s->waiting--;
	if (s->failed)
		return; /* those behind it are gaps, and nothing new */
	s->ok = json_is_true(json_object_get(answer, "ok"));
	s->failed = !s->ok;
	snprintf(s->code, sizeof(s->code), "%s", json_str(answer, code_key));
	snprintf(s->job->say, sizeof(s->job->say), "%s", json_str(answer, "say"));
	if (json_int(data, "row"))
		snprintf(s->job->say, sizeof(s->job->say), "row %lld: %s", (long long)json_int(data, "row"),
			json_str(answer, "say"));
	s->parts = json_int(data, "parts");
	s->rows = json_int(data, "rows");
}

static void on_outcome(void *user, const json_t *outcome)
{
	keep(user, outcome, "code");
}

static void on_refused(void *user, const json_t *refused)
{
	keep(user, refused, "why");
}

static int wait_once(struct sender *s)
{
	struct pollfd p = { .fd = door_client_fd(s->client), .events = door_client_events(s->client) };
	int door_ms = door_client_timeout_ms(s->client);
	int64_t now_us;

	if (poll(&p, 1, door_ms >= 0 && door_ms < PROGRESS_MS ? door_ms : PROGRESS_MS) < 0 && errno != EINTR)
		return -errno;
	door_client_process(s->client);
	now_us = clock_boot_us();
	if (door_client_up(s->client))
		s->up_us = now_us;
	if (now_us - s->up_us < AWAY_MAX_MS * US_PER_MS)
		return 0;
	snprintf(s->job->say, sizeof(s->job->say), "wharfd does not answer at %.100s for %d s. Nothing is lost: repeat the same "
		"command and it goes on", s->path, AWAY_MAX_MS / 1000);
	return -ETIMEDOUT;
}

static int send_command(struct sender *s, const char *kind, json_t *args)
{
	int r = door_client_command(s->client, json_pack("{s:s, s:o}", "kind", kind, "args", args), NULL);

	if (r == 0)
		s->waiting++;
	return r;
}

/* Sends one command and waits for its answer. 0, or -errno without one. */
static int ask(struct sender *s, const char *kind, json_t *args)
{
	int r;

	s->failed = false;
	r = send_command(s, kind, args);
	while (r == 0 && s->waiting)
		r = wait_once(s);
	return r;
}

static json_t *name_args(const char *name)
{
	return json_pack("{s:s}", "import", name);
}

static int begin(struct sender *s)
{
	const struct import_job *j = s->job;
	int64_t end_us = clock_boot_us() + CLEARING_MAX_MS * US_PER_MS;

	for (;;) {
		int r = ask(s, "import_begin", json_pack("{s:s, s:s, s:i, s:s}", "import", j->name, "what", j->kind->what, "rows",
						     j->rows, "digest", j->digest));

		if (r < 0 || s->ok)
			return r;
		if (strcmp(s->code, "clearing") != 0 || clock_boot_us() > end_us)
			return -EPERM;
		usleep(RETRY_MS * 1000);
	}
}

static void show_progress(struct sender *s, const char *what, json_int_t rows, bool last)
{
	int64_t now_us = clock_boot_us();

	if (s->job->quiet || !isatty(STDERR_FILENO) || (!last && now_us - s->shown_us < PROGRESS_MS * US_PER_MS))
		return;
	s->shown_us = now_us;
	fprintf(stderr, "\r%s: %lld of %d rows%s", what, (long long)rows, s->job->rows, last ? "\n" : "");
}

/* The parts behind `parts`, until the file is at its end or one is not staged. */
static int send_parts(struct sender *s, struct import_rows *rows, json_int_t parts)
{
	json_int_t sent = parts;
	bool more = true;
	int r = 0;

	s->failed = false;
	while (r == 0 && !s->failed && (more || s->waiting)) {
		json_t *part = more && s->waiting < WINDOW ? import_rows_part(rows) : NULL;

		if (part)
			r = send_command(s, "import_rows", json_pack("{s:s, s:I, s:o}", "import", s->job->name, "part", ++sent,
								   "rows", part));
		else if (s->waiting < WINDOW && more)
			more = false;
		else
			r = wait_once(s);
		show_progress(s, "sent", (sent - s->waiting) * IMPORT_PART_ROWS, false);
	}
	while (r == 0 && s->waiting)
		r = wait_once(s);
	return r < 0 ? r : s->failed ? -EPERM : 0;
}

/* To behind the parts that are there. */
static int skip_parts(struct import_rows *rows, const struct import_job *j, json_int_t parts)
{
	int r = import_rows_open(rows, j->kind, j->bytes, j->len);

	for (json_int_t i = 0; r == 0 && i < parts; i++) {
		json_t *part = import_rows_part(rows);

		r = part ? 0 : -EINVAL;
		json_decref(part);
	}
	return r;
}

static bool worth_again(const struct sender *s)
{
	return strcmp(s->code, "busy") == 0 || strcmp(s->code, "gap") == 0;
}

/* Asks what is there and sends the rest; again where a part was not taken. */
static int send_rest(struct sender *s)
{
	struct import_rows *rows = malloc(sizeof(*rows));
	int r = rows ? begin(s) : -ENOMEM;

	s->job->was_done = r == 0 && strcmp(s->code, "ended") == 0;
	s->job->resumed = (int)s->rows;
	while (r == 0 && !s->job->was_done) {
		r = skip_parts(rows, s->job, s->parts);
		if (r == 0)
			r = send_parts(s, rows, s->parts);
		if (r != -EPERM || !worth_again(s))
			break;
		usleep(RETRY_MS * 1000);
		r = begin(s);
	}
	free(rows);
	return r;
}

static int open_door(struct sender *s)
{
	static const struct door_handlers handlers = { .outcome = on_outcome, .refused = on_refused };
	int r = door_path(s->job->run, DOOR_CTL, s->path, sizeof(s->path));

	text_boot_id(s->origin);
	if (r == 0)
		r = door_client_create(&s->client, s->path, DOOR_CTL, s->origin, NULL, &handlers, s);
	if (r < 0)
		return r;
	door_client_process(s->client);
	s->up_us = clock_boot_us();
	if (door_client_fd(s->client) >= 0)
		return 0;
	snprintf(s->job->say, sizeof(s->job->say), "wharfd does not answer at %.150s: is it running? systemctl status wharfd",
		s->path);
	return -ENOTCONN;
}

/* Behind the end, bins are filled some at a time: how far that is. 1: all of it. */
static int look(struct sender *s, struct talk *talk)
{
	_cleanup_json_ json_t *args = name_args(s->job->name), *rows = NULL;
	int r = talk_rows(talk, "imports", args, &rows, NULL);
	const json_t *row = json_array_get(rows, 0);

	if (r < 0)
		return r;
	show_progress(s, "booked", json_int(row, "applied"), false);
	return strcmp(json_str(row, "state"), "done") == 0;
}

static int wait_booked(struct sender *s)
{
	struct talk *talk = NULL;
	int r = talk_open(&talk, s->job->run);

	while (r == 0 && (r = look(s, talk)) == 0)
		usleep(RETRY_MS * 1000);
	talk_close(talk);
	if (r < 0)
		snprintf(s->job->say, sizeof(s->job->say), "wharfd has all rows and goes on booking them; see: wharf ask imports");
	return r < 0 ? r : 0;
}

int import_send(struct import_job *job)
{
	struct sender s = { .job = job };
	int r = open_door(&s);

	if (r == 0)
		r = send_rest(&s);
	if (r == 0 && !job->was_done) {
		r = ask(&s, "import_end", name_args(job->name));
		if (r == 0 && !s.ok)
			r = -EPERM;
	}
	if (r == 0)
		show_progress(&s, "sent", job->rows, true);
	if (r == 0 && strcmp(job->kind->what, "stock") == 0)
		r = wait_booked(&s);
	door_client_destroy(s.client);
	if (r < 0 && !job->say[0])
		snprintf(job->say, sizeof(job->say), "%s", strerror(-r));
	return r;
}

int import_drop(const char *run, const char *name, char *say, size_t size)
{
	struct import_job job = { .run = run, .name = name };
	struct sender s = { .job = &job };
	int r = open_door(&s);

	if (r == 0)
		r = ask(&s, "import_drop", name_args(name));
	if (r == 0 && !s.ok)
		r = -EPERM;
	door_client_destroy(s.client);
	snprintf(say, size, "%s", job.say[0] ? job.say : r < 0 ? strerror(-r) : "it was dropped before");
	return r;
}
