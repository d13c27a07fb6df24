#include "world.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "text.h"

/* The belt between scan point and lanes, and how long a PLC waits for a decision: shorter than in a
 * hall so that a demonstration is quick, longer than the host's own deadline. */
#define DECIDE_US (400 * US_PER_MS)
#define TRAVEL_US (300 * US_PER_MS)
#define HOST_DEAD_US (3 * US_PER_S)

/* The first section of a kind whose key has this value. */
static const char *section_with(const struct config *config, const char *kind, const char *key,
	const char *value)
{
	const char *section;

	for (size_t i = 0; (section = config_section(config, kind, i)); i++)
		if (strcmp(config_text(config, section, key), value) == 0)
			return section;
	return NULL;
}

static int open_scanner(struct world *w, struct scanner *scanner, const char *station)
{
	const char *section = section_with(w->config, "scanner", "station", station);

	if (!section) {
		log_error("station %s has no scanner", station);
		return -EINVAL;
	}
	return scanner_open(scanner, &w->loop, config_name(section),
		config_text(w->config, section, "port"));
}

static int open_packing(struct world *w)
{
	const char *station = section_with(w->config, "station", "kind", "pack");
	const char *scale = station ?
		section_with(w->config, "scale", "station", config_name(station)) : NULL;
	int r;

	if (!station || !scale) {
		log_error("the configuration has no packing station with a scale");
		return -EINVAL;
	}
	r = text_copy(w->pack_station, sizeof(w->pack_station), config_name(station));
	if (r == 0)
		r = open_scanner(w, &w->pack_scanner, w->pack_station);
	if (r == 0)
		r = scale_open(&w->scale, &w->loop, config_text(w->config, scale, "port"));
	return r;
}

static int lane_number(const struct config *config, const char *role)
{
	const char *section = section_with(config, "lane", "role", role);

	return section ? (int)config_int(config, section, "number") : 0;
}

static int open_conveyor(struct world *w)
{
	const char *plc = config_section(w->config, "plc", 0);
	struct conveyor_setup setup = { .times = { .decide_us = DECIDE_US, .travel_us = TRAVEL_US,
						.host_dead_us = HOST_DEAD_US } };

	if (!plc) {
		log_error("the configuration has no PLC");
		return -EINVAL;
	}
	setup.port = (int)config_int(w->config, plc, "port");
	setup.a_base = (int)config_int(w->config, plc, "a_base");
	setup.b_base = (int)config_int(w->config, plc, "b_base");
	setup.times.default_lane = (uint16_t)lane_number(w->config, "default");
	return conveyor_open(&w->conveyor, &w->loop, &setup);
}

static int open_induct(struct world *w)
{
	const char *plc = config_section(w->config, "plc", 0);
	int r = open_conveyor(w);

	return r < 0 ? r :
		open_scanner(w, &w->induct_scanner, config_text(w->config, plc, "station"));
}

/* The CA lies beside the server's certificate. */
static int name_server(struct world *w)
{
	const char *certificate = config_text(w->config, "web", "certificate");
	const char *slash = strrchr(certificate, '/');
	int r = text_format(w->url, sizeof(w->url), "https://127.0.0.1:%lld",
		(long long)config_int(w->config, "web", "port"));

	if (r < 0)
		return r;
	return text_format(w->ca, sizeof(w->ca), "%.*s/ca.pem",
		slash ? (int)(slash - certificate) : 1, slash ? certificate : ".");
}

static int open_devices(struct world *w)
{
	int r = open_packing(w);

	if (r == 0)
		r = open_induct(w);
	if (r == 0)
		r = printer_open(&w->printer, &w->loop, w->options.printer_port, w->options.labels);
	if (r == 0 && w->options.wan_port)
		r = wan_open(&w->wan, &w->loop, w->options.wan_port, w->options.wan_target);
	return r;
}

int world_open(struct world *w, const struct config *config, const struct world_options *options)
{
	int r;

	memset(w, 0, sizeof(*w));
	loop_init(&w->loop);
	w->config = config;
	w->options = *options;
	w->pack_scanner.tty.master = w->induct_scanner.tty.master = w->scale.tty.master = -1;
	w->pack_scanner.tty.slave = w->induct_scanner.tty.slave = w->scale.tty.slave = -1;
	w->printer.listener = w->printer.file = w->wan.listener = -1;
	r = name_server(w);
	if (r == 0)
		r = floor_load(&w->floor, options->floor);
	return r < 0 ? r : open_devices(w);
}

void world_close(struct world *w)
{
	wan_close(&w->wan);
	printer_close(&w->printer);
	conveyor_close(&w->conveyor);
	scanner_close(&w->induct_scanner);
	scale_close(&w->scale);
	scanner_close(&w->pack_scanner);
	loop_fini(&w->loop);
}

static void add(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

json_t *world_status(const struct world *w)
{
	json_t *s = json_object();

#define TALLY_ADD(name) add(s, #name, w->tally.name);
	TALLIES(TALLY_ADD)
#undef TALLY_ADD
	add(s, "labels", w->printer.labels_n);
	add(s, "labels_unread", w->printer.unread);
	add(s, "inducted", w->conveyor.inducted);
	add(s, "diverted", w->conveyor.diverted);
	add(s, "default_lane", w->conveyor.defaulted);
	add(s, "no_decision", w->conveyor.timed_out);
	add(s, "on_conveyor", w->labelled.n + conveyor_busy(&w->conveyor));
	add(s, "by_hand", w->conveyor.default_lane.n);
	add(s, "wan_cut", w->wan.cut);
	add(s, "wan_cuts", w->wan.cuts);
	add(s, "wan_connections", w->wan.connections);
	return s;
}

void world_count(struct world *w, unsigned *tally)
{
	pthread_mutex_lock(&w->loop.lock);
	(*tally)++;
	pthread_mutex_unlock(&w->loop.lock);
}

int world_fetch(struct world *w, struct queue *queue, int wait_ms, char ret_text[QUEUE_TEXT_MAX])
{
	int64_t until_us = clock_boot_us() + wait_ms * US_PER_MS;
	int r;

	pthread_mutex_lock(&w->loop.lock);
	while ((r = queue_get(queue, ret_text)) < 0 && loop_wait(&w->loop, until_us))
		;
	pthread_mutex_unlock(&w->loop.lock);
	return r;
}

void world_hand_on(struct world *w, struct queue *queue, const char *text)
{
	pthread_mutex_lock(&w->loop.lock);
	if (queue_put(queue, text) < 0)
		log_error("no place left for %s", text);
	pthread_cond_broadcast(&w->loop.changed);
	pthread_mutex_unlock(&w->loop.lock);
}

int world_take_tote(struct world *w, struct chance *chance, char ret_tote[FLOOR_NAME_MAX])
{
	size_t n = w->floor.totes_n;
	size_t first = n ? (size_t)chance_range(chance, 0, (int64_t)n - 1) : 0;
	int r = -ENOENT;

	pthread_mutex_lock(&w->loop.lock);
	for (size_t i = 0; r < 0 && i < n; i++) {
		struct floor_tote *tote = &w->floor.totes[(first + i) % n];

		if (tote->busy)
			continue;
		tote->busy = true;
		tote->load_g = 0;
		r = text_copy(ret_tote, FLOOR_NAME_MAX, tote->tote);
	}
	pthread_mutex_unlock(&w->loop.lock);
	return r;
}

void world_fill_tote(struct world *w, const char *name, const char *item_name, int64_t qty)
{
	struct floor_tote *tote;
	struct floor_item *item;

	pthread_mutex_lock(&w->loop.lock);
	tote = floor_tote(&w->floor, name);
	item = floor_item(&w->floor, item_name);
	if (tote && item) {
		tote->busy = true;
		tote->load_g += qty * item->weight_g;
	}
	pthread_mutex_unlock(&w->loop.lock);
}

int64_t world_tote_load_g(struct world *w, const char *name)
{
	struct floor_tote *tote;
	int64_t load_g;

	pthread_mutex_lock(&w->loop.lock);
	tote = floor_tote(&w->floor, name);
	load_g = tote ? tote->load_g : 0;
	pthread_mutex_unlock(&w->loop.lock);
	return load_g;
}

void world_empty_tote(struct world *w, const char *name)
{
	struct floor_tote *tote;

	pthread_mutex_lock(&w->loop.lock);
	tote = floor_tote(&w->floor, name);
	if (tote) {
		tote->busy = false;
		tote->load_g = 0;
	}
	pthread_mutex_unlock(&w->loop.lock);
}

void world_wrong_barcode(struct world *w, struct chance *chance, const char *right,
	char ret_barcode[FLOOR_NAME_MAX])
{
	size_t n = w->floor.items_n;
	size_t first = (size_t)chance_range(chance, 0, (int64_t)n - 1);

	for (size_t i = 0; i < n; i++) {
		const struct floor_item *item = &w->floor.items[(first + i) % n];

		text_copy(ret_barcode, FLOOR_NAME_MAX, item->barcode);
		if (strcmp(item->barcode, right) != 0)
			return;
	}
}
