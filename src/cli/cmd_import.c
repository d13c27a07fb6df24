/* wharf import: a spreadsheet's file into the core, all of it or nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "clock.h"
#include "import.h"

#define NAME_DIGITS 12 /* of the digest, in the name an import has by itself */

static bool opt_check_only;
static const char *opt_name, *opt_drop;

static const struct option_row options[] = {
	{ "check", 0, NULL, "only look whether the file is right; nothing is sent", NULL, &opt_check_only },
	{ "name", 0, "NAME", "name of the import; another name brings the same file in once more", &opt_name, NULL },
	{ "drop", 0, "NAME", "drop an import that was begun and not ended", &opt_drop, NULL },
};

struct report {
	const char *file;
	json_t *list; /* with --json */
};

static void on_wrong(void *user, const struct import_wrong *w)
{
	struct report *r = user;

	if (r->list) {
		json_array_append_new(r->list, json_pack("{s:s, s:I, s:I, s:s, s:s}", "file", r->file, "line", (json_int_t)w->line,
						       "column", (json_int_t)w->column, "value", w->value, "say", w->say));
		return;
	}
	fprintf(stderr, "%s: line %zu", r->file, w->line);
	if (w->column)
		fprintf(stderr, ", column %zu", w->column);
	fprintf(stderr, "%s%s%s: %s\n", w->value[0] ? ", \"" : "", w->value, w->value[0] ? "\"" : "", w->say);
}

static int refuse(struct cli *cli, struct report *report, int r)
{
	const char *more = r == -ENOMEM ? "not enough memory" : "nothing was sent: put the file right and try again";

	if (cli->json) {
		_cleanup_json_ json_t *answer = json_pack("{s:b, s:O, s:s}", "ok", 0, "errors", report->list, "say", more);

		cli_print_json(answer);
	} else {
		fprintf(stderr, "%s: %s\n", report->file, more);
	}
	return CLI_FAILED;
}

static void say_done(struct cli *cli, const struct import_job *j, int64_t began_us)
{
	double seconds = (double)(clock_boot_us() - began_us) / US_PER_S;

	if (cli->json) {
		_cleanup_json_ json_t *answer = json_pack("{s:b, s:s, s:s, s:i, s:i, s:b, s:f}", "ok", 1, "import", j->name,
			"what", j->kind->what, "rows", j->rows, "resumed", j->resumed, "again", j->was_done, "seconds", seconds);

		cli_print_json(answer);
	} else if (j->was_done) {
		printf("This file was imported before, as %s. To bring it in once more give it another name (--name).\n", j->name);
	} else {
		printf("%d rows of %s imported as %s in %.1f s", j->rows, j->kind->what, j->name, seconds);
		printf(j->resumed ? ", %d of them before\n" : "\n", j->resumed);
	}
}

static int send_file(struct cli *cli, struct import_job *j)
{
	int64_t began_us = clock_boot_us();
	_cleanup_json_ json_t *answer = NULL;
	uint8_t digest[HASH_BYTES];
	char name[80];

	text_hash(j->bytes, j->len, NULL, 0, digest);
	text_hex(digest, HASH_BYTES, j->digest);
	snprintf(name, sizeof(name), "%s-%.*s", j->kind->what, NAME_DIGITS, j->digest);
	j->name = opt_name ? opt_name : name;
	if (import_send(j) == 0) {
		say_done(cli, j, began_us);
		return CLI_OK;
	}
	answer = json_pack("{s:b, s:s, s:s}", "ok", 0, "import", j->name, "say", j->say);
	if (cli->json)
		cli_print_json(answer);
	else
		fprintf(stderr, "%s (import %s). Nothing of it is seen until all of it is there.\n", j->say, j->name);
	return CLI_FAILED;
}

static void say_right(struct cli *cli, const char *file, const struct import_job *j)
{
	_cleanup_json_ json_t *answer = json_pack("{s:b, s:s, s:i, s:[]}", "ok", 1, "what", j->kind->what, "rows", j->rows,
		"errors");

	if (cli->json)
		cli_print_json(answer);
	else
		printf("%s: %d rows of %s, nothing wrong\n", file, j->rows, j->kind->what);
}

static int import_file(struct cli *cli, const struct import_kind *kind, const char *file)
{
	struct import_job job = { .kind = kind, .run = cli_run_folder(cli), .quiet = cli->json };
	_cleanup_json_ json_t *list = json_array();
	struct report report = { .file = file, .list = cli->json ? list : NULL };
	_cleanup_free_ char *bytes = NULL;
	int r = text_read_file(file, IMPORT_FILE_MAX, &bytes, &job.len);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", file, r == -EFBIG ? "larger than 512 MiB: make several files of it" : strerror(-r));
		return CLI_FAILED;
	}
	job.bytes = bytes;
	r = import_check(kind, bytes, job.len, on_wrong, &report);
	if (r < 0)
		return refuse(cli, &report, r);
	job.rows = r;
	if (!opt_check_only)
		return send_file(cli, &job);
	say_right(cli, file, &job);
	return CLI_OK;
}

static int drop(struct cli *cli, const char *name)
{
	char say[256];
	int r = import_drop(cli_run_folder(cli), name, say, sizeof(say));
	_cleanup_json_ json_t *answer = json_pack("{s:b, s:s, s:s}", "ok", r == 0, "import", name, "say", say);

	if (cli->json)
		cli_print_json(answer);
	else
		fprintf(r < 0 ? stderr : stdout, "%s: %s\n", name, say);
	return r < 0 ? CLI_FAILED : CLI_OK;
}

static int run_import(struct cli *cli)
{
	const struct import_kind *kind = cli->words_n == 2 ? import_kind_named(cli->words[0]) : NULL;

	if (opt_drop && cli->words_n == 0)
		return drop(cli, opt_drop);
	if (kind && !opt_drop)
		return import_file(cli, kind, cli->words[1]);
	fputs("Usage: wharf import items|locations|totes|stock FILE.csv\n       wharf import --drop NAME\n"
	      "Try \"wharf import --help\".\n", stderr);
	return CLI_USAGE;
}

const struct subcommand cmd_import = { .name = "import", .synopsis = "[OPTIONS] items|locations|totes|stock FILE.csv",
	.brief = "items, bins, totes or opening balances from a spreadsheet's file",
	.about = "The first line names the columns, in any order. items: item, title, barcode, and if wanted weight_g, pack_qty; "
		 "locations: location, zone, walk; totes: tote; stock: location, item, qty, lot, expiry (YYYY-MM-DD). The whole "
		 "file is checked before its first row is sent, and nothing of it is seen on the floor until all of it is there. "
		 "An import that was interrupted is repeated with the same command: it goes on where it stopped.",
	.words_min = 0, .words_max = 2, .options = options, .options_n = array_len(options), .run = run_import };
