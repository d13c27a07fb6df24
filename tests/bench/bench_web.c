/* A scan over HTTPS and back with 50 keep-alive connections: wharf-web and wharfd, then what TLS alone can do here, then a
 * hand-written service on Node under the same load. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"
#include "tls_echo.h"
#include "tls_load.h"

#define NAME "web"
#define CONNECTIONS 50
#define WARM_UP_S 1.0
#define NODE_FOLDER WHARF_SOURCE "/tests/bench/node"

static struct handheld handhelds[CONNECTIONS];

static void report_load(const char *who, struct tls_load *load, double raw)
{
	char what[64];
	double rate = (double)load->scans / load->seconds;

	text_format(what, sizeof(what), "%s, %d connections", who, CONNECTIONS);
	if (raw > 0)
		report_ratio(NAME, what, rate, "scans/s", raw, "TLS echo");
	else
		report(NAME, what, rate, "scans/s");
	text_format(what, sizeof(what), "%s, p50", who);
	report(NAME, what, samples_ms(&load->round_trips, 50), "ms");
	text_format(what, sizeof(what), "%s, p99", who);
	report(NAME, what, samples_ms(&load->round_trips, 99), "ms");
}

static void report_cpu(const char *who, double cpu_s, const struct tls_load *load)
{
	char what[64];

	text_format(what, sizeof(what), "processor time of %s", who);
	report(NAME, what, cpu_s * 1e6 / (double)(load->all ? load->all : 1), "us/scan");
}

static struct tls_load load_of(const struct bench_options *o)
{
	return (struct tls_load){ .warm_up = o->smoke ? 0 : WARM_UP_S, .seconds = o->seconds };
}

static struct tls_load run_wharf(struct floor *f, const struct bench_options *o)
{
	struct tls_load load = load_of(o);
	pid_t core = floor_start(f, "wharfd", NULL), web;
	double core_s, web_s;

	floor_handhelds(f, handhelds, CONNECTIONS);
	web = floor_start(f, "wharf-web", NULL);
	core_s = cpu_seconds(core);
	web_s = cpu_seconds(web);
	tls_load_run(f->port, handhelds, CONNECTIONS, &load);
	report_cpu("wharfd", cpu_seconds(core) - core_s, &load);
	report_cpu("wharf-web, handshakes included", cpu_seconds(web) - web_s, &load);
	report(NAME, "memory of wharfd under load", (double)pss_kib(core) / 1024, "MiB");
	report(NAME, "memory of wharf-web under load", (double)pss_kib(web) / 1024, "MiB");
	floor_stop(f, web, SIGTERM);
	floor_stop(f, core, SIGTERM);
	return load;
}

static double run_echo(struct floor *f, const struct bench_options *o, size_t answer_bytes)
{
	struct tls_load load = load_of(o);
	char certificate[256], key[256];
	double rate;
	pid_t pid;

	load.echo = true;
	text_format(certificate, sizeof(certificate), "%s/tls/server.pem", f->folder);
	text_format(key, sizeof(key), "%s/tls/server.key", f->folder);
	pid = tls_echo_start(f->port, certificate, key, answer_bytes);
	tls_load_run(f->port, handhelds, CONNECTIONS, &load);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	rate = (double)load.scans / load.seconds;
	report_load("TLS echo of the same sizes", &load, 0);
	samples_fini(&load.round_trips);
	return rate;
}

/* Signed on already, each with an order of a million pieces, at step 1. */
static void write_sessions(const struct floor *f, const char *path)
{
	_cleanup_file_ FILE *file = fopen(path, "we");

	if (!file)
		die("%s cannot be written", path);
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct handheld *h = &handhelds[i];

		h->n = 0;
		h->step = 1;
		fprintf(file, "{\"token\":\"%s\",\"csrf\":\"%s\",\"session\":\"%s\",\"device\":\"%s\",\"barcode\":\"%s\"}\n",
			h->token, h->csrf, h->session, h->device, h->barcode);
	}
	(void)f;
}

static pid_t start_node(struct floor *f)
{
	char sessions[256], port[16];
	pid_t pid;

	text_format(sessions, sizeof(sessions), "%s/sessions.jsonl", f->folder);
	write_sessions(f, sessions);
	text_format(port, sizeof(port), "%d", f->port);
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("node", "node", NODE_FOLDER "/server.js", port, f->folder, sessions, (char *)NULL);
	_exit(127);
}

static void run_node(struct floor *f, const struct bench_options *o, double echo)
{
	struct tls_load load = load_of(o);
	double cpu_s;
	pid_t pid;

	if (access(NODE_FOLDER "/node_modules/better-sqlite3", F_OK) < 0) {
		fprintf(stderr, "bench: no Node yardstick: run npm install in tests/bench/node\n");
		return;
	}
	pid = start_node(f);
	cpu_s = cpu_seconds(pid);
	tls_load_run(f->port, handhelds, CONNECTIONS, &load);
	cpu_s = cpu_seconds(pid) - cpu_s;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	report_load("Node service", &load, echo);
	report_cpu("the Node service, handshakes included", cpu_s, &load);
	samples_fini(&load.round_trips);
}

int main(int argc, char **argv)
{
	struct bench_options o = bench_options(argc, argv, "bench_web",
		"scans over HTTPS with 50 connections, against TLS alone and a Node service");

	for (int run = 0; run < o.runs; run++) {
		struct floor floor;
		struct tls_load load;
		double echo;

		floor_open(&floor);
		load = run_wharf(&floor, &o);
		echo = run_echo(&floor, &o, load.answer_bytes);
		report_load("wharf", &load, echo);
		samples_fini(&load.round_trips);
		if (!o.smoke)
			run_node(&floor, &o, echo);
		floor_close(&floor);
	}
	return 0;
}
