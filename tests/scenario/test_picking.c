/* The handheld's conversation: bin, pieces, tote, and what happens when the bin lies. */
#include "scene.h"

static void start(struct play *p, const char *lines)
{
	play_order(p, "O1", "NORTH", lines);
	expect(p, play_key(p, "hh1", "start", 0), "started");
}

static void to_item(struct play *p, const char *lines)
{
	start(p, lines);
	expect(p, play_scan(p, "hh1", play_shown(p, "hh1", "location")), "right_location");
}

static int64_t counted(struct play *p)
{
	return play_number(p, "SELECT counted FROM dialogue WHERE place = 'hh1'");
}

static const char *order_state_name(struct play *p)
{
	return play_words(p, "SELECT state FROM orders WHERE order_id = 'O1'");
}

SCENE(a_wrong_bin_is_refused)
{
	start(p, "TEA:1");
	expect(p, play_scan(p, "hh1", "A2"), "wrong_location");
	expect(p, play_scan(p, "hh1", TEA_CODE), "wrong_location");
	assert_string_equal(play_expect(p, "hh1"), "location");
}

SCENE(a_wrong_item_is_refused_and_not_counted)
{
	to_item(p, "TEA:1");
	expect(p, play_scan(p, "hh1", MUG_CODE), "wrong_item");
	assert_int_equal(counted(p), 0);
}

SCENE(an_unknown_barcode_opens_one_case)
{
	to_item(p, "TEA:2");
	expect(p, play_scan(p, "hh1", "12345"), "unknown_barcode");
	expect(p, play_scan(p, "hh1", "54321"), "unknown_barcode");
	assert_string_equal(play_words(p, "SELECT kind || '/' || subject FROM cases"), "unknown_barcode/hh1");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
}

SCENE(more_than_the_order_wants_is_refused)
{
	to_item(p, "TEA:5");
	expect(p, play_scan(p, "hh1", TEA_CASE), "too_many");
	assert_int_equal(counted(p), 0);
}

SCENE(a_case_barcode_counts_its_pieces)
{
	to_item(p, "TEA:7");
	expect(p, play_scan(p, "hh1", TEA_CASE), "counted");
	assert_int_equal(counted(p), 6);
	assert_string_equal(p->say, "6 of 7");
}

SCENE(the_quantity_key_counts_the_rest_after_one_scan)
{
	to_item(p, "TEA:5");
	expect(p, play_key(p, "hh1", "quantity", 5), "scan_first");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
	expect(p, play_key(p, "hh1", "quantity", 6), "wrong_quantity");
	expect(p, play_key(p, "hh1", "quantity", 5), "counted");
	assert_string_equal(play_expect(p, "hh1"), "tote");
}

SCENE(only_a_free_tote_or_the_orders_own_is_taken)
{
	play_order(p, "O0", "NORTH", "TEA:1");
	play_pick(p, "T1");
	to_item(p, "TEA:1 MUG:1");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
	expect(p, play_scan(p, "hh1", "A1"), "not_a_tote");
	expect(p, play_scan(p, "hh1", "T1"), "tote_in_use");
	expect(p, play_scan(p, "hh1", "T2"), "in_tote");
	expect(p, play_scan(p, "hh1", "B1"), "right_location");
	expect(p, play_scan(p, "hh1", MUG_CODE), "counted");
	expect(p, play_scan(p, "hh1", "T3"), "wrong_tote");
	expect(p, play_scan(p, "hh1", "T2"), "in_tote");
	assert_string_equal(order_state_name(p), "picked");
}

SCENE(a_short_pick_freezes_the_bin_opens_a_count_and_finds_the_next_bin)
{
	to_item(p, "TEA:3");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
	expect(p, play_key(p, "hh1", "short", 0), "short");
	expect(p, play_scan(p, "hh1", "T1"), "in_tote");
	assert_int_equal(play_number(p, "SELECT frozen FROM location WHERE location = 'A1'"), 1);
	assert_int_equal(play_number(p, "SELECT allocated FROM stock WHERE place = 'A1'"), 0);
	assert_string_equal(play_words(p, "SELECT kind || '/' || subject FROM cases"), "count/A1");
	assert_string_equal(play_shown(p, "hh1", "location"), "A2");
	assert_string_equal(play_shown(p, "hh1", "qty"), "2");
	expect(p, play_scan(p, "hh1", "A2"), "right_location");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
	expect(p, play_scan(p, "hh1", "T1"), "in_tote");
	assert_string_equal(play_words(p, "SELECT picked || ':' || short FROM order_line"), "3:0");
}

SCENE(a_frozen_bin_is_used_again_after_its_count)
{
	to_item(p, "TEA:3");
	expect(p, play_key(p, "hh1", "short", 0), "short");
	play_order(p, "O2", "NORTH", "TEA:1");
	assert_string_equal(play_words(p, "SELECT location FROM task WHERE order_id = 'O2'"), "A2");
	expect(p, play_web(p, "desk", "case_resolve", json_pack("{s:i, s:s}", "case", 1, "resolution", "lost")), "not_resolved");
	expect(p, play_web(p, "desk", "case_resolve", json_pack("{s:i, s:s}", "case", 1, "resolution", "counted")), "resolved");
	expect(p, play_web(p, "desk", "case_resolve", json_pack("{s:i, s:s}", "case", 1, "resolution", "counted")), "not_resolved");
	play_order(p, "O3", "NORTH", "TEA:1");
	assert_string_equal(play_words(p, "SELECT location FROM task WHERE order_id = 'O3'"), "A1");
}

SCENE(a_short_pick_without_another_bin_makes_the_line_short)
{
	to_item(p, "MUG:5");
	expect(p, play_scan(p, "hh1", MUG_CODE), "counted");
	expect(p, play_key(p, "hh1", "short", 0), "short");
	expect(p, play_scan(p, "hh1", "T1"), "in_tote");
	assert_string_equal(play_words(p, "SELECT picked || ':' || short || ':' || short_reason FROM order_line"), "1:4:short_pick");
	assert_string_equal(order_state_name(p), "picked");
}

SCENE(an_order_of_which_nothing_was_found_ends_short)
{
	to_item(p, "MUG:5");
	expect(p, play_key(p, "hh1", "short", 0), "short");
	assert_string_equal(order_state_name(p), "short");
	assert_string_equal(play_expect(p, "hh1"), "start");
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), 0);
}

SCENE(two_handhelds_never_get_the_same_order)
{
	play_order(p, "O1", "NORTH", "TEA:1");
	play_order(p, "O2", "NORTH", "TEA:1");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	expect(p, play_key(p, "hh2", "start", 0), "started");
	assert_string_equal(play_shown(p, "hh1", "order"), "O1");
	assert_string_equal(play_shown(p, "hh2", "order"), "O2");
}

SCENE(a_key_the_screen_does_not_offer_is_refused)
{
	expect(p, play_key(p, "hh1", "short", 0), "no_such_key");
	expect(p, play_scan(p, "hh1", TEA_CODE), "press_start");
	to_item(p, "TEA:2");
	expect(p, play_key(p, "hh1", "start", 0), "no_such_key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_bin_is_refused),
		cmocka_unit_test(a_wrong_item_is_refused_and_not_counted),
		cmocka_unit_test(an_unknown_barcode_opens_one_case),
		cmocka_unit_test(more_than_the_order_wants_is_refused),
		cmocka_unit_test(a_case_barcode_counts_its_pieces),
		cmocka_unit_test(the_quantity_key_counts_the_rest_after_one_scan),
		cmocka_unit_test(only_a_free_tote_or_the_orders_own_is_taken),
		cmocka_unit_test(a_short_pick_freezes_the_bin_opens_a_count_and_finds_the_next_bin),
		cmocka_unit_test(a_frozen_bin_is_used_again_after_its_count),
		cmocka_unit_test(a_short_pick_without_another_bin_makes_the_line_short),
		cmocka_unit_test(an_order_of_which_nothing_was_found_ends_short),
		cmocka_unit_test(two_handhelds_never_get_the_same_order),
		cmocka_unit_test(a_key_the_screen_does_not_offer_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
