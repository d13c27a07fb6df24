/* `wharf run`: which programs this configuration needs. supervisor.c runs them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "children.h"
#include "cleanup.h"
#include "cli.h"
#include "log.h"
#include "programs.h"
#include "supervisor.h"
#include "text.h"

static int add_words(const struct cli *cli, struct children *children, const char *name,
	const char *const *words, bool needs_door)
{
	char path[PATH_MAX];
	int r = programs_find(cli->folder, words[0], path, sizeof(path));

	if (r == 0)
		r = children_add(children, name, path, words, needs_door);
	if (r == -ENOENT)
		fprintf(stderr, "%s is neither in %s nor in PATH: is wharf installed whole?\n",
			words[0], cli->folder);
	else if (r < 0)
		fprintf(stderr, "%s cannot be run: %s\n", name, strerror(-r));
	return r;
}

/* One of our own programs, with our configuration. `word` is its last argument, or NULL. */
static int add_own(const struct cli *cli, struct children *children, const char *program,
	const char *word)
{
	const char *words[5] = { program };
	char name[DOOR_NAME_MAX];
	size_t n = 1;

	if (cli->config_path) {
		words[n++] = "-c";
		words[n++] = cli->config_path;
	}
	words[n++] = word;
	if (text_format(name, sizeof(name), "%s%s%s", program, word ? "@" : "", word ? word : "") <
		0) {
		fprintf(stderr, "the name \"%s\" is too long\n", word);
		return -ENAMETOOLONG;
	}
	return add_words(cli, children, name, words, strcmp(program, "wharfd") != 0);
}

static int add_plcs(const struct cli *cli, struct children *children)
{
	const char *section;
	int r = 0;

	for (size_t i = 0; r == 0 && (section = config_section(cli->config, "plc", i)); i++)
		r = add_own(cli, children, "wharf-plc", config_name(section));
	return r;
}

static int add_command(const struct cli *cli, struct children *children, const char *section)
{
	const char *words[PROGRAM_WORDS_MAX];
	char command[CHILD_COMMAND_MAX];
	int n = 0;

	if (text_copy(command, sizeof(command), config_text(cli->config, section, "command")) == 0)
		n = programs_split(command, words);
	if (n > 0)
		return add_words(cli, children, config_name(section), words, true);
	fprintf(stderr, "[%s]: command is empty or too long\n", section);
	return -EINVAL;
}

static int add_programs(const struct cli *cli, struct children *children)
{
	const char *section;
	int r = 0;

	for (size_t i = 0; r == 0 && (section = config_section(cli->config, "program", i)); i++)
		r = add_command(cli, children, section);
	return r;
}

static int add_all(const struct cli *cli, struct children *children)
{
	const struct config *c = cli->config;
	int r = add_own(cli, children, "wharfd", NULL);

	if (r == 0)
		r = add_own(cli, children, "wharf-web", NULL);
	if (r == 0 && config_text(c, "hq", "address")[0])
		r = add_own(cli, children, "wharf-sync", NULL);
	if (r == 0 && (config_section(c, "scanner", 0) || config_section(c, "scale", 0)))
		r = add_own(cli, children, "wharf-bridge", NULL);
	if (r == 0)
		r = add_plcs(cli, children);
	if (r == 0 && config_section(c, "printer", 0))
		r = add_own(cli, children, "wharf-print", NULL);
	return r < 0 ? r : add_programs(cli, children);
}

static int make_state_folder(const struct cli *cli)
{
	int r = text_mkdirs(cli_state_folder(cli), 0750);

	if (r < 0)
		fprintf(stderr, "%s cannot be made: %s; set [paths] state to a folder of yours\n",
			cli_state_folder(cli), strerror(-r));
	return r;
}

static int run_run(struct cli *cli)
{
	_cleanup_free_ struct children *children = calloc(1, sizeof(*children));
	int r;

	if (!children || add_all(cli, children) < 0 || make_state_folder(cli) < 0)
		return CLI_FAILED;
	r = supervisor_run(children, cli_run_folder(cli));
	if (r == -EBUSY)
		fprintf(stderr, "wharf run already runs with %s; its pid is in %s/pids/wharf\n",
			cli_run_folder(cli), cli_run_folder(cli));
	else if (r < 0)
		fprintf(stderr, "%s: %s; set [paths] run to a folder of yours\n",
			cli_run_folder(cli), strerror(-r));
	return r == 0 ? CLI_OK : CLI_FAILED;
}

const struct subcommand cmd_run = { .name = "run", .synopsis = "[OPTIONS]",
	.brief = "all programs of this floor in the foreground, without systemd",
	.about = "Starts wharfd, waits for its door, then starts the programs the configuration "
		 "needs and each [program] command. A program that dies is started again after "
		 "0.1 to 5 seconds. SIGTERM or Ctrl\\-C ends all in order within 5 seconds. "
		 "RUN/pids/NAME holds the pid of each.",
	.run = run_run };
