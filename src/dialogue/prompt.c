/* What a screen shows: computed from the rows each time, so it cannot disagree with them. */
#include <stdio.h>
#include <string.h>

#include "dialogue.h"
#include "json_out.h"

#define LINE_MAX_BYTES 200

/* Its parts are written as they are found and put together at the end. */
struct prompt {
	struct json_out lines, keys, data, progress;
	const char *title; /* literal; "" while the screen has none */
	char big[LINE_MAX_BYTES];
};

static void add_line(struct prompt *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_line(struct prompt *p, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	json_out_str(&p->lines, NULL, line);
}

static void add_key(struct prompt *p, const char *key, const char *label, bool value)
{
	json_out_open(&p->keys, NULL, '{');
	json_out_str(&p->keys, "key", key);
	json_out_str(&p->keys, "label", label);
	json_out_bool(&p->keys, "value", value);
	json_out_close(&p->keys, '}');
}

static void set(struct prompt *p, const char *title, const char *big)
{
	p->title = title;
	snprintf(p->big, sizeof(p->big), "%s", big);
}

static void set_progress(struct prompt *p, int64_t done, int64_t of)
{
	json_out_int(&p->progress, "done", done);
	json_out_int(&p->progress, "of", of);
}

static void set_data(struct prompt *p, const char *key, const char *value)
{
	json_out_str(&p->data, key, value);
}

static void show_task(struct engine *e, struct prompt *p, const struct dialogue *d)
{
	struct pick_task t;
	struct store_cursor q;

	if (!pick_load(e, d->task, &t))
		return;
	set_data(p, "order", t.order);
	set_data(p, "location", t.location);
	set_data(p, "item", t.item);
	set_data(p, "tote", t.tote);
	json_out_int(&p->data, "qty", t.qty);
	q = store_query(e->store, SQL_ITEM_BARCODE, "t", t.item);
	if (store_first(&q)) {
		set_data(p, "barcode", store_text(&q, 0));
		store_end(&q);
	}
	set_progress(p, d->counted, t.qty);
	add_line(p, "Order %s", t.order);
	if (strcmp(d->state, "location") == 0) {
		set(p, "Go to", t.location);
		add_line(p, "%lld × %s", (long long)t.qty, t.title);
	} else if (strcmp(d->state, "item") == 0) {
		set(p, "Take", t.title);
		add_line(p, "%s at %s", t.item, t.location);
		if (d->counted)
			add_key(p, "quantity", "Quantity", true);
		add_key(p, "short", "Short", false);
	} else {
		set(p, "Put into", t.tote[0] ? t.tote : "an empty tote");
		add_line(p, "%lld × %s", (long long)d->counted, t.title);
	}
}

static void show_pick(struct engine *e, struct prompt *p, const struct dialogue *d)
{
	if (strcmp(d->state, "start") == 0) {
		int64_t waiting = store_number(e->store, 0, SQL_ORDERS_WAITING, "");

		set(p, "Picking", waiting ? "Ready" : "Nothing to pick");
		add_line(p, "%lld orders wait", (long long)waiting);
		add_key(p, "start", "Start", false);
		return;
	}
	show_task(e, p, d);
}

/* The pieces of the order with how many are in the carton. */
static void show_contents(struct engine *e, struct prompt *p, const struct dialogue *d)
{
	struct store_cursor q = store_query(e->store, SQL_PACK_LINES, "t", d->order);
	int64_t done = 0, of = 0;

	json_out_open(&p->data, "items", '[');
	while (store_next(&q)) {
		json_out_open(&p->data, NULL, '{');
		json_out_str(&p->data, "item", store_text(&q, 0));
		json_out_str(&p->data, "title", store_text(&q, 1));
		json_out_int(&p->data, "qty", store_int(&q, 2));
		json_out_int(&p->data, "done", store_int(&q, 3));
		json_out_str(&p->data, "barcode", store_text(&q, 4));
		json_out_close(&p->data, '}');
		of += store_int(&q, 2);
		done += store_int(&q, 3);
	}
	json_out_close(&p->data, ']');
	set_progress(p, done, of);
}

static void show_weigh(struct engine *e, struct prompt *p, const struct dialogue *d)
{
	struct store_cursor q = store_query(e->store, SQL_CARTON_WEIGHTS, "i", d->carton);

	set(p, "Weigh", "Put the carton on the scale");
	add_key(p, "weigh", "Weigh again", false);
	if (!store_first(&q))
		return;
	if (!store_null(&q, 0))
		add_line(p, "Expected %lld g", (long long)(store_int(&q, 0) / 1000000));
	if (!store_null(&q, 1)) {
		add_line(p, "Weighed %lld g", (long long)(store_int(&q, 1) / 1000000));
		add_key(p, "continue", "Continue (accepted)", false);
	}
	store_end(&q);
}

static void show_label(struct engine *e, struct prompt *p, const struct dialogue *d)
{
	struct store_cursor q = store_query(e->store, SQL_LABEL_SHOW, "i", d->carton);

	set(p, "Label", "Scan the label on the carton");
	if (!store_first(&q)) {
		set(p, "Label", "The label was voided");
		add_key(p, "retry", "Print another", false);
		return;
	}
	set_data(p, "sscc", store_text(&q, 0));
	set_data(p, "label", store_text(&q, 1));
	json_out_int(&p->data, "job", store_int(&q, 2));
	add_line(p, "Label: %s", store_text(&q, 1));
	store_end(&q);
}

static void show_pack(struct engine *e, struct prompt *p, const struct dialogue *d)
{
	if (strcmp(d->state, "tote") == 0) {
		set(p, "Packing", "Scan a tote");
		return;
	}
	set_data(p, "order", d->order);
	set_data(p, "tote", d->tote);
	json_out_int(&p->data, "carton", d->carton);
	add_line(p, "Order %s", d->order);
	show_contents(e, p, d);
	if (strcmp(d->state, "item") == 0) {
		set(p, "Pack", "Scan each piece");
	} else if (strcmp(d->state, "close") == 0) {
		set(p, "Close", "Close the carton");
		add_key(p, "close", "Carton closed", false);
	} else if (strcmp(d->state, "weigh") == 0) {
		show_weigh(e, p, d);
	} else if (strcmp(d->state, "sscc") == 0) {
		set(p, "Wait", "No carton number is left");
		add_key(p, "retry", "Try again", false);
	} else {
		show_label(e, p, d);
	}
}

static void add_last_answer(struct engine *e, struct json_out *out, const char *place)
{
	struct store_cursor q = store_query(e->store, SQL_DIALOGUE_GET_LAST, "t", place);

	if (!store_first(&q)) {
		json_out_raw(out, "last", NULL);
		return;
	}
	json_out_open(out, "last", '{');
	json_out_str(out, "id", store_text(&q, 0));
	json_out_bool(out, "ok", store_int(&q, 1));
	json_out_str(out, "code", store_text(&q, 2));
	json_out_str(out, "say", store_text(&q, 3));
	json_out_str(out, "signal", store_text(&q, 4));
	json_out_close(out, '}');
	store_end(&q);
}

/* "key":[…] or "key":{…}; ends the part. */
static void add_part(struct json_out *out, const char *key, const char *brackets, struct json_out *part)
{
	json_out_open(out, key, brackets[0]);
	json_out_members(out, part);
	json_out_close(out, brackets[1]);
	json_out_fini(part);
}

static char *put_together(struct engine *e, struct prompt *p, const struct dialogue *d)
{
	struct json_out out = { 0 };

	json_out_open(&out, NULL, '{');
	json_out_str(&out, "place", d->place);
	json_out_int(&out, "step", d->step);
	json_out_str(&out, "dialogue", d->kind);
	json_out_str(&out, "expect", d->session[0] ? d->state : "login");
	if (p->title[0]) {
		json_out_str(&out, "title", p->title);
		json_out_str(&out, "big", p->big);
	}
	json_out_members(&out, &p->progress);
	json_out_fini(&p->progress);
	add_part(&out, "lines", "[]", &p->lines);
	add_part(&out, "keys", "[]", &p->keys);
	add_part(&out, "data", "{}", &p->data);
	add_last_answer(e, &out, d->place);
	json_out_close(&out, '}');
	return json_out_take(&out);
}

char *dialogue_prompt(struct engine *e, const char *place)
{
	struct prompt prompt = { .title = "" };
	struct dialogue d;

	if (!dialogue_load(e, place, &d))
		return NULL;
	if (!d.session[0])
		set(&prompt, "wharf", "Sign on");
	else if (strcmp(d.kind, "pick") == 0)
		show_pick(e, &prompt, &d);
	else
		show_pack(e, &prompt, &d);
	return put_together(e, &prompt, &d);
}
