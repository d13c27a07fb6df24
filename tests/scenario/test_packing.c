/* The packing station: pieces, weight, carton number, label. */
#include "scene.h"

static void picked(struct play *p, const char *lines)
{
	play_order(p, "O1", "NORTH", lines);
	play_pick(p, "T1");
}

static const char *label(struct play *p)
{
	return play_words(p, "SELECT state || ':' || attempt FROM label ORDER BY label");
}

static const char *cases(struct play *p)
{
	return play_words(p, "SELECT kind FROM cases WHERE state = 'open' ORDER BY case_id");
}

static const char *resolve(struct play *p, const char *resolution)
{
	return play_web(p, "desk", "case_resolve",
		json_pack("{s:I, s:s}", "case", (json_int_t)play_number(p, "SELECT max(case_id) FROM cases"), "resolution",
			resolution));
}

static const char *resolve_label(struct play *p, const char *result)
{
	return play_web(p, "desk", "label_resolve", json_pack("{s:i, s:s}", "job", 1, "result", result));
}

SCENE(only_a_picked_tote_is_packed_and_only_what_is_in_it)
{
	expect(p, play_scan(p, "pack1-scanner", "T1"), "not_picked");
	expect(p, play_scan(p, "pack1-scanner", "T9"), "not_a_tote");
	picked(p, "TEA:1");
	expect(p, play_scan(p, "pack1-scanner", "T1"), "tote");
	expect(p, play_scan(p, "pack1-scanner", MUG_CODE), "not_in_tote");
	expect(p, play_scan(p, "pack1-scanner", TEA_CASE), "not_in_tote");
	expect(p, play_scan(p, "pack1-scanner", TEA_CODE), "packed");
	assert_string_equal(play_expect(p, "pack1"), "close");
	expect(p, play_scan(p, "pack1-scanner", TEA_CODE), "no_scan_now");
}

SCENE(a_case_packed_over_two_lines_counts_for_both)
{
	picked(p, "TEA:4 TEA:2");
	expect(p, play_scan(p, "pack1-scanner", "T1"), "tote");
	expect(p, play_scan(p, "pack1-scanner", TEA_CASE), "packed");
	assert_string_equal(play_words(p, "SELECT packed FROM order_line ORDER BY line"), "4 2");
}

SCENE(a_weight_that_is_off_waits_for_a_supervisor)
{
	picked(p, "TEA:1");
	play_pack_to_weigh(p, "T1");
	expect(p, play_weight(p, 1500), "weight_off");
	assert_string_equal(cases(p), "weight_off");
	expect(p, play_key(p, "pack1", "continue", 0), "not_accepted");
	expect(p, resolve(p, "accept"), "resolved");
	expect(p, play_key(p, "pack1", "continue", 0), "label");
	assert_string_equal(label(p), "due:1");
	assert_int_equal(play_number(p, "SELECT weight_ug FROM carton"), INT64_C(1500000000));
	assert_string_equal(play_words(p, "SELECT json_array_length(readings) || ':' || ok FROM weight"), "1:0");
}

SCENE(a_weight_is_right_within_its_tolerance_only)
{
	picked(p, "TEA:1"); /* 540 g and 150 g of packaging, 60 g either way */
	play_pack_to_weigh(p, "T1");
	expect(p, play_weight(p, 629), "weight_off");
	expect(p, play_key(p, "pack1", "weigh", 0), "weigh");
	expect(p, play_weight(p, 751), "weight_off");
	expect(p, play_key(p, "pack1", "weigh", 0), "weigh");
	expect(p, play_weight(p, 750), "label");
	/* Weighed again and right: nobody has to look any more. */
	assert_string_equal(cases(p), "");
}

SCENE(an_accepted_weight_does_not_accept_the_next_one)
{
	picked(p, "TEA:1");
	play_pack_to_weigh(p, "T1");
	expect(p, play_weight(p, 1500), "weight_off");
	expect(p, resolve(p, "accept"), "resolved");
	expect(p, play_key(p, "pack1", "weigh", 0), "weigh");
	expect(p, play_weight(p, 9000), "weight_off");
	expect(p, play_key(p, "pack1", "continue", 0), "not_accepted");
}

SCENE(a_weight_nobody_asked_for_is_refused)
{
	picked(p, "TEA:1");
	expect(p, play_text(p, DOOR_BRIDGE, "{\"kind\":\"weight\",\"device\":\"pack1-scale\",\"args\":{\"value_ug\":690000000,"
		"\"unit\":\"kg\",\"raw\":\"02\",\"readings\":[\"02\"],\"ask\":\"w-1\"}}"), "not_asked");
	play_pack_to_weigh(p, "T1");
	expect(p, play_text(p, DOOR_BRIDGE, "{\"kind\":\"weight\",\"device\":\"pack1-scale\",\"args\":{\"value_ug\":690000000,"
		"\"unit\":\"kg\",\"raw\":\"02\",\"readings\":[\"02\"],\"ask\":\"w-9\"}}"), "not_asked");
	expect(p, play_text(p, DOOR_BRIDGE, "{\"kind\":\"weight\",\"device\":\"pack1-scale\",\"args\":{\"value_ug\":690000000,"
		"\"unit\":\"kg\",\"raw\":\"02\",\"readings\":[],\"ask\":\"w-1\"}}"), "malformed");
	expect(p, play_weight(p, 690), "label");
	expect(p, play_weight(p, 690), "not_asked");
}

SCENE(an_item_of_unknown_weight_is_not_guessed)
{
	expect(p, play_text(p, DOOR_CTL, "{\"kind\":\"item_put\",\"args\":{\"item\":\"CARD\",\"title\":\"Card\",\"barcode\":\"777\"}}"),
		"put");
	play_stock(p, "B1", "CARD", "", NULL, 1);
	picked(p, "CARD:1");
	play_pack_to_weigh(p, "T1");
	assert_string_equal(play_words(p, "SELECT expected_ug FROM carton"), "NULL");
	expect(p, play_weight(p, 12345), "label");
}

SCENE(without_a_carton_number_the_packer_waits_and_numbers_stay_distinct_over_blocks)
{
	expect(p, play_ctl(p, "stock_adjust", json_pack("{s:s, s:s, s:s, s:i, s:s}", "location", "B1", "item", "MUG", "lot", "",
		"qty", 200, "reason", "found")), "adjusted");
	for (int i = 0; i < 100; i++) {
		char order[16];

		snprintf(order, sizeof(order), "N%d", i);
		play_order(p, order, "NORTH", "MUG:1");
		play_pick(p, "T1");
		play_pack(p, "T1");
	}
	picked(p, "MUG:1");
	play_pack_to_weigh(p, "T1");
	expect(p, play_weight(p, 450), "no_sscc");
	assert_string_equal(cases(p), "no_sscc");
	expect(p, play_key(p, "pack1", "retry", 0), "no_sscc");
	assert_int_equal(play_number(p, "SELECT count(*) FROM cases WHERE kind = 'no_sscc'"), 1);
	expect(p, play_lease(p, "b2", "34012345", 1000, 10), "leased");
	assert_string_equal(cases(p), "");
	expect(p, play_key(p, "pack1", "retry", 0), "label");
	assert_int_equal(play_number(p, "SELECT count(*) FROM sscc"), 101);
	assert_int_equal(play_number(p, "SELECT count(DISTINCT sscc) FROM carton"), 101);
}

SCENE(a_lease_that_makes_no_numbers_is_refused)
{
	expect(p, play_lease(p, "x1", "3401x345", 1, 10), "malformed");
	expect(p, play_lease(p, "x2", "34012345", 999999990, 100), "malformed");
	expect(p, play_lease(p, "b1", "34012345", 1, 100), "leased"); /* the same again */
	expect(p, play_lease(p, "x3", "34012345", 100, 10), "overlap");
	assert_int_equal(play_number(p, "SELECT count(*) FROM sscc_block"), 1);
	expect(p, play_lease(p, "x4", "34012345", 101, 10), "leased");
	expect(p, play_lease(p, "x5", "34012346", 1, 10), "leased");
}

SCENE(a_label_is_taken_before_it_is_printed_and_only_once)
{
	picked(p, "TEA:1");
	play_pack_to_label(p, "T1");
	assert_string_equal(label(p), "due:1");
	expect(p, play_print_taken(p, 1, 2), "not_due");
	expect(p, play_print_taken(p, 1, 1), "taken");
	expect(p, play_print_taken(p, 1, 1), "not_due");
	expect(p, play_print_taken(p, 9, 1), "not_due");
	expect(p, play_print_ended(p, 1, 2, "printed"), "noted");
	assert_string_equal(label(p), "taken:1");
	expect(p, play_print_ended(p, 1, 1, "eaten"), "malformed");
	expect(p, play_print_ended(p, 1, 1, "sent"), "noted");
	assert_string_equal(label(p), "sent:1");
}

SCENE(a_doubtful_label_printed_again_keeps_its_number_and_counts_attempts)
{
	char sscc[19];

	picked(p, "TEA:1");
	play_pack_to_label(p, "T1");
	snprintf(sscc, sizeof(sscc), "%s", play_words(p, "SELECT sscc FROM label"));
	expect(p, play_print_taken(p, 1, 1), "taken");
	expect(p, play_print_ended(p, 1, 1, "doubtful"), "noted");
	assert_string_equal(label(p), "doubtful:1");
	assert_string_equal(cases(p), "label_doubtful");
	/* Nothing prints it by itself. */
	expect(p, play_print_taken(p, 1, 1), "not_due");
	expect(p, resolve_label(p, "again"), "again");
	assert_string_equal(cases(p), "");
	assert_string_equal(label(p), "due:2");
	assert_string_equal(play_words(p, "SELECT sscc FROM label"), sscc);
	expect(p, play_print_ended(p, 1, 1, "printed"), "noted"); /* the first attempt's end, late */
	assert_string_equal(label(p), "due:2");
	expect(p, play_print_taken(p, 1, 2), "taken");
	expect(p, play_print_ended(p, 1, 2, "printed"), "noted");
	expect(p, play_scan_sscc(p, "pack1-scanner", sscc), "labelled");
	assert_int_equal(play_number(p, "SELECT count(*) FROM sscc"), 1);
}

SCENE(a_doubtful_label_that_is_scanned_was_printed)
{
	picked(p, "TEA:1");
	play_pack_to_label(p, "T1");
	expect(p, play_print_taken(p, 1, 1), "taken");
	expect(p, play_print_ended(p, 1, 1, "doubtful"), "noted");
	expect(p, play_scan_sscc(p, "pack1-scanner", play_shown(p, "pack1", "sscc")), "labelled");
	assert_string_equal(label(p), "printed:1");
	assert_string_equal(cases(p), "");
}

SCENE(a_label_scanned_before_the_printer_told_its_end_stays_printed)
{
	picked(p, "TEA:1");
	play_pack_to_label(p, "T1");
	expect(p, play_print_taken(p, 1, 1), "taken");
	expect(p, play_scan_sscc(p, "pack1-scanner", play_shown(p, "pack1", "sscc")), "labelled");
	expect(p, play_print_ended(p, 1, 1, "doubtful"), "noted");
	assert_string_equal(label(p), "printed:1");
	assert_string_equal(cases(p), "");
}

SCENE(the_label_of_another_carton_is_refused)
{
	char other[19];

	play_carton(p, "O0", "NORTH", "T2", other);
	picked(p, "TEA:1");
	play_pack_to_label(p, "T1");
	expect(p, play_scan_sscc(p, "pack1-scanner", other), "wrong_label");
	expect(p, play_scan(p, "pack1-scanner", TEA_CODE), "wrong_label");
	assert_string_equal(play_expect(p, "pack1"), "label");
	assert_string_equal(play_words(p, "SELECT state FROM carton ORDER BY carton"), "labelled weighed");
}

SCENE(a_void_label_retires_its_number_and_the_carton_gets_another)
{
	char first[19];

	picked(p, "TEA:1");
	play_pack_to_label(p, "T1");
	snprintf(first, sizeof(first), "%s", play_words(p, "SELECT sscc FROM label"));
	expect(p, play_print_taken(p, 1, 1), "taken");
	expect(p, resolve_label(p, "void"), "not_possible");
	expect(p, play_print_ended(p, 1, 1, "failed"), "noted");
	expect(p, resolve_label(p, "void"), "resolved");
	assert_string_equal(play_words(p, "SELECT state FROM sscc"), "void");
	expect(p, play_scan_sscc(p, "pack1-scanner", first), "wrong_label");
	expect(p, play_key(p, "pack1", "retry", 0), "label");
	assert_string_equal(label(p), "void:1 due:1");
	assert_string_not_equal(play_words(p, "SELECT sscc FROM carton"), first);
	expect(p, play_scan_sscc(p, "pack1-scanner", first), "wrong_label");
	expect(p, play_scan_sscc(p, "pack1-scanner", play_shown(p, "pack1", "sscc")), "labelled");
	/* No third one for a carton that has its label. */
	expect(p, play_web(p, "desk", "label_resolve", json_pack("{s:i, s:s}", "job", 2, "result", "void")), "not_possible");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_picked_tote_is_packed_and_only_what_is_in_it),
		cmocka_unit_test(a_case_packed_over_two_lines_counts_for_both),
		cmocka_unit_test(a_weight_that_is_off_waits_for_a_supervisor),
		cmocka_unit_test(a_weight_is_right_within_its_tolerance_only),
		cmocka_unit_test(an_accepted_weight_does_not_accept_the_next_one),
		cmocka_unit_test(a_weight_nobody_asked_for_is_refused),
		cmocka_unit_test(an_item_of_unknown_weight_is_not_guessed),
		cmocka_unit_test(without_a_carton_number_the_packer_waits_and_numbers_stay_distinct_over_blocks),
		cmocka_unit_test(a_lease_that_makes_no_numbers_is_refused),
		cmocka_unit_test(a_label_is_taken_before_it_is_printed_and_only_once),
		cmocka_unit_test(a_doubtful_label_printed_again_keeps_its_number_and_counts_attempts),
		cmocka_unit_test(a_doubtful_label_that_is_scanned_was_printed),
		cmocka_unit_test(a_label_scanned_before_the_printer_told_its_end_stays_printed),
		cmocka_unit_test(the_label_of_another_carton_is_refused),
		cmocka_unit_test(a_void_label_retires_its_number_and_the_carton_gets_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
