/* The supervisor: looks at doubtful labels and open cases, and keeps count of the orders. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "people.h"
#include "text.h"

#define LOOK_MS 500
/* Labels and cartons are looked at less often. A packer mostly scans a label before anybody has to
 * resolve it. */
#define LONG_LOOKS 4

typedef void on_row(struct person *person, const json_t *row);

/* All rows of a query, page by page. */
static int each_row(struct person *p, const char *query, on_row *take)
{
	char after[64] = "", path[160];
	int r = 0;

	do {
		_cleanup_json_ json_t *page = NULL;
		json_t *row, *next;
		size_t i;

		text_format(path, sizeof(path), "/api/query/%s%climit=200%s%s", query,
			strchr(query, '?') ? '&' : '?', *after ? "&after=" : "", after);
		r = api_get(&p->api, path, &page);
		if (r < 0)
			return r;
		json_array_foreach(json_object_get(page, "rows"), i, row)
			take(p, row);
		next = json_object_get(page, "next");
		*after = '\0';
		if (json_is_string(next))
			text_copy(after, sizeof(after), json_string_value(next));
		else if (json_is_integer(next))
			snprintf(after, sizeof(after), "%lld", (long long)json_integer_value(next));
	} while (*after);
	return r;
}

/* --- labels: does it lie in the tray? */

static void resolve_label(struct person *p, const json_t *row)
{
	_cleanup_json_ json_t *outcome = NULL;
	const char *sscc = json_str(row, "sscc"), *result;
	json_t *job = json_object_get(row, "job");
	unsigned copies;

	pthread_mutex_lock(&p->world->loop.lock);
	copies = printer_copies(&p->world->printer, sscc);
	pthread_mutex_unlock(&p->world->loop.lock);
	result = copies ? "printed" : "again";
	if (person_order(p, "label_resolve", json_pack("{s:O, s:s}", "job", job, "result", result),
		    &outcome) < 0 || !json_is_true(json_object_get(outcome, "ok")))
		return;
	log_info("label resolved: %s sscc=%s copies=%u", result, sscc, copies);
	world_count(p->world, &p->world->tally.labels_resolved);
}

static int look_at_labels(struct person *p)
{
	int r = each_row(p, "labels?state=doubtful", resolve_label);

	return r < 0 ? r : each_row(p, "labels?state=failed", resolve_label);
}

/* --- cases */

struct answer {
	const char *kind, *resolution;
};

/* Others close by themselves (a stray carton when it is staged, a label when it is scanned). */
static const struct answer answers[] = {
	{ "count", "counted" },
	{ "return_tote", "returned" },
	{ "cancel_after_pack", "unpacked" },
	{ "weight_off", "accept" },
	{ "conflict", "noted" },
	{ "unknown_barcode", "noted" },
};

static void resolve_case(struct person *p, const json_t *row)
{
	_cleanup_json_ json_t *outcome = NULL;
	const char *kind = json_str(row, "kind"), *resolution = NULL;

	for (size_t i = 0; i < array_len(answers); i++)
		if (strcmp(answers[i].kind, kind) == 0)
			resolution = answers[i].resolution;
	if (!resolution)
		return;
	if (person_order(p, "case_resolve",
		    json_pack("{s:O, s:s}", "case", json_object_get(row, "case"), "resolution", resolution),
		    &outcome) < 0 || !json_is_true(json_object_get(outcome, "ok")))
		return;
	log_info("case resolved: %s (%s)", json_str(row, "say"), resolution);
	world_count(p->world, &p->world->tally.cases_resolved);
	if (strcmp(kind, "return_tote") == 0)
		world_empty_tote(p->world, json_str(row, "subject"));
}

/* --- orders */

struct count {
	const char *state;
	size_t tally;    /* offset in struct tally */
};

#define COUNT(state, name) { state, offsetof(struct tally, name) }

static const struct count counts[] = {
	COUNT("received", moving), COUNT("allocated", moving), COUNT("picking", moving),
	COUNT("picked", moving), COUNT("packed", moving), COUNT("labelled", moving),
	COUNT("staged", staged_orders), COUNT("shipped", shipped), COUNT("confirmed", shipped),
	COUNT("short", short_orders), COUNT("cancelled", cancelled), COUNT("held", held),
};

static unsigned *tally_of(struct tally *tally, const char *state)
{
	for (size_t i = 0; i < array_len(counts); i++)
		if (strcmp(counts[i].state, state) == 0)
			return (unsigned *)((char *)tally + counts[i].tally);
	return &tally->moving;
}

static struct tally *counting(struct person *p)
{
	return p->work_data;
}

static void count_order(struct person *p, const json_t *row)
{
	struct tally *t = counting(p);

	t->orders++;
	(*tally_of(t, json_str(row, "state")))++;
}

static void publish(struct world *w, const struct tally *seen)
{
	pthread_mutex_lock(&w->loop.lock);
	w->tally.orders = seen->orders;
	for (size_t i = 0; i < array_len(counts); i++)
		*tally_of(&w->tally, counts[i].state) = *tally_of((struct tally *)seen, counts[i].state);
	pthread_mutex_unlock(&w->loop.lock);
}

static void count_orders(struct person *p)
{
	struct tally seen = { 0 };

	p->work_data = &seen;
	if (each_row(p, "orders", count_order) == 0)
		publish(p->world, &seen);
	p->work_data = NULL;
}

/* --- cartons: does the book say the lane where the carton lies? */

static int lane_number(const struct config *config, const char *lane)
{
	const char *section;

	for (size_t i = 0; (section = config_section(config, "lane", i)); i++)
		if (strcmp(config_name(section), lane) == 0)
			return (int)config_int(config, section, "number");
	return 0;
}

/* What lies in the default lane was carried on by hand. */
static void compare_lane(struct person *p, const json_t *row)
{
	struct world *w = p->world;
	const char *sscc = json_str(row, "sscc"), *lane = json_str(row, "lane");
	struct tally *seen = p->work_data;
	int is;

	pthread_mutex_lock(&w->loop.lock);
	is = conveyor_lane_of(&w->conveyor, sscc);
	pthread_mutex_unlock(&w->loop.lock);
	if (!*lane || !is || is == w->conveyor.plc.times.default_lane ||
		is == lane_number(w->config, lane))
		return;
	seen->wrong_lane++;
	log_error("the book says lane %s, the carton lies in lane %d sscc=%s", lane, is, sscc);
}

static void compare_lanes(struct person *p)
{
	struct tally seen = { 0 };

	p->work_data = &seen;
	if (each_row(p, "cartons", compare_lane) == 0) {
		pthread_mutex_lock(&p->world->loop.lock);
		p->world->tally.wrong_lane = seen.wrong_lane;
		pthread_mutex_unlock(&p->world->loop.lock);
	}
	p->work_data = NULL;
}

/* Events that HQ has not confirmed yet. */
static void see_link(struct person *p, const json_t *row)
{
	pthread_mutex_lock(&p->world->loop.lock);
	p->world->tally.hq_behind = (unsigned)(json_int(row, "up_head") - json_int(row, "up_acked"));
	pthread_mutex_unlock(&p->world->loop.lock);
}

void supervisor_work(struct person *p)
{
	for (unsigned look = 0; loop_pause(&p->world->loop, LOOK_MS); look++) {
		count_orders(p);
		each_row(p, "link", see_link);
		each_row(p, "cases?state=open", resolve_case);
		if (look % LONG_LOOKS != 0)
			continue;
		look_at_labels(p);
		compare_lanes(p);
	}
}
