/* The conveyor PLC's side of the divert handshake: two blocks of holding registers, a heartbeat, one
 * request and one confirmation at a time. Pure: time comes as an argument, registers are plain
 * words that a Modbus server shows. docs/demo.md has the table of words. */
#ifndef WHARF_SIM_PLC_SIDE_H
#define WHARF_SIM_PLC_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLC_A_WORDS 35
#define PLC_B_WORDS 11
#define PLC_CODE_MAX 40    /* bytes of a bar code in A10..A29 */
#define PLC_PARCELS_MAX 64 /* on the belt; a real belt stops too */

/* Block A, PLC to host. */
enum plc_a {
	A_HEARTBEAT = 0, A_MODE = 1, A_FAULTS = 2, A_SEQ = 3, A_TRACKING = 4, A_POINT = 6, A_READ = 7,
	A_WEIGHT = 8, A_LENGTH = 9, A_CODE = 10, A_CONFIRM = 30, A_CONFIRM_TRACKING = 31,
	A_CONFIRM_LANE = 33, A_CONFIRM_RESULT = 34
};

/* Block B, host to PLC. */
enum plc_b { B_HEARTBEAT = 0, B_SEQ = 3, B_TRACKING = 4, B_LANE = 6, B_REASON = 7, B_CONFIRM_ACK = 10 };

#define PLC_MODE_EXECUTE 6     /* PackML */
#define PLC_FAULT_HOST_LOST 0x10
#define PLC_READ_OK 1
#define PLC_READ_NONE 2
#define PLC_RESULT_OK 1

struct plc_times {
	int64_t decide_us;    /* without a matching reply for so long: default lane */
	int64_t travel_us;    /* scan point to lane */
	int64_t host_dead_us; /* host heartbeat unchanged for so long: default lane at once */
	uint16_t default_lane;
};

struct plc_parcel {
	uint32_t tracking;
	uint16_t point, read;
	char code[PLC_CODE_MAX + 1];
	uint16_t lane;
	bool decided;       /* by the host; otherwise the default lane after a time-out */
	int64_t due_us;     /* end of decision or travel */
};

struct plc_ring {
	struct plc_parcel parcels[PLC_PARCELS_MAX];
	size_t first, n;
};

struct plc_side {
	struct plc_times times;
	uint16_t *a, *b;    /* the server's registers */
	struct plc_ring waiting, travelling, arrived;
	bool asking;        /* waiting.first stands at the scan point, request is out */
	uint16_t seq, confirm_seq;
	int64_t beat_us;    /* next own heartbeat */
	uint16_t host_beat;
	int64_t host_seen_us;
	unsigned ignored;   /* replies whose seq fitted but whose tracking id did not */
	uint16_t ignored_seq;
};

void plc_side_init(struct plc_side *plc, uint16_t *a, uint16_t *b, const struct plc_times *times,
	int64_t now_us);

/* A parcel enters the belt. 0, or -ENOSPC while the belt is full. */
int plc_side_enter(struct plc_side *plc, const struct plc_parcel *parcel);

/* Looks at the host's words and the time. True where a parcel came to the end of its lane:
 * *ret_end is that parcel. Call again until false. */
bool plc_side_step(struct plc_side *plc, int64_t now_us, struct plc_parcel *ret_end);

#endif
