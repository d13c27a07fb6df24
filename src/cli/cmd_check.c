/* `wharf check`: is this box ready for work? Each check says ok, warning or failed and why. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "door.h"
#include "json.h"
#include "table.h"
#include "talk.h"

#define SAY_MAX 256

enum result { RESULT_OK, RESULT_WARNING, RESULT_FAILED };
#define RESULTS (RESULT_FAILED + 1)

static const char *const result_words[RESULTS] = { "ok", "warning", "failed" };

struct report {
	json_t *checks;
	int counts[RESULTS];
};

static void add(struct report *report, const char *check, enum result result, const char *format,
	...) __attribute__((format(printf, 4, 5)));

static void add(struct report *report, const char *check, enum result result, const char *format,
	...)
{
	char say[SAY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(say, sizeof(say), format, args);
	va_end(args);
	report->counts[result]++;
	json_array_append_new(report->checks,
		json_pack("{s:s, s:s, s:s+}", "check", check, "result", result_words[result], "say",
			say, ""));
}

static void check_folder(struct report *report, const char *check, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		add(report, check, RESULT_FAILED, "%s is not there; \"wharf run\" or the package makes it",
			path);
	else
		add(report, check, RESULT_OK, "%s", path);
}

static void check_disk(struct report *report, const struct cli *cli)
{
	const char *path = cli_state_folder(cli);
	int64_t warn = config_int(cli->config, "core", "warn_free_mib");
	int64_t intake = config_int(cli->config, "core", "intake_free_mib");
	int64_t closed = config_int(cli->config, "core", "closed_free_mib");
	struct statvfs fs;
	int64_t free_mib;

	if (statvfs(path, &fs) < 0)
		return; /* the folder's own check has said it */
	free_mib = (int64_t)((uint64_t)fs.f_bavail * fs.f_frsize >> 20);
	if (free_mib < closed)
		add(report, "disk", RESULT_FAILED, "%lld MiB free, below %lld nothing is taken", (long long)free_mib,
			(long long)closed);
	else if (free_mib < intake)
		add(report, "disk", RESULT_FAILED, "%lld MiB free, below %lld no new order is taken",
			(long long)free_mib, (long long)intake);
	else if (free_mib < warn)
		add(report, "disk", RESULT_WARNING, "%lld MiB free, less than %lld",
			(long long)free_mib, (long long)warn);
	else
		add(report, "disk", RESULT_OK, "%lld MiB free", (long long)free_mib);
}

static void check_sockets(struct report *report, const struct cli *cli)
{
	int there = 0;

	for (int kind = 0; kind < DOOR_KINDS; kind++) {
		char path[PATH_MAX];
		struct stat st;

		if (door_path(cli_run_folder(cli), (enum door_kind)kind, path, sizeof(path)) == 0 &&
			stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
			there++;
		else
			add(report, "sockets", RESULT_FAILED, "%s is missing: wharfd makes it", path);
	}
	if (there == DOOR_KINDS)
		add(report, "sockets", RESULT_OK, "all %d in %s/door", there, cli_run_folder(cli));
}

static void check_ports(struct report *report, const struct cli *cli, const char *kind)
{
	const char *section;

	for (size_t i = 0; (section = config_section(cli->config, kind, i)); i++) {
		const char *port = config_text(cli->config, section, "port");

		if (access(port, F_OK) < 0)
			add(report, section, RESULT_FAILED,
				"%s is not there: is the cable in, is [%s] port right?", port,
				section);
		else
			add(report, section, RESULT_OK, "%s", port);
	}
}

static void check_core(struct report *report, struct talk *talk)
{
	_cleanup_json_ json_t *rows = NULL;
	const json_t *row;

	if (talk_rows(talk, "status", NULL, &rows, NULL) < 0) {
		add(report, "core", RESULT_FAILED, "gives no status");
		return;
	}
	row = json_array_get(rows, 0);
	if (!json_is_true(json_object_get(row, "accepting")))
		add(report, "core", RESULT_FAILED, "%s",
			json_str(row, "reason")[0] ? json_str(row, "reason") : "is not accepting work");
	else if (json_str(row, "reason")[0])
		add(report, "core", RESULT_WARNING, "%s", json_str(row, "reason"));
	else
		add(report, "core", RESULT_OK, "site %s, accepting work", json_str(row, "site"));
}

static void check_devices(struct report *report, struct talk *talk)
{
	_cleanup_json_ json_t *rows = NULL;
	size_t i;
	json_t *row;

	if (talk_rows(talk, "devices", NULL, &rows, NULL) < 0) {
		add(report, "devices", RESULT_FAILED, "the core gives no list");
		return;
	}
	if (!json_array_size(rows))
		add(report, "devices", RESULT_WARNING, "none has been heard of");
	json_array_foreach(rows, i, row) {
		const char *state = json_str(row, "state");
		const char *reason = json_str(row, "reason");
		bool up = strcmp(state, "up") == 0;

		add(report, json_str(row, "device"), up ? RESULT_OK : RESULT_FAILED, "%s%s%s", state,
			reason[0] ? ": " : "", reason);
	}
}

static void check_link(struct report *report, const struct cli *cli, struct talk *talk)
{
	_cleanup_json_ json_t *rows = NULL;
	const json_t *row;

	if (!config_text(cli->config, "hq", "address")[0]) {
		add(report, "link", RESULT_OK, "no HQ is configured");
		return;
	}
	if (talk_rows(talk, "link", NULL, &rows, NULL) < 0) {
		add(report, "link", RESULT_FAILED, "the core gives no state");
		return;
	}
	row = json_array_get(rows, 0);
	/* Work goes on without HQ: a link that is down is a warning, never a failure. */
	add(report, "link", strcmp(json_str(row, "state"), "live") == 0 ? RESULT_OK : RESULT_WARNING,
		"%s, %lld events wait for HQ, %lld SSCCs free", json_str(row, "state"),
		(long long)(json_int(row, "up_head") - json_int(row, "up_acked")),
		(long long)json_int(row, "sscc_free"));
}

static void check_door(struct report *report, const struct cli *cli)
{
	struct talk *talk;

	if (talk_open(&talk, cli_run_folder(cli)) < 0) {
		add(report, "door", RESULT_FAILED, "wharfd does not answer at %s/door/ctl",
			cli_run_folder(cli));
		return;
	}
	add(report, "door", RESULT_OK, "answers");
	check_core(report, talk);
	check_devices(report, talk);
	check_link(report, cli, talk);
	talk_close(talk);
}

static void print_report(const struct cli *cli, const struct report *report)
{
	static const struct table_column columns[] = { { "result", "RESULT" },
		{ "check", "CHECK" }, { "say", "WHAT" } };
	_cleanup_json_ json_t *all = NULL;

	if (cli->json) {
		all = json_pack("{s:b, s:O}", "ok", report->counts[RESULT_FAILED] == 0, "checks",
			report->checks);
		cli_print_json(all);
		return;
	}
	table_print(stdout, report->checks, columns, array_len(columns));
	printf("\n%d ok, %d warnings, %d failed\n", report->counts[RESULT_OK],
		report->counts[RESULT_WARNING], report->counts[RESULT_FAILED]);
}

static int run_check(struct cli *cli)
{
	_cleanup_json_ json_t *checks = json_array();
	struct report report = { .checks = checks };

	add(&report, "configuration", RESULT_OK, "%s",
		cli->config_path ? cli->config_path : "built in");
	check_folder(&report, "state", cli_state_folder(cli));
	check_folder(&report, "run", cli_run_folder(cli));
	check_disk(&report, cli);
	check_ports(&report, cli, "scanner");
	check_ports(&report, cli, "scale");
	check_sockets(&report, cli);
	check_door(&report, cli);
	print_report(cli, &report);
	return report.counts[RESULT_FAILED] ? CLI_FAILED : CLI_OK;
}

const struct subcommand cmd_check = { .name = "check", .synopsis = "[OPTIONS]",
	.brief = "is this box ready: configuration, disk, sockets, devices, link",
	.about = "Checks the configuration, the folders, free disk, the device ports, the door's "
		 "sockets, the core, each device and the link to HQ. False when one failed.",
	.run = run_check };
