/* backup and seal, and the two proofs that read a backup copy: audit and replay. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "cli.h"
#include "programs.h"
#include "table.h"
#include "talk.h"
#include "text.h"

/* A proof names its first findings only; more than this is no answer of ours. */
#define ANSWER_MAX (4 * 1024 * 1024)

static const char *opt_segment;
static bool opt_from_empty;

static const struct option_row replay_options[] = {
	{ "segment", 0, "N", "replay this sealed segment instead of the open one", &opt_segment, NULL },
	{ "from-empty", 0, NULL, "begin with an empty database, not with the last sealed copy", NULL,
		&opt_from_empty },
};

static void show_progress(json_int_t pages, json_int_t of)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\rcopy: %lld of %lld pages", (long long)pages, (long long)of);
}

/* Makes STATE/backup/NAME through the door. 0, or -errno after saying why. */
static int make_backup(const struct cli *cli, const char *name, char *ret_path, size_t size)
{
	struct talk *talk;
	int r = text_format(ret_path, size, "%s/backup/%s", cli_state_folder(cli), name);

	if (r < 0) {
		fputs("the path of the backup is too long\n", stderr);
		return r;
	}
	r = talk_open(&talk, cli_run_folder(cli));
	if (r < 0)
		return r;
	r = talk_backup(talk, name, show_progress);
	talk_close(talk);
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	return r;
}

static int run_backup(struct cli *cli)
{
	char path[PATH_MAX];
	_cleanup_json_ json_t *answer = NULL;

	if (make_backup(cli, cli->words[0], path, sizeof(path)) < 0)
		return CLI_FAILED;
	if (cli->json) {
		answer = json_pack("{s:s, s:s}", "name", cli->words[0], "path", path);
		cli_print_json(answer);
	} else {
		printf("backup: %s\n", path);
	}
	return CLI_OK;
}

const struct subcommand cmd_backup = { .name = "backup", .synopsis = "[OPTIONS] NAME",
	.brief = "an online backup of the database into STATE/backup/NAME",
	.about = "Copies the running database page by page without holding up the floor. The copies of sealed "
		 "segments in STATE/segments are beside it, not in it: keep them, too, to replay what is older "
		 "than the open segment.",
	.words_min = 1, .words_max = 1, .run = run_backup };

static int run_seal(struct cli *cli)
{
	_cleanup_json_ json_t *answer = NULL;
	struct talk *talk;
	int r;

	if (talk_open(&talk, cli_run_folder(cli)) < 0)
		return CLI_FAILED;
	r = talk_seal(talk, show_progress, &answer);
	talk_close(talk);
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	if (r < 0)
		return CLI_FAILED;
	json_object_del(answer, "id");
	json_object_del(answer, "done");
	if (cli->json)
		cli_print_json(answer);
	else
		table_print_object(stdout, answer);
	return CLI_OK;
}

const struct subcommand cmd_seal = { .name = "seal", .synopsis = "[OPTIONS]",
	.brief = "seal the journal's open segment with a copy of the database",
	.about = "Ends the open segment of the journal: the database is copied into STATE/segments, the copy's "
		 "state is hashed and HQ gets the hash. Done by itself each month of work and when another release "
		 "takes over.",
	.run = run_seal };

/* All of what a program prints, bounded. NULL: too much, or out of memory. */
static char *read_all(int fd)
{
	_cleanup_free_ char *text = malloc(ANSWER_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	while (text && n > 0 && len < ANSWER_MAX) {
		n = read(fd, text + len, ANSWER_MAX - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	if (!text || n != 0)
		return NULL;
	text[len] = '\0';
	return take_ptr(text);
}

static void show_answer(const struct cli *cli, const char *purpose, const char *text, int code)
{
	_cleanup_json_ json_t *answer = json_loads(text, 0, NULL);

	if (cli->json || !answer) {
		fputs(text, stdout);
		return;
	}
	json_object_del(answer, "ok");
	printf("%s: %s\n", purpose, code == 0 ? "true" : code == CLI_UNJUDGED ? "not judged" : "FALSE");
	table_print_object(stdout, answer);
}

static void add_replay_words(const char **argv, size_t n)
{
	if (opt_segment) {
		argv[n++] = "--segment";
		argv[n++] = opt_segment;
	}
	if (opt_from_empty)
		argv[n++] = "--from-empty";
	argv[n] = "--json";
}

/* Runs `wharfd MODE FILE --segments STATE/segments ... --json`; its exit code is the answer, what it prints the reason. */
static int run_wharfd(const struct cli *cli, const char *purpose, const char *mode, const char *file)
{
	char program[PATH_MAX], folder[PATH_MAX];
	const char *argv[12] = { "wharfd", mode, file, "--segments", folder };
	_cleanup_free_ char *text = NULL;
	_cleanup_fd_ int fd = -1;
	pid_t pid;
	int r, code;

	add_replay_words(argv, 5);
	snprintf(folder, sizeof(folder), "%s/segments", cli_state_folder(cli));
	if (programs_find(cli->folder, "wharfd", program, sizeof(program)) < 0) {
		fprintf(stderr, "wharfd is neither in %s nor in PATH\n", cli->folder);
		return CLI_FAILED;
	}
	r = programs_start(program, argv, &pid, &fd);
	if (r < 0) {
		fprintf(stderr, "%s cannot be started: %s\n", program, strerror(-r));
		return CLI_FAILED;
	}
	text = read_all(fd);
	close(fd); /* a program that still writes ends by that */
	fd = -1;
	code = programs_wait(pid);
	show_answer(cli, purpose, text ? text : "", code);
	if (!text)
		return CLI_FAILED;
	return code == CLI_OK || code == CLI_UNJUDGED ? code : CLI_FAILED;
}

static int name_copy(const char *purpose, char *out, size_t size)
{
	time_t now = (time_t)(clock_real_us() / US_PER_S);
	char boot[BOOT_ID_MAX];
	char day[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(day, sizeof(day), "%Y%m%d-%H%M%S", &tm);
	text_boot_id(boot);
	/* Four digits of chance: two proofs in the same second do not meet. */
	return text_format(out, size, "%s-%s-%.4s.db", purpose, day, boot);
}

/* With a file: that copy. Without: a fresh copy, which stays as evidence when the answer is false
 * and is removed else. */
static int prove(struct cli *cli, const char *purpose, const char *mode)
{
	char name[80];
	char path[PATH_MAX];
	int r;

	if (cli->words_n)
		return run_wharfd(cli, purpose, mode, cli->words[0]);
	if (name_copy(purpose, name, sizeof(name)) < 0 ||
		make_backup(cli, name, path, sizeof(path)) < 0)
		return CLI_FAILED;
	r = run_wharfd(cli, purpose, mode, path);
	if (r != CLI_FAILED)
		unlink(path);
	else
		fprintf(stderr, "the copy is kept: %s\n", path);
	return r;
}

static int run_audit(struct cli *cli)
{
	return prove(cli, "audit", "--audit");
}

const struct subcommand cmd_audit = { .name = "audit", .synopsis = "[OPTIONS] [FILE]",
	.brief = "does the journal's chain recompute, does the stock add up",
	.about = "Checks a backup copy: the journal's hash chain recomputes over all its segments, the sealed copies "
		 "in STATE/segments are what was sealed, stock is the sum of "
		 "its movements, no SSCC is on two cartons. Without FILE a fresh copy is made first.",
	.words_max = 1, .run = run_audit };

static int run_replay(struct cli *cli)
{
	return prove(cli, "replay", "--replay");
}

const struct subcommand cmd_replay = { .name = "replay", .synopsis = "[OPTIONS] [FILE]",
	.brief = "does the journal, replayed, give the same state hash",
	.about = "Decides the journal of a backup copy again, behind the copy of its last sealed segment in "
		 "STATE/segments, and compares each answer and the hash of the state at the end. With "
		 "\\-\\-segment a sealed segment is replayed and compared with what was sealed. A segment that "
		 "another release decided is not judged: exit status 3. Without FILE a fresh copy is made first.",
	.words_max = 1, .options = replay_options, .options_n = array_len(replay_options),
	.run = run_replay };
