#include <string.h>

#include "config.h"

static void print_range(const struct config_row *row, FILE *out)
{
	if (row->type == CONFIG_INT)
		fprintf(out, " (%lld to %lld)", (long long)row->min, (long long)row->max);
	if (row->type == CONFIG_CHOICE)
		fprintf(out, " (%s)", row->choices);
}

void config_print_example(FILE *out)
{
	const char *section = "";

	for (size_t i = 0; i < config_table_rows; i++) {
		const struct config_row *row = &config_table[i];

		if (strcmp(section, row->section) != 0)
			fprintf(out, "%s;[%s]\n", i ? "\n" : "", row->section);
		section = row->section;
		fprintf(out, "; %s", row->help);
		print_range(row, out);
		fprintf(out, "\n;%s = %s\n", row->key, row->initial ? row->initial : "");
	}
}

void config_print_man(FILE *out)
{
	const char *section = "";

	for (size_t i = 0; i < config_table_rows; i++) {
		const struct config_row *row = &config_table[i];

		if (strcmp(section, row->section) != 0)
			fprintf(out, ".SS [%s]\n", row->section);
		section = row->section;
		fprintf(out, ".TP\n.B %s\n%s", row->key, row->help);
		print_range(row, out);
		if (row->initial && row->initial[0])
			fprintf(out, "; default %s", row->initial);
		fputs(".\n", out);
	}
}
