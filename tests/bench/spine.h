/* One carton's way to the conveyor, each device and person played at its own door. */
#ifndef WHARF_BENCH_SPINE_H
#define WHARF_BENCH_SPINE_H

#include "floor.h"

#define SSCC_SCAN_MAX 32

/* Picks, packs, weighs and labels one carton of the built-in floor. What a scanner reads from its label. */
void spine_carton(struct floor *f, char ret_label[SSCC_SCAN_MAX]);

#endif
