/* The demo's messages from HQ: seeded orders, some held, released, cancelled or without stock. */
#ifndef WHARF_SIM_ORDERS_H
#define WHARF_SIM_ORDERS_H

#include <stdint.h>

#include "floor.h"

#define ORDERS_MAX 5000

/* Writes order.jsonl, order.cancel.jsonl, order.hold.jsonl and order.release.jsonl into a folder: a
 * JSON line is the body of one message, the file's name its type. 0 or -errno. */
int orders_write(const struct floor *floor, int orders, uint64_t seed, const char *folder);

#endif
