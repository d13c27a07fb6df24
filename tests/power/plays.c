/* What happens on the floor of the power tests: only acts, nothing is asserted about their outcomes (the scenarios do). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "json.h"
#include "tape.h"

#define DAYS_MAX 4 /* answers are kept for fourteen */

static const char *const orders_of_chance[] = { "TEA:1", "TEA:2 MUG:1", "MUG:1", "TEA:7" };

static void acked_by_hq(struct play *p)
{
	json_int_t head = play_number(p, "SELECT up_head FROM link");

	play_send(p, DOOR_SYNC,
		json_pack("{s:s, s:{s:I, s:I, s:s, s:s}}", "kind", "hq_acked", "args", "cum", head, "safe", head / 2, "hub_gen",
			"g", "hash", ""));
}

static json_t *order_word(const char *order)
{
	return json_pack("{s:s}", "order", order);
}

static void close_load(struct play *p, const char *lane)
{
	play_web(p, "desk", "load_close", json_pack("{s:s, s:s}", "lane", lane, "seal", "S-9"));
}

void play_short_day(struct play *p)
{
	char sscc[19];

	play_open_floor(p);
	play_carton(p, "O1", "NORTH", "T1", sscc);
	play_convey(p, sscc);
	play_order(p, "O2", "SOUTH", "TEA:2 MUG:1");
	play_web(p, "desk", "order_hold", order_word("O2"));
	play_web(p, "desk", "order_release", order_word("O2"));
	play_pick(p, "T2");
	play_scan(p, "hh1", "54321");
	play_pack_to_label(p, "T2");
	play_web(p, "desk", "order_cancel", order_word("O2"));
	play_internal(p, "day", json_object());
	play_hq_down(p, "carrier.table", json_pack("{s:i}", "fee", 15));
	close_load(p, "north");
	acked_by_hq(p);
	play_hq_down(p, "order.cancel", order_word("O1"));
	play_restart(p, "boot-2");
	play_order(p, "O3", "NORTH", "MUG:2");
	play_web(p, "hh1", "logout", json_object());
}

static void handheld_acts(struct play *p, struct chance *chance, const char *hh)
{
	char tote[8], wanted[32];

	snprintf(wanted, sizeof(wanted), "%s", play_expect(p, hh));
	snprintf(tote, sizeof(tote), "T%u", 1 + chance_below(chance, 3));
	p->deaf = chance_permille(chance, 50);
	p->step_less = chance_permille(chance, 50);
	if (chance_permille(chance, 50))
		play_scan(p, hh, "54321");
	else if (strcmp(wanted, "login") == 0)
		play_login(p, strcmp(hh, "hh1") == 0 ? "P1" : "P2", hh);
	else if (strcmp(wanted, "start") == 0)
		play_key(p, hh, "start", 0);
	else if (strcmp(wanted, "location") == 0)
		play_scan(p, hh, play_shown(p, hh, "location"));
	else if (strcmp(wanted, "item") == 0 && chance_permille(chance, 60))
		play_key(p, hh, "short", 0);
	else if (strcmp(wanted, "item") == 0)
		play_scan(p, hh, play_shown(p, hh, "barcode"));
	else
		play_scan(p, hh, tote);
}

static void scan_any_piece(struct play *p, struct chance *chance)
{
	play_scan(p, "pack1-scanner", chance_permille(chance, 700) ? TEA_CODE : MUG_CODE);
}

static void packer_acts(struct play *p, struct chance *chance)
{
	int64_t expected_g = play_number(p, "SELECT expected_ug / 1000000 FROM carton ORDER BY carton DESC LIMIT 1");
	char wanted[32], tote[8];

	snprintf(wanted, sizeof(wanted), "%s", play_expect(p, "pack1"));
	snprintf(tote, sizeof(tote), "T%u", 1 + chance_below(chance, 3));
	if (strcmp(wanted, "login") == 0)
		play_login(p, "K1", "pack1");
	else if (strcmp(wanted, "tote") == 0)
		play_scan(p, "pack1-scanner", tote);
	else if (strcmp(wanted, "item") == 0)
		scan_any_piece(p, chance);
	else if (strcmp(wanted, "close") == 0)
		play_key(p, "pack1", "close", 0);
	else if (strcmp(wanted, "weigh") == 0 && chance_permille(chance, 800))
		play_weight(p, expected_g + (chance_permille(chance, 150) ? 500 : 0));
	else if (strcmp(wanted, "weigh") == 0)
		play_key(p, "pack1", chance_permille(chance, 500) ? "weigh" : "continue", 0);
	else if (strcmp(wanted, "label") == 0)
		play_scan_sscc(p, "pack1-scanner", play_shown(p, "pack1", "sscc"));
	else
		play_key(p, "pack1", "retry", 0);
}

static void printer_acts(struct play *p, struct chance *chance)
{
	static const char *const ends[] = { "sent", "sent", "printed", "doubtful", "failed" };
	int64_t due = play_number(p, "SELECT max(label) FROM label WHERE state = 'due'");
	int64_t taken = play_number(p, "SELECT max(label) FROM label WHERE state = 'taken'"), job = taken ? taken : due;
	int64_t attempt = play_number(p, "SELECT attempt FROM label WHERE label = %lld", (long long)job);

	if (taken)
		play_print_ended(p, job, attempt, ends[chance_below(chance, array_len(ends))]);
	else if (due)
		play_print_taken(p, job, attempt);
}

static void conveyor_acts(struct play *p, struct chance *chance)
{
	int64_t due = play_number(p, "SELECT min(divert) FROM divert WHERE state = 'due'");
	int64_t taken = play_number(p, "SELECT min(divert) FROM divert WHERE state = 'taken'");
	int64_t tracking = 7000 + play_number(p, "SELECT count(*) FROM divert");
	char sscc[24];

	snprintf(sscc, sizeof(sscc), "%s", play_words(p, "SELECT min(sscc) FROM carton WHERE state = 'labelled'"));
	if (taken && play_divert_ended(p, taken, chance_permille(chance, 900) ? "written" : "failed"))
		play_divert_confirm(p, play_number(p, "SELECT tracking FROM divert WHERE divert = %lld", (long long)taken),
			play_number(p, "SELECT lane FROM divert WHERE divert = %lld", (long long)taken), 1);
	else if (due)
		play_divert_taken(p, due);
	else if (sscc[0] && strcmp(sscc, "NULL") != 0 && play_scan_sscc(p, "induct1-scanner", sscc))
		play_divert_request(p, tracking % 60000 + 1, tracking, 1, "");
}

static void resolve_a_case(struct play *p)
{
	char choice[64];
	int64_t id = play_number(p, "SELECT min(case_id) FROM cases WHERE state = 'open'");

	snprintf(choice, sizeof(choice), "%s", play_words(p, "SELECT choices FROM cases WHERE case_id = %lld", (long long)id));
	choice[strcspn(choice, "|")] = '\0';
	if (id)
		play_web(p, "desk", "case_resolve",
			json_pack("{s:I, s:s}", "case", (json_int_t)id, "resolution", choice));
}

static void any_order(struct play *p, struct chance *chance, char *out, size_t size)
{
	int64_t orders = play_number(p, "SELECT count(*) FROM orders");

	snprintf(out, size, "R%u", 1 + chance_below(chance, (unsigned)orders + 1));
}

static void desk_acts(struct play *p, struct chance *chance)
{
	static const char *const results[] = { "printed", "void", "again" };
	char order[16];

	any_order(p, chance, order, sizeof(order));
	switch (chance_below(chance, 7)) {
	case 0:
		play_web(p, "desk", "order_hold", order_word(order));
		break;
	case 1:
		play_web(p, "desk", "order_release", order_word(order));
		break;
	case 2:
		play_web(p, "desk", "order_cancel", order_word(order));
		break;
	case 3:
	case 4:
		close_load(p, chance_permille(chance, 500) ? "north" : "south");
		break;
	case 5:
		play_web(p, "desk", "label_resolve",
			json_pack("{s:I, s:s}", "job", (json_int_t)play_number(p, "SELECT max(label) FROM label"), "result",
				results[chance_below(chance, 3)]));
		break;
	default:
		resolve_a_case(p);
		break;
	}
}

static void new_order(struct play *p, struct chance *chance)
{
	char order[32];

	snprintf(order, sizeof(order), "R%lld", (long long)play_number(p, "SELECT count(*) + 1 FROM orders"));
	play_order(p, order, chance_permille(chance, 500) ? "NORTH" : "SOUTH",
		orders_of_chance[chance_below(chance, array_len(orders_of_chance))]);
}

static void hq_acts(struct play *p, struct chance *chance)
{
	char order[16];

	any_order(p, chance, order, sizeof(order));
	switch (chance_below(chance, 6)) {
	case 0:
		acked_by_hq(p);
		break;
	case 1:
		play_hq_down(p, "order.cancel", order_word(order));
		break;
	case 2:
		play_hq_down(p, "carrier.table", json_pack("{s:i}", "fee", 15));
		break;
	default:
		new_order(p, chance);
		break;
	}
}

static void core_acts(struct play *p, struct chance *chance)
{
	char boot[32];

	snprintf(boot, sizeof(boot), "boot-%lld", (long long)p->boot_us);
	if (chance_permille(chance, 200) && play_number(p, "SELECT count(*) FROM day") < DAYS_MAX)
		play_internal(p, "day", json_object());
	else if (chance_permille(chance, 200))
		play_restart(p, boot);
	else if (chance_permille(chance, 300))
		play_wait(p, 20 * PLAY_S);
	else
		play_stock(p, "A1", "TEA", "L1", "2027-01-31", 5);
}

static void anybody_acts(struct play *p, struct chance *chance)
{
	unsigned who = chance_below(chance, 100);

	if (who < 34)
		handheld_acts(p, chance, who < 24 ? "hh1" : "hh2");
	else if (who < 60)
		packer_acts(p, chance);
	else if (who < 72)
		printer_acts(p, chance);
	else if (who < 82)
		conveyor_acts(p, chance);
	else if (who < 87)
		desk_acts(p, chance);
	else if (who < 95)
		hq_acts(p, chance);
	else
		core_acts(p, chance);
}

void play_random_day(struct play *p, struct chance *chance, int acts)
{
	play_open_floor(p);
	new_order(p, chance);
	for (int i = 0; i < acts; i++)
		anybody_acts(p, chance);
}
