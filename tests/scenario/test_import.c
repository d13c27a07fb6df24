/* Files that come in parts: nothing of them is seen before their end, all of it then; and what is broken off is nothing. */
#include "scene.h"

static json_t *item_row(int n, const char *title)
{
	char item[32], barcode[32];

	snprintf(item, sizeof(item), "IMP-%04d", n);
	snprintf(barcode, sizeof(barcode), "77%011d", n);
	return json_pack("{s:s, s:s, s:s, s:i}", "item", item, "title", title, "barcode", barcode, "weight_g", 100);
}

static const char *begin(struct play *p, const char *name, const char *what, int rows, const char *digest)
{
	return play_ctl(p, "import_begin", json_pack("{s:s, s:s, s:i, s:s}", "import", name, "what", what, "rows", rows,
						   "digest", digest));
}

static const char *send_part(struct play *p, const char *name, int part, json_t *rows)
{
	return play_ctl(p, "import_rows", json_pack("{s:s, s:i, s:o}", "import", name, "part", part, "rows", rows));
}

static const char *with_name(struct play *p, const char *kind, const char *name)
{
	return play_ctl(p, kind, json_pack("{s:s}", "import", name));
}

/* Items `first` to `last` as one part. */
static const char *send_items(struct play *p, int part, int first, int last, const char *title)
{
	json_t *rows = json_array();

	for (int n = first; n <= last; n++)
		json_array_append_new(rows, item_row(n, title));
	return send_part(p, "i", part, rows);
}

static json_t *balance(const char *location, const char *item, const char *lot, const char *expiry, int qty)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i}", "location", location, "item", item, "lot", lot, "expiry", expiry,
		"qty", qty);
}

static const char *import_state(struct play *p, const char *name)
{
	return play_words(p, "SELECT state FROM import WHERE import = '%s'", name);
}

SCENE(nothing_of_an_import_is_seen_before_its_end_and_all_of_it_then)
{
	p->lazy = true;
	expect(p, begin(p, "i", "items", 250, "d1"), "begun");
	expect(p, send_items(p, 1, 1, 100, "one"), "staged");
	expect(p, send_items(p, 2, 101, 200, "one"), "staged");
	expect(p, send_items(p, 3, 201, 250, "one"), "staged");
	assert_int_equal(play_number(p, "SELECT count(*) FROM item_now WHERE item LIKE 'IMP-%%'"), 0);
	assert_int_equal(play_number(p, "SELECT count(*) FROM barcode_now WHERE code LIKE '77%%'"), 0);
	expect(p, with_name(p, "import_end", "i"), "ended");
	assert_int_equal(play_number(p, "SELECT count(*) FROM item_now WHERE item LIKE 'IMP-%%'"), 250);
	assert_int_equal(play_number(p, "SELECT count(*) FROM barcode_now WHERE code LIKE '77%%'"), 250);
	play_continue(p);
	assert_string_equal(import_state(p, "i"), "done");
}

SCENE(a_second_import_changes_titles_at_its_end_and_the_older_rows_go)
{
	expect(p, begin(p, "i", "items", 300, "d1"), "begun");
	for (int part = 1; part <= 3; part++)
		expect(p, send_items(p, part, part * 100 - 99, part * 100, "old"), "staged");
	expect(p, with_name(p, "import_end", "i"), "ended");
	expect(p, play_ctl(p, "item_put", item_row(7, "by hand")), "put");
	expect(p, begin(p, "i2", "items", 2, "d2"), "begun");
	expect(p, send_part(p, "i2", 1, json_pack("[o, o]", item_row(7, "new"), item_row(301, "new"))), "staged");
	assert_string_equal(play_words(p, "SELECT title FROM item_now WHERE item = 'IMP-0007'"), "by hand");
	expect(p, with_name(p, "import_end", "i2"), "ended");
	assert_string_equal(play_words(p, "SELECT title FROM item_now WHERE item = 'IMP-0007'"), "new");
	assert_string_equal(play_words(p, "SELECT title FROM item_now WHERE item = 'IMP-0008'"), "old");
	assert_int_equal(play_number(p, "SELECT count(*) FROM item WHERE item = 'IMP-0007'"), 1);
	assert_int_equal(play_number(p, "SELECT count(*) FROM barcode WHERE item = 'IMP-0007'"), 1);
}

SCENE(a_dropped_import_was_never_there_and_another_can_begin)
{
	expect(p, begin(p, "i", "items", 250, "d1"), "begun");
	expect(p, send_items(p, 1, 1, 100, "one"), "staged");
	expect(p, begin(p, "j", "locations", 1, "d9"), "busy");
	expect(p, with_name(p, "import_end", "i"), "incomplete");
	p->lazy = true;
	expect(p, with_name(p, "import_drop", "i"), "dropped");
	expect(p, begin(p, "j", "locations", 1, "d9"), "clearing");
	play_continue(p);
	p->lazy = false;
	assert_string_equal(import_state(p, "i"), "dropped");
	assert_int_equal(play_number(p, "SELECT count(*) FROM item WHERE item LIKE 'IMP-%%'"), 0);
	expect(p, begin(p, "j", "locations", 1, "d9"), "begun");
	expect(p, send_part(p, "j", 1, json_pack("[{s:s}]", "location", "C1")), "staged");
	expect(p, with_name(p, "import_end", "j"), "ended");
	assert_int_equal(play_number(p, "SELECT count(*) FROM location_now WHERE location = 'C1'"), 1);
	assert_int_equal(play_number(p, "SELECT count(*) FROM item_now WHERE item LIKE 'IMP-%%'"), 0);
}

SCENE(an_import_begun_again_goes_on_where_it_stopped)
{
	expect(p, begin(p, "i", "items", 200, "d1"), "begun");
	expect(p, send_items(p, 1, 1, 100, "one"), "staged");
	expect(p, begin(p, "i", "items", 200, "d1"), "begun");
	assert_non_null(strstr(p->text, "\"parts\":1"));
	expect(p, send_items(p, 1, 1, 100, "one"), "known");
	expect(p, send_items(p, 3, 101, 200, "one"), "gap");
	expect(p, send_items(p, 2, 101, 200, "one"), "staged");
	expect(p, with_name(p, "import_end", "i"), "ended");
	expect(p, with_name(p, "import_end", "i"), "ended");
	expect(p, begin(p, "i", "items", 200, "d1"), "ended");
	expect(p, begin(p, "i", "items", 200, "d2"), "name_used");
	assert_int_equal(play_number(p, "SELECT count(*) FROM item_now WHERE item LIKE 'IMP-%%'"), 200);
}

SCENE(another_file_under_the_name_of_an_open_import_drops_it_first)
{
	expect(p, begin(p, "i", "items", 200, "d1"), "begun");
	expect(p, send_items(p, 1, 1, 100, "one"), "staged");
	expect(p, begin(p, "i", "items", 1, "d2"), "clearing");
	expect(p, begin(p, "i", "items", 1, "d2"), "begun");
	expect(p, send_part(p, "i", 1, json_pack("[o]", item_row(500, "two"))), "staged");
	expect(p, with_name(p, "import_end", "i"), "ended");
	assert_string_equal(play_words(p, "SELECT item FROM item_now WHERE item LIKE 'IMP-%%'"), "IMP-0500");
}

SCENE(a_part_with_one_wrong_row_leaves_nothing_of_it)
{
	expect(p, begin(p, "i", "items", 3, "d1"), "begun");
	expect(p, send_part(p, "i", 1, json_pack("[o, {s:s}]", item_row(1, "one"), "item", "IMP-0002")), "malformed");
	assert_non_null(strstr(p->say, "row 2 of the part"));
	assert_int_equal(play_number(p, "SELECT count(*) FROM item WHERE item LIKE 'IMP-%%'"), 0);
	expect(p, send_part(p, "i", 1, json_array()), "malformed");
	expect(p, send_part(p, "nothing", 1, json_pack("[o]", item_row(1, "one"))), "unknown_import");
	expect(p, begin(p, "x", "orders", 3, "d1"), "malformed");
	expect(p, with_name(p, "import_drop", "i"), "dropped");
}

SCENE(a_frozen_bin_stays_frozen_when_an_import_names_it)
{
	play_order(p, "O1", "NORTH", "TEA:2");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	expect(p, begin(p, "l", "locations", 1, "d1"), "begun");
	expect(p, send_part(p, "l", 1, json_pack("[{s:s, s:i}]", "location", "A1", "walk", 77)), "staged");
	expect(p, play_scan(p, "hh1", "A1"), "right_location");
	expect(p, play_key(p, "hh1", "short", 0), "short");
	expect(p, with_name(p, "import_end", "l"), "ended");
	assert_string_equal(play_words(p, "SELECT walk || '/' || frozen FROM location_now WHERE location = 'A1'"), "77/1");
}

SCENE(a_tote_of_an_import_is_no_tote_before_its_end)
{
	play_order(p, "O1", "NORTH", "MUG:1");
	expect(p, begin(p, "t", "totes", 2, "d1"), "begun");
	expect(p, send_part(p, "t", 1, json_pack("[{s:s}, {s:s}]", "tote", "T9", "tote", "T1")), "staged");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	expect(p, play_scan(p, "hh1", "B1"), "right_location");
	expect(p, play_scan(p, "hh1", MUG_CODE), "counted");
	expect(p, play_scan(p, "hh1", "T9"), "not_a_tote");
	expect(p, with_name(p, "import_end", "t"), "ended");
	expect(p, play_scan(p, "hh1", "T9"), "in_tote");
}

SCENE(opening_balances_are_allocated_from_when_all_of_them_are_booked)
{
	json_t *rows = json_array();

	for (int n = 0; n < 99; n++) {
		char lot[16];

		snprintf(lot, sizeof(lot), "L%02d", 10 + n);
		json_array_append_new(rows, balance("B1", "MUG", lot, "2028-01-31", 1));
	}
	json_array_append_new(rows, balance("A2", "MUG", "L9", "2026-12-31", 3));
	expect(p, begin(p, "s", "stock", 100, "d1"), "begun");
	expect(p, send_part(p, "s", 1, rows), "staged");
	assert_int_equal(play_number(p, "SELECT sum(qty) FROM stock WHERE item = 'MUG'"), 5);
	p->lazy = true;
	expect(p, with_name(p, "import_end", "s"), "ended");
	expect(p, play_ctl(p, "order_put", json_pack("{s:s, s:s, s:[{s:i, s:s, s:i}]}", "order", "O1", "carrier", "NORTH",
						   "lines", "line", 1, "item", "MUG", "qty", 4)),
		"received");
	play_continue(p);
	assert_string_equal(import_state(p, "s"), "done");
	assert_int_equal(play_number(p, "SELECT sum(qty) FROM stock WHERE item = 'MUG'"), 107);
	assert_int_equal(play_number(p, "SELECT count(*) FROM outbox WHERE type = 'wharf.stock.imported'"), 2);
	/* What expires first was in the last rows. */
	assert_string_equal(play_words(p, "SELECT lot || '=' || qty FROM task ORDER BY task"), "L9=3 L10=1");
	assert_string_equal(play_words(p, "SELECT state FROM orders"), "allocated");
}

SCENE(a_balance_of_an_unknown_bin_or_item_refuses_its_part)
{
	expect(p, begin(p, "s", "stock", 2, "d1"), "begun");
	expect(p,
		send_part(p, "s", 1, json_pack("[o, o]", balance("A1", "TEA", "L1", "2027-01-31", 1),
					   balance("Z9", "TEA", "L1", "2027-01-31", 1))),
		"unknown_location");
	assert_non_null(strstr(p->text, "\"row\":2"));
	assert_int_equal(play_number(p, "SELECT count(*) FROM import_stock"), 0);
	expect(p, send_part(p, "s", 1, json_pack("[o]", balance("A1", "COFFEE", "", "2027-01-31", 1))), "unknown_item");
	expect(p, send_part(p, "s", 1, json_pack("[o]", balance("A1", "TEA", "", "2027-01-31", 0))), "malformed");
	expect(p, with_name(p, "import_drop", "s"), "dropped");
}

SCENE(no_command_of_an_import_writes_more_than_five_hundred_rows)
{
	int64_t before, most = 0;

	expect(p, begin(p, "i", "items", 600, "d1"), "begun");
	for (int part = 1; part <= 6; part++)
		expect(p, send_items(p, part, part * 100 - 99, part * 100, "one"), "staged");
	expect(p, with_name(p, "import_end", "i"), "ended");
	expect(p, begin(p, "j", "items", 600, "d2"), "begun");
	p->lazy = true;
	for (int part = 1; part <= 6; part++) {
		json_t *rows = json_array();

		for (int n = part * 100 - 99; n <= part * 100; n++)
			json_array_append_new(rows, item_row(n, "two"));
		before = play_number(p, "SELECT total_changes()");
		expect(p, send_part(p, "j", part, rows), "staged");
		most = play_number(p, "SELECT max(%lld, total_changes() - %lld)", (long long)most, (long long)before);
	}
	expect(p, with_name(p, "import_end", "j"), "ended");
	do {
		before = play_number(p, "SELECT total_changes()");
	} while (play_continue_once(p) &&
		(most = play_number(p, "SELECT max(%lld, total_changes() - %lld)", (long long)most, (long long)before)) <= 500);
	assert_true(most > 100 && most <= 500);
	assert_string_equal(import_state(p, "j"), "done");
	assert_int_equal(play_number(p, "SELECT count(*) FROM item WHERE item LIKE 'IMP-%%'"), 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_of_an_import_is_seen_before_its_end_and_all_of_it_then),
		cmocka_unit_test(a_second_import_changes_titles_at_its_end_and_the_older_rows_go),
		cmocka_unit_test(a_dropped_import_was_never_there_and_another_can_begin),
		cmocka_unit_test(an_import_begun_again_goes_on_where_it_stopped),
		cmocka_unit_test(another_file_under_the_name_of_an_open_import_drops_it_first),
		cmocka_unit_test(a_part_with_one_wrong_row_leaves_nothing_of_it),
		cmocka_unit_test(a_frozen_bin_stays_frozen_when_an_import_names_it),
		cmocka_unit_test(a_tote_of_an_import_is_no_tote_before_its_end),
		cmocka_unit_test(opening_balances_are_allocated_from_when_all_of_them_are_booked),
		cmocka_unit_test(a_balance_of_an_unknown_bin_or_item_refuses_its_part),
		cmocka_unit_test(no_command_of_an_import_writes_more_than_five_hundred_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
