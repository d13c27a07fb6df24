/* The virtual warehouse: its devices, what lies where, and what happened. All of it is under the
 * loop's lock. */
#ifndef WHARF_SIM_WORLD_H
#define WHARF_SIM_WORLD_H

#include <jansson.h>

#include "chance.h"
#include "config.h"
#include "conveyor.h"
#include "floor.h"
#include "loop.h"
#include "printer.h"
#include "queue.h"
#include "scale.h"
#include "scanner.h"
#include "wan.h"

/* Counted happenings, by name in `status`. */
#define TALLIES(T)                                                                                 \
	T(picks) T(short_picks) T(wrong_scans) T(wrong_refused) T(sent_twice) T(same_answer)       \
	T(silent_scans) T(already) T(packed) T(staged) T(labels_resolved) T(cases_resolved)        \
	T(loads_closed) T(orders) T(moving) T(staged_orders) T(shipped) T(short_orders)            \
	T(cancelled) T(held) T(hq_behind) T(wrong_lane)

struct tally {
#define TALLY_FIELD(name) unsigned name;
	TALLIES(TALLY_FIELD)
#undef TALLY_FIELD
};

struct world_options {
	uint64_t seed;
	int pickers, printer_port, wan_port, wan_target, pace_ms;
	bool plc_code;               /* the tunnel reader gives its code to the PLC too */
	const char *floor, *labels;
};

struct world {
	struct loop loop;
	const struct config *config;
	struct world_options options;
	char url[64], ca[200], pack_station[DOOR_NAME_MAX];

	struct floor floor;
	struct scanner pack_scanner, induct_scanner;
	struct scale scale;
	struct printer printer;
	struct conveyor conveyor;
	struct wan wan;
	struct queue picked;         /* totes on their way to packing */
	struct queue labelled;       /* cartons (SSCC) on their way to the induct */
	bool close_loads;            /* somebody said so */
	struct tally tally;
};

int world_open(struct world *world, const struct config *config,
	const struct world_options *options);
void world_close(struct world *world);

/* The answer to {"status":{}}; with the lock held. */
json_t *world_status(const struct world *world);

/* Counts a happening; takes the lock. */
void world_count(struct world *world, unsigned *tally);

/* For people; they take the lock. queue_get that waits up to wait_ms: 0 or -ENOENT. */
int world_fetch(struct world *world, struct queue *queue, int wait_ms, char ret_text[QUEUE_TEXT_MAX]);
void world_hand_on(struct world *world, struct queue *queue, const char *text);

/* An empty tote from the stack: 0 or -ENOENT. */
int world_take_tote(struct world *world, struct chance *chance, char ret_tote[FLOOR_NAME_MAX]);
void world_fill_tote(struct world *world, const char *name, const char *item_name, int64_t qty);
int64_t world_tote_load_g(struct world *world, const char *name);
void world_empty_tote(struct world *world, const char *name);

/* An item's barcode that is not `right`. */
void world_wrong_barcode(struct world *world, struct chance *chance, const char *right,
	char ret_barcode[FLOOR_NAME_MAX]);

#endif
