/* When a reading is a weight: equal readings for long enough, not under the least weight, and not the
 * carton that was weighed before. Pure; time is an argument. */
#ifndef WHARF_WEIGH_H
#define WHARF_WEIGH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver.h"

/* For scales that send no stable flag of their own. */
#define WEIGH_EQUAL_MIN 3
#define WEIGH_EQUAL_US INT64_C(300000)
#define WEIGH_EVIDENCE_MAX 8
#define WEIGH_FRAME_MAX 64

struct weigh_frame {
	uint8_t bytes[WEIGH_FRAME_MAX];
	size_t len;
};

struct weigh {
	int64_t min_ug;
	bool must_empty; /* the carton of the last weight may still stand there */
	int64_t value_ug;
	unsigned flags;
	enum driver_unit unit;
	unsigned equal;
	int64_t first_us, last_us;
	struct weigh_frame frames[WEIGH_EVIDENCE_MAX]; /* the last of the equal ones */
	size_t frames_n;
};

void weigh_init(struct weigh *weigh, int64_t min_ug);

/* Weights, states and faults alike. True when the pan was just seen empty for the first time since
 * weigh_used(). */
bool weigh_note(struct weigh *weigh, const struct reading *reading, int64_t now_us);

/* Silence or a new order: only readings from now on count. */
void weigh_restart(struct weigh *weigh);

bool weigh_ready(const struct weigh *weigh);

/* The weight was given out: the next one needs an empty pan in between. */
void weigh_used(struct weigh *weigh);

#endif
