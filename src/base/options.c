#include "options.h"

#include <assert.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 32
#define CODE_HELP 1000
#define CODE_VERSION 1001
#define CODE_MAN 1002
#define CODE_FIRST 2000

static const struct option_row builtin_rows[] = {
	{ "help", 'h', NULL, "print this and end", NULL, NULL },
	{ "version", 0, NULL, "print the version and end", NULL, NULL },
	{ "man", 0, NULL, "print the manual page and end", NULL, NULL },
};

static void print_row(const struct option_row *row, FILE *out)
{
	char left[64];

	snprintf(left, sizeof(left), "%s%c%s--%s%s%s", row->letter ? "-" : "",
		row->letter ? row->letter : ' ', row->letter ? ", " : "   ", row->name,
		row->argument ? "=" : "", row->argument ? row->argument : "");
	fprintf(out, "  %-28s %s\n", left, row->help);
}

void options_print_help(const struct program_info *info, FILE *out)
{
	fprintf(out, "Usage: %s %s\n%s - %s\n\n", info->name, info->synopsis, info->name, info->brief);
	for (size_t i = 0; i < info->options_n; i++)
		print_row(&info->options[i], out);
	for (size_t i = 0; i < sizeof(builtin_rows) / sizeof(builtin_rows[0]); i++)
		print_row(&builtin_rows[i], out);
}

static void print_man_row(const struct option_row *row, FILE *out)
{
	fputs(".TP\n", out);
	if (row->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", row->letter);
	fprintf(out, "\\fB\\-\\-%s\\fR", row->name);
	if (row->argument)
		fprintf(out, "=\\fI%s\\fR", row->argument);
	fprintf(out, "\n%s.\n", row->help);
}

void options_print_man(const struct program_info *info, FILE *out)
{
	fprintf(out, ".TH %s 8 \"\" \"wharf %s\" \"wharf\"\n.SH NAME\n%s \\- %s\n", info->name,
		WHARF_VERSION, info->name, info->brief);
	fprintf(out, ".SH SYNOPSIS\n.B %s\n%s\n.SH DESCRIPTION\n%s\n.SH OPTIONS\n", info->name,
		info->synopsis, info->about);
	for (size_t i = 0; i < info->options_n; i++)
		print_man_row(&info->options[i], out);
	for (size_t i = 0; i < sizeof(builtin_rows) / sizeof(builtin_rows[0]); i++)
		print_man_row(&builtin_rows[i], out);
	fputs(".SH SEE ALSO\n.BR wharf (8),\n.BR wharf.conf (5)\n", out);
}

static void fill_row(const struct option_row *row, int code, struct option *ret, char *letters)
{
	*ret = (struct option){ .name = row->name,
		.has_arg = row->argument ? required_argument : no_argument,
		.val = row->letter ? row->letter : code };
	if (row->letter) {
		size_t n = strlen(letters);

		letters[n] = row->letter;
		letters[n + 1] = row->argument ? ':' : '\0';
		letters[n + 2] = '\0';
	}
}

static const struct option_row *row_of(const struct program_info *info, int code)
{
	for (size_t i = 0; i < info->options_n; i++)
		if (info->options[i].letter == code || (int)i + CODE_FIRST == code)
			return &info->options[i];
	return NULL;
}

static void take_option(const struct program_info *info, int code)
{
	const struct option_row *row;

	switch (code) {
	case 'h':
	case CODE_HELP:
		options_print_help(info, stdout);
		exit(0);
	case CODE_VERSION:
		printf("%s %s\n", info->name, WHARF_VERSION);
		exit(0);
	case CODE_MAN:
		options_print_man(info, stdout);
		exit(0);
	default:
		break;
	}
	row = row_of(info, code);
	if (!row) {
		fprintf(stderr, "Try \"%s --help\".\n", info->name);
		exit(2);
	}
	if (row->ret_text)
		*row->ret_text = optarg;
	if (row->ret_flag)
		*row->ret_flag = true;
}

int options_parse(const struct program_info *info, int argc, char **argv)
{
	struct option longs[OPTIONS_MAX + 4] = { 0 };
	char letters[OPTIONS_MAX * 2 + 8] = "+"; /* stop at the first word: it may be a command */
	int code;

	assert(info->options_n <= OPTIONS_MAX);
	for (size_t i = 0; i < info->options_n; i++)
		fill_row(&info->options[i], CODE_FIRST + (int)i, &longs[i], letters);
	for (size_t i = 0; i < 3; i++)
		fill_row(&builtin_rows[i], CODE_HELP + (int)i, &longs[info->options_n + i], letters);
	optind = 0;
	while ((code = getopt_long(argc, argv, letters, longs, NULL)) != -1)
		take_option(info, code);
	return optind;
}
