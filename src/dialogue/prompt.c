/* What a screen shows: computed from the rows each time, so it cannot disagree with them. */
#include <stdio.h>
#include <string.h>

#include "dialogue.h"
#include "json.h"

static void add_line(json_t *prompt, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_line(json_t *prompt, const char *format, ...)
{
	char line[200];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	json_array_append_new(json_object_get(prompt, "lines"), json_string(line));
}

static void add_key(json_t *prompt, const char *key, const char *label, bool value)
{
	json_array_append_new(json_object_get(prompt, "keys"),
		json_pack("{s:s, s:s, s:b}", "key", key, "label", label, "value", value));
}

static void set(json_t *prompt, const char *title, const char *big)
{
	json_object_set_new(prompt, "title", json_string(title));
	json_object_set_new(prompt, "big", json_string(big));
}

static void set_progress(json_t *prompt, int64_t done, int64_t of)
{
	json_object_set_new(prompt, "done", json_integer(done));
	json_object_set_new(prompt, "of", json_integer(of));
}

static void set_data(json_t *prompt, const char *key, const char *value)
{
	json_object_set_new(json_object_get(prompt, "data"), key, json_string(value));
}

static void show_task(struct engine *e, json_t *prompt, const struct dialogue *d)
{
	struct pick_task t;
	struct store_cursor q;

	if (!pick_load(e, d->task, &t))
		return;
	set_data(prompt, "order", t.order);
	set_data(prompt, "location", t.location);
	set_data(prompt, "item", t.item);
	set_data(prompt, "tote", t.tote);
	json_object_set_new(json_object_get(prompt, "data"), "qty", json_integer(t.qty));
	q = store_query(e->store, SQL_ITEM_BARCODE, "t", t.item);
	if (store_first(&q)) {
		set_data(prompt, "barcode", store_text(&q, 0));
		store_end(&q);
	}
	set_progress(prompt, d->counted, t.qty);
	add_line(prompt, "Order %s", t.order);
	if (strcmp(d->state, "location") == 0) {
		set(prompt, "Go to", t.location);
		add_line(prompt, "%lld × %s", (long long)t.qty, t.title);
	} else if (strcmp(d->state, "item") == 0) {
		set(prompt, "Take", t.title);
		add_line(prompt, "%s at %s", t.item, t.location);
		if (d->counted)
			add_key(prompt, "quantity", "Quantity", true);
		add_key(prompt, "short", "Short", false);
	} else {
		set(prompt, "Put into", t.tote[0] ? t.tote : "an empty tote");
		add_line(prompt, "%lld × %s", (long long)d->counted, t.title);
	}
}

static void show_pick(struct engine *e, json_t *prompt, const struct dialogue *d)
{
	if (strcmp(d->state, "start") == 0) {
		int64_t waiting = store_number(e->store, 0, SQL_ORDERS_WAITING, "");

		set(prompt, "Picking", waiting ? "Ready" : "Nothing to pick");
		add_line(prompt, "%lld orders wait", (long long)waiting);
		add_key(prompt, "start", "Start", false);
		return;
	}
	show_task(e, prompt, d);
}

/* The pieces of the order with how many are in the carton. */
static void show_contents(struct engine *e, json_t *prompt, const struct dialogue *d)
{
	struct store_cursor q = store_query(e->store, SQL_PACK_LINES, "t", d->order);
	json_t *items = json_array();
	int64_t done = 0, of = 0;

	while (store_next(&q)) {
		json_array_append_new(items,
			json_pack("{s:s, s:s, s:I, s:I, s:s}", "item", store_text(&q, 0), "title",
				store_text(&q, 1), "qty", (json_int_t)store_int(&q, 2), "done",
				(json_int_t)store_int(&q, 3), "barcode", store_text(&q, 4)));
		of += store_int(&q, 2);
		done += store_int(&q, 3);
	}
	json_object_set_new(json_object_get(prompt, "data"), "items", items);
	set_progress(prompt, done, of);
}

static void show_weigh(struct engine *e, json_t *prompt, const struct dialogue *d)
{
	struct store_cursor q = store_query(e->store, SQL_CARTON_WEIGHTS, "i", d->carton);

	set(prompt, "Weigh", "Put the carton on the scale");
	add_key(prompt, "weigh", "Weigh again", false);
	if (!store_first(&q))
		return;
	if (!store_null(&q, 0))
		add_line(prompt, "Expected %lld g", (long long)(store_int(&q, 0) / 1000000));
	if (!store_null(&q, 1)) {
		add_line(prompt, "Weighed %lld g", (long long)(store_int(&q, 1) / 1000000));
		add_key(prompt, "continue", "Continue (accepted)", false);
	}
	store_end(&q);
}

static void show_label(struct engine *e, json_t *prompt, const struct dialogue *d)
{
	struct store_cursor q = store_query(e->store, SQL_LABEL_SHOW, "i", d->carton);

	set(prompt, "Label", "Scan the label on the carton");
	if (!store_first(&q)) {
		set(prompt, "Label", "The label was voided");
		add_key(prompt, "retry", "Print another", false);
		return;
	}
	set_data(prompt, "sscc", store_text(&q, 0));
	set_data(prompt, "label", store_text(&q, 1));
	json_object_set_new(json_object_get(prompt, "data"), "job", json_integer(store_int(&q, 2)));
	add_line(prompt, "Label: %s", store_text(&q, 1));
	store_end(&q);
}

static void show_pack(struct engine *e, json_t *prompt, const struct dialogue *d)
{
	if (strcmp(d->state, "tote") == 0) {
		set(prompt, "Packing", "Scan a tote");
		return;
	}
	set_data(prompt, "order", d->order);
	set_data(prompt, "tote", d->tote);
	json_object_set_new(json_object_get(prompt, "data"), "carton", json_integer(d->carton));
	add_line(prompt, "Order %s", d->order);
	show_contents(e, prompt, d);
	if (strcmp(d->state, "item") == 0) {
		set(prompt, "Pack", "Scan each piece");
	} else if (strcmp(d->state, "close") == 0) {
		set(prompt, "Close", "Close the carton");
		add_key(prompt, "close", "Carton closed", false);
	} else if (strcmp(d->state, "weigh") == 0) {
		show_weigh(e, prompt, d);
	} else if (strcmp(d->state, "sscc") == 0) {
		set(prompt, "Wait", "No carton number is left");
		add_key(prompt, "retry", "Try again", false);
	} else {
		show_label(e, prompt, d);
	}
}

static json_t *last_answer(struct engine *e, const char *place)
{
	struct store_cursor q = store_query(e->store, SQL_DIALOGUE_GET_LAST, "t", place);
	json_t *last = NULL;

	if (store_first(&q)) {
		last = json_pack("{s:s, s:b, s:s, s:s, s:s}", "id", store_text(&q, 0), "ok", (int)store_int(&q, 1),
			"code", store_text(&q, 2), "say", store_text(&q, 3), "signal", store_text(&q, 4));
		store_end(&q);
	}
	return last ? last : json_null();
}

json_t *dialogue_prompt(struct engine *e, const char *place)
{
	struct dialogue d;
	json_t *prompt;

	if (!dialogue_load(e, place, &d))
		return NULL;
	prompt = json_pack("{s:s, s:I, s:s, s:s, s:[], s:[], s:{}, s:o}", "place", place, "step", (json_int_t)d.step,
		"dialogue", d.kind, "expect", d.session[0] ? d.state : "login", "lines", "keys", "data", "last",
		last_answer(e, place));
	if (!d.session[0])
		set(prompt, "wharf", "Sign on");
	else if (strcmp(d.kind, "pick") == 0)
		show_pick(e, prompt, &d);
	else
		show_pack(e, prompt, &d);
	return prompt;
}
