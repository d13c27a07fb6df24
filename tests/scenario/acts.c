/* What people and devices do in a play. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "play.h"

#define STEPS_MAX 1000

static bool is_page(const char *device)
{
	return strncmp(device, "hh", 2) == 0 || strcmp(device, "pack1") == 0 || strcmp(device, "pack2") == 0 ||
		strcmp(device, "desk") == 0;
}

static const char *place_of(const char *device)
{
	return strncmp(device, "pack1", 5) == 0 ? "pack1" : strncmp(device, "induct1", 7) == 0 ? "induct1" : device;
}

static struct play_origin *heard_of(struct play *p, const char *device)
{
	char name[64];

	snprintf(name, sizeof(name), "heard-%s", device);
	for (size_t i = 0; i < p->origins_n; i++)
		if (strcmp(p->origins[i].name, name) == 0)
			return &p->origins[i];
	assert_true(p->origins_n < PLAY_ORIGINS_MAX);
	snprintf(p->origins[p->origins_n].name, sizeof(p->origins[0].name), "%s", name);
	return &p->origins[p->origins_n++];
}

/* What the program adds to an act: the session, the step its screen shows, the outcome it has shown. */
static const char *act(struct play *p, const char *device, const char *kind, json_t *args)
{
	struct play_origin *heard = heard_of(p, device);
	json_t *body = json_pack("{s:s, s:s, s:s, s:o}", "kind", kind, "device", device, "at",
		"2026-11-23T06:12:01.123Z", "args", args);
	struct dialogue d;
	char session[64];
	const char *code;

	if (is_page(device)) {
		snprintf(session, sizeof(session), "session-of-%s-0001", device);
		json_object_set_new(body, "actor", json_string(session));
	}
	if (dialogue_load(&p->engine, place_of(device), &d))
		json_object_set_new(body, "step", json_integer(d.step - p->step_less));
	if (heard->heard[0] && !p->deaf)
		json_object_set_new(body, "heard", json_string(heard->heard));
	if (p->age_ms)
		json_object_set_new(body, "age_ms", json_integer(p->age_ms));
	code = play_send(p, is_page(device) ? DOOR_WEB : DOOR_BRIDGE, body);
	if (p->answer != ENGINE_NOT_TAKEN)
		memcpy(heard->heard, p->id, sizeof(heard->heard));
	return code;
}

const char *play_ctl(struct play *p, const char *kind, json_t *args)
{
	return play_send(p, DOOR_CTL, json_pack("{s:s, s:o}", "kind", kind, "args", args));
}

const char *play_web(struct play *p, const char *device, const char *kind, json_t *args)
{
	return act(p, device, kind, args);
}

const char *play_login(struct play *p, const char *badge, const char *device)
{
	char session[64];

	snprintf(session, sizeof(session), "session-of-%s-0001", device);
	return play_internal(p, "login_verified",
		json_pack("{s:s, s:s, s:s}", "badge", badge, "device", device, "session", session));
}

const char *play_scan(struct play *p, const char *device, const char *data)
{
	return act(p, device, "scan", json_pack("{s:s, s:s}", "aim", "", "data", data));
}

const char *play_scan_sscc(struct play *p, const char *device, const char *sscc)
{
	char data[256];

	snprintf(data, sizeof(data), "00%s", sscc);
	return act(p, device, "scan", json_pack("{s:s, s:s}", "aim", "]C1", "data", data));
}

const char *play_key(struct play *p, const char *device, const char *key, int64_t value)
{
	json_t *args = json_pack("{s:s}", "key", key);

	if (value)
		json_object_set_new(args, "value", json_integer(value));
	return act(p, device, "key", args);
}

const char *play_weight(struct play *p, int64_t grams)
{
	char ask[32];

	snprintf(ask, sizeof(ask), "w-%lld", (long long)play_number(p, "SELECT max(weigh) FROM weigh"));
	return act(p, "pack1-scale", "weight",
		json_pack("{s:I, s:s, s:s, s:[s], s:s}", "value_ug", (json_int_t)grams * 1000000, "unit", "kg", "raw",
			"0230302e350d", "readings", "0230302e350d", "ask", ask));
}

static const char *from_device(struct play *p, enum door_kind peer, const char *device, const char *kind, json_t *args)
{
	return play_send(p, peer, json_pack("{s:s, s:s, s:o}", "kind", kind, "device", device, "args", args));
}

const char *play_print_taken(struct play *p, int64_t job, int64_t attempt)
{
	return from_device(p, DOOR_PRINT, "pack1-labels", "print_taken",
		json_pack("{s:I, s:I}", "job", (json_int_t)job, "attempt", (json_int_t)attempt));
}

const char *play_print_ended(struct play *p, int64_t job, int64_t attempt, const char *result)
{
	return from_device(p, DOOR_PRINT, "pack1-labels", "print_ended",
		json_pack("{s:I, s:I, s:s, s:s}", "job", (json_int_t)job, "attempt", (json_int_t)attempt, "result", result,
			"evidence", "as told"));
}

const char *play_divert_request(struct play *p, int64_t seq, int64_t tracking, int64_t read, const char *code)
{
	return from_device(p, DOOR_PLC, "conveyor1", "divert_request",
		json_pack("{s:I, s:I, s:i, s:I, s:s}", "seq", (json_int_t)seq, "tracking", (json_int_t)tracking, "point", 1,
			"read", (json_int_t)read, "code", code));
}

static json_t *divert_name(int64_t divert)
{
	char id[32];

	snprintf(id, sizeof(id), "d-%lld", (long long)divert);
	return json_string(id);
}

const char *play_divert_taken(struct play *p, int64_t divert)
{
	return from_device(p, DOOR_PLC, "conveyor1", "divert_taken", json_pack("{s:o}", "divert", divert_name(divert)));
}

const char *play_divert_ended(struct play *p, int64_t divert, const char *result)
{
	return from_device(p, DOOR_PLC, "conveyor1", "divert_ended",
		json_pack("{s:o, s:s}", "divert", divert_name(divert), "result", result));
}

const char *play_divert_confirm(struct play *p, int64_t tracking, int64_t lane, int64_t result)
{
	return from_device(p, DOOR_PLC, "conveyor1", "divert_confirm",
		json_pack("{s:i, s:I, s:I, s:I}", "seq", 1, "tracking", (json_int_t)tracking, "lane", (json_int_t)lane,
			"result", (json_int_t)result));
}

const char *play_hq_down_n(struct play *p, int64_t n, const char *type, json_t *body)
{
	return play_send(p, DOOR_SYNC,
		json_pack("{s:s, s:{s:I, s:s, s:o}}", "kind", "hq_down", "args", "n", (json_int_t)n, "type", type, "body",
			body));
}

const char *play_hq_down(struct play *p, const char *type, json_t *body)
{
	return play_hq_down_n(p, ++p->down_n, type, body);
}

const char *play_lease(struct play *p, const char *block, const char *prefix, int64_t first, int64_t count)
{
	return play_send(p, DOOR_SYNC,
		json_pack("{s:s, s:{s:s, s:s, s:I, s:I, s:i}}", "kind", "sscc_lease", "args", "block", block, "prefix",
			prefix, "first", (json_int_t)first, "count", (json_int_t)count, "epoch", 0));
}

void play_stock(struct play *p, const char *location, const char *item, const char *lot, const char *expiry, int64_t qty)
{
	json_t *args = json_pack("{s:s, s:s, s:s, s:I, s:s}", "location", location, "item", item, "lot", lot, "qty",
		(json_int_t)qty, "reason", "received");

	if (expiry)
		json_object_set_new(args, "expiry", json_string(expiry));
	expect(p, play_ctl(p, "stock_adjust", args), "adjusted");
}

static json_t *lines_of(const char *text)
{
	json_t *lines = json_array();
	char item[64];
	int n = 0, used, qty;

	while (sscanf(text, " %63[^:]:%d%n", item, &qty, &used) == 2) {
		json_array_append_new(lines, json_pack("{s:i, s:s, s:i}", "line", ++n, "item", item, "qty", qty));
		text += used;
	}
	return lines;
}

void play_order(struct play *p, const char *order, const char *carrier, const char *lines)
{
	expect(p,
		play_hq_down(p, "order",
			json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:o}", "order", order, "customer", "Café Größe",
				"customer_po", "PO-7", "carrier", carrier, "ship_to", "name", "Café", "city", "Köln", "lines",
				lines_of(lines))),
		"received");
}

static json_t *prompt_at(struct play *p, const char *place)
{
	_cleanup_free_ char *text = dialogue_prompt(&p->engine, place);

	return text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

const char *play_expect(struct play *p, const char *place)
{
	static char out[32];
	_cleanup_json_ json_t *prompt = prompt_at(p, place);

	snprintf(out, sizeof(out), "%s", json_str(prompt, "expect"));
	return out;
}

const char *play_shown(struct play *p, const char *place, const char *key)
{
	static char out[128];
	_cleanup_json_ json_t *prompt = prompt_at(p, place);
	const json_t *value = json_object_get(json_object_get(prompt, "data"), key);

	if (json_is_integer(value))
		snprintf(out, sizeof(out), "%lld", (long long)json_integer_value(value));
	else
		snprintf(out, sizeof(out), "%s", json_is_string(value) ? json_string_value(value) : "");
	return out;
}

/* One thing the screen asks for; false where the order is picked. */
static bool pick_step(struct play *p, const char *tote)
{
	const char *wanted = play_expect(p, "hh1");

	if (strcmp(wanted, "location") == 0)
		expect(p, play_scan(p, "hh1", play_shown(p, "hh1", "location")), "right_location");
	else if (strcmp(wanted, "item") == 0)
		expect(p, play_scan(p, "hh1", play_shown(p, "hh1", "barcode")), "counted");
	else if (strcmp(wanted, "tote") == 0)
		expect(p, play_scan(p, "hh1", tote), "in_tote");
	else
		return false;
	return true;
}

void play_pick(struct play *p, const char *tote)
{
	int n = 0;

	expect(p, play_key(p, "hh1", "start", 0), "started");
	while (pick_step(p, tote))
		assert_true(++n < STEPS_MAX);
	assert_string_equal(play_expect(p, "hh1"), "start");
}

static void pack_next_piece(struct play *p)
{
	_cleanup_json_ json_t *prompt = prompt_at(p, "pack1");
	const json_t *items = json_object_get(json_object_get(prompt, "data"), "items"), *row;
	size_t i;

	json_array_foreach((json_t *)items, i, row)
		if (json_int(row, "done") < json_int(row, "qty")) {
			expect(p, play_scan(p, "pack1-scanner", json_str(row, "barcode")), "packed");
			return;
		}
	fail_msg("the screen wants a piece and names none");
}

void play_pack_to_weigh(struct play *p, const char *tote)
{
	int n = 0;

	expect(p, play_scan(p, "pack1-scanner", tote), "tote");
	while (strcmp(play_expect(p, "pack1"), "item") == 0) {
		pack_next_piece(p);
		assert_true(++n < STEPS_MAX);
	}
	expect(p, play_key(p, "pack1", "close", 0), "closed");
	assert_string_equal(play_expect(p, "pack1"), "weigh");
}

void play_pack_to_label(struct play *p, const char *tote)
{
	play_pack_to_weigh(p, tote);
	expect(p, play_weight(p, play_number(p, "SELECT expected_ug / 1000000 FROM carton ORDER BY carton DESC LIMIT 1")),
		"label");
}

void play_pack(struct play *p, const char *tote)
{
	int64_t job;

	play_pack_to_label(p, tote);
	job = play_number(p, "SELECT max(label) FROM label");
	expect(p, play_print_taken(p, job, 1), "taken");
	expect(p, play_print_ended(p, job, 1, "sent"), "noted");
	expect(p, play_scan_sscc(p, "pack1-scanner", play_shown(p, "pack1", "sscc")), "labelled");
}

void play_convey(struct play *p, const char *sscc)
{
	int64_t tracking = 7000 + play_number(p, "SELECT count(*) FROM divert"), divert;

	expect(p, play_scan_sscc(p, "induct1-scanner", sscc), "inducted");
	expect(p, play_divert_request(p, tracking % 60000 + 1, tracking, 1, ""), "decided");
	divert = play_number(p, "SELECT max(divert) FROM divert");
	expect(p, play_divert_taken(p, divert), "taken");
	expect(p, play_divert_ended(p, divert, "written"), "noted");
	expect(p,
		play_divert_confirm(p, tracking,
			play_number(p, "SELECT lane FROM divert WHERE divert = %lld", (long long)divert), 1),
		"confirmed");
}

void play_carton(struct play *p, const char *order, const char *carrier, const char *tote, char *out)
{
	play_order(p, order, carrier, "TEA:1");
	play_pick(p, tote);
	play_pack(p, tote);
	snprintf(out, 19, "%s", play_words(p, "SELECT sscc FROM carton WHERE order_id = '%s'", order));
}
