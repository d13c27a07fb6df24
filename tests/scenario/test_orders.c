/* An order's way from HQ to the truck, and every way it can leave that way. */
#include "scene.h"

static const char *state_of(struct play *p, const char *order)
{
	return play_words(p, "SELECT state FROM orders WHERE order_id = '%s'", order);
}

static const char *events_after(struct play *p, int64_t n)
{
	return play_words(p, "SELECT substr(type, 7) FROM outbox WHERE n > %lld ORDER BY n", (long long)n);
}

static int64_t head(struct play *p)
{
	return play_number(p, "SELECT max(n) FROM outbox");
}

static const char *cases(struct play *p)
{
	return play_words(p, "SELECT kind FROM cases WHERE state = 'open' ORDER BY case_id");
}

SCENE(an_order_goes_from_hq_to_the_truck)
{
	int64_t before = head(p);

	play_order(p, "O1", "NORTH", "TEA:2 MUG:1");
	assert_string_equal(state_of(p, "O1"), "allocated");
	play_pick(p, "T1");
	assert_string_equal(state_of(p, "O1"), "picked");
	play_pack(p, "T1");
	assert_string_equal(state_of(p, "O1"), "labelled");
	play_convey(p, play_words(p, "SELECT sscc FROM carton"));
	assert_string_equal(state_of(p, "O1"), "staged");
	expect(p, play_web(p, "desk", "load_close", json_pack("{s:s, s:s}", "lane", "north", "seal", "S-9")), "closing");
	assert_string_equal(state_of(p, "O1"), "shipped");
	assert_string_equal(events_after(p, before),
		"order.received order.allocated order.picked order.packed order.labelled order.staged "
		"shipment.confirmed load.closed");
	assert_string_equal(play_words(p, "SELECT json_extract(bytes, '$.data.shipment') FROM outbox WHERE type = "
					  "'wharf.shipment.confirmed'"),
		"DEMO-0-000001");
	assert_string_equal(play_words(p, "SELECT json_extract(value, '$.shipped') FROM outbox o, json_each(bytes, '$.data.lines') "
					  "WHERE o.type = 'wharf.shipment.confirmed' ORDER BY 1"),
		"1 2");
	assert_int_equal(play_number(p, "SELECT count(*) FROM stock WHERE place LIKE 'carton/%%' OR place LIKE 'tote/%%' AND qty > 0"), 0);
	assert_int_equal(play_number(p, "SELECT qty FROM stock WHERE place = 'A1'"), 8);
	assert_string_equal(cases(p), "");
}

SCENE(events_are_numbered_without_gaps_and_chained)
{
	play_order(p, "O1", "NORTH", "TEA:2");
	play_order(p, "O2", "NORTH", "NOTHING:2");
	assert_int_equal(play_number(p, "SELECT count(*) FROM outbox"), head(p));
	assert_int_equal(play_number(p, "SELECT count(DISTINCT hash) FROM outbox"), head(p));
	assert_int_equal(play_number(p, "SELECT up_head FROM link"), head(p));
	assert_int_equal(play_number(p, "SELECT (SELECT up_hash FROM link) = (SELECT hash FROM outbox ORDER BY n DESC LIMIT 1)"), 1);
}

SCENE(an_order_without_any_stock_ends_short)
{
	int64_t before = head(p);

	play_order(p, "O1", "NORTH", "NOTHING:2");
	assert_string_equal(state_of(p, "O1"), "short");
	assert_string_equal(events_after(p, before), "order.received order.short");
	assert_int_equal(play_number(p, "SELECT short FROM order_line"), 2);
}

SCENE(an_order_with_some_stock_ships_what_there_is)
{
	play_order(p, "O1", "NORTH", "MUG:9");
	assert_string_equal(state_of(p, "O1"), "allocated");
	assert_string_equal(play_words(p, "SELECT allocated || ':' || short || ':' || short_reason FROM order_line"), "5:4:no_stock");
	play_pick(p, "T1");
	play_pack(p, "T1");
	play_convey(p, play_words(p, "SELECT sscc FROM carton"));
	expect(p, play_ctl(p, "load_close", json_pack("{s:s}", "lane", "north")), "closing");
	assert_string_equal(play_words(p, "SELECT json_extract(bytes, '$.data.lines[0].shipped') || ':' || json_extract(bytes, "
					  "'$.data.lines[0].short') || ':' || json_extract(bytes, '$.data.lines[0].remainder') "
					  "FROM outbox WHERE type = 'wharf.shipment.confirmed'"),
		"5:4:cancelled");
}

SCENE(the_same_order_sent_again_has_its_effect_once)
{
	int64_t before;

	play_order(p, "O1", "NORTH", "TEA:2");
	before = head(p);
	expect(p, play_hq_down(p, "order", json_pack("{s:s, s:s, s:[{s:i, s:s, s:i}]}", "order", "O1", "carrier", "NORTH", "lines",
		"line", 1, "item", "TEA", "qty", 2)), "known");
	assert_int_equal(head(p), before);
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), 2);
}

SCENE(what_expires_first_is_picked_first)
{
	play_stock(p, "B1", "TEA", "L0", "2026-12-24", 3);
	play_order(p, "O1", "NORTH", "TEA:15");
	assert_string_equal(play_words(p, "SELECT location || '=' || qty FROM task ORDER BY task"), "B1=3 A1=10 A2=2");
}

SCENE(lots_alike_in_everything_are_taken_in_a_fixed_order)
{
	p->now_us = play_number(p, "SELECT max(now_us) FROM journal");
	play_stock(p, "B1", "TEA", "LB", "2026-12-24", 1);
	p->now_us -= 1000;
	play_stock(p, "B1", "TEA", "LA", "2026-12-24", 1);
	p->now_us -= 1000;
	play_stock(p, "B1", "TEA", "LC", "2026-12-24", 1);
	play_order(p, "O1", "NORTH", "TEA:2");
	assert_string_equal(play_words(p, "SELECT lot FROM task ORDER BY task"), "LA LB");
}

SCENE(many_lines_are_allocated_in_pieces_and_shown_when_all_are_done)
{
	char lines[1200] = "";

	for (int i = 0; i < 50; i++)
		strcat(lines, i % 2 ? "TEA:1 " : "NOTHING:1 ");
	p->lazy = true;
	play_order(p, "O1", "NORTH", lines);
	assert_string_equal(state_of(p, "O1"), "received");
	play_continue(p);
	assert_string_equal(state_of(p, "O1"), "allocated");
	assert_int_equal(play_number(p, "SELECT count(*) FROM journal WHERE kind = 'allocate'"), 4);
	assert_string_equal(play_words(p, "SELECT sum(allocated) || ':' || sum(short) FROM order_line"), "20:30");
}

SCENE(a_held_order_waits_and_goes_on_after_its_release)
{
	play_order(p, "O1", "NORTH", "TEA:2");
	expect(p, play_hq_down(p, "order.hold", json_pack("{s:s, s:s}", "order", "O1", "reason", "credit")), "held");
	assert_string_equal(state_of(p, "O1"), "held");
	expect(p, play_key(p, "hh1", "start", 0), "no_work");
	expect(p, play_hq_down(p, "order.release", order_word("O1")), "released");
	assert_string_equal(state_of(p, "O1"), "allocated");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	expect(p, play_web(p, "desk", "order_hold", order_word("O1")), "too_late");
}

SCENE(an_order_held_before_allocation_is_allocated_when_released)
{
	p->lazy = true;
	play_order(p, "O1", "NORTH", "TEA:2");
	expect(p, play_web(p, "desk", "order_hold", order_word("O1")), "held");
	play_continue(p);
	assert_string_equal(state_of(p, "O1"), "held");
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), 0);
	p->lazy = false;
	expect(p, play_web(p, "desk", "order_release", order_word("O1")), "released");
	assert_string_equal(state_of(p, "O1"), "allocated");
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), 2);
}

static void cancel(struct play *p, const char *wanted)
{
	expect(p, play_hq_down(p, "order.cancel", json_pack("{s:s, s:s}", "order", "O1", "reason", "customer")), wanted);
}

SCENE(an_order_cancelled_before_picking_gives_its_stock_back)
{
	play_order(p, "O1", "NORTH", "TEA:12");
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), 12);
	cancel(p, "cancelled");
	assert_string_equal(state_of(p, "O1"), "cancelled");
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), 0);
	assert_string_equal(cases(p), "");
	expect(p, play_key(p, "hh1", "start", 0), "no_work");
	cancel(p, "known");
}

SCENE(a_held_order_can_be_cancelled)
{
	play_order(p, "O1", "NORTH", "TEA:2");
	expect(p, play_web(p, "desk", "order_hold", order_word("O1")), "held");
	cancel(p, "cancelled");
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), 0);
}

static int64_t open_case(struct play *p, const char *kind)
{
	return play_number(p, "SELECT case_id FROM cases WHERE kind = '%s' AND state = 'open'", kind);
}

static const char *resolve(struct play *p, const char *kind, const char *resolution)
{
	return play_web(p, "desk", "case_resolve",
		json_pack("{s:I, s:s}", "case", (json_int_t)open_case(p, kind), "resolution", resolution));
}

SCENE(an_order_cancelled_in_picking_sends_its_tote_back)
{
	play_order(p, "O1", "NORTH", "TEA:12");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	expect(p, play_scan(p, "hh1", "A1"), "right_location");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
	expect(p, play_key(p, "hh1", "quantity", 10), "counted");
	expect(p, play_scan(p, "hh1", "T1"), "in_tote");
	cancel(p, "cancelled");
	assert_string_equal(cases(p), "return_tote");
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), 0);
	expect(p, play_scan(p, "hh1", "A2"), "cancelled");
	assert_string_equal(play_expect(p, "hh1"), "start");
	expect(p, play_scan(p, "pack1-scanner", "T1"), "cancelled");
}

SCENE(a_tote_that_came_back_is_empty_and_free_again)
{
	int64_t events;

	play_order(p, "O1", "NORTH", "TEA:3");
	play_pick(p, "T1");
	cancel(p, "cancelled");
	events = head(p);
	expect(p, resolve(p, "return_tote", "returned"), "resolved");
	assert_string_equal(play_words(p, "SELECT state FROM tote WHERE tote = 'T1'"), "free");
	assert_int_equal(play_number(p, "SELECT coalesce(sum(qty), 0) FROM stock WHERE place = 'tote/T1'"), 0);
	/* HQ's figures lose the goods until somebody counts them into a bin. */
	assert_string_equal(play_words(p, "SELECT json_extract(bytes, '$.data.qty') FROM outbox WHERE n > %lld AND type = "
					  "'wharf.stock.adjusted'", (long long)events),
		"-3");
	play_stock(p, "A1", "TEA", "L1", NULL, 3);
	play_order(p, "O2", "NORTH", "TEA:1");
	play_pick(p, "T1");
	play_pack(p, "T1");
}

SCENE(an_order_cancelled_when_picked_is_not_packed)
{
	play_order(p, "O1", "NORTH", "TEA:1");
	play_pick(p, "T1");
	cancel(p, "cancelled");
	assert_string_equal(cases(p), "return_tote");
	expect(p, play_scan(p, "pack1-scanner", "T1"), "cancelled");
}

SCENE(an_order_cancelled_under_the_packers_hands_returns_carton_and_tote)
{
	play_order(p, "O1", "NORTH", "TEA:2");
	play_pick(p, "T1");
	expect(p, play_scan(p, "pack1-scanner", "T1"), "tote");
	expect(p, play_scan(p, "pack1-scanner", TEA_CODE), "packed");
	cancel(p, "cancelled");
	expect(p, play_scan(p, "pack1-scanner", TEA_CODE), "cancelled");
	assert_string_equal(play_expect(p, "pack1"), "tote");
	expect(p, resolve(p, "return_tote", "returned"), "resolved");
	assert_int_equal(play_number(p, "SELECT coalesce(sum(qty), 0) FROM stock WHERE place LIKE '%%/%%'"), 0);
	assert_string_equal(play_words(p, "SELECT state FROM carton"), "void");
}

SCENE(an_order_cancelled_on_the_scale_leaves_its_old_tote_alone)
{
	play_order(p, "O1", "NORTH", "TEA:1");
	play_pick(p, "T1");
	play_pack_to_weigh(p, "T1");
	/* The tote is empty and picks for another order already. */
	play_order(p, "O2", "NORTH", "TEA:1");
	play_pick(p, "T1");
	cancel(p, "cancelled");
	assert_string_equal(play_words(p, "SELECT state || '/' || order_id FROM tote WHERE tote = 'T1'"), "picked/O2");
	assert_string_equal(cases(p), "cancel_after_pack");
	expect(p, play_key(p, "pack1", "weigh", 0), "cancelled");
	play_pack(p, "T1");
}

SCENE(a_carton_cancelled_after_packing_goes_to_the_reject_lane)
{
	char sscc[19];

	play_carton(p, "O1", "NORTH", "T1", sscc);
	cancel(p, "cancelled");
	assert_string_equal(cases(p), "cancel_after_pack");
	play_convey(p, sscc);
	assert_string_equal(play_words(p, "SELECT lane || ':' || reason FROM divert"), "8:3");
	assert_string_equal(play_words(p, "SELECT state FROM carton"), "rejected");
}

SCENE(a_carton_cancelled_on_its_way_is_not_loaded)
{
	char sscc[19];

	play_carton(p, "O1", "NORTH", "T1", sscc);
	expect(p, play_scan_sscc(p, "induct1-scanner", sscc), "inducted");
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	expect(p, play_divert_taken(p, 1), "taken");
	cancel(p, "cancelled");
	expect(p, play_divert_confirm(p, 7, 1, 1), "confirmed");
	assert_string_equal(play_words(p, "SELECT state FROM carton"), "stray");
	expect(p, play_ctl(p, "load_close", json_pack("{s:s}", "lane", "north")), "empty");
}

SCENE(a_staged_order_that_is_cancelled_does_not_ship)
{
	char sscc[19], other[19];

	play_carton(p, "O1", "NORTH", "T1", sscc);
	play_convey(p, sscc);
	play_carton(p, "O2", "NORTH", "T2", other);
	play_convey(p, other);
	cancel(p, "cancelled");
	expect(p, play_ctl(p, "load_close", json_pack("{s:s}", "lane", "north")), "closing");
	assert_string_equal(play_words(p, "SELECT order_id FROM shipment"), "O2");
	assert_string_equal(state_of(p, "O1"), "cancelled");
	assert_string_equal(cases(p), "cancel_after_pack");
}

SCENE(cancelling_a_shipped_order_is_a_conflict)
{
	char sscc[19];
	int64_t before;

	play_carton(p, "O1", "NORTH", "T1", sscc);
	play_convey(p, sscc);
	expect(p, play_ctl(p, "load_close", json_pack("{s:s}", "lane", "north")), "closing");
	before = p->down_n;
	cancel(p, "conflict");
	assert_string_equal(state_of(p, "O1"), "shipped");
	assert_string_equal(cases(p), "conflict");
	assert_int_equal(play_number(p, "SELECT down_n FROM link"), before + 1);
	expect(p, play_web(p, "desk", "order_cancel", order_word("O1")), "conflict");
	assert_int_equal(play_number(p, "SELECT count(*) FROM cases WHERE kind = 'conflict'"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_goes_from_hq_to_the_truck),
		cmocka_unit_test(events_are_numbered_without_gaps_and_chained),
		cmocka_unit_test(an_order_without_any_stock_ends_short),
		cmocka_unit_test(an_order_with_some_stock_ships_what_there_is),
		cmocka_unit_test(the_same_order_sent_again_has_its_effect_once),
		cmocka_unit_test(what_expires_first_is_picked_first),
		cmocka_unit_test(lots_alike_in_everything_are_taken_in_a_fixed_order),
		cmocka_unit_test(many_lines_are_allocated_in_pieces_and_shown_when_all_are_done),
		cmocka_unit_test(a_held_order_waits_and_goes_on_after_its_release),
		cmocka_unit_test(an_order_held_before_allocation_is_allocated_when_released),
		cmocka_unit_test(an_order_cancelled_before_picking_gives_its_stock_back),
		cmocka_unit_test(a_held_order_can_be_cancelled),
		cmocka_unit_test(an_order_cancelled_in_picking_sends_its_tote_back),
		cmocka_unit_test(a_tote_that_came_back_is_empty_and_free_again),
		cmocka_unit_test(an_order_cancelled_when_picked_is_not_packed),
		cmocka_unit_test(an_order_cancelled_under_the_packers_hands_returns_carton_and_tote),
		cmocka_unit_test(an_order_cancelled_on_the_scale_leaves_its_old_tote_alone),
		cmocka_unit_test(a_carton_cancelled_after_packing_goes_to_the_reject_lane),
		cmocka_unit_test(a_carton_cancelled_on_its_way_is_not_loaded),
		cmocka_unit_test(a_staged_order_that_is_cancelled_does_not_ship),
		cmocka_unit_test(cancelling_a_shipped_order_is_a_conflict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
