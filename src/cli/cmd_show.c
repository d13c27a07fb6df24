/* The subcommands that ask one question and print the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "json.h"
#include "table.h"
#include "talk.h"

#define COLUMNS(list) (list), array_len(list)

static const struct table_column order_columns[] = {
	{ "order", "ORDER" }, { "state", "STATE" }, { "customer", "CUSTOMER" },
	{ "carrier", "CARRIER" }, { "lines", "LINES" }, { "ordered", "ORDERED" },
	{ "picked", "PICKED" }, { "packed", "PACKED" }, { "shipped", "SHIPPED" },
	{ "short", "SHORT" }, { "held_reason", "HELD BECAUSE" },
};

static const struct table_column case_columns[] = {
	{ "case", "CASE" }, { "kind", "KIND" }, { "state", "STATE" }, { "role", "FOR" },
	{ "subject", "SUBJECT" }, { "opened", "OPENED" }, { "say", "WHAT" },
};

static const struct table_column device_columns[] = {
	{ "device", "DEVICE" }, { "kind", "KIND" }, { "station", "STATION" },
	{ "state", "STATE" }, { "since", "SINCE" }, { "reason", "REASON" },
};

/* Opens the door, reads all rows of one query, closes. NULL: already said why. */
static json_t *rows_of(const struct cli *cli, const char *name, const json_t *args)
{
	struct talk *talk;
	json_t *rows = NULL;

	if (talk_open(&talk, cli_run_folder(cli)) < 0)
		return NULL;
	if (talk_rows(talk, name, args, &rows, NULL) < 0)
		rows = NULL;
	talk_close(talk);
	return rows;
}

static int show_table(const struct cli *cli, const char *name, const json_t *args,
	const struct table_column *columns, size_t n, const char *none)
{
	_cleanup_json_ json_t *rows = rows_of(cli, name, args);

	if (!rows)
		return CLI_FAILED;
	if (cli->json)
		cli_print_json(rows);
	else if (!json_array_size(rows))
		puts(none);
	else
		table_print(stdout, rows, columns, n);
	return CLI_OK;
}

static int show_object(const struct cli *cli, const char *name, const json_t *args,
	const char *none)
{
	_cleanup_json_ json_t *rows = rows_of(cli, name, args);
	const json_t *row = json_array_get(rows, 0);

	if (!rows)
		return CLI_FAILED;
	if (!row) {
		fprintf(stderr, "%s\n", none);
		return CLI_FAILED;
	}
	if (cli->json)
		cli_print_json(row);
	else
		table_print_object(stdout, row);
	return CLI_OK;
}

static int run_status(struct cli *cli)
{
	return show_object(cli, "status", NULL, "wharfd has no status: see journalctl -u wharfd");
}

const struct subcommand cmd_status = { .name = "status", .synopsis = "[OPTIONS]",
	.brief = "the site at a glance: orders, cases, disk, HQ link",
	.about = "Prints the site, whether the core accepts work, how many orders are in which "
		 "state, open cases, the disk and the link to HQ.",
	.run = run_status };

static const char *wanted_state;

static json_t *state_args(void)
{
	return wanted_state ? json_pack("{s:s}", "state", wanted_state) : NULL;
}

static int run_orders(struct cli *cli)
{
	_cleanup_json_ json_t *args =
		cli->words_n ? json_pack("{s:s}", "order", cli->words[0]) : state_args();

	if (!cli->words_n)
		return show_table(cli, "orders", args, COLUMNS(order_columns), "no orders");
	if (!args) {
		fputs("the order's number is no UTF-8\n", stderr);
		return CLI_FAILED;
	}
	return show_object(cli, "order", args, "no such order; \"wharf orders\" lists them");
}

static const struct option_row state_options[] = {
	{ "state", 's', "STATE", "only those in this state", &wanted_state, NULL },
};

const struct subcommand cmd_orders = { .name = "orders", .synopsis = "[OPTIONS] [ORDER]",
	.brief = "all orders, or one with its lines, tasks and cartons",
	.about = "Without a word lists all orders; with the number of an order prints its lines, "
		 "tasks and cartons.",
	.words_max = 1, .options = state_options, .options_n = array_len(state_options),
	.run = run_orders };

static int run_cases(struct cli *cli)
{
	_cleanup_json_ json_t *args = NULL;

	/* What waits is what is asked for; the resolved ones are history. */
	if (!wanted_state)
		wanted_state = "open";
	else if (strcmp(wanted_state, "all") == 0)
		wanted_state = NULL;
	args = state_args();

	return show_table(cli, "cases", args, COLUMNS(case_columns), "no cases");
}

const struct subcommand cmd_cases = { .name = "cases", .synopsis = "[OPTIONS]",
	.brief = "exception cases: what waits for whom",
	.about = "Lists exception cases, who may resolve them and what happened: the open ones, or with --state those in another "
		 "state (resolved, all).",
	.options = state_options, .options_n = array_len(state_options), .run = run_cases };

static int run_devices(struct cli *cli)
{
	return show_table(cli, "devices", NULL, COLUMNS(device_columns), "no devices");
}

const struct subcommand cmd_devices = { .name = "devices", .synopsis = "[OPTIONS]",
	.brief = "scanners, scales, printers and PLCs with their state",
	.about = "Lists the devices the core has heard of, their state, since when and why.",
	.run = run_devices };

/* "key=text" or "key:=JSON"; "limit" and "after" belong to the query itself. */
static int add_argument(json_t *args, const char *word)
{
	const char *equals = strchr(word, '=');
	bool typed = equals && equals > word && equals[-1] == ':';
	size_t len = equals ? (size_t)(equals - word) - typed : 0;
	char key[64];
	json_t *value;

	if (len == 0 || len >= sizeof(key))
		return -1;
	memcpy(key, word, len);
	key[len] = '\0';
	value = typed ? json_loads(equals + 1, JSON_DECODE_ANY, NULL) : json_string(equals + 1);
	return json_object_set_new(args, key, value);
}

/* Reads one page when the caller asks for a page, else all. NULL: already said why. */
static json_t *ask_rows(struct talk *talk, const char *name, json_t *args)
{
	_cleanup_json_ json_t *after = json_incref(json_object_get(args, "after"));
	const char *limit = json_str(args, "limit");
	_cleanup_json_ json_t *page = NULL;
	json_t *rows = NULL;
	json_int_t n = limit[0] ? strtoll(limit, NULL, 10) : json_int(args, "limit");

	json_object_del(args, "after");
	json_object_del(args, "limit");
	if (!after && !n)
		return talk_rows(talk, name, args, &rows, NULL) < 0 ? NULL : rows;
	if (talk_page(talk, name, args, after, n, &page) < 0)
		return NULL;
	return json_incref(json_object_get(page, "rows"));
}

static int run_ask(struct cli *cli)
{
	_cleanup_json_ json_t *args = json_object();
	_cleanup_json_ json_t *rows = NULL;
	struct talk *talk;

	for (size_t i = 1; i < cli->words_n; i++)
		if (add_argument(args, cli->words[i]) < 0) {
			fprintf(stderr, "\"%s\" is not key=value or key:=JSON\n", cli->words[i]);
			return CLI_USAGE;
		}
	if (talk_open(&talk, cli_run_folder(cli)) < 0)
		return CLI_FAILED;
	rows = ask_rows(talk, cli->words[0], args);
	talk_close(talk);
	if (!rows)
		return CLI_FAILED;
	if (cli->json)
		cli_print_json(rows);
	else
		table_print(stdout, rows, NULL, 0);
	return CLI_OK;
}

const struct subcommand cmd_ask = { .name = "ask", .synopsis = "[OPTIONS] NAME [KEY=VALUE...]",
	.brief = "any query of the door, as a table or as JSON",
	.about = "Sends a query by its name. KEY=VALUE gives text arguments, KEY:=JSON any other; "
		 "limit and after ask for one page, else all pages are read.",
	.words_min = 1, .words_max = CLI_WORDS_MAX, .run = run_ask };
