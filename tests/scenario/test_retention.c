/* What is old goes, by marks of uptime and never by a clock; what a later question could need stays. */
#include "scene.h"

#define KEPT_MARKS 17    /* 14 days of uptime in marks of 20 h, rounded up */
#define ORDER_MARKS 108  /* 90 days */
#define TEN_YEARS_US (INT64_C(3652) * 24 * 3600 * PLAY_S)

static const char *put_pen(struct play *p)
{
	return play_text(p, DOOR_CTL,
		"{\"id\":\"old:1\",\"kind\":\"tote_put\",\"args\":{\"tote\":\"PEN\"}}");
}

static void ack(struct play *p, int64_t n)
{
	expect(p,
		play_send(p, DOOR_SYNC,
			json_pack("{s:s, s:{s:I, s:I, s:s, s:s}}", "kind", "hq_acked", "args", "cum", (json_int_t)n, "safe", (json_int_t)n,
				"hub_gen", "g", "hash", "")),
		"noted");
}

static int64_t head(struct play *p)
{
	return play_number(p, "SELECT up_head FROM link");
}

static void ship(struct play *p, const char *order, const char *tote)
{
	char sscc[19];

	play_carton(p, order, "NORTH", tote, sscc);
	play_convey(p, sscc);
	expect(p, play_web(p, "desk", "load_close", json_pack("{s:s, s:s}", "lane", "north", "seal", "S1")), "closing");
}

SCENE(an_answer_is_kept_for_fourteen_days_of_uptime_then_its_id_is_forgotten_and_never_new)
{
	expect(p, put_pen(p), "put");
	play_days(p, KEPT_MARKS);
	expect(p, put_pen(p), "put");
	assert_int_equal(p->answer, ENGINE_REPLAYED);
	play_days(p, 1);
	expect(p, put_pen(p), "forgotten");
	assert_int_equal(p->answer, ENGINE_NOT_TAKEN);
	assert_int_equal(play_number(p, "SELECT last_n FROM origin WHERE name = 'old'"), 1);
	play_days(p, 3 * KEPT_MARKS);
	expect(p, put_pen(p), "forgotten");
}

SCENE(a_clock_that_jumps_ten_years_and_back_erases_no_id_and_no_answer)
{
	expect(p, put_pen(p), "put");
	play_days(p, 1);
	p->now_us += TEN_YEARS_US;
	play_days(p, 2);
	expect(p, put_pen(p), "put");
	assert_int_equal(p->answer, ENGINE_REPLAYED);
	p->now_us -= TEN_YEARS_US;
	play_days(p, 2);
	expect(p, put_pen(p), "put");
	assert_int_equal(p->answer, ENGINE_REPLAYED);
	assert_int_equal(play_number(p, "SELECT count(*) FROM answer"), journal_rows(p));
}

SCENE(a_sent_event_stays_until_a_backup_of_hq_is_past_it_and_fourteen_days_are)
{
	play_order(p, "O1", "NORTH", "TEA:1");
	play_order(p, "O2", "NORTH", "TEA:1");
	play_days(p, KEPT_MARKS + 1);
	assert_int_equal(play_number(p, "SELECT min(n) FROM outbox"), 1);
	ack(p, head(p));
	play_days(p, 1);
	/* HQ may come back at its cursor: the event there proves that the histories are one. */
	assert_int_equal(play_number(p, "SELECT min(n) FROM outbox"), head(p));
	assert_int_equal(play_number(p, "SELECT base_n FROM link"), head(p) - 1);
	play_order(p, "O3", "NORTH", "TEA:1");
}

SCENE(an_event_hq_has_but_no_backup_of_it_stays)
{
	play_order(p, "O1", "NORTH", "TEA:1");
	expect(p,
		play_send(p, DOOR_SYNC,
			json_pack("{s:s, s:{s:I, s:i, s:s, s:s}}", "kind", "hq_acked", "args", "cum", (json_int_t)head(p), "safe", 0,
				"hub_gen", "g", "hash", "")),
		"noted");
	play_days(p, 2 * KEPT_MARKS);
	assert_int_equal(play_number(p, "SELECT min(n) FROM outbox"), 1);
}

SCENE(old_diverts_sessions_and_readings_go_and_their_numbers_never_come_again)
{
	char sscc[19];

	play_carton(p, "O1", "NORTH", "T1", sscc);
	play_convey(p, sscc);
	play_carton(p, "O2", "NORTH", "T1", sscc);
	play_convey(p, sscc);
	expect(p, play_login(p, "P1", "hh1"), "signed_on");
	assert_int_equal(play_number(p, "SELECT count(*) FROM divert"), 2);
	play_days(p, KEPT_MARKS);
	assert_int_equal(play_number(p, "SELECT count(*) FROM divert"), 2);
	play_days(p, 1);
	assert_string_equal(play_words(p, "SELECT divert FROM divert"), "2");
	assert_string_equal(play_words(p, "SELECT weigh FROM weigh"), "2");
	assert_string_equal(play_words(p, "SELECT induct FROM induct"), "2");
	assert_int_equal(play_number(p, "SELECT count(*) FROM session WHERE state = 'ended'"), 0);
	assert_string_equal(play_words(p, "SELECT weight FROM weight"), "1 2");
	play_days(p, ORDER_MARKS);
	assert_string_equal(play_words(p, "SELECT weight FROM weight"), "2");
}

SCENE(a_wrong_pin_is_forgotten_after_fourteen_days_of_uptime_only)
{
	expect(p, play_internal(p, "login_failed", json_pack("{s:s, s:s, s:s}", "badge", "P1", "device", "hh9", "session", "session-of-hh9-0001")),
		"wrong_pin");
	p->now_us += TEN_YEARS_US;
	play_days(p, KEPT_MARKS);
	assert_true(play_number(p, "SELECT count(*) FROM throttle") > 0);
	play_days(p, 2);
	assert_int_equal(play_number(p, "SELECT count(*) FROM throttle"), 0);
}

SCENE(movements_are_summed_up_and_stock_is_still_their_sum)
{
	ship(p, "O1", "T1");
	play_days(p, ORDER_MARKS + 1);
	assert_int_equal(play_number(p, "SELECT count(*) FROM movement"), 1);
	assert_int_equal(play_number(p, "SELECT count(*) FROM carried WHERE qty = 0"), 0);
	assert_int_equal(play_number(p, "SELECT qty FROM carried WHERE place = 'A1'"), 9);
	ship(p, "O2", "T1");
	play_days(p, ORDER_MARKS + 1);
	assert_int_equal(play_number(p, "SELECT qty FROM carried WHERE place = 'A1'"), 8);
}

SCENE(an_ended_order_goes_whole_after_ninety_days_and_an_open_one_never)
{
	ship(p, "O1", "T1");
	ship(p, "O2", "T1");
	ack(p, head(p));
	play_order(p, "O3", "NORTH", "MUG:1");
	play_days(p, ORDER_MARKS);
	assert_string_equal(play_words(p, "SELECT order_id FROM orders ORDER BY order_id"), "O1 O2 O3");
	play_days(p, 1);
	/* The newest carton stays, else its number would be given again. */
	assert_string_equal(play_words(p, "SELECT order_id FROM orders ORDER BY order_id"), "O2 O3");
	assert_string_equal(play_words(p, "SELECT order_id FROM carton"), "O2");
	assert_string_equal(play_words(p, "SELECT label FROM label"), "2");
	assert_string_equal(play_words(p, "SELECT DISTINCT order_id FROM order_line ORDER BY order_id"), "O2 O3");
	assert_string_equal(play_words(p, "SELECT DISTINCT order_id FROM task ORDER BY order_id"), "O2 O3");
	assert_string_equal(play_words(p, "SELECT order_id FROM shipment"), "O2");
	/* The block is not used up: its numbers are still on record. */
	assert_int_equal(play_number(p, "SELECT count(*) FROM sscc"), 2);
	expect(p, play_ctl(p, "order_cancel", order_word("O3")), "cancelled");
	ship(p, "O4", "T1");
	assert_int_equal(play_number(p, "SELECT max(carton) FROM carton"), 3);
	assert_int_equal(play_number(p, "SELECT count(DISTINCT sscc) FROM sscc"), 3);
}

SCENE(an_order_that_was_cancelled_yesterday_stays_however_old_it_is)
{
	play_order(p, "O1", "NORTH", "TEA:1");
	play_order(p, "O2", "NORTH", "TEA:1");
	play_days(p, ORDER_MARKS + 1);
	expect(p, play_ctl(p, "order_cancel", order_word("O1")), "cancelled");
	play_days(p, 2);
	assert_int_equal(play_number(p, "SELECT count(*) FROM orders"), 2);
	play_days(p, ORDER_MARKS);
	assert_string_equal(play_words(p, "SELECT order_id FROM orders"), "O2");
}

SCENE(one_command_prunes_at_most_five_hundred_rows)
{
	int64_t before, rows;

	for (int i = 0; i < 600; i++)
		expect(p, play_ctl(p, "tote_put", json_pack("{s:s}", "tote", "T1")), "put");
	play_days(p, KEPT_MARKS);
	rows = before = play_number(p, "SELECT count(*) FROM answer");
	p->lazy = true;
	expect(p, play_internal(p, "day", json_object()), "day");
	for (int i = 0; i < 100 && play_number(p, "SELECT count(*) FROM continuation"); i++) {
		int64_t id = play_number(p, "SELECT id FROM continuation"), now;
		json_t *args = json_loads(play_words(p, "SELECT args FROM continuation"), 0, NULL);

		json_object_set_new(args, "continuation", json_integer(id));
		expect(p, play_internal(p, "prune", args), "pruned");
		now = play_number(p, "SELECT count(*) FROM answer");
		assert_true(rows - now <= 500);
		rows = now;
	}
	assert_int_equal(play_number(p, "SELECT count(*) FROM continuation"), 0);
	assert_true(before - rows > 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_kept_for_fourteen_days_of_uptime_then_its_id_is_forgotten_and_never_new),
		cmocka_unit_test(a_clock_that_jumps_ten_years_and_back_erases_no_id_and_no_answer),
		cmocka_unit_test(a_sent_event_stays_until_a_backup_of_hq_is_past_it_and_fourteen_days_are),
		cmocka_unit_test(an_event_hq_has_but_no_backup_of_it_stays),
		cmocka_unit_test(old_diverts_sessions_and_readings_go_and_their_numbers_never_come_again),
		cmocka_unit_test(a_wrong_pin_is_forgotten_after_fourteen_days_of_uptime_only),
		cmocka_unit_test(movements_are_summed_up_and_stock_is_still_their_sum),
		cmocka_unit_test(an_ended_order_goes_whole_after_ninety_days_and_an_open_one_never),
		cmocka_unit_test(an_order_that_was_cancelled_yesterday_stays_however_old_it_is),
		cmocka_unit_test(one_command_prunes_at_most_five_hundred_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
