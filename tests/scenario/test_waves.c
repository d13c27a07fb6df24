/* Orders that are released together: allocated a few lines a turn, seen all at once. */
#include "scene.h"

#include <stdio.h>

#define WAVE_ORDERS 60
#define BIG_ORDERS 50

static json_t *lines_of(const char *item, int lines, int qty)
{
	json_t *list = json_array();

	for (int n = 1; n <= lines; n++)
		json_array_append_new(list, json_pack("{s:i, s:s, s:i}", "line", n, "item", item, "qty", qty));
	return list;
}

static void order_in(struct play *p, const char *wave, const char *order, const char *item, int lines)
{
	expect(p, play_hq_down(p, "order", json_pack("{s:s, s:s, s:s, s:o}", "order", order, "carrier", "NORTH", "wave", wave,
						  "lines", lines_of(item, lines, 1))), "received");
}

static void order_many(struct play *p, const char *wave, int orders, int lines)
{
	play_stock(p, "A1", "TEA", "L1", "2027-01-31", 5000);
	for (int n = 1; n <= orders; n++) {
		char order[32];

		snprintf(order, sizeof(order), "%s-%03d", wave, n);
		order_in(p, wave, order, "TEA", lines);
	}
}

static const char *release(struct play *p, const char *wave)
{
	return play_web(p, "desk", "wave_release", json_pack("{s:s}", "wave", wave));
}

static const char *wave_state(struct play *p, const char *wave)
{
	return play_words(p, "SELECT state FROM wave WHERE wave = '%s'", wave);
}

static int64_t orders_that_are(struct play *p, const char *state)
{
	return play_number(p, "SELECT count(*) FROM orders WHERE state = '%s'", state);
}

static int64_t waiting(struct play *p)
{
	return store_number(p->store, 0, SQL_ORDERS_WAITING, "");
}

SCENE(an_order_of_a_wave_waits_for_its_release_and_others_do_not)
{
	order_many(p, "W", 3, 1);
	play_order(p, "O1", "NORTH", "MUG:1");
	assert_int_equal(orders_that_are(p, "received"), 3);
	assert_string_equal(play_words(p, "SELECT state FROM orders WHERE order_id = 'O1'"), "allocated");
	assert_int_equal(play_number(p, "SELECT count(*) FROM task WHERE order_id <> 'O1'"), 0);
	expect(p, release(p, "W"), "releasing");
	assert_string_equal(wave_state(p, "W"), "released");
	assert_int_equal(orders_that_are(p, "allocated"), 4);
}

SCENE(what_cannot_be_released_is_refused_in_words)
{
	order_many(p, "W", 30, 1);
	expect(p, release(p, "X"), "unknown_wave");
	assert_string_equal(p->say, "There is no wave X");
	expect(p, play_hq_down(p, "wave.release", json_pack("{s:s}", "wave", "X")), "unknown_wave");
	p->lazy = true;
	expect(p, release(p, "W"), "releasing");
	assert_string_equal(p->say, "Wave W is being released: 30 orders, 30 lines");
	expect(p, release(p, "W"), "known");
	assert_string_equal(p->say, "Wave W is being released already: 30 orders, 30 lines");
	assert_int_equal(play_number(p, "SELECT count(*) FROM continuation"), 1);
	play_continue(p);
	expect(p, release(p, "W"), "known");
	assert_string_equal(p->say, "Wave W is released already: 30 orders, 30 lines");
	expect(p, play_web(p, "desk", "wave_release", json_object()), "malformed");
	expect(p, play_web(p, "hh1", "wave_release", json_pack("{s:s}", "wave", "W")), "not_allowed");
}

SCENE(nothing_of_a_wave_is_picked_before_all_of_it_is_allocated_and_all_of_it_then)
{
	int64_t steps = 0;

	order_many(p, "W", WAVE_ORDERS, 2);
	p->lazy = true;
	expect(p, release(p, "W"), "releasing");
	while (play_continue_once(p) && strcmp(wave_state(p, "W"), "releasing") == 0) {
		steps++;
		assert_int_equal(waiting(p), 0);
		expect(p, play_key(p, "hh1", "start", 0), "no_work");
	}
	assert_true(steps >= WAVE_ORDERS * 2 / ALLOCATE_LINES_MAX);
	assert_string_equal(wave_state(p, "W"), "released");
	assert_int_equal(orders_that_are(p, "allocated"), WAVE_ORDERS);
	assert_int_equal(waiting(p), WAVE_ORDERS);
	expect(p, play_key(p, "hh1", "start", 0), "started");
	assert_string_equal(play_words(p, "SELECT order_id FROM orders WHERE state = 'picking'"), "W-001");
	assert_int_equal(play_number(p, "SELECT count(*) FROM outbox WHERE type = 'wharf.wave.released'"), 1);
}

SCENE(a_wave_of_five_thousand_lines_is_allocated_in_bounded_commands)
{
	int steps = 0;

	order_many(p, "W", BIG_ORDERS, ORDER_LINES_MAX);
	p->lazy = true;
	p->rows_most = 0;
	expect(p, release(p, "W"), "releasing");
	while (play_continue_once(p) && strcmp(wave_state(p, "W"), "releasing") == 0) {
		assert_int_equal(waiting(p), 0);
		steps++;
	}
	assert_true(p->rows_most > ALLOCATE_LINES_MAX && p->rows_most <= COMMAND_ROWS_MAX);
	assert_true(steps >= BIG_ORDERS * ORDER_LINES_MAX / ALLOCATE_LINES_MAX);
	assert_int_equal(waiting(p), BIG_ORDERS);
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM order_line"), BIG_ORDERS * ORDER_LINES_MAX);
	assert_string_equal(play_words(p, "SELECT lines || '/' || done || '/' || short FROM wave"), "5000/5000/0");
	assert_int_equal(play_number(p, "SELECT count(*) FROM continuation"), 0);
}

SCENE(other_orders_are_picked_while_a_wave_is_allocated)
{
	play_order(p, "O1", "NORTH", "MUG:1");
	order_many(p, "W", WAVE_ORDERS, 2);
	p->lazy = true;
	expect(p, release(p, "W"), "releasing");
	assert_true(play_continue_once(p));
	expect(p, play_key(p, "hh1", "start", 0), "started");
	assert_true(play_continue_once(p));
	expect(p, play_scan(p, "hh1", "B1"), "right_location");
	assert_true(play_continue_once(p));
	expect(p, play_scan(p, "hh1", MUG_CODE), "counted");
	/* An order that comes meanwhile does not wait for the wave. */
	play_order(p, "O2", "NORTH", "MUG:1");
	for (int i = 0; i < 5; i++)
		assert_true(play_continue_once(p));
	assert_string_equal(wave_state(p, "W"), "releasing");
	expect(p, play_scan(p, "hh1", "T1"), "in_tote");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	assert_string_equal(play_words(p, "SELECT order_id FROM orders WHERE state = 'picking'"), "O2");
	play_continue(p);
}

SCENE(no_command_of_a_wave_writes_more_than_five_hundred_rows)
{
	/* Eight bins a line, and orders of one line: the most a part can write. */
	for (int i = 1; i <= 8 * 40; i++) {
		char bin[16], lot[16];

		snprintf(bin, sizeof(bin), "Z%03d", i);
		snprintf(lot, sizeof(lot), "Z%d", i);
		expect(p, play_ctl(p, "location_put", json_pack("{s:s, s:i}", "location", bin, "walk", 1000 + i)), "put");
		play_stock(p, bin, "TEA", lot, "2026-12-31", 1);
	}
	for (int n = 1; n <= 40; n++) {
		char order[32];

		snprintf(order, sizeof(order), "W-%03d", n);
		expect(p, play_hq_down(p, "order", json_pack("{s:s, s:s, s:s, s:o}", "order", order, "carrier", "NORTH", "wave",
							  "W", "lines", lines_of("TEA", 1, 8))), "received");
	}
	p->rows_most = 0;
	expect(p, release(p, "W"), "releasing");
	assert_int_equal(play_number(p, "SELECT count(*) FROM task"), 8 * 40);
	assert_true(p->rows_most > 300 && p->rows_most <= COMMAND_ROWS_MAX);
}

SCENE(waves_are_released_one_after_the_other)
{
	order_many(p, "A", 30, 1);
	order_many(p, "B", 2, 1);
	p->lazy = true;
	expect(p, release(p, "B"), "releasing");
	expect(p, release(p, "A"), "releasing");
	while (strcmp(wave_state(p, "B"), "releasing") == 0)
		assert_true(play_continue_once(p));
	assert_string_equal(wave_state(p, "A"), "releasing");
	/* B is seen, and of A nothing. */
	assert_int_equal(waiting(p), 2);
	play_continue(p);
	assert_int_equal(waiting(p), 32);
	expect(p, play_key(p, "hh1", "start", 0), "started");
	assert_string_equal(play_words(p, "SELECT order_id FROM orders WHERE state = 'picking'"), "B-001");
}

SCENE(what_a_wave_cannot_find_is_short_as_in_any_order)
{
	order_in(p, "W", "W1", "MUG", 7); /* of five */
	order_in(p, "W", "W2", "MUG", 1);
	expect(p, play_hq_down(p, "wave.release", json_pack("{s:s}", "wave", "W")), "releasing");
	assert_string_equal(play_words(p, "SELECT state FROM orders ORDER BY order_id"), "allocated short");
	assert_string_equal(play_words(p, "SELECT short_reason FROM order_line WHERE short > 0"), "no_stock no_stock no_stock");
	assert_string_equal(play_words(p, "SELECT type FROM outbox ORDER BY n DESC LIMIT 3"),
		"wharf.wave.released wharf.order.short wharf.order.allocated");
	assert_string_equal(play_words(p, "SELECT lines || '/' || done || '/' || short FROM wave"), "8/8/3");
}

SCENE(an_order_that_comes_late_goes_with_its_wave_or_by_itself)
{
	order_many(p, "W", 30, 1);
	p->lazy = true;
	expect(p, release(p, "W"), "releasing");
	assert_true(play_continue_once(p));
	order_in(p, "W", "LATE1", "TEA", 1);
	play_continue(p);
	assert_string_equal(play_words(p, "SELECT state FROM orders WHERE order_id = 'LATE1'"), "allocated");
	assert_int_equal(waiting(p), 31);
	order_in(p, "W", "LATE2", "TEA", 1);
	play_continue(p);
	assert_int_equal(waiting(p), 32);
}

SCENE(a_held_or_cancelled_order_is_left_out_of_its_wave)
{
	order_many(p, "W", 30, 1);
	expect(p, play_web(p, "desk", "order_hold", order_word("W-002")), "held");
	expect(p, play_web(p, "desk", "order_cancel", order_word("W-003")), "cancelled");
	p->lazy = true;
	expect(p, release(p, "W"), "releasing");
	assert_true(play_continue_once(p));
	/* Allocated already, and not yet seen. */
	expect(p, play_web(p, "desk", "order_cancel", order_word("W-001")), "cancelled");
	play_continue(p);
	assert_int_equal(waiting(p), 27);
	expect(p, play_web(p, "desk", "order_release", order_word("W-002")), "released");
	play_continue(p);
	assert_int_equal(waiting(p), 28);
}

SCENE(an_order_held_and_let_go_while_its_wave_is_released_is_seen_with_it_and_not_before)
{
	order_many(p, "W", 60, 1);
	p->lazy = true;
	expect(p, release(p, "W"), "releasing");
	assert_true(play_continue_once(p));
	/* Two that are allocated already, and one whose turn has not come. */
	expect(p, play_web(p, "desk", "order_hold", order_word("W-001")), "held");
	expect(p, play_web(p, "desk", "order_release", order_word("W-001")), "released");
	expect(p, play_web(p, "desk", "order_hold", order_word("W-002")), "held");
	expect(p, play_web(p, "desk", "order_hold", order_word("W-060")), "held");
	expect(p, play_web(p, "desk", "order_release", order_word("W-060")), "released");
	while (strcmp(wave_state(p, "W"), "releasing") == 0) {
		assert_int_equal(waiting(p), 0);
		assert_true(play_continue_once(p));
	}
	assert_int_equal(waiting(p), 59);
	expect(p, play_web(p, "desk", "order_release", order_word("W-002")), "released");
	assert_int_equal(waiting(p), 60);
	/* And when it was released it is an order like any other. */
	expect(p, play_web(p, "desk", "order_hold", order_word("W-003")), "held");
	expect(p, play_web(p, "desk", "order_cancel", order_word("W-004")), "cancelled");
	assert_int_equal(waiting(p), 58);
	expect(p, play_web(p, "desk", "order_release", order_word("W-003")), "released");
	assert_int_equal(waiting(p), 59);
}

SCENE(an_order_stopped_half_way_keeps_what_it_has_or_gives_it_back)
{
	play_stock(p, "A1", "TEA", "L1", "2027-01-31", 500);
	order_in(p, "W", "W1", "TEA", 2 * ALLOCATE_LINES_MAX);
	order_in(p, "W", "W2", "TEA", 2 * ALLOCATE_LINES_MAX);
	p->lazy = true;
	expect(p, release(p, "W"), "releasing");
	assert_true(play_continue_once(p));
	assert_int_equal(play_number(p, "SELECT count(*) FROM task WHERE order_id = 'W1'"), ALLOCATE_LINES_MAX);
	expect(p, play_web(p, "desk", "order_hold", order_word("W1")), "held");
	assert_true(play_continue_once(p));
	expect(p, play_web(p, "desk", "order_cancel", order_word("W2")), "cancelled");
	play_continue(p);
	assert_string_equal(wave_state(p, "W"), "released");
	assert_int_equal(waiting(p), 0);
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), ALLOCATE_LINES_MAX);
	expect(p, play_web(p, "desk", "order_release", order_word("W1")), "released");
	play_continue(p);
	assert_int_equal(waiting(p), 1);
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), 2 * ALLOCATE_LINES_MAX);
}

SCENE(a_wave_goes_on_after_a_restart_and_after_a_part_of_it_was_given_up)
{
	order_many(p, "W", 60, 1);
	p->lazy = true;
	expect(p, release(p, "W"), "releasing");
	assert_true(play_continue_once(p));
	play_restart(p, "boot-2");
	assert_true(play_continue_once(p));
	assert_string_equal(wave_state(p, "W"), "releasing");
	/* It stopped wharfd twice, so it is not tried again by itself. */
	snprintf(p->refuse, sizeof(p->refuse), "refused by the test");
	play_internal(p, "wave_allocate", json_pack("{s:I}", "continuation",
		(json_int_t)play_number(p, "SELECT id FROM continuation")));
	p->refuse[0] = '\0';
	assert_false(play_continue_once(p));
	assert_string_equal(wave_state(p, "W"), "releasing");
	expect(p, release(p, "W"), "known");
	play_continue(p);
	assert_int_equal(waiting(p), 60);
}

SCENE(an_order_held_before_its_wave_is_released_waits_for_it_when_it_is_let_go)
{
	order_many(p, "W", 2, 1);
	expect(p, play_web(p, "desk", "order_hold", order_word("W-001")), "held");
	expect(p, play_web(p, "desk", "order_release", order_word("W-001")), "released");
	assert_int_equal(orders_that_are(p, "received"), 2);
	expect(p, release(p, "W"), "releasing");
	assert_int_equal(orders_that_are(p, "allocated"), 2);
}

SCENE(a_wave_waits_while_opening_balances_are_booked)
{
	order_in(p, "W", "W1", "MUG", 6);
	order_in(p, "V", "V1", "MUG", 1);
	expect(p, play_ctl(p, "import_begin", json_pack("{s:s, s:s, s:i, s:s}", "import", "s", "what", "stock", "rows", 1,
						   "digest", "d")), "begun");
	expect(p, play_ctl(p, "import_rows", json_pack("{s:s, s:i, s:[{s:s, s:s, s:i}]}", "import", "s", "part", 1, "rows",
						  "location", "B1", "item", "MUG", "qty", 1)), "staged");
	p->lazy = true;
	expect(p, play_ctl(p, "import_end", json_pack("{s:s}", "import", "s")), "ended");
	expect(p, release(p, "W"), "releasing");
	play_continue(p);
	assert_string_equal(wave_state(p, "W"), "released");
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM order_line"), 6);
	assert_string_equal(play_words(p, "SELECT state FROM orders WHERE order_id = 'V1'"), "received");
}

SCENE(a_wave_is_forgotten_with_its_last_order)
{
	order_many(p, "W", 2, 1);
	expect(p, release(p, "W"), "releasing");
	expect(p, play_web(p, "desk", "order_cancel", order_word("W-001")), "cancelled");
	expect(p, play_web(p, "desk", "order_cancel", order_word("W-002")), "cancelled");
	play_order(p, "LAST", "NORTH", "TEA:1");
	play_days(p, 100);
	assert_string_equal(wave_state(p, "W"), "released");
	play_days(p, 12);
	assert_string_equal(wave_state(p, "W"), "");
}

SCENE(a_wave_nobody_released_is_forgotten_with_its_last_order)
{
	order_many(p, "W", 2, 1);
	expect(p, play_web(p, "desk", "order_cancel", order_word("W-001")), "cancelled");
	play_days(p, 112);
	assert_string_equal(wave_state(p, "W"), "collecting");
	expect(p, play_web(p, "desk", "order_cancel", order_word("W-002")), "cancelled");
	play_days(p, 112);
	assert_string_equal(wave_state(p, "W"), "");
	expect(p, release(p, "W"), "unknown_wave");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_of_a_wave_waits_for_its_release_and_others_do_not),
		cmocka_unit_test(what_cannot_be_released_is_refused_in_words),
		cmocka_unit_test(nothing_of_a_wave_is_picked_before_all_of_it_is_allocated_and_all_of_it_then),
		cmocka_unit_test(a_wave_of_five_thousand_lines_is_allocated_in_bounded_commands),
		cmocka_unit_test(other_orders_are_picked_while_a_wave_is_allocated),
		cmocka_unit_test(no_command_of_a_wave_writes_more_than_five_hundred_rows),
		cmocka_unit_test(waves_are_released_one_after_the_other),
		cmocka_unit_test(what_a_wave_cannot_find_is_short_as_in_any_order),
		cmocka_unit_test(an_order_that_comes_late_goes_with_its_wave_or_by_itself),
		cmocka_unit_test(a_held_or_cancelled_order_is_left_out_of_its_wave),
		cmocka_unit_test(an_order_held_and_let_go_while_its_wave_is_released_is_seen_with_it_and_not_before),
		cmocka_unit_test(an_order_stopped_half_way_keeps_what_it_has_or_gives_it_back),
		cmocka_unit_test(a_wave_goes_on_after_a_restart_and_after_a_part_of_it_was_given_up),
		cmocka_unit_test(an_order_held_before_its_wave_is_released_waits_for_it_when_it_is_let_go),
		cmocka_unit_test(a_wave_waits_while_opening_balances_are_booked),
		cmocka_unit_test(a_wave_is_forgotten_with_its_last_order),
		cmocka_unit_test(a_wave_nobody_released_is_forgotten_with_its_last_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
