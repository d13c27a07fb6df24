/* What one command may write, with the largest orders there may be. */
#include "scene.h"

#include <stdio.h>

#include "internal.h"

#define LINES 100
#define BINS_A_LINE 3

static void add_bins(struct play *p)
{
	for (int i = 1; i <= LINES * BINS_A_LINE; i++) {
		char bin[16], item[16], lot[16];

		snprintf(bin, sizeof(bin), "Z%03d", i);
		snprintf(item, sizeof(item), "I%d", (i - 1) / BINS_A_LINE + 1);
		snprintf(lot, sizeof(lot), "L%d", i);
		expect(p, play_ctl(p, "location_put", json_pack("{s:s, s:i}", "location", bin, "walk", 1000 + i)), "put");
		if (i % BINS_A_LINE == 1)
			expect(p, play_ctl(p, "item_put", json_pack("{s:s, s:s, s:s, s:i}", "item", item, "title", item, "barcode",
					  item, "weight_g", 5)), "put");
		play_stock(p, bin, item, lot, "2027-01-31", 1);
	}
}

/* Each of its lines is picked from several bins, of a lot each. */
static void order_all(struct play *p, const char *order)
{
	char lines[LINES * 8] = "";

	add_bins(p);
	for (int i = 1; i <= LINES; i++)
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "I%d:%d ", i, BINS_A_LINE);
	play_order(p, order, "NORTH", lines);
}

SCENE(an_order_is_picked_from_no_more_bins_than_a_command_may_write)
{
	order_all(p, "BIG");
	assert_int_equal(play_number(p, "SELECT count(*) FROM task WHERE order_id = 'BIG'"), ORDER_TASKS_MAX);
	assert_string_equal(play_words(p, "SELECT DISTINCT short_reason FROM order_line WHERE short > 0"), "too_many_bins");
}

SCENE(the_largest_order_is_cancelled_in_one_command)
{
	order_all(p, "BIG");
	p->rows_most = 0;
	expect(p, play_hq_down(p, "order.cancel", order_word("BIG")), "cancelled");
	assert_true(p->rows_most > 2 * ORDER_TASKS_MAX && p->rows_most <= COMMAND_ROWS_MAX);
	assert_int_equal(play_number(p, "SELECT sum(allocated) FROM stock"), 0);
}

SCENE(the_largest_order_is_packed_and_shipped_in_bounded_commands)
{
	char sscc[19];

	order_all(p, "BIG");
	play_pick(p, "T1");
	play_pack(p, "T1");
	assert_int_equal(play_number(p, "SELECT count(*) FROM stock WHERE place = 'tote/T1'"), 0);
	snprintf(sscc, sizeof(sscc), "%s", play_words(p, "SELECT sscc FROM carton"));
	play_convey(p, sscc);
	p->rows_most = 0;
	expect(p, play_ctl(p, "load_close", json_pack("{s:s}", "lane", "north")), "closing");
	assert_true(p->rows_most > 400 && p->rows_most <= COMMAND_ROWS_MAX);
	assert_string_equal(play_words(p, "SELECT state FROM orders WHERE order_id = 'BIG'"), "shipped");
}

SCENE(a_full_tote_that_came_back_is_emptied_in_parts_and_free_when_all_is_out)
{
	order_all(p, "BIG");
	play_pick(p, "T1");
	expect(p, play_hq_down(p, "order.cancel", order_word("BIG")), "cancelled");
	p->lazy = true;
	expect(p, play_web(p, "desk", "case_resolve", json_pack("{s:I, s:s}", "case",
				(json_int_t)play_number(p, "SELECT case_id FROM cases WHERE kind = 'return_tote'"), "resolution", "returned")),
		"resolved");
	assert_string_equal(play_words(p, "SELECT state FROM tote WHERE tote = 'T1'"), "return");
	play_continue(p);
	assert_string_equal(play_words(p, "SELECT state FROM tote WHERE tote = 'T1'"), "free");
	assert_int_equal(play_number(p, "SELECT count(*) FROM stock WHERE place = 'tote/T1'"), 0);
	assert_int_equal(play_number(p, "SELECT count(*) FROM outbox WHERE key LIKE 'I%%' AND type LIKE '%%stock.adjusted' AND "
					"bytes LIKE '%%returned%%'"), ORDER_TASKS_MAX);
}

SCENE(an_acknowledgement_of_many_shipments_confirms_them_in_parts)
{
	assert_int_equal(sqlite3_exec(p->store->db,
				 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO orders "
				 "SELECT 'S' || i, 'shipped', '', '', '', '', '', 'NORTH', '', '{}', 1, '', 1, 1, 0, '', 0 FROM n",
				 NULL, NULL, NULL), SQLITE_OK);
	p->rows_most = 0;
	expect(p, play_text(p, DOOR_SYNC, "{\"kind\":\"hq_acked\",\"args\":{\"cum\":1,\"safe\":1,\"hub_gen\":\"g\"}}"), "noted");
	assert_true(p->rows_most > 400);
	assert_int_equal(play_number(p, "SELECT count(*) FROM orders WHERE state = 'confirmed'"), 1000);
	/* They came by no command, so a replay cannot know them. */
	assert_int_equal(sqlite3_exec(p->store->db, "DELETE FROM orders", NULL, NULL, NULL), SQLITE_OK);
	p->unproven = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_is_picked_from_no_more_bins_than_a_command_may_write),
		cmocka_unit_test(the_largest_order_is_cancelled_in_one_command),
		cmocka_unit_test(the_largest_order_is_packed_and_shipped_in_bounded_commands),
		cmocka_unit_test(a_full_tote_that_came_back_is_emptied_in_parts_and_free_when_all_is_out),
		cmocka_unit_test(an_acknowledgement_of_many_shipments_confirms_them_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
