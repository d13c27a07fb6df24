#include "floor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "text.h"

#define FILE_MAX (1024 * 1024)

struct floor_item *floor_item(struct floor *f, const char *item)
{
	for (size_t i = 0; i < f->items_n; i++)
		if (strcmp(f->items[i].item, item) == 0)
			return &f->items[i];
	return NULL;
}

struct floor_tote *floor_tote(struct floor *f, const char *tote)
{
	for (size_t i = 0; i < f->totes_n; i++)
		if (strcmp(f->totes[i].tote, tote) == 0)
			return &f->totes[i];
	return NULL;
}

static int take_item(struct floor *f, const json_t *args)
{
	struct floor_item *item = &f->items[f->items_n];

	if (f->items_n == FLOOR_ITEMS_MAX)
		return -ENOSPC;
	*item = (struct floor_item){ .weight_g = json_int(args, "weight_g") };
	f->items_n++;
	if (text_copy(item->item, sizeof(item->item), json_str(args, "item")) < 0)
		return -EINVAL;
	return text_copy(item->barcode, sizeof(item->barcode), json_str(args, "barcode"));
}

static int take_tote(struct floor *f, const json_t *args)
{
	struct floor_tote *tote = &f->totes[f->totes_n];

	if (f->totes_n == FLOOR_TOTES_MAX)
		return -ENOSPC;
	*tote = (struct floor_tote){ 0 };
	f->totes_n++;
	return text_copy(tote->tote, sizeof(tote->tote), json_str(args, "tote"));
}

static int take_stock(struct floor *f, const json_t *args)
{
	struct floor_item *item = floor_item(f, json_str(args, "item"));

	if (!item)
		return -EINVAL;
	item->stock += json_int(args, "qty");
	return 0;
}

static int take_line(struct floor *f, const json_t *line)
{
	const char *kind = json_str(line, "kind");
	const json_t *args = json_object_get(line, "args");

	if (!json_is_object(args))
		return -EINVAL;
	if (strcmp(kind, "item_put") == 0)
		return take_item(f, args);
	if (strcmp(kind, "tote_put") == 0)
		return take_tote(f, args);
	if (strcmp(kind, "stock_adjust") == 0)
		return take_stock(f, args);
	return 0; /* locations and users are the core's business */
}

int floor_load(struct floor *f, const char *path)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int r = text_read_file(path, FILE_MAX, &text, NULL), n = 0;

	f->items_n = f->totes_n = 0;
	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		_cleanup_json_ json_t *object = *line ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;

		n++;
		if (*line)
			r = object ? take_line(f, object) : -EINVAL;
	}
	if (r < 0)
		log_error("%s:%d: %s", path, n, strerror(-r));
	return r;
}
