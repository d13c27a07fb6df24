/* Prints what comes from the configuration's table: wharf.conf(5) and the example file. Runs while
 * building only. */
#include <stdio.h>
#include <string.h>

#include "config.h"

static void print_example(void)
{
	puts("; Configuration of wharf: every key with its default. wharf.conf(5) says the same.\n"
	     "; Where no [station] is named, a built-in demo floor is used.\n"
	     "; A * in a section stands for a name: [scanner pack1-scanner].\n");
	config_print_example(stdout);
}

static void print_page(void)
{
	printf(".TH wharf.conf 5 \"\" \"wharf %s\" \"wharf\"\n", WHARF_VERSION);
	puts(".SH NAME\nwharf.conf \\- configuration of one warehouse floor\n"
	     ".SH SYNOPSIS\n.I /etc/wharf/wharf.conf\n.br\n.I /etc/wharf/wharf.d/*.conf\n"
	     ".SH DESCRIPTION\nOne INI file for all programs of the floor, then the drop\\-ins beside "
	     "it in\n.I wharf.d\nin the order of their names; the last value counts. An unknown key "
	     "or a value out of range is an error that names file and line; any program checks it "
	     "with\n.BR \\-n .\n"
	     "A * in a section stands for a name, as in [scanner pack1\\-scanner]. In texts @state@ "
	     "and @run@ stand for the folders of [paths]. Where no [station] is named, a built\\-in "
	     "demo floor is used.\n.SH KEYS");
	config_print_man(stdout);
	puts(".SH SEE ALSO\n.BR wharf (8),\n.BR wharfd (8)");
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "example") == 0) {
		print_example();
	} else if (argc == 2 && strcmp(argv[1], "page") == 0) {
		print_page();
	} else {
		fputs("Usage: wharf-manual example|page\n", stderr);
		return 2;
	}
	return ferror(stdout) || fflush(stdout) != 0;
}
