#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "clock.h"
#include "control.h"
#include "json.h"
#include "log.h"
#include "options.h"
#include "orders.h"
#include "people.h"
#include "text.h"

#define WAIT_LOOK_MS 200

static const char *config_path, *seed_text = "1", *floor_path = "src/sim/floor/demo.jsonl",
	*labels_path = "labels.jsonl", *pickers_text = "3", *printer_text = "9100", *wan_text,
	*orders_text = "40", *timeout_text = "300", *pace_text = "80";
static bool check_only, plc_code, as_json;

static const struct option_row rows[] = {
	COMMON_OPTIONS(config_path, check_only),
	{ "floor", 'f', "FILE", "floor as JSON lines of ctl commands", &floor_path, NULL },
	{ "seed", 's', "N", "seed of all chance (default 1)", &seed_text, NULL },
	{ "labels", 'l', "FILE", "printed labels are appended here (default labels.jsonl)", &labels_path,
		NULL },
	{ "pickers", 0, "N", "pickers, 0 to 4 (default 3)", &pickers_text, NULL },
	{ "pace", 0, "MS", "mean pause of a person between two acts (default 80)", &pace_text, NULL },
	{ "printer-port", 0, "PORT", "TCP port of the label printer (default 9100)", &printer_text, NULL },
	{ "wan", 0, "PORT:PORT", "WAN proxy: port to listen on, port of the hub", &wan_text, NULL },
	{ "plc-code", 0, NULL, "the PLC's request carries the bar code too", NULL, &plc_code },
	{ "orders", 0, "N", "orders: how many (default 40)", &orders_text, NULL },
	{ "timeout", 0, "S", "wait: give up after so many seconds (default 300)", &timeout_text, NULL },
	{ "json", 0, NULL, "status: as JSON", NULL, &as_json },
};

static const struct program_info info = {
	.name = "wharf-sim",
	.brief = "a virtual warehouse on the wires of real hardware",
	.synopsis = "[OPTIONS] [run | status | wait KEY=N… | wan cut|heal|delay MS | printer out|ok | "
		    "close-loads | orders FOLDER] [OPTIONS]",
	.about = "Plays the hardware and the people of one floor: serial scanners and a Toledo 8217 scale "
		 "on ptys below RUN/tty, a conveyor PLC as Modbus TCP server, a ZPL label printer on a TCP "
		 "port, the WAN as a TCP proxy that can be cut, and pickers, a packer, a loader and a "
		 "supervisor who use the HTTPS API. It never touches the core's door or database.\n.PP\n"
		 "The first word says what to do; without one it is\n.BR run .\nThe other words speak to "
		 "the running one at RUN/sim.sock, but\n.B orders\nwrites seeded messages of HQ into "
		 "FOLDER.",
	.options = rows,
	.options_n = array_len(rows),
};

static int number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max) {
		fprintf(stderr, "%s is no number from %" PRId64 " to %" PRId64 "\n", text, min, max);
		return -EINVAL;
	}
	*ret = value;
	return 0;
}

static int read_wan(struct world_options *o)
{
	char near[16];
	const char *colon = wan_text ? strchr(wan_text, ':') : NULL;
	int64_t listen_port, target_port;

	if (!wan_text)
		return 0;
	if (!colon || text_format(near, sizeof(near), "%.*s", (int)(colon - wan_text), wan_text) < 0 ||
		number(near, 1, 65535, &listen_port) < 0 ||
		number(colon + 1, 1, 65535, &target_port) < 0) {
		fprintf(stderr, "--wan needs PORT:PORT\n");
		return -EINVAL;
	}
	o->wan_port = (int)listen_port;
	o->wan_target = (int)target_port;
	return 0;
}

static int read_options(struct world_options *o)
{
	int64_t seed, pickers, printer, pace;

	if (number(seed_text, 0, INT64_MAX, &seed) < 0 || number(pickers_text, 0, 4, &pickers) < 0 ||
		number(printer_text, 1, 65535, &printer) < 0 || number(pace_text, 0, 60000, &pace) < 0)
		return -EINVAL;
	*o = (struct world_options){ .seed = (uint64_t)seed, .pickers = (int)pickers,
		.printer_port = (int)printer, .pace_ms = (int)pace, .plc_code = plc_code,
		.floor = floor_path, .labels = labels_path };
	return read_wan(o);
}

/* The signal thread: everything else has them blocked. */
static void *wait_for_end(void *user)
{
	sigset_t ends;
	int got;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigwait(&ends, &got);
	loop_stop(user);
	return NULL;
}

static void block_signals(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int serve(struct world *world)
{
	static struct people people;
	static struct control control;
	pthread_t signals;
	int r = control_open(&control, world, config_text(world->config, "paths", "run"));

	if (r == 0)
		r = people_start(&people, world);
	if (r == 0)
		r = -pthread_create(&signals, NULL, wait_for_end, &world->loop);
	if (r == 0) {
		sd_notify(0, "READY=1");
		log_info("ready seed=%s pickers=%s printer_port=%s", seed_text, pickers_text, printer_text);
		loop_run(&world->loop);
		pthread_join(signals, NULL);
	} else {
		loop_stop(&world->loop);
	}
	people_stop(&people);
	control_close(&control);
	return r;
}

static int run(const struct config *config)
{
	static struct world world;
	struct world_options options;
	int r = read_options(&options);

	if (r < 0)
		return 2;
	block_signals();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	r = world_open(&world, config, &options);
	if (r == 0)
		r = serve(&world);
	world_close(&world);
	curl_global_cleanup();
	if (r < 0)
		log_error("cannot run: %s", strerror(-r));
	return r < 0;
}

/* --- the other words */

static int ask(const struct config *config, json_t *take_message, json_t **ret)
{
	int r = control_ask(config_text(config, "paths", "run"), take_message, ret);

	if (r < 0) {
		fprintf(stderr, "wharf-sim is not there: %s\n", strerror(-r));
		return 1;
	}
	if (!json_object_get(*ret, "error"))
		return 0;
	fprintf(stderr, "%s\n", json_str(json_object_get(*ret, "error"), "say"));
	return 1;
}

static int tell(const struct config *config, json_t *take_message)
{
	_cleanup_json_ json_t *answer = NULL;

	return ask(config, take_message, &answer);
}

static json_t *status_of(const struct config *config)
{
	_cleanup_json_ json_t *answer = NULL;

	if (ask(config, json_pack("{s:{}}", "status"), &answer) != 0)
		return NULL;
	return json_incref(json_object_get(answer, "status"));
}

static int status(const struct config *config)
{
	_cleanup_json_ json_t *s = status_of(config);
	_cleanup_free_ char *text = as_json ? json_text(s) : NULL;
	const char *key;
	json_t *value;

	if (!s)
		return 1;
	if (as_json)
		puts(text);
	else
		json_object_foreach(s, key, value)
			printf("%-16s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
	return 0;
}

/* KEY=N or KEY>=N. 1 true, 0 false, -EINVAL. */
static int holds(const json_t *s, const char *condition)
{
	char key[32];
	size_t len = strcspn(condition, ">=");
	bool least = strncmp(condition + len, ">=", 2) == 0;
	int64_t wanted, is;

	if ((!least && condition[len] != '=') || len >= sizeof(key) ||
		number(condition + len + (least ? 2 : 1), 0, INT64_MAX, &wanted) < 0)
		return -EINVAL;
	memcpy(key, condition, len);
	key[len] = '\0';
	if (!json_object_get(s, key))
		return -EINVAL;
	is = json_int(s, key);
	return least ? is >= wanted : is == wanted;
}

static int all_hold(const json_t *s, char **conditions)
{
	for (; *conditions; conditions++) {
		int r = holds(s, *conditions);

		if (r < 0)
			fprintf(stderr, "%s: KEY=N or KEY>=N of `wharf-sim status` is needed\n", *conditions);
		if (r <= 0)
			return r;
	}
	return 1;
}

static int wait_until(const struct config *config, char **conditions)
{
	int64_t timeout_s, until_us;
	int r = 0;

	if (number(timeout_text, 1, 86400, &timeout_s) < 0)
		return 2;
	until_us = clock_boot_us() + timeout_s * US_PER_S;
	do {
		_cleanup_json_ json_t *s = status_of(config);

		r = s ? all_hold(s, conditions) : -ENOTCONN;
		if (r == 0)
			usleep(WAIT_LOOK_MS * 1000);
	} while (r == 0 && clock_boot_us() < until_us);
	if (r == 0)
		fprintf(stderr, "not reached within %" PRId64 " s\n", timeout_s);
	return r == 1 ? 0 : 1;
}

static int set_wan(const struct config *config, int argc, char **argv)
{
	int64_t delay_ms;

	if (argc == 3 && strcmp(argv[1], "delay") == 0) {
		if (number(argv[2], 0, 10000, &delay_ms) < 0)
			return 2;
		return tell(config, json_pack("{s:{s:I}}", "wan", "delay_ms", (json_int_t)delay_ms));
	}
	return argc == 2 ? tell(config, json_pack("{s:s}", "wan", argv[1])) : 2;
}

static int write_orders(const char *folder)
{
	static struct floor floor;
	int64_t orders, seed;
	int r;

	if (number(orders_text, 1, ORDERS_MAX, &orders) < 0 || number(seed_text, 0, INT64_MAX, &seed) < 0)
		return 2;
	r = floor_load(&floor, floor_path);
	if (r == 0)
		r = orders_write(&floor, (int)orders, (uint64_t)seed, folder);
	if (r < 0)
		fprintf(stderr, "orders not written: %s\n", strerror(-r));
	return r < 0;
}

static int do_word(const struct config *config, int argc, char **argv)
{
	const char *word = argc ? argv[0] : "run";

	if (strcmp(word, "run") == 0 && argc <= 1)
		return run(config);
	if (strcmp(word, "status") == 0 && argc == 1)
		return status(config);
	if (strcmp(word, "wait") == 0 && argc > 1)
		return wait_until(config, argv + 1);
	if (strcmp(word, "wan") == 0)
		return set_wan(config, argc, argv);
	if (strcmp(word, "printer") == 0 && argc == 2)
		return tell(config, json_pack("{s:s}", "printer", argv[1]));
	if (strcmp(word, "close-loads") == 0 && argc == 1)
		return tell(config, json_pack("{s:{}}", "close_loads"));
	if (strcmp(word, "orders") == 0 && argc == 2)
		return write_orders(argv[1]);
	fprintf(stderr, "Try \"wharf-sim --help\".\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct config *config = NULL;
	char *words[32];
	int first = options_parse(&info, argc, argv), n = 0, r;

	/* Options may stand behind the word too: `wharf-sim orders --seed 7 FOLDER`. */
	while (first < argc && n < (int)array_len(words) - 1) {
		words[n++] = argv[first];
		first += options_parse(&info, argc - first, argv + first);
	}
	words[n] = NULL;
	log_open(info.name, LOG_INFO);
	if (config_load(config_path, stderr, &config) < 0)
		return 1;
	if (check_only) {
		puts("configuration OK");
		config_destroy(config);
		return 0;
	}
	r = do_word(config, n, words);
	config_destroy(config);
	return r;
}
