/* backup, and the two proofs that read a backup copy: audit and replay. */
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

static void show_progress(json_int_t pages, json_int_t of)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\rbackup: %lld of %lld pages", (long long)pages, (long long)of);
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
	.about = "Copies the running database page by page without holding up the floor.",
	.words_min = 1, .words_max = 1, .run = run_backup };

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

static void show_answer(const struct cli *cli, const char *purpose, const char *text, bool good)
{
	_cleanup_json_ json_t *answer = json_loads(text, 0, NULL);

	if (cli->json || !answer) {
		fputs(text, stdout);
		return;
	}
	json_object_del(answer, "ok");
	printf("%s: %s\n", purpose, good ? "true" : "FALSE");
	table_print_object(stdout, answer);
}

/* Runs `wharfd MODE FILE --json`; its exit code is the answer, what it prints the reason. */
static int run_wharfd(const struct cli *cli, const char *purpose, const char *mode, const char *file)
{
	const char *argv[] = { "wharfd", mode, file, "--json", NULL };
	char program[PATH_MAX];
	_cleanup_free_ char *text = NULL;
	_cleanup_fd_ int fd = -1;
	pid_t pid;
	int r, code;

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
	show_answer(cli, purpose, text ? text : "", code == 0);
	return code == 0 && text ? CLI_OK : CLI_FAILED;
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

/* With a file: that copy. Without: a fresh copy, which is removed again when the answer is good and
 * stays as evidence when it is not. */
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
	if (r == CLI_OK)
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
	.about = "Checks a backup copy: the journal's hash chain recomputes, stock is the sum of "
		 "its movements, no SSCC is on two cartons. Without FILE a fresh copy is made first.",
	.words_max = 1, .run = run_audit };

static int run_replay(struct cli *cli)
{
	return prove(cli, "replay", "--replay");
}

const struct subcommand cmd_replay = { .name = "replay", .synopsis = "[OPTIONS] [FILE]",
	.brief = "does the journal, replayed, give the same state hash",
	.about = "Replays the journal of a backup copy into an empty database and compares the "
		 "hash of the state. Without FILE a fresh copy is made first.",
	.words_max = 1, .run = run_replay };
