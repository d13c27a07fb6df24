/* The command line of every program: one table gives the parser, --help and the manual page. */
#ifndef WHARF_OPTIONS_H
#define WHARF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct option_row {
	const char *name;      /* "config": --config */
	char letter;           /* 'c': -c; 0: none */
	const char *argument;  /* "FILE"; NULL: a flag */
	const char *help;
	const char **ret_text; /* of an option with argument */
	bool *ret_flag;        /* of a flag */
};

struct program_info {
	const char *name;      /* "wharf-print" */
	const char *brief;     /* "print queues of one warehouse floor" */
	const char *synopsis;  /* "[OPTIONS] [NAME]" */
	const char *about;     /* paragraphs of the manual page, roff text */
	const struct option_row *options;
	size_t options_n;
};

/* Parses argv. --help, --version and --man print and exit(0); a wrong word prints what is wrong and
 * exits with 2. Returns the index of the first word that is no option. */
int options_parse(const struct program_info *info, int argc, char **argv);

void options_print_help(const struct program_info *info, FILE *out);
void options_print_man(const struct program_info *info, FILE *out);

/* Rows every daemon has: -c FILE, -n. Spread them into the table with COMMON_OPTIONS. */
#define COMMON_OPTIONS(config_path, check_only)                                                    \
	{ "config", 'c', "FILE", "configuration (default: built in)", &(config_path), NULL },      \
	{                                                                                          \
		"check", 'n', NULL, "check the configuration, say so and end", NULL, &(check_only) \
	}

#endif
