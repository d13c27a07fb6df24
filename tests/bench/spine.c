#include "spine.h"

#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "text.h"
#include "tool.h"

#define ITEM "SPINE-1"
#define BARCODE "4012345999990"
#define BIN "S-01"
#define ORDER "SO-1"
#define WEIGHT_G (540 + 150) /* with the packaging of [weight] */

/* An act that must be right; the prompt it leads to is in the outcome. */
static json_t *right(json_t *outcome)
{
	if (!json_is_true(json_object_get(outcome, "ok")))
		die("the spine stops: %s", json_str(outcome, "say"));
	return outcome;
}

static json_t *key(struct talk *web, struct handheld *h, const char *name)
{
	return floor_act(web, h, "key", json_pack("{s:s}", "key", name));
}

static void pick(struct floor *f, struct talk *web)
{
	struct handheld h = { .device = "hh-spine" };
	bool started = false;

	floor_sign_on(f, web, &h, "picker");
	while (!started) { /* the first act only learns the step; the order is allocated in a turn of its own */
		_cleanup_json_ json_t *outcome = key(web, &h, "start");

		started = json_is_true(json_object_get(outcome, "ok"));
	}
	json_decref(right(floor_scan(web, &h, BIN)));
	json_decref(right(floor_scan(web, &h, BARCODE)));
	json_decref(right(floor_scan(web, &h, "TOTE-" ORDER)));
}

static void weigh(struct talk *bridge)
{
	_cleanup_json_ json_t *order = talk_next(bridge, "push");

	json_decref(right(talk_ask(bridge, json_pack("{s:s,s:s,s:{s:I,s:s,s:s,s:[s],s:s}}", "kind", "weight", "device",
		"pack1-scale", "args", "value_ug", (json_int_t)WEIGHT_G * 1000000, "unit", "kg", "raw", "023030",
		"readings", "023030", "ask", json_str(order, "id")))));
}

static void print(struct talk *printer, char ret_label[SSCC_SCAN_MAX])
{
	_cleanup_json_ json_t *order = talk_next(printer, "push");
	json_int_t job = json_int(order, "id"), attempt = json_int(order, "attempt");

	text_format(ret_label, SSCC_SCAN_MAX, "00%s", json_str(order, "sscc"));
	json_decref(right(talk_ask(printer, json_pack("{s:s,s:s,s:{s:I,s:I}}", "kind", "print_taken", "device",
		"pack1-labels", "args", "job", job, "attempt", attempt))));
	json_decref(right(talk_ask(printer, json_pack("{s:s,s:s,s:{s:I,s:I,s:s}}", "kind", "print_ended", "device",
		"pack1-labels", "args", "job", job, "attempt", attempt, "result", "sent"))));
}

static void pack(struct floor *f, struct talk *web, char ret_label[SSCC_SCAN_MAX])
{
	struct handheld station = { .device = "pack1" };
	struct talk bridge, printer;

	talk_open(&bridge, f->folder, DOOR_BRIDGE);
	talk_open(&printer, f->folder, DOOR_PRINT);
	talk_send(&bridge, json_pack("{s:{s:s}}", "subscribe", "topic", "orders/pack1-scale"));
	talk_send(&printer, json_pack("{s:{s:s}}", "subscribe", "topic", "orders/pack1-labels"));
	floor_sign_on(f, web, &station, "packer");
	json_decref(key(web, &station, "learn")); /* refused; its outcome tells the step */
	json_decref(right(floor_scan(web, &station, "TOTE-" ORDER)));
	json_decref(right(floor_scan(web, &station, BARCODE)));
	json_decref(right(key(web, &station, "close")));
	weigh(&bridge);
	print(&printer, ret_label);
	json_decref(key(web, &station, "learn"));
	json_decref(right(floor_scan(web, &station, ret_label)));
	talk_close(&printer);
	talk_close(&bridge);
}

void spine_carton(struct floor *f, char ret_label[SSCC_SCAN_MAX])
{
	static const struct floor_goods goods = { ITEM, BARCODE, BIN, ORDER, 1 };
	struct talk ctl, sync, web;

	talk_open(&ctl, f->folder, DOOR_CTL);
	floor_goods(&ctl, &goods);
	talk_close(&ctl);
	talk_open(&sync, f->folder, DOOR_SYNC);
	talk_do(&sync, "sscc_lease", json_pack("{s:s,s:s,s:I,s:i,s:i}", "block", "b-1", "prefix", "34012345", "first",
		(json_int_t)1, "count", 100, "epoch", 0));
	talk_close(&sync);
	talk_open(&web, f->folder, DOOR_WEB);
	pick(f, &web);
	pack(f, &web, ret_label);
	talk_close(&web);
}
