/* How much an order of two lines and one carton leaves on the disk, where, and for how long: played from HQ to the truck on
 * the real engine, then aged by day marks. Figures are of sizes, so one run is as good as many. */
#include <stdio.h>

#include "play.h"
#include "tool.h"

#define ORDERS 300
#define ORDERS_SMOKE 3
#define KEPT_MARKS 17
#define ORDER_MARKS 108

static void ship(struct play *p, int n)
{
	char order[32], sscc[19];

	snprintf(order, sizeof(order), "SO-%06d", n);
	play_order(p, order, "NORTH", "TEA:2 MUG:1");
	play_pick(p, "T1");
	play_pack(p, "T1");
	snprintf(sscc, sizeof(sscc), "%s", play_words(p, "SELECT sscc FROM carton WHERE order_id = '%s'", order));
	play_convey(p, sscc);
	play_web(p, "desk", "load_close", json_pack("{s:s, s:s}", "lane", "north", "seal", "S1"));
	play_continue(p);
}

static void acknowledge(struct play *p)
{
	int64_t head = play_number(p, "SELECT up_head FROM link");

	play_send(p, DOOR_SYNC,
		json_pack("{s:s, s:{s:I, s:I, s:s, s:s}}", "kind", "hq_acked", "args", "cum", (json_int_t)head, "safe",
			(json_int_t)head, "hub_gen", "g", "hash", ""));
}

/* Pages in use by the tables and indexes named; free pages are used again. */
static double bytes_in(struct play *p, const char *where)
{
	return (double)play_number(p, "SELECT sum(pgsize) FROM dbstat JOIN sqlite_schema s USING (name) WHERE %s", where);
}

static void show(struct play *p, const char *when, int orders)
{
	static const struct {
		const char *what, *where;
	} parts[] = {
		{ "journal", "tbl_name = 'journal'" },
		{ "answers", "tbl_name IN ('answer', 'origin')" },
		{ "events", "tbl_name = 'outbox'" },
		{ "orders, cartons, labels", "tbl_name IN ('orders', 'order_line', 'task', 'carton', 'label', 'sscc', 'shipment', "
					     "'weight', 'load')" },
		{ "movements", "tbl_name IN ('movement', 'carried')" },
		{ "all the rest", "tbl_name NOT IN ('journal', 'answer', 'origin', 'outbox', 'orders', 'order_line', 'task', "
				  "'carton', 'label', 'sscc', 'shipment', 'weight', 'load', 'movement', 'carried')" },
		{ "together", "1" },
	};
	char what[100];

	for (size_t i = 0; i < array_len(parts); i++) {
		snprintf(what, sizeof(what), "%s: %s, bytes per order", when, parts[i].what);
		report("disk", what, bytes_in(p, parts[i].where) / orders, "B");
	}
}

static void drop_segment(struct play *p)
{
	char hash[HASH_HEX];

	snprintf(hash, sizeof(hash), "%s", play_words(p, "SELECT lower(hex(state_hash)) FROM segment WHERE segment = 1"));
	play_internal(p, "segment_drop", json_pack("{s:i, s:s}", "segment", 1, "state_hash", hash));
	play_continue(p);
}

int main(int argc, char **argv)
{
	struct bench_options o = bench_options(argc, argv, "bench_disk", "bytes on the disk per order");
	int orders = o.smoke ? ORDERS_SMOKE : ORDERS;
	static struct play p;

	play_open_floor(&p);
	play_stock(&p, "A1", "TEA", "L1", "2027-01-31", 4 * orders);
	play_stock(&p, "B1", "MUG", "", NULL, 2 * orders);
	play_lease(&p, "b2", "34012345", 1000, orders + 1);
	for (int i = 0; i < orders; i++)
		ship(&p, i);
	acknowledge(&p);
	report("disk", "journal rows per order", (double)play_number(&p, "SELECT count(*) FROM journal") / orders, "rows");
	show(&p, "shipped", orders);
	play_seal(&p);
	report("disk", "copy of the segment, bytes per order of it",
		(double)play_number(&p, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()") / orders, "B");
	acknowledge(&p);
	play_days(&p, KEPT_MARKS + 1);
	drop_segment(&p);
	show(&p, "after 14 days and a seal", orders);
	play_days(&p, ORDER_MARKS);
	show(&p, "after 90 days", orders);
	play_close(&p);
	return 0;
}
