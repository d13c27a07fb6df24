#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "cli.h"
#include "programs.h"
#include "proof.h"
#include "proof_read.h"

static const char *edge_file, *hq_file, *site_name, *labels_file, *orders_sent;

static const struct option_row options[] = {
	{ "edge", 0, "FILE", "backup copy of the edge's database", &edge_file, NULL },
	{ "hq", 0, "FILE", "backup copy of HQ's database", &hq_file, NULL },
	{ "site", 0, "SITE", "name of the site at HQ (default: from the configuration)", &site_name,
		NULL },
	{ "labels", 0, "FILE", "labels a printer got, one JSON object with sscc a line",
		&labels_file, NULL },
	{ "orders", 0, "N", "how many orders were sent (default: those the edge knows)",
		&orders_sent, NULL },
};

static int find_program(const struct cli *cli, const char *name, char *out, size_t size)
{
	int r = programs_find(cli->folder, name, out, size);

	if (r < 0)
		fprintf(stderr, "%s is neither in %s nor in PATH\n", name, cli->folder);
	return r;
}

static int read_edge(const struct cli *cli, struct proof *proof)
{
	const char *argv[] = { "wharfd", "--facts", edge_file, NULL };
	char path[PATH_MAX];
	int r = find_program(cli, argv[0], path, sizeof(path));

	return r < 0 ? r : proof_read_program(proof, path, argv, proof_edge);
}

static int read_hq(const struct cli *cli, struct proof *proof)
{
	const char *site = site_name ? site_name : config_text(cli->config, "site", "name");
	const char *argv[] = { "wharf-hq", "facts", hq_file, site, NULL };
	char path[PATH_MAX];
	int r = find_program(cli, argv[0], path, sizeof(path));

	return r < 0 ? r : proof_read_program(proof, path, argv, proof_hq);
}

static int read_all(const struct cli *cli, struct proof *proof)
{
	int r = read_edge(cli, proof);

	if (r == 0)
		r = read_hq(cli, proof);
	if (r == 0)
		r = proof_read_file(proof, labels_file, proof_label);
	return r;
}

static int run_proof(struct cli *cli)
{
	struct proof_result result = { .ok = false };
	struct proof *proof;
	_cleanup_json_ json_t *json = NULL;
	int r;

	if (!edge_file || !hq_file || !labels_file) {
		fputs("wharf proof needs --edge, --hq and --labels; see --help\n", stderr);
		return CLI_USAGE;
	}
	if (proof_create(&proof, stderr) < 0)
		return CLI_FAILED;
	r = read_all(cli, proof);
	if (r == 0) {
		proof_finish(proof, orders_sent ? strtoll(orders_sent, NULL, 10) : 0, &result);
		json = proof_json(&result);
		if (cli->json)
			cli_print_json(json);
		else
			proof_print(&result, stdout);
	}
	proof_destroy(proof);
	return r == 0 && result.ok ? CLI_OK : CLI_FAILED;
}

const struct subcommand cmd_proof = { .name = "proof",
	.synopsis = "[OPTIONS] --edge=FILE --hq=FILE --labels=FILE",
	.brief = "do the edge's book, HQ's book and the printed labels agree",
	.about = "Reads backup copies of both databases and the captured labels, compares them and "
		 "prints one line. True when every order is accounted for, no event is missing or "
		 "there twice, HQ has them in the edge's order with the same hashes, and every "
		 "carton has one SSCC of its own. What is wrong is named on standard error.",
	.options = options, .options_n = array_len(options), .run = run_proof };
