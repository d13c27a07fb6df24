/* Ids, answers, lost beeps, stale screens: what makes it safe to say everything twice. */
#include "scene.h"

#define MUG_PUT "{\"id\":\"me:%d\",\"kind\":\"item_put\",\"args\":{\"item\":\"%s\",\"title\":\"Mug\",\"barcode\":\"999\"}}"

static const char *put(struct play *p, int n, const char *item)
{
	char body[200];

	snprintf(body, sizeof(body), MUG_PUT, n, item);
	return play_text(p, DOOR_CTL, body);
}

SCENE(an_id_seen_before_gets_its_first_answer_and_changes_nothing)
{
	char first[512];
	int64_t rows;

	expect(p, put(p, 1, "X"), "put");
	snprintf(first, sizeof(first), "%s", p->text);
	rows = journal_rows(p);
	expect(p, put(p, 1, "X"), "put");
	assert_int_equal(p->answer, ENGINE_REPLAYED);
	assert_string_equal(p->text, first);
	assert_int_equal(journal_rows(p), rows);
}

SCENE(a_repeated_scan_message_does_not_count_twice)
{
	char *message;
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s}}", "id", "gun:1", "kind", "scan", "device", "hh1", "actor",
		"session-of-hh1-0001", "heard", "", "args", "data", TEA_CODE);

	play_order(p, "O1", "NORTH", "TEA:3");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	expect(p, play_scan(p, "hh1", "A1"), "right_location");
	json_object_set_new(body, "step", json_integer(play_number(p, "SELECT step FROM dialogue WHERE place = 'hh1'")));
	message = json_dumps(body, 0);
	json_decref(body);
	for (int i = 0; i < 3; i++)
		expect(p, play_text(p, DOOR_WEB, message), "counted");
	free(message);
	assert_int_equal(play_number(p, "SELECT counted FROM dialogue WHERE place = 'hh1'"), 1);
}

SCENE(the_same_id_with_other_content_is_refused)
{
	int64_t rows;

	expect(p, put(p, 1, "X"), "put");
	rows = journal_rows(p);
	expect(p, put(p, 1, "Y"), "id_reused");
	assert_int_equal(p->answer, ENGINE_NOT_TAKEN);
	assert_int_equal(journal_rows(p), rows);
	assert_int_equal(play_number(p, "SELECT count(*) FROM item WHERE item = 'Y'"), 0);
}

SCENE(an_id_below_the_last_without_an_answer_is_forgotten)
{
	int64_t rows;

	expect(p, put(p, 5, "X"), "put");
	rows = journal_rows(p);
	expect(p, put(p, 4, "Y"), "forgotten");
	assert_int_equal(p->answer, ENGINE_NOT_TAKEN);
	assert_int_equal(journal_rows(p), rows);
	assert_int_equal(play_number(p, "SELECT count(*) FROM item WHERE item = 'Y'"), 0);
}

SCENE(a_malformed_command_leaves_no_row_and_its_id_stays_free)
{
	int64_t rows = journal_rows(p);

	expect(p, play_text(p, DOOR_CTL, "{\"id\":\"me:1\",\"kind\":\"item_put\",\"args\":{\"item\":\"X\"}}"), "malformed");
	assert_string_equal(p->say, "\"title\" is missing");
	expect(p, play_text(p, DOOR_CTL, "{\"id\":\"me:1\",\"kind\":\"no_such_thing\"}"), "unknown_kind");
	assert_int_equal(journal_rows(p), rows);
	expect(p, put(p, 1, "X"), "put");
	assert_int_equal(p->answer, ENGINE_DECIDED);
}

SCENE(an_order_that_is_half_right_leaves_nothing)
{
	int64_t orders = play_number(p, "SELECT count(*) FROM orders"), events = play_number(p, "SELECT max(n) FROM outbox");

	expect(p, play_text(p, DOOR_CTL, "{\"kind\":\"order_put\",\"args\":{\"order\":\"O1\",\"carrier\":\"NORTH\",\"lines\":["
		"{\"line\":1,\"item\":\"TEA\",\"qty\":1},{\"line\":1,\"item\":\"MUG\",\"qty\":1}]}}"), "malformed");
	assert_int_equal(play_number(p, "SELECT count(*) FROM orders"), orders);
	assert_int_equal(play_number(p, "SELECT count(*) FROM order_line"), 0);
	assert_int_equal(play_number(p, "SELECT max(n) FROM outbox"), events);
	assert_int_equal(play_number(p, "SELECT count(*) FROM continuation"), 0);
}

SCENE(who_may_not_is_not_taken_and_the_id_stays_free)
{
	int64_t rows = journal_rows(p), n = play_number(p, "SELECT last_n FROM origin WHERE name = 'web-hh1'");

	/* A picker resolves no case, a bridge cancels no order, a stranger does nothing. */
	expect(p, play_web(p, "hh1", "case_resolve", json_pack("{s:i, s:s}", "case", 1, "resolution", "noted")), "not_allowed");
	expect(p, play_text(p, DOOR_BRIDGE, "{\"kind\":\"order_cancel\",\"args\":{\"order\":\"O1\"}}"), "not_allowed");
	expect(p, play_text(p, DOOR_WEB, "{\"id\":\"w:1\",\"kind\":\"key\",\"device\":\"hh9\",\"args\":{\"key\":\"start\"}}"),
		"not_allowed");
	assert_int_equal(journal_rows(p), rows);
	assert_int_equal(play_number(p, "SELECT last_n FROM origin WHERE name = 'web-hh1'"), n);
}

SCENE(an_origin_belongs_to_the_peer_and_device_that_used_it_first)
{
	expect(p, put(p, 1, "X"), "put");
	expect(p, play_text(p, DOOR_SYNC, "{\"id\":\"me:2\",\"kind\":\"hq_link\",\"args\":{\"state\":\"up\"}}"), "not_allowed");
	expect(p, play_key(p, "hh1", "start", 0), "no_work");
	expect(p, play_text(p, DOOR_WEB, "{\"id\":\"web-hh1:9\",\"kind\":\"key\",\"device\":\"hh2\",\"actor\":"
		"\"session-of-hh2-0001\",\"step\":1,\"args\":{\"key\":\"start\"}}"), "not_allowed");
	expect(p, play_text(p, DOOR_CTL, "{\"id\":\"core:1\",\"kind\":\"tote_put\",\"args\":{\"tote\":\"T9\"}}"), "malformed");
}

SCENE(a_decided_refusal_is_journalled_and_remembered)
{
	int64_t rows;

	play_order(p, "O1", "NORTH", "TEA:1");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	rows = journal_rows(p);
	expect(p, play_scan(p, "hh1", "B1"), "wrong_location");
	assert_false(p->ok);
	assert_string_equal(p->signal, "bad");
	assert_int_equal(journal_rows(p), rows + 1);
	assert_string_equal(play_expect(p, "hh1"), "location");
}

static void to_item(struct play *p, const char *lines)
{
	play_order(p, "O1", "NORTH", lines);
	expect(p, play_key(p, "hh1", "start", 0), "started");
	expect(p, play_scan(p, "hh1", play_shown(p, "hh1", "location")), "right_location");
}

static int64_t counted(struct play *p)
{
	return play_number(p, "SELECT counted FROM dialogue WHERE place = 'hh1'");
}

SCENE(a_piece_scanned_again_because_the_beep_was_lost_counts_once)
{
	to_item(p, "TEA:3");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
	p->deaf = true;
	expect(p, play_scan(p, "hh1", TEA_CODE), "already");
	assert_string_equal(p->signal, "already");
	p->deaf = true;
	expect(p, play_scan(p, "hh1", TEA_CODE), "already");
	assert_int_equal(counted(p), 1);
	/* This time the answer was heard: one more piece. */
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
	assert_int_equal(counted(p), 2);
}

SCENE(a_piece_typed_at_a_stations_page_again_counts_once)
{
	play_order(p, "O1", "NORTH", "TEA:3");
	play_pick(p, "T1");
	expect(p, play_scan(p, "pack1", "T1"), "tote");
	expect(p, play_scan(p, "pack1", TEA_CODE), "packed");
	p->deaf = true;
	expect(p, play_scan(p, "pack1", TEA_CODE), "already");
	assert_int_equal(play_number(p, "SELECT packed FROM order_line"), 1);
	expect(p, play_scan(p, "pack1", TEA_CODE), "packed");
}

SCENE(after_a_lost_beep_other_data_is_a_new_scan)
{
	play_order(p, "O1", "NORTH", "TEA:1");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	expect(p, play_scan(p, "hh1", "A1"), "right_location");
	p->deaf = true;
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
}

SCENE(a_refused_scan_whose_answer_was_lost_may_be_made_again)
{
	play_order(p, "O1", "NORTH", "TEA:1");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	expect(p, play_scan(p, "hh1", "B1"), "wrong_location");
	p->deaf = true;
	expect(p, play_scan(p, "hh1", "B1"), "wrong_location");
}

SCENE(a_carton_inducted_twice_after_a_lost_beep_waits_once)
{
	char sscc[19];

	play_carton(p, "O1", "NORTH", "T1", sscc);
	expect(p, play_scan_sscc(p, "induct1-scanner", sscc), "inducted");
	p->deaf = true;
	expect(p, play_scan_sscc(p, "induct1-scanner", sscc), "already");
	assert_int_equal(play_number(p, "SELECT count(*) FROM induct WHERE state = 'waiting'"), 1);
}

/* A page key after the scan was answered and shown: what came before it was shown, too. */
SCENE(a_later_outcome_that_was_heard_means_all_before_it_were)
{
	json_t *body;

	to_item(p, "TEA:5");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
	expect(p, play_key(p, "hh1", "quantity", 2), "counted");
	body = json_pack("{s:s, s:s, s:s, s:I, s:s, s:{s:s}}", "kind", "scan", "device", "hh1", "actor", "session-of-hh1-0001",
		"step", (json_int_t)play_number(p, "SELECT step FROM dialogue WHERE place = 'hh1'"), "heard", p->id, "args", "data",
		TEA_CODE);
	expect(p, play_send(p, DOOR_WEB, body), "counted");
	assert_int_equal(counted(p), 3);
}

SCENE(an_outcome_of_another_origin_that_was_heard_says_nothing_of_this_one)
{
	json_t *body;

	to_item(p, "TEA:5");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
	body = json_pack("{s:s, s:s, s:s, s:I, s:s, s:{s:s}}", "kind", "scan", "device", "hh1", "actor", "session-of-hh1-0001",
		"step", (json_int_t)play_number(p, "SELECT step FROM dialogue WHERE place = 'hh1'"), "heard", "web-hh2:999", "args",
		"data", TEA_CODE);
	expect(p, play_send(p, DOOR_WEB, body), "already");
	assert_int_equal(counted(p), 1);
}

SCENE(a_scan_made_on_an_older_screen_is_refused)
{
	to_item(p, "TEA:3");
	p->step_less = 1;
	expect(p, play_scan(p, "hh1", TEA_CODE), "screen_moved");
	assert_int_equal(p->answer, ENGINE_DECIDED);
	assert_int_equal(counted(p), 0);
	p->step_less = -1;
	expect(p, play_scan(p, "hh1", TEA_CODE), "screen_moved");
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
}

SCENE(a_key_pressed_on_an_older_screen_is_refused)
{
	to_item(p, "TEA:3");
	p->step_less = 1;
	expect(p, play_key(p, "hh1", "short", 0), "screen_moved");
	assert_string_equal(play_expect(p, "hh1"), "item");
}

SCENE(a_scan_older_than_ten_seconds_is_refused)
{
	to_item(p, "TEA:3");
	p->age_ms = 10001;
	expect(p, play_scan(p, "hh1", TEA_CODE), "screen_moved");
	assert_int_equal(counted(p), 0);
	p->age_ms = 10000;
	expect(p, play_scan(p, "hh1", TEA_CODE), "counted");
}

SCENE(a_command_the_core_must_not_try_is_a_decided_refusal)
{
	snprintf(p->refuse, sizeof(p->refuse), "%s", "refused by the test");
	expect(p, put(p, 1, "X"), "refused");
	assert_int_equal(p->answer, ENGINE_DECIDED);
	assert_int_equal(play_number(p, "SELECT count(*) FROM item WHERE item = 'X'"), 0);
	expect(p, put(p, 1, "X"), "refused");
	assert_int_equal(p->answer, ENGINE_REPLAYED);
	assert_string_equal(play_words(p, "SELECT kind || ':' || subject FROM cases"), "poison:me:1");
}

SCENE(the_clock_of_the_engine_never_goes_back)
{
	int64_t before;

	expect(p, put(p, 1, "X"), "put");
	before = play_number(p, "SELECT max(now_us) FROM journal");
	p->now_us -= 3600 * PLAY_S;
	expect(p, put(p, 2, "X"), "put");
	assert_int_equal(play_number(p, "SELECT now_us FROM journal ORDER BY seq DESC LIMIT 1"), before);
}

SCENE(the_peers_own_clock_is_evidence_only)
{
	static const char put_at[] = "{\"id\":\"me:1\",\"kind\":\"tote_put\",\"at\":\"%s\",\"args\":{\"tote\":\"T9\"}}";
	int64_t now_us = p->now_us;
	char body[200], first[512];

	snprintf(body, sizeof(body), put_at, "2099-01-01T00:00:00Z");
	expect(p, play_text(p, DOOR_CTL, body), "put");
	assert_int_equal(play_number(p, "SELECT now_us FROM journal ORDER BY seq DESC LIMIT 1"), now_us);
	snprintf(first, sizeof(first), "%s", p->text);
	/* Sent again later it is the same command. */
	snprintf(body, sizeof(body), put_at, "1970-01-01T00:00:00Z");
	expect(p, play_text(p, DOOR_CTL, body), "put");
	assert_int_equal(p->answer, ENGINE_REPLAYED);
	assert_string_equal(p->text, first);
}

SCENE(doubtful_time_is_marked_in_journal_and_events)
{
	p->doubtful = true;
	play_stock(p, "A1", "TEA", "L1", "2027-01-31", 1);
	assert_int_equal(play_number(p, "SELECT doubtful FROM journal ORDER BY seq DESC LIMIT 1"), 1);
	assert_int_equal(play_number(p, "SELECT json_extract(bytes, '$.timedoubtful') FROM outbox ORDER BY n DESC LIMIT 1"), 1);
	p->doubtful = false;
	play_stock(p, "A1", "TEA", "L1", "2027-01-31", 1);
	assert_int_equal(play_number(p, "SELECT json_extract(bytes, '$.timedoubtful') IS NULL FROM outbox ORDER BY n DESC LIMIT 1"), 1);
}

SCENE(text_that_is_cut_for_a_sentence_stays_text)
{
	char data[200] = "";

	/* Two bytes each: a limit in bytes falls into the middle of one of them. */
	for (int i = 0; i < 70; i++)
		strcat(data, "\xc3\xb6");
	expect(p, play_scan_sscc(p, "induct1-scanner", data), "unknown_carton");
	to_item(p, "TEA:1");
	expect(p, play_scan(p, "hh1", data), "unknown_barcode");
	data[strlen(data) - 2] = 'x';
	memmove(data + 1, data, strlen(data));
	data[0] = 'x';
	data[139] = '\0';
	expect(p, play_scan(p, "hh1", data), "unknown_barcode");
	expect(p, play_scan_sscc(p, "induct1-scanner", data), "unknown_carton");
	expect(p, play_hq_down(p, data + 101, json_pack("{s:s}", data + 1, "x")), "stored_raw");
	expect(p, play_hq_down(p, "item", json_pack("{s:s}", data, "x")), "quarantined");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_seen_before_gets_its_first_answer_and_changes_nothing),
		cmocka_unit_test(a_repeated_scan_message_does_not_count_twice),
		cmocka_unit_test(the_same_id_with_other_content_is_refused),
		cmocka_unit_test(an_id_below_the_last_without_an_answer_is_forgotten),
		cmocka_unit_test(a_malformed_command_leaves_no_row_and_its_id_stays_free),
		cmocka_unit_test(an_order_that_is_half_right_leaves_nothing),
		cmocka_unit_test(who_may_not_is_not_taken_and_the_id_stays_free),
		cmocka_unit_test(an_origin_belongs_to_the_peer_and_device_that_used_it_first),
		cmocka_unit_test(a_decided_refusal_is_journalled_and_remembered),
		cmocka_unit_test(a_piece_scanned_again_because_the_beep_was_lost_counts_once),
		cmocka_unit_test(a_piece_typed_at_a_stations_page_again_counts_once),
		cmocka_unit_test(after_a_lost_beep_other_data_is_a_new_scan),
		cmocka_unit_test(a_refused_scan_whose_answer_was_lost_may_be_made_again),
		cmocka_unit_test(a_carton_inducted_twice_after_a_lost_beep_waits_once),
		cmocka_unit_test(a_later_outcome_that_was_heard_means_all_before_it_were),
		cmocka_unit_test(an_outcome_of_another_origin_that_was_heard_says_nothing_of_this_one),
		cmocka_unit_test(the_peers_own_clock_is_evidence_only),
		cmocka_unit_test(doubtful_time_is_marked_in_journal_and_events),
		cmocka_unit_test(a_scan_made_on_an_older_screen_is_refused),
		cmocka_unit_test(a_key_pressed_on_an_older_screen_is_refused),
		cmocka_unit_test(a_scan_older_than_ten_seconds_is_refused),
		cmocka_unit_test(a_command_the_core_must_not_try_is_a_decided_refusal),
		cmocka_unit_test(the_clock_of_the_engine_never_goes_back),
		cmocka_unit_test(text_that_is_cut_for_a_sentence_stays_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
