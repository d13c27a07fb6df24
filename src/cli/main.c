#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "json.h"
#include "log.h"
#include "programs.h"

#define ROWS_MAX 16

static const struct subcommand *const subcommands[] = {
	&cmd_run, &cmd_status, &cmd_orders, &cmd_cases, &cmd_devices, &cmd_check, &cmd_audit,
	&cmd_replay, &cmd_backup, &cmd_seal, &cmd_send, &cmd_import, &cmd_ask, &cmd_proof,
};

const char *cli_run_folder(const struct cli *cli)
{
	return config_text(cli->config, "paths", "run");
}

const char *cli_state_folder(const struct cli *cli)
{
	return config_text(cli->config, "paths", "state");
}

void cli_print_json(const json_t *value)
{
	_cleanup_free_ char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text)
		puts(text);
}

static const struct subcommand *find_subcommand(const char *name)
{
	for (size_t i = 0; i < array_len(subcommands); i++)
		if (strcmp(subcommands[i]->name, name) == 0)
			return subcommands[i];
	return NULL;
}

static void print_commands(FILE *out)
{
	fputs("\nCommands:\n", out);
	for (size_t i = 0; i < array_len(subcommands); i++)
		fprintf(out, "  %-10s %s\n", subcommands[i]->name, subcommands[i]->brief);
	fputs("\nEach has its own --help and --json.\n", out);
}

/* The manual page's description: a heading per subcommand, from the same table as the parser. */
static char *describe(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs(".B wharf\nis the operator's command of one warehouse floor. It speaks with the "
	      "running\n.BR wharfd (8)\nthrough its door; the proofs read backup copies and never "
	      "the live database.\n",
		out);
	for (size_t i = 0; i < array_len(subcommands); i++) {
		const struct subcommand *s = subcommands[i];

		fprintf(out, ".SS wharf %s %s\n%s\n", s->name, s->synopsis, s->about);
		for (size_t k = 0; k < s->options_n; k++)
			fprintf(out, ".TP\n\\fB\\-\\-%s\\fR%s\\fI%s\\fR\n%s.\n", s->options[k].name,
				s->options[k].argument ? "=" : "",
				s->options[k].argument ? s->options[k].argument : "",
				s->options[k].help);
	}
	fputs(".SH EXIT STATUS\n0: done, or true. 1: failed, or not true. 2: wrong words on the "
	      "command line. 3: a\nreplay that this release cannot judge.",
		out);
	fclose(out);
	return text;
}

static size_t fill_rows(struct cli *cli, const struct subcommand *sub, struct option_row *rows)
{
	size_t n = 0;

	rows[n++] = (struct option_row){ "config", 'c', "FILE", "configuration (default: built in)",
		&cli->config_path, NULL };
	if (!sub)
		return n;
	rows[n++] = (struct option_row){ "json", 0, NULL, "print JSON instead of a table", NULL,
		&cli->json };
	for (size_t i = 0; i < sub->options_n && n < ROWS_MAX; i++)
		rows[n++] = sub->options[i];
	return n;
}

/* Options may stand before, between and behind the words. */
static int parse_words(struct cli *cli, const struct program_info *info, int argc, char **argv)
{
	int i = options_parse(info, argc, argv);

	while (i < argc) {
		if (cli->words_n == CLI_WORDS_MAX) {
			fprintf(stderr, "%s: more than %d words\n", info->name, CLI_WORDS_MAX);
			return -1;
		}
		cli->words[cli->words_n++] = argv[i];
		i += options_parse(info, argc - i, argv + i);
	}
	return 0;
}

static int parse_subcommand(struct cli *cli, const struct subcommand *sub, int argc, char **argv)
{
	struct option_row rows[ROWS_MAX];
	char name[64];
	struct program_info info = { .name = name, .brief = sub->brief, .synopsis = sub->synopsis,
		.about = sub->about, .options = rows };

	snprintf(name, sizeof(name), "wharf %s", sub->name);
	info.options_n = fill_rows(cli, sub, rows);
	if (parse_words(cli, &info, argc, argv) < 0)
		return -1;
	if (cli->words_n >= sub->words_min && cli->words_n <= sub->words_max)
		return 0;
	fprintf(stderr, "Usage: %s %s\nTry \"%s --help\".\n", name, sub->synopsis, name);
	return -1;
}

static int run_subcommand(struct cli *cli, const struct subcommand *sub)
{
	int r;

	if (programs_own_folder(cli->folder, sizeof(cli->folder)) < 0)
		cli->folder[0] = '\0';
	if (config_load(cli->config_path, stderr, &cli->config) < 0) {
		fputs("The configuration has to be put right first; see wharf.conf(5).\n", stderr);
		return CLI_FAILED;
	}
	r = sub->run(cli);
	config_destroy(cli->config);
	return fflush(stdout) == 0 ? r : CLI_FAILED;
}

static bool asks_for_help(int argc, char **argv)
{
	return argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	       strcmp(argv[1], "help") == 0;
}

int main(int argc, char **argv)
{
	struct cli cli = { .config_path = NULL };
	struct option_row rows[ROWS_MAX];
	_cleanup_free_ char *about = describe();
	const struct program_info info = { .name = "wharf",
		.brief = "the operator's command of one warehouse floor",
		.synopsis = "[OPTIONS] COMMAND [WORDS]", .about = about ? about : "",
		.options = rows, .options_n = fill_rows(&cli, NULL, rows) };
	const struct subcommand *sub;
	int i;

	setlocale(LC_CTYPE, "C.UTF-8");
	log_open("wharf", LOG_INFO);
	if (asks_for_help(argc, argv)) {
		options_print_help(&info, argc < 2 ? stderr : stdout);
		print_commands(argc < 2 ? stderr : stdout);
		return argc < 2 ? CLI_USAGE : CLI_OK;
	}
	i = options_parse(&info, argc, argv);
	sub = i < argc ? find_subcommand(argv[i]) : NULL;
	if (!sub) {
		fprintf(stderr, "wharf: no command \"%s\"\nTry \"wharf --help\".\n",
			i < argc ? argv[i] : "");
		return CLI_USAGE;
	}
	if (parse_subcommand(&cli, sub, argc - i, argv + i) < 0)
		return CLI_USAGE;
	return run_subcommand(&cli, sub);
}
