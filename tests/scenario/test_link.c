/* The core's side of the link to HQ: the down cursor and the effect are one thing, the up stream is acknowledged. */
#include "scene.h"

static int64_t cursor(struct play *p)
{
	return play_number(p, "SELECT down_n FROM link");
}

static const char *cases(struct play *p)
{
	return play_words(p, "SELECT kind FROM cases WHERE state = 'open' ORDER BY case_id");
}

static const char *acked(struct play *p, int64_t cum, int64_t safe)
{
	return play_send(p, DOOR_SYNC,
		json_pack("{s:s, s:{s:I, s:I, s:s, s:s}}", "kind", "hq_acked", "args", "cum", (json_int_t)cum, "safe",
			(json_int_t)safe, "hub_gen", "g", "hash", ""));
}

SCENE(a_gap_in_hqs_messages_is_refused_and_the_cursor_stays)
{
	expect(p, play_hq_down_n(p, 2, "order.hold", order_word("O1")), "gap");
	assert_false(p->ok);
	assert_int_equal(cursor(p), 0);
	play_order(p, "O1", "NORTH", "TEA:1");
	assert_int_equal(cursor(p), 1);
	expect(p, play_hq_down_n(p, 2, "order.hold", order_word("O1")), "held");
	assert_int_equal(cursor(p), 2);
}

SCENE(a_message_of_hq_that_came_before_is_harmless)
{
	play_order(p, "O1", "NORTH", "TEA:1");
	expect(p, play_hq_down_n(p, 1, "order.cancel", order_word("O1")), "known");
	assert_true(p->ok);
	assert_string_equal(play_words(p, "SELECT state FROM orders"), "allocated");
	assert_int_equal(cursor(p), 1);
}

SCENE(a_message_that_can_never_be_applied_is_put_aside_and_the_next_goes_on)
{
	int64_t orders = play_number(p, "SELECT count(*) FROM orders");

	expect(p, play_hq_down(p, "order", json_pack("{s:s, s:s, s:[{s:i, s:s, s:i}, {s:i, s:s, s:i}]}", "order", "O1", "carrier",
		"NORTH", "lines", "line", 1, "item", "TEA", "qty", 1, "line", 1, "item", "TEA", "qty", 1)), "quarantined");
	assert_int_equal(cursor(p), 1);
	assert_string_equal(cases(p), "hq_message");
	assert_string_equal(play_words(p, "SELECT n || ':' || type FROM down_raw"), "1:order");
	assert_int_equal(play_number(p, "SELECT count(*) FROM orders"), orders);
	assert_int_equal(play_number(p, "SELECT count(*) FROM order_line"), 0);
	play_order(p, "O2", "NORTH", "TEA:1");
	assert_int_equal(cursor(p), 2);
}

SCENE(a_type_this_version_does_not_know_is_kept)
{
	expect(p, play_hq_down(p, "carrier.table", json_pack("{s:f}", "fee", 1.5)), "stored_raw");
	assert_true(p->ok);
	assert_string_equal(play_words(p, "SELECT type || body FROM down_raw"), "carrier.table{\"fee\":1.5}");
	assert_int_equal(cursor(p), 1);
}

SCENE(a_refusal_by_the_floor_is_an_answer_too)
{
	expect(p, play_hq_down(p, "order.hold", order_word("NONE")), "unknown_order");
	assert_int_equal(cursor(p), 1);
}

SCENE(a_rejected_invoice_is_a_case)
{
	expect(p, play_hq_down(p, "invoice.posted", json_pack("{s:s}", "shipment", "DEMO-0-000001")), "noted");
	assert_string_equal(cases(p), "");
	expect(p, play_hq_down(p, "invoice.rejected", json_pack("{s:s, s:s}", "shipment", "DEMO-0-000001", "reason", "price")),
		"noted");
	assert_string_equal(cases(p), "invoice_rejected");
}

SCENE(an_item_of_hq_is_master_data)
{
	expect(p, play_hq_down(p, "item", json_pack("{s:s, s:s, s:s, s:i}", "item", "PEN", "title", "Pen", "barcode", "55", "weight_g",
		12)), "put");
	assert_int_equal(play_number(p, "SELECT weight_ug FROM item WHERE item = 'PEN'"), 12000000);
}

SCENE(an_acknowledgement_beyond_the_last_event_is_a_case_and_changes_nothing)
{
	int64_t head = play_number(p, "SELECT up_head FROM link");

	expect(p, acked(p, head + 100, 0), "ahead");
	expect(p, acked(p, head, head + 100), "ahead");
	assert_string_equal(cases(p), "hq_ahead");
	assert_string_equal(play_words(p, "SELECT up_acked || ':' || up_safe FROM link"), "0:0");
	expect(p, acked(p, head, head - 1), "noted");
	expect(p, acked(p, head - 1, 0), "noted");
	assert_int_equal(play_number(p, "SELECT up_acked FROM link"), head);
	assert_int_equal(play_number(p, "SELECT up_safe FROM link"), head - 1);
}

SCENE(a_shipment_is_confirmed_when_hq_has_its_event)
{
	char sscc[19];
	int64_t n;

	play_carton(p, "O1", "NORTH", "T1", sscc);
	play_convey(p, sscc);
	expect(p, play_ctl(p, "load_close", json_pack("{s:s}", "lane", "north")), "closing");
	n = play_number(p, "SELECT n FROM outbox WHERE type = 'wharf.shipment.confirmed'");
	expect(p, acked(p, n - 1, 0), "noted");
	assert_string_equal(play_words(p, "SELECT state FROM orders"), "shipped");
	expect(p, acked(p, n, 0), "noted");
	assert_string_equal(play_words(p, "SELECT state FROM orders"), "confirmed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gap_in_hqs_messages_is_refused_and_the_cursor_stays),
		cmocka_unit_test(a_message_of_hq_that_came_before_is_harmless),
		cmocka_unit_test(a_message_that_can_never_be_applied_is_put_aside_and_the_next_goes_on),
		cmocka_unit_test(a_type_this_version_does_not_know_is_kept),
		cmocka_unit_test(a_refusal_by_the_floor_is_an_answer_too),
		cmocka_unit_test(a_rejected_invoice_is_a_case),
		cmocka_unit_test(an_item_of_hq_is_master_data),
		cmocka_unit_test(an_acknowledgement_beyond_the_last_event_is_a_case_and_changes_nothing),
		cmocka_unit_test(a_shipment_is_confirmed_when_hq_has_its_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
