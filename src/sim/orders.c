#include "orders.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "chance.h"
#include "cleanup.h"
#include "json.h"
#include "text.h"

#define LINES_MAX 3
#define QTY_MAX 4
#define NO_STOCK_QTY 5
/* One in so many orders is cancelled, held, or asks for what there is not; half of the held ones are
 * released again. */
#define ODD_ONE_IN 20

struct writer {
	const struct floor *floor;
	struct chance chance;
	FILE *orders, *cancels, *holds, *releases;
};

static const char *const carriers[] = { "NORTH", "SOUTH" };
static const char *const services[] = { "STANDARD", "EXPRESS" };
static const char *const customers[] = { "Kaffeehaus Linde", "Blue Door Deli", "Bistro Amélie",
	"Teehandel Østergaard", "Harbour Canteen", "Zum Goldenen Löffel" };
static const char *const streets[] = { "Quay Street", "Hafenstraße", "Rue du Port", "Mill Lane" };
static const char *const cities[] = { "Hamburg", "Rotterdam", "Antwerpen", "Gdańsk" };

#define PICK(w, list) list[chance_range(&(w)->chance, 0, (int64_t)array_len(list) - 1)]

static json_t *ship_to(struct writer *w, const char *name)
{
	char street[80], zip[16];

	snprintf(street, sizeof(street), "%s %d", PICK(w, streets),
		(int)chance_range(&w->chance, 1, 99));
	snprintf(zip, sizeof(zip), "%05d", (int)chance_range(&w->chance, 10000, 99999));
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name, "street", street, "city",
		PICK(w, cities), "zip", zip, "country", "DE");
}

static json_t *line_of(int line, const struct floor_item *item, int64_t qty)
{
	return json_pack("{s:i, s:s, s:I}", "line", line, "item", item->item, "qty", (json_int_t)qty);
}

/* Different items with stock: a walk through the list from a chosen place. */
static json_t *usual_lines(struct writer *w)
{
	json_t *lines = json_array();
	int64_t wanted = chance_range(&w->chance, 1, LINES_MAX);
	size_t n = w->floor->items_n, at = (size_t)chance_range(&w->chance, 0, (int64_t)n - 1);

	for (size_t i = 0; i < n && (int64_t)json_array_size(lines) < wanted; i++) {
		const struct floor_item *item = &w->floor->items[(at + i * 5) % n];

		if (item->stock > NO_STOCK_QTY)
			json_array_append_new(lines, line_of((int)json_array_size(lines) + 1, item,
							chance_range(&w->chance, 1, QTY_MAX)));
	}
	return lines;
}

/* One line of what is (nearly) sold out. */
static json_t *sold_out_lines(struct writer *w)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < w->floor->items_n && !json_array_size(lines); i++)
		if (w->floor->items[i].stock < NO_STOCK_QTY)
			json_array_append_new(lines, line_of(1, &w->floor->items[i], NO_STOCK_QTY));
	return json_array_size(lines) ? lines : (json_decref(lines), usual_lines(w));
}

static int put(FILE *file, json_t *take_object)
{
	_cleanup_free_ char *text = json_text(take_object);

	json_decref(take_object);
	if (!text)
		return -ENOMEM;
	return fprintf(file, "%s\n", text) < 0 ? -EIO : 0;
}

static int put_reason(FILE *file, const char *order, const char *reason)
{
	return put(file, json_pack("{s:s, s:s}", "order", order, "reason", reason));
}

static int put_order(struct writer *w, int i, const char *order, bool sold_out)
{
	const char *customer = PICK(w, customers), *carrier = PICK(w, carriers);
	char po[32], allocation[48];

	snprintf(po, sizeof(po), "PO-%05d", 20000 + i);
	snprintf(allocation, sizeof(allocation), "A-%s", order);
	return put(w->orders, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "order", order,
		"customer", customer, "customer_po", po, "carrier", carrier, "service",
		PICK(w, services), "allocation", allocation, "ship_to", ship_to(w, customer), "lines",
		sold_out ? sold_out_lines(w) : usual_lines(w)));
}

/* The last orders are the odd ones: they are still waiting when their second message comes. */
static int put_one(struct writer *w, int i, int orders)
{
	int odd = orders / ODD_ONE_IN, from_end = orders - i; /* 1: the last */
	bool cancelled = from_end <= odd, held = !cancelled && from_end <= 2 * odd;
	bool sold_out = !cancelled && !held && from_end <= 3 * odd;
	char order[32];
	int r;

	snprintf(order, sizeof(order), "SO-%06d", 100001 + i);
	r = put_order(w, i, order, sold_out);
	if (r == 0 && cancelled)
		r = put_reason(w->cancels, order, "customer changed his mind");
	if (r == 0 && held)
		r = put_reason(w->holds, order, "credit check");
	if (r == 0 && held && from_end % 2)
		r = put_reason(w->releases, order, "credit is good");
	return r;
}

static FILE *open_file(const char *folder, const char *name)
{
	char path[4096];

	return text_format(path, sizeof(path), "%s/%s.jsonl", folder, name) < 0 ? NULL : fopen(path, "we");
}

static int close_file(FILE *file)
{
	return file && fclose(file) != 0 ? -errno : 0;
}

int orders_write(const struct floor *floor, int orders, uint64_t seed, const char *folder)
{
	struct writer w = { .floor = floor, .orders = open_file(folder, "order"),
		.cancels = open_file(folder, "order.cancel"), .holds = open_file(folder, "order.hold"),
		.releases = open_file(folder, "order.release") };
	FILE *const files[] = { w.orders, w.cancels, w.holds, w.releases };
	int r = w.orders && w.cancels && w.holds && w.releases ? 0 : -EIO;

	if (!floor->items_n)
		r = -EINVAL;
	chance_seed(&w.chance, seed, "orders");
	for (int i = 0; r == 0 && i < orders; i++)
		r = put_one(&w, i, orders);
	for (size_t i = 0; i < array_len(files); i++)
		if (close_file(files[i]) < 0 && r == 0)
			r = -EIO;
	return r;
}
