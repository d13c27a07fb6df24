/* The conveyor: a Modbus TCP server (libmodbus) over the PLC's registers, and what lies on its lanes. */
#ifndef WHARF_SIM_CONVEYOR_H
#define WHARF_SIM_CONVEYOR_H

#include <modbus.h>

#include "loop.h"
#include "plc_side.h"
#include "queue.h"

#define CONVEYOR_CLIENTS_MAX 4
#define CONVEYOR_LANE_MAX 16
#define CONVEYOR_CARTONS_MAX 20000

struct conveyor {
	struct loop *loop;
	modbus_t *modbus;
	modbus_mapping_t *registers;
	int listener, clients[CONVEYOR_CLIENTS_MAX];
	struct plc_side plc;
	struct queue default_lane;  /* cartons (SSCC) that a person has to carry on */
	uint32_t tracking;          /* of the last parcel */
	struct {
		uint32_t tracking;
		char sscc[QUEUE_TEXT_MAX];
	} parcels[PLC_PARCELS_MAX]; /* which carton a tracking id is: known to nature, not to the PLC */
	struct conveyor_end {
		char sscc[QUEUE_TEXT_MAX];
		uint16_t lane;
	} *ends;                    /* where each carton lies: nature's own book */
	size_t ends_n, ends_size;
	unsigned inducted, diverted, defaulted, timed_out;
	unsigned per_lane[CONVEYOR_LANE_MAX];
};

struct conveyor_setup {
	int port, a_base, b_base;
	struct plc_times times;
};

int conveyor_open(struct conveyor *conveyor, struct loop *loop, const struct conveyor_setup *setup);
void conveyor_close(struct conveyor *conveyor);

/* Puts a carton before the scan point. `code` is what the tunnel reader gives the PLC, "" where the
 * reader speaks to the host only. With the lock held; 0 or -ENOSPC while the belt is full. */
int conveyor_enter(struct conveyor *conveyor, const char *sscc, const char *code, uint16_t read);

/* With the lock held: the lane into which this carton went last, 0 where it never went into one. */
uint16_t conveyor_lane_of(const struct conveyor *conveyor, const char *sscc);

/* With the lock held: is a parcel on the belt? */
bool conveyor_busy(const struct conveyor *conveyor);

#endif
