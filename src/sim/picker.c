/* A picker with a handheld. Now and then: the wrong item, one scan delivered twice, a short bin, the
 * quantity key instead of many scans. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "people.h"
#include "text.h"

#define WRONG_PERMILLE 50
#define TWICE_PERMILLE 40
#define SHORT_PERMILLE 12
#define QUANTITY_PERMILLE 300
#define NO_WORK_MS 400

static bool was_bad(const json_t *outcome)
{
	return strcmp(json_str(outcome, "signal"), "bad") == 0;
}

/* The wrong item must sound wrong. */
static int scan_wrong(struct person *p)
{
	_cleanup_json_ json_t *outcome = NULL;
	char barcode[FLOOR_NAME_MAX];
	int r;

	world_wrong_barcode(p->world, &p->chance, person_sees(p, "barcode"), barcode);
	r = person_scan(p, "]E0", barcode, &outcome);
	if (r < 0)
		return r;
	world_count(p->world, &p->world->tally.wrong_scans);
	if (was_bad(outcome))
		world_count(p->world, &p->world->tally.wrong_refused);
	else
		log_error("a wrong item was taken: %s badge=%s", json_str(outcome, "say"), p->api.badge);
	return 0;
}

/* A radio that delivers one scan twice: same id, same answer, counted once. */
static void deliver_again(struct person *p, const char *barcode, int64_t step, const json_t *first)
{
	_cleanup_json_ json_t *again = NULL;

	if (api_command_again(&p->api, "scan", json_pack("{s:s, s:s}", "aim", "]E0", "data", barcode),
		    step, &again) < 0)
		return;
	world_count(p->world, &p->world->tally.sent_twice);
	if (json_int(first, "seq") == json_int(again, "seq"))
		world_count(p->world, &p->world->tally.same_answer);
	else
		log_error("a scan delivered twice was decided twice id=%s", json_str(again, "id"));
}

static int scan_right(struct person *p)
{
	_cleanup_json_ json_t *outcome = NULL;
	char barcode[FLOOR_NAME_MAX];
	int64_t step = json_int(p->prompt, "step");
	int r;

	if (text_copy(barcode, sizeof(barcode), person_sees(p, "barcode")) < 0)
		return -EAGAIN;
	r = person_scan(p, "]E0", barcode, &outcome);
	if (r == 0 && chance_permille(&p->chance, TWICE_PERMILLE))
		deliver_again(p, barcode, step, outcome);
	return r;
}

static int take_items(struct person *p)
{
	int64_t done = json_int(p->prompt, "done"), of = json_int(p->prompt, "of");

	if (chance_permille(&p->chance, SHORT_PERMILLE)) {
		world_count(p->world, &p->world->tally.short_picks);
		return person_key(p, "short");
	}
	if (chance_permille(&p->chance, WRONG_PERMILLE))
		return scan_wrong(p);
	if (done > 0 && of - done > 1 && chance_permille(&p->chance, QUANTITY_PERMILLE))
		return person_act(p, "key",
			json_pack("{s:s, s:I}", "key", "quantity", "value", (json_int_t)of), NULL);
	return scan_right(p);
}

/* The tote the order has, or an empty one from the stack. Goods lie in it once the core said so; a
 * tote that was refused stays away from the stack until the supervisor has looked at it. */
static int put_into_tote(struct person *p)
{
	_cleanup_json_ json_t *outcome = NULL;
	char tote[FLOOR_NAME_MAX], item[FLOOR_NAME_MAX];
	int64_t done = json_int(p->prompt, "done");
	int r;

	if (text_copy(item, sizeof(item), person_sees(p, "item")) < 0 ||
		text_copy(tote, sizeof(tote), person_sees(p, "tote")) < 0)
		return -EAGAIN;
	if (!*tote && world_take_tote(p->world, &p->chance, tote) < 0)
		return -EAGAIN;
	r = person_scan(p, "", tote, &outcome);
	if (r < 0 || !json_is_true(json_object_get(outcome, "ok")))
		return r;
	world_fill_tote(p->world, tote, item, done);
	world_count(p->world, &p->world->tally.picks);
	return text_copy(p->tote, sizeof(p->tote), tote);
}

/* The order is done when the screen is back at the start: its tote goes to packing. */
static void bring_tote(struct person *p)
{
	if (!*p->tote || strcmp(person_expects(p), "start") != 0)
		return;
	world_hand_on(p->world, &p->world->picked, p->tote);
	*p->tote = '\0';
}

static int start(struct person *p)
{
	int r = person_key(p, "start");

	if (r == 0 && strcmp(person_expects(p), "start") == 0)
		loop_pause(&p->world->loop, NO_WORK_MS);
	return r;
}

static int next_act(struct person *p)
{
	const char *expect = person_expects(p);
	char location[FLOOR_NAME_MAX];

	if (strcmp(expect, "start") == 0)
		return start(p);
	if (strcmp(expect, "item") == 0)
		return take_items(p);
	if (strcmp(expect, "tote") == 0)
		return put_into_tote(p);
	if (strcmp(expect, "location") != 0 ||
		text_copy(location, sizeof(location), person_sees(p, "location")) < 0)
		return -EAGAIN;
	return person_scan(p, "", location, NULL);
}

void picker_work(struct person *p)
{
	int r = -EAGAIN;

	while (r != -ECANCELED && person_pause(p)) {
		if (r == -EAGAIN && !person_look(p))
			continue;
		bring_tote(p);
		r = next_act(p);
	}
}
