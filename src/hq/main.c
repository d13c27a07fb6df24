/* wharf-hq: the hub at headquarters, and its subcommands. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "hq.h"
#include "log.h"
#include "options.h"

static const char *config_path;
static bool check_only, as_json;

static const struct option_row options[] = {
	COMMON_OPTIONS(config_path, check_only),
	{"json", 'j', NULL, "status as JSON", NULL, &as_json},
};

static const struct program_info info = {
	.name = "wharf-hq",
	.brief = "the hub at headquarters",
	.synopsis = "[OPTIONS] [COMMAND ...]",
	.about =
		"Without a command it serves: sites connect over ZeroMQ with CURVE, their events "
		"go "
		"into the store exactly once and in order, messages for them are kept until each "
		"site has them on its disk. At start it proves that a key nobody knows is refused, "
		"and ends if it is not. A site is enrolled by putting its public key as SITE.pub "
		"into "
		"the folder of site keys; it is found there at the site's next try.\n"
		".TP\n.B keys\nmake the hub's key pair where there is none; the public key is for "
		"the "
		"sites.\n"
		".TP\n.B send \\fISITE TYPE FILE\\fR|\\fB\\-\nput messages into the site's down "
		"stream, "
		"one JSON object a line; prints their numbers.\n"
		".TP\n.B status\none line per site; with \\fB\\-\\-json\\fR one object.\n"
		".TP\n.B site \\fISITE\\fR \\fBactive\\fR|\\fBblocked\nlet a site speak or not, at "
		"once.\n"
		".TP\n.B backup \\fIFILE\ncopy the store while it works, check the copy, and tell "
		"the "
		"sites that these events are safe.\n"
		".TP\n.B facts \\fIFILE SITE\nprint the events of a site in such a copy as JSON "
		"lines.\n",
	.options = options,
	.options_n = array_len(options),
};

static int make_keys(const struct config *config)
{
	const char *path = config_text(config, "hub", "key");
	char public_path[256];
	struct key_pair keys;
	int made = 0, r = keys_public_path(path, public_path, sizeof(public_path));

	if (r == 0)
		r = keys_ensure_pair(path, public_path, &keys, &made);
	explicit_bzero(&keys, sizeof(keys));
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return EXIT_FAILURE;
	}
	printf("%s\n", public_path);
	return EXIT_SUCCESS;
}

static int wrong_words(void)
{
	fprintf(stderr, "Try \"%s --help\" or \"%s --man\".\n", info.name, info.name);
	return 2;
}

static int run_command(const struct config *config, int argc, char **argv)
{
	const char *word = argv[0];

	if (strcmp(word, "keys") == 0 && argc == 1)
		return make_keys(config);
	if (strcmp(word, "send") == 0 && argc == 4)
		return client_send(config, argv[1], argv[2], argv[3]);
	if (strcmp(word, "status") == 0 && argc == 1)
		return client_status(config, as_json);
	if (strcmp(word, "status") == 0 && argc == 2 && strcmp(argv[1], "--json") == 0)
		return client_status(config, true);
	if (strcmp(word, "site") == 0 && argc == 3)
		return client_site(config, argv[1], argv[2]);
	if (strcmp(word, "backup") == 0 && argc == 2)
		return client_backup(config, argv[1]);
	if (strcmp(word, "facts") == 0 && argc == 3)
		return store_facts(argv[1], argv[2], stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	return wrong_words();
}

int main(int argc, char **argv)
{
	struct config *config = NULL;
	int words, r;

	if (sodium_init() < 0)
		return EXIT_FAILURE;
	words = options_parse(&info, argc, argv);
	log_open(info.name, LOG_INFO);
	if (config_load(config_path, stderr, &config) < 0)
		return EXIT_FAILURE;
	if (check_only) {
		puts("configuration OK");
		r = EXIT_SUCCESS;
	} else if (words < argc) {
		r = run_command(config, argc - words, argv + words);
	} else {
		r = hq_serve(config) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	config_destroy(config);
	return r;
}
