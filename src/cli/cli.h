/* What the subcommands of `wharf` share: the loaded configuration, how to print, and where the other
 * programs lie. */
#ifndef WHARF_CLI_H
#define WHARF_CLI_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "options.h"

/* Exit codes: 0 true or done, 1 false or failed, 2 wrong words on the command line, 3 a proof that this
 * release cannot judge. */
enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_UNJUDGED = 3 };

#define CLI_WORDS_MAX 64

struct cli {
	const char *config_path;     /* -c, NULL: built-in defaults */
	struct config *config;
	char folder[PATH_MAX];       /* where this program lies: the others are looked for here first */
	bool json;
	const char *words[CLI_WORDS_MAX]; /* the subcommand's words that are no options */
	size_t words_n;
};

/* A row of the table of subcommands. `options` are beside -c and --json. */
struct subcommand {
	const char *name;
	const char *synopsis;
	const char *brief;
	const char *about;           /* a paragraph of the manual page */
	size_t words_min, words_max;
	const struct option_row *options;
	size_t options_n;
	int (*run)(struct cli *cli);
};

extern const struct subcommand cmd_run, cmd_status, cmd_orders, cmd_cases, cmd_devices, cmd_ask;
extern const struct subcommand cmd_audit, cmd_replay, cmd_backup, cmd_seal, cmd_check, cmd_send, cmd_proof, cmd_import;

/* The folders of the configuration. */
const char *cli_run_folder(const struct cli *cli);
const char *cli_state_folder(const struct cli *cli);

/* Prints one JSON value as one line on standard output. */
void cli_print_json(const json_t *value);

#endif
