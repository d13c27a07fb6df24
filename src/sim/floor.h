/* What people on the virtual floor know and hold: items with barcode and weight, totes, users with
 * their PINs. Read from the floor file that also teaches the core (JSON lines of ctl commands). */
#ifndef WHARF_SIM_FLOOR_H
#define WHARF_SIM_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOOR_ITEMS_MAX 512
#define FLOOR_TOTES_MAX 256
#define FLOOR_NAME_MAX 64

struct floor_item {
	char item[FLOOR_NAME_MAX], barcode[FLOOR_NAME_MAX];
	int64_t weight_g, stock;
};

struct floor_tote {
	char tote[FLOOR_NAME_MAX];
	bool busy;          /* in somebody's hands or on its way */
	int64_t load_g;     /* what lies in it */
};

struct floor {
	struct floor_item items[FLOOR_ITEMS_MAX];
	size_t items_n;
	struct floor_tote totes[FLOOR_TOTES_MAX];
	size_t totes_n;
};

/* 0; -EINVAL with file and line in the log; -errno. */
int floor_load(struct floor *floor, const char *path);

struct floor_item *floor_item(struct floor *floor, const char *item);
struct floor_tote *floor_tote(struct floor *floor, const char *tote);

#endif
