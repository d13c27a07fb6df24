/* Induct, divert, lanes, loads. */
#include "scene.h"

static const char *divert(struct play *p)
{
	return play_words(p, "SELECT state || ':' || lane || ':' || reason FROM divert ORDER BY divert");
}

static const char *carton(struct play *p)
{
	return play_words(p, "SELECT state || ':' || lane FROM carton ORDER BY carton");
}

static const char *cases(struct play *p)
{
	return play_words(p, "SELECT kind FROM cases WHERE state = 'open' ORDER BY case_id");
}

static const char *stage(struct play *p, const char *sscc, const char *lane)
{
	return play_web(p, "desk", "stage", json_pack("{s:s, s:s}", "sscc", sscc, "lane", lane));
}

static const char *load_close(struct play *p, const char *lane)
{
	return play_web(p, "desk", "load_close", json_pack("{s:s, s:s}", "lane", lane, "seal", "S1"));
}

static void waiting(struct play *p, char *sscc)
{
	play_carton(p, "O1", "SOUTH", "T1", sscc);
	expect(p, play_scan_sscc(p, "induct1-scanner", sscc), "inducted");
}

SCENE(a_scan_and_the_request_after_it_make_a_divert)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	assert_string_equal(divert(p), "due:2:0");
	expect(p, play_divert_taken(p, 1), "taken");
	expect(p, play_divert_taken(p, 1), "not_due");
	expect(p, play_divert_ended(p, 1, "written"), "noted");
	expect(p, play_divert_confirm(p, 7, 2, 1), "confirmed");
	expect(p, play_divert_confirm(p, 7, 2, 1), "confirmed");
	assert_string_equal(divert(p), "ended:2:0");
	assert_string_equal(carton(p), "staged:south");
}

SCENE(a_request_and_the_scan_after_it_make_a_divert)
{
	char sscc[19];

	play_carton(p, "O1", "SOUTH", "T1", sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "asked");
	assert_string_equal(divert(p), "asked:0:0");
	expect(p, play_scan_sscc(p, "induct1-scanner", sscc), "inducted");
	assert_string_equal(divert(p), "due:2:0");
	assert_int_equal(play_number(p, "SELECT count(*) FROM induct WHERE state = 'waiting'"), 0);
}

SCENE(a_code_the_plc_read_itself_names_the_carton)
{
	char sscc[19], other[19], code[24];

	play_carton(p, "O2", "NORTH", "T2", other);
	waiting(p, sscc);
	expect(p, play_scan_sscc(p, "induct1-scanner", other), "inducted");
	snprintf(code, sizeof(code), "00%s", other);
	expect(p, play_divert_request(p, 1, 7, 1, code), "decided");
	assert_string_equal(divert(p), "due:1:0");
	/* Its own scan waits no longer: the next request is about the other one, and then nobody waits. */
	expect(p, play_divert_request(p, 2, 8, 1, ""), "decided");
	assert_string_equal(divert(p), "due:1:0 due:2:0");
	expect(p, play_divert_request(p, 3, 9, 1, ""), "asked");
}

SCENE(a_carton_scanned_twice_meets_one_request)
{
	char sscc[19], other[19];

	play_carton(p, "O2", "NORTH", "T2", other);
	waiting(p, sscc);
	expect(p, play_scan_sscc(p, "induct1-scanner", sscc), "inducted");
	expect(p, play_scan_sscc(p, "induct1-scanner", other), "inducted");
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	expect(p, play_divert_request(p, 2, 8, 1, ""), "decided");
	assert_string_equal(divert(p), "due:2:0 due:1:0");
}

SCENE(a_scan_older_than_the_window_belongs_to_a_carton_that_was_lifted_off)
{
	char sscc[19];

	waiting(p, sscc);
	play_wait(p, 5 * PLAY_S + 1);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "asked");
	assert_string_equal(play_words(p, "SELECT state FROM induct"), "gone");
	assert_string_equal(divert(p), "asked:0:0");
}

SCENE(a_no_read_goes_to_the_default_lane)
{
	expect(p, play_divert_request(p, 1, 7, 2, ""), "asked");
	assert_string_equal(divert(p), "due:9:1");
	expect(p, play_divert_request(p, 2, 8, 1, "00340123450000009991"), "asked");
	assert_string_equal(divert(p), "due:9:1 due:9:1");
}

SCENE(the_same_request_read_twice_is_one_divert)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	expect(p, play_divert_request(p, 1, 7, 1, ""), "known");
	assert_string_equal(divert(p), "due:2:0");
}

SCENE(a_divert_after_its_deadline_is_never_taken)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	p->boot_us += 251000;
	expect(p, play_divert_taken(p, 1), "late");
	assert_false(p->ok);
	assert_string_equal(play_words(p, "SELECT state FROM divert"), "late");
	expect(p, play_divert_taken(p, 1), "not_due");
}

SCENE(a_divert_nobody_took_is_closed_as_late)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	expect(p, play_divert_request(p, 2, 8, 1, ""), "asked");
	play_wait(p, 300000);
	assert_string_equal(play_words(p, "SELECT state || '=' || result FROM divert ORDER BY divert"),
		"late=not taken in time late=no scan in time");
	expect(p, play_divert_taken(p, 1), "not_due");
	/* The carton went straight on; where it is the PLC tells. */
	expect(p, play_divert_confirm(p, 7, 9, 1), "confirmed");
	assert_string_equal(carton(p), "stray:");
}

SCENE(a_scan_after_the_deadline_meets_no_request)
{
	char sscc[19];

	play_carton(p, "O1", "SOUTH", "T1", sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "asked");
	p->boot_us += 260000;
	expect(p, play_scan_sscc(p, "induct1-scanner", sscc), "inducted");
	assert_string_equal(divert(p), "asked:0:0");
	play_wait(p, 1);
}

/* A scan that waited `age_ms` for a core that was away, and such a request of a link that has watched for `watch_ms`. */
static const char *old_scan(struct play *p, const char *sscc, int age_ms)
{
	return play_send(p, DOOR_BRIDGE,
		json_pack("{s:s, s:s, s:i, s:{s:s, s:s+}}", "kind", "scan", "device", "induct1-scanner", "age_ms", age_ms,
			"args", "aim", "]C1", "data", "00", sscc));
}

static const char *watched_request(struct play *p, int seq, int tracking, int age_ms, int watch_ms)
{
	return play_send(p, DOOR_PLC,
		json_pack("{s:s, s:s, s:i, s:{s:i, s:i, s:i, s:i, s:s, s:i}}", "kind", "divert_request", "device",
			"conveyor1", "age_ms", age_ms, "args", "seq", seq, "tracking", tracking, "point", 1, "read", 1,
			"code", "", "watch_ms", watch_ms));
}

SCENE(a_scan_whose_request_passed_unseen_does_not_send_the_next_carton_its_way)
{
	char first[19], second[19];

	play_carton(p, "O2", "NORTH", "T2", second);
	waiting(p, first);
	/* The link died; the first carton's request came and went. It lives again since one second. */
	play_wait(p, 2 * PLAY_S);
	expect(p, play_scan_sscc(p, "induct1-scanner", second), "inducted");
	expect(p, watched_request(p, 2, 8, 0, 1000), "decided");
	assert_string_equal(divert(p), "due:1:0");
	assert_int_equal(play_number(p, "SELECT count(*) FROM induct WHERE state = 'waiting'"), 0);
}

SCENE(a_carton_scanned_before_the_link_watched_takes_the_default_lane)
{
	char sscc[19];

	waiting(p, sscc);
	play_wait(p, PLAY_S);
	expect(p, watched_request(p, 2, 8, 0, 999), "asked");
	assert_string_equal(divert(p), "asked:0:0");
}

SCENE(a_scan_that_comes_after_its_request_ran_out_does_not_wait_for_the_next)
{
	char first[19], second[19];

	play_carton(p, "O1", "SOUTH", "T1", first);
	play_carton(p, "O2", "NORTH", "T2", second);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "asked");
	play_wait(p, PLAY_S);
	expect(p, old_scan(p, first, 1100), "inducted");
	assert_string_equal(play_words(p, "SELECT state || ':' || carton FROM divert"), "late:1");
	expect(p, play_scan_sscc(p, "induct1-scanner", second), "inducted");
	expect(p, play_divert_request(p, 2, 8, 1, ""), "decided");
	assert_string_equal(divert(p), "late:0:0 due:1:0");
	expect(p, play_divert_confirm(p, 7, 9, 1), "confirmed");
	expect(p, play_divert_confirm(p, 8, 1, 1), "confirmed");
	assert_string_equal(carton(p), "stray: staged:north");
}

SCENE(a_scan_that_comes_after_its_confirmation_says_where_the_carton_is)
{
	char sscc[19];

	play_carton(p, "O1", "SOUTH", "T1", sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "asked");
	play_wait(p, PLAY_S);
	expect(p, play_divert_confirm(p, 7, 9, 1), "confirmed");
	expect(p, old_scan(p, sscc, 1100), "inducted");
	assert_string_equal(carton(p), "stray:");
	assert_string_equal(cases(p), "stray_carton");
	expect(p, stage(p, sscc, "south"), "staged");
}

SCENE(a_request_that_waited_for_the_core_meets_its_own_scan_and_is_late)
{
	char first[19], second[19];

	play_carton(p, "O1", "SOUTH", "T1", first);
	play_carton(p, "O2", "NORTH", "T2", second);
	play_wait(p, 3 * PLAY_S);
	expect(p, old_scan(p, first, 2100), "inducted");
	expect(p, old_scan(p, second, 100), "inducted");
	expect(p, watched_request(p, 1, 7, 2000, 60000), "decided");
	expect(p, watched_request(p, 2, 8, 0, 60000), "decided");
	assert_string_equal(divert(p), "due:2:0 due:1:0");
	expect(p, play_divert_taken(p, 1), "late");
	expect(p, play_divert_taken(p, 2), "taken");
}

SCENE(a_request_whose_scan_was_lost_does_not_take_the_next_cartons)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, watched_request(p, 1, 7, 2000, 60000), "asked");
	expect(p, watched_request(p, 2, 8, 0, 60000), "decided");
	assert_string_equal(play_words(p, "SELECT tracking || ':' || carton FROM divert ORDER BY divert"), "7:0 8:1");
}

SCENE(what_was_due_before_a_restart_of_the_box_is_late)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	play_restart(p, "boot-1");
	assert_string_equal(divert(p), "due:2:0");
	p->boot_us = 10 * PLAY_S;
	play_restart(p, "boot-2");
	assert_string_equal(divert(p), "late:2:0");
	expect(p, play_divert_taken(p, 1), "not_due");
	assert_int_equal(play_number(p, "SELECT count(*) FROM induct WHERE state = 'waiting'"), 0);
}

SCENE(a_confirmation_of_something_unknown_is_accepted)
{
	expect(p, play_divert_confirm(p, 4711, 1, 1), "not_ours");
	assert_true(p->ok);
	assert_string_equal(cases(p), "");
}

SCENE(a_stray_carton_is_brought_to_its_lane_by_hand)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	expect(p, play_divert_confirm(p, 7, 9, 1), "confirmed");
	assert_string_equal(carton(p), "stray:");
	assert_string_equal(cases(p), "stray_carton");
	expect(p, stage(p, sscc, "north"), "wrong_lane");
	expect(p, stage(p, sscc, "default"), "no_lane");
	expect(p, stage(p, "340123450000009991", "south"), "unknown_carton");
	expect(p, stage(p, sscc, "south"), "staged");
	assert_string_equal(cases(p), "");
	assert_string_equal(carton(p), "staged:south");
	assert_string_equal(play_words(p, "SELECT state FROM orders"), "staged");
	expect(p, stage(p, sscc, "south"), "not_ready");
}

SCENE(a_carton_confirmed_in_another_carriers_lane_is_stray)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	expect(p, play_divert_confirm(p, 7, 1, 1), "confirmed");
	assert_string_equal(carton(p), "stray:");
	assert_string_equal(cases(p), "stray_carton");
	expect(p, load_close(p, "north"), "empty");
}

SCENE(a_good_carton_the_plc_rejected_by_itself_is_stray_and_not_lost)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	expect(p, play_divert_confirm(p, 7, 8, 1), "confirmed");
	assert_string_equal(carton(p), "stray:");
	expect(p, stage(p, sscc, "south"), "staged");
}

SCENE(a_failed_or_lost_divert_is_stray)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	expect(p, play_divert_taken(p, 1), "taken");
	expect(p, play_divert_confirm(p, 7, 2, 3), "confirmed");
	assert_string_equal(carton(p), "stray:");
	assert_string_equal(play_words(p, "SELECT result FROM divert"), "lost");
	expect(p, play_divert_ended(p, 1, "written"), "noted");
	assert_string_equal(play_words(p, "SELECT state FROM divert"), "ended");
}

SCENE(a_carton_nobody_confirms_is_a_case_after_its_time)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	expect(p, play_divert_taken(p, 1), "taken");
	expect(p, play_divert_ended(p, 1, "written"), "noted");
	play_wait(p, 119 * PLAY_S);
	assert_string_equal(cases(p), "");
	play_wait(p, 2 * PLAY_S);
	assert_string_equal(cases(p), "stray_carton");
	assert_string_equal(carton(p), "stray:");
	/* Once. */
	play_wait(p, 1000 * PLAY_S);
	assert_int_equal(play_number(p, "SELECT count(*) FROM journal WHERE kind = 'divert_unconfirmed'"), 1);
	/* It was only slow. */
	expect(p, play_divert_confirm(p, 7, 2, 1), "confirmed");
	assert_string_equal(carton(p), "staged:south");
	assert_string_equal(cases(p), "");
}

SCENE(a_carton_whose_divert_came_to_nothing_is_a_case_after_its_time)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	play_wait(p, 1 * PLAY_S);
	assert_string_equal(divert(p), "late:2:0");
	play_wait(p, 121 * PLAY_S);
	assert_string_equal(cases(p), "stray_carton");
}

SCENE(a_restart_of_the_box_does_not_forget_who_was_not_confirmed)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	expect(p, play_divert_taken(p, 1), "taken");
	p->boot_us = 5 * PLAY_S;
	play_restart(p, "boot-2");
	play_wait(p, 100 * PLAY_S);
	assert_string_equal(cases(p), "");
	play_wait(p, 30 * PLAY_S);
	assert_string_equal(cases(p), "stray_carton");
}

SCENE(a_full_lane_sends_its_cartons_to_the_default_lane)
{
	char sscc[19];

	expect(p, play_web(p, "desk", "lane_set", json_pack("{s:s, s:s}", "lane", "south", "state", "full")), "set");
	expect(p, play_web(p, "desk", "lane_set", json_pack("{s:s, s:s}", "lane", "south", "state", "wet")), "malformed");
	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	assert_string_equal(divert(p), "due:9:2");
}

SCENE(an_unknown_or_unready_carton_is_taken_off)
{
	char sscc[19];

	expect(p, play_scan_sscc(p, "induct1-scanner", "340123450000009991"), "unknown_carton");
	assert_string_equal(cases(p), "unknown_lpn");
	play_order(p, "O1", "NORTH", "TEA:1");
	play_pick(p, "T1");
	play_pack_to_label(p, "T1");
	snprintf(sscc, sizeof(sscc), "%s", play_words(p, "SELECT sscc FROM carton"));
	expect(p, play_scan_sscc(p, "induct1-scanner", sscc), "not_ready");
	assert_int_equal(play_number(p, "SELECT count(*) FROM induct"), 0);
}

SCENE(a_closed_load_ships_each_order_once)
{
	char sscc[3][19];
	const char *const orders[] = { "O1", "O2", "O3" };

	for (int i = 0; i < 3; i++) {
		play_carton(p, orders[i], i < 2 ? "NORTH" : "SOUTH", "T1", sscc[i]);
		play_convey(p, sscc[i]);
	}
	p->lazy = true;
	expect(p, load_close(p, "north"), "closing");
	expect(p, load_close(p, "north"), "empty");
	play_continue(p);
	p->lazy = false;
	assert_string_equal(play_words(p, "SELECT order_id || '=' || number FROM shipment ORDER BY number"),
		"O1=DEMO-0-000001 O2=DEMO-0-000002");
	assert_string_equal(play_words(p, "SELECT state FROM orders ORDER BY order_id"), "shipped shipped staged");
	assert_string_equal(play_words(p, "SELECT number || ':' || seal || ':' || state FROM load WHERE lane = 'north'"),
		"DEMO-0-000001:S1:closed");
	expect(p, load_close(p, "north"), "empty");
	expect(p, play_scan_sscc(p, "induct1-scanner", sscc[0]), "not_ready");
	assert_int_equal(play_number(p, "SELECT count(*) FROM outbox WHERE type = 'wharf.shipment.confirmed'"), 2);
}

SCENE(shipment_numbers_carry_the_epoch_hq_gave)
{
	char sscc[19];

	expect(p, play_text(p, DOOR_SYNC, "{\"kind\":\"hq_epoch\",\"args\":{\"epoch\":3,\"hub_gen\":\"g\"}}"), "noted");
	play_carton(p, "O1", "NORTH", "T1", sscc);
	play_convey(p, sscc);
	expect(p, load_close(p, "north"), "closing");
	assert_string_equal(play_words(p, "SELECT number FROM shipment"), "DEMO-3-000001");
	assert_string_equal(play_words(p, "SELECT number FROM load WHERE lane = 'north'"), "DEMO-3-000001");
}

SCENE(an_epoch_never_goes_back)
{
	expect(p, play_text(p, DOOR_SYNC, "{\"kind\":\"hq_epoch\",\"args\":{\"epoch\":3,\"hub_gen\":\"g\"}}"), "noted");
	expect(p, play_text(p, DOOR_SYNC, "{\"kind\":\"hq_epoch\",\"args\":{\"epoch\":2,\"hub_gen\":\"g\"}}"), "old_epoch");
	assert_string_equal(play_words(p, "SELECT value FROM meta WHERE key = 'epoch'"), "3");
	expect(p, play_text(p, DOOR_SYNC, "{\"kind\":\"hq_epoch\",\"args\":{\"epoch\":3,\"hub_gen\":\"g\"}}"), "noted");
}

/* Deadlines are of the boot clock: whoever sets the wall clock moves none of them. */
SCENE(a_wall_clock_that_jumps_moves_no_deadline)
{
	char sscc[19];

	waiting(p, sscc);
	expect(p, play_divert_request(p, 1, 7, 1, ""), "decided");
	p->now_us += 7200 * PLAY_S;
	p->doubtful = true;
	expect(p, play_divert_taken(p, 1), "taken");
	expect(p, play_divert_request(p, 2, 8, 1, ""), "asked");
	p->boot_us += 251000;
	p->now_us -= 7200 * PLAY_S;
	play_wait(p, 1);
	assert_string_equal(play_words(p, "SELECT state FROM divert ORDER BY divert"), "taken late");
}

SCENE(faults_of_the_plc_open_a_case_until_they_are_gone)
{
	const char *fault = "{\"kind\":\"plc_state\",\"device\":\"conveyor1\",\"args\":{\"mode\":1,\"faults\":4}}";

	expect(p, play_text(p, DOOR_PLC, fault), "noted");
	expect(p, play_text(p, DOOR_PLC, fault), "noted");
	assert_string_equal(cases(p), "plc_fault");
	expect(p, play_text(p, DOOR_PLC, "{\"kind\":\"plc_state\",\"device\":\"conveyor1\",\"args\":{\"mode\":1,\"faults\":0}}"),
		"noted");
	assert_string_equal(cases(p), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scan_and_the_request_after_it_make_a_divert),
		cmocka_unit_test(a_request_and_the_scan_after_it_make_a_divert),
		cmocka_unit_test(a_code_the_plc_read_itself_names_the_carton),
		cmocka_unit_test(a_carton_scanned_twice_meets_one_request),
		cmocka_unit_test(a_scan_older_than_the_window_belongs_to_a_carton_that_was_lifted_off),
		cmocka_unit_test(a_no_read_goes_to_the_default_lane),
		cmocka_unit_test(the_same_request_read_twice_is_one_divert),
		cmocka_unit_test(a_divert_after_its_deadline_is_never_taken),
		cmocka_unit_test(a_divert_nobody_took_is_closed_as_late),
		cmocka_unit_test(a_scan_after_the_deadline_meets_no_request),
		cmocka_unit_test(a_scan_whose_request_passed_unseen_does_not_send_the_next_carton_its_way),
		cmocka_unit_test(a_carton_scanned_before_the_link_watched_takes_the_default_lane),
		cmocka_unit_test(a_scan_that_comes_after_its_request_ran_out_does_not_wait_for_the_next),
		cmocka_unit_test(a_scan_that_comes_after_its_confirmation_says_where_the_carton_is),
		cmocka_unit_test(a_request_that_waited_for_the_core_meets_its_own_scan_and_is_late),
		cmocka_unit_test(a_request_whose_scan_was_lost_does_not_take_the_next_cartons),
		cmocka_unit_test(what_was_due_before_a_restart_of_the_box_is_late),
		cmocka_unit_test(a_confirmation_of_something_unknown_is_accepted),
		cmocka_unit_test(a_stray_carton_is_brought_to_its_lane_by_hand),
		cmocka_unit_test(a_carton_confirmed_in_another_carriers_lane_is_stray),
		cmocka_unit_test(a_carton_nobody_confirms_is_a_case_after_its_time),
		cmocka_unit_test(a_carton_whose_divert_came_to_nothing_is_a_case_after_its_time),
		cmocka_unit_test(a_restart_of_the_box_does_not_forget_who_was_not_confirmed),
		cmocka_unit_test(a_good_carton_the_plc_rejected_by_itself_is_stray_and_not_lost),
		cmocka_unit_test(a_failed_or_lost_divert_is_stray),
		cmocka_unit_test(a_full_lane_sends_its_cartons_to_the_default_lane),
		cmocka_unit_test(an_unknown_or_unready_carton_is_taken_off),
		cmocka_unit_test(a_closed_load_ships_each_order_once),
		cmocka_unit_test(shipment_numbers_carry_the_epoch_hq_gave),
		cmocka_unit_test(an_epoch_never_goes_back),
		cmocka_unit_test(a_wall_clock_that_jumps_moves_no_deadline),
		cmocka_unit_test(faults_of_the_plc_open_a_case_until_they_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
