/* The packer: scans with the station's own scanner on its wire, weighs on the station's scale, scans
 * the fresh label back, and puts the carton on the belt. Now and then: the wrong piece. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "people.h"
#include "text.h"

#define WRONG_PERMILLE 30
#define BEEP_WAIT_MS 1500
#define TRIES_MAX 20
#define NOISE_G 8
#define WEIGH_WAIT_MS 4000
#define WEIGH_LOOK_MS 150
#define EMPTY_WAIT_MS 3000
#define LABEL_WAIT_MS 3000
#define IDLE_MS 300

/* "No beep: scan again." */
static enum beep scan_until_heard(struct person *p, const char *aim, const char *data)
{
	enum beep beep = BEEP_NONE;

	for (int i = 0; beep == BEEP_NONE && i < TRIES_MAX && loop_pause(&p->world->loop, 1); i++) {
		beep = scanner_scan(&p->world->pack_scanner, aim, data, BEEP_WAIT_MS);
		if (beep == BEEP_NONE)
			world_count(p->world, &p->world->tally.silent_scans);
	}
	if (beep == BEEP_ALREADY)
		world_count(p->world, &p->world->tally.already);
	return beep;
}

/* What the station said last, as its screen shows it. */
static const char *last_code(const struct person *p)
{
	return json_str(json_object_get(p->prompt, "last"), "code");
}

static void hand_on_carton(struct person *p)
{
	if (!*p->sscc)
		return;
	if (strcmp(last_code(p), "cancelled") != 0) {
		world_hand_on(p->world, &p->world->labelled, p->sscc);
		world_empty_tote(p->world, p->tote);
		world_count(p->world, &p->world->tally.packed);
	}
	*p->sscc = *p->tote = '\0';
}

/* The station is free: the carton before is on its way, the next tote comes. */
static int take_tote(struct person *p)
{
	enum beep beep;

	hand_on_carton(p);
	if (world_fetch(p->world, &p->world->picked, IDLE_MS, p->tote) < 0)
		return -EAGAIN;
	beep = scan_until_heard(p, "", p->tote);
	if (!person_look(p))
		return -EAGAIN;
	/* Not ready or the screen had moved on: it waits its turn again. A cancelled one goes to the desk. */
	if (beep != BEEP_GOOD && beep != BEEP_ALREADY && strcmp(person_expects(p), "tote") == 0 &&
		strcmp(last_code(p), "cancelled") != 0)
		world_hand_on(p->world, &p->world->picked, p->tote);
	return 0;
}

static const json_t *next_piece(const struct person *p)
{
	const json_t *items = json_object_get(json_object_get(p->prompt, "data"), "items");
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)items, i, item)
		if (json_int(item, "done") < json_int(item, "qty"))
			return item;
	return NULL;
}

static bool in_tote(const struct person *p, const char *barcode)
{
	const json_t *items = json_object_get(json_object_get(p->prompt, "data"), "items");
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)items, i, item)
		if (strcmp(json_str(item, "barcode"), barcode) == 0)
			return true;
	return false;
}

static void scan_wrong(struct person *p)
{
	char barcode[FLOOR_NAME_MAX];

	world_wrong_barcode(p->world, &p->chance, "", barcode);
	if (in_tote(p, barcode))
		return;
	world_count(p->world, &p->world->tally.wrong_scans);
	if (scan_until_heard(p, "]E0", barcode) == BEEP_BAD)
		world_count(p->world, &p->world->tally.wrong_refused);
	else
		log_error("a wrong piece did not sound wrong barcode=%s", barcode);
}

static int pack_piece(struct person *p)
{
	const json_t *piece = next_piece(p);
	char barcode[FLOOR_NAME_MAX];

	/* The station was left with this tote by somebody before. */
	if (!*p->tote && text_copy(p->tote, sizeof(p->tote), person_sees(p, "tote")) < 0)
		return -EAGAIN;
	if (!piece || text_copy(barcode, sizeof(barcode), json_str(piece, "barcode")) < 0)
		return -EAGAIN;
	if (chance_permille(&p->chance, WRONG_PERMILLE))
		scan_wrong(p);
	scan_until_heard(p, "]E0", barcode);
	return -EAGAIN;
}

/* Puts the carton on the pan until the station takes its weight; asks again where it does not. */
static int weigh(struct person *p)
{
	int64_t noise_g = chance_range(&p->chance, -NOISE_G, NOISE_G);
	int64_t packaging_g = config_int(p->world->config, "weight", "packaging_g");
	int waited_ms = 0;

	scale_wait_empty(&p->world->scale, EMPTY_WAIT_MS);
	scale_put(&p->world->scale, world_tote_load_g(p->world, p->tote) + packaging_g + noise_g);
	while (waited_ms < WEIGH_WAIT_MS && strcmp(person_expects(p), "weigh") == 0 &&
		strcmp(last_code(p), "weight_off") != 0) {
		if (!loop_pause(&p->world->loop, WEIGH_LOOK_MS))
			return -ECANCELED;
		waited_ms += WEIGH_LOOK_MS;
		person_look(p);
	}
	scale_put(&p->world->scale, 0);
	if (strcmp(person_expects(p), "weigh") != 0)
		return 0;
	/* Accepted by the supervisor meanwhile, or weighed once more. */
	return person_key(p, strcmp(last_code(p), "weight_off") == 0 ? "continue" : "weigh");
}

static int scan_label(struct person *p)
{
	char data[32], sscc[QUEUE_TEXT_MAX];

	if (text_copy(sscc, sizeof(sscc), person_sees(p, "sscc")) < 0 || !*sscc ||
		!printer_take(&p->world->printer, sscc, LABEL_WAIT_MS))
		return -EAGAIN;
	text_copy(p->sscc, sizeof(p->sscc), sscc);
	if (text_format(data, sizeof(data), "00%s", sscc) == 0)
		scan_until_heard(p, "]C1", data);
	return -EAGAIN;
}

static int retry_sscc(struct person *p)
{
	loop_pause(&p->world->loop, IDLE_MS);
	return person_key(p, "retry");
}

static int next_act(struct person *p)
{
	const char *expect = person_expects(p);

	if (strcmp(expect, "tote") == 0)
		return take_tote(p);
	if (strcmp(expect, "item") == 0)
		return pack_piece(p);
	if (strcmp(expect, "close") == 0)
		return person_key(p, "close");
	if (strcmp(expect, "weigh") == 0)
		return weigh(p);
	if (strcmp(expect, "label") == 0)
		return scan_label(p);
	return strcmp(expect, "sscc") == 0 ? retry_sscc(p) : -EAGAIN;
}

void packer_work(struct person *p)
{
	int r = -EAGAIN;

	while (r != -ECANCELED && person_pause(p)) {
		if (r == -EAGAIN && !person_look(p))
			continue;
		r = next_act(p);
	}
}
