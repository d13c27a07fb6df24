/* The two blocks of holding registers of a conveyor PLC. The PLC owns block A, we own block B; nobody
 * writes the other's. 32-bit values: high word first. docs/drivers.md has the table with words. */
#ifndef WHARF_PLC_MAP_H
#define WHARF_PLC_MAP_H

#define PLC_A_WORDS 35
#define PLC_B_WORDS 11
#define PLC_CODE_WORDS 20
#define PLC_CODE_MAX (PLC_CODE_WORDS * 2)

enum plc_a {
	PLC_A_BEAT = 0,
	PLC_A_MODE = 1, /* PackML number */
	PLC_A_FAULTS = 2,
	PLC_A_SEQ = 3, /* request, 1 to 65535; 0: none */
	PLC_A_TRACKING = 4,
	PLC_A_POINT = 6,
	PLC_A_READ = 7,
	PLC_A_CODE = 10, /* two characters a register, high byte first, NUL behind */
	PLC_A_CONFIRM = 30,
	PLC_A_CONFIRM_TRACKING = 31,
	PLC_A_CONFIRM_LANE = 33,
	PLC_A_CONFIRM_RESULT = 34,
};

enum plc_b {
	PLC_B_BEAT = 0,
	PLC_B_STATE = 1,
	PLC_B_COMMAND = 2,
	PLC_B_SEQ = 3, /* the reply: echo of A3 */
	PLC_B_TRACKING = 4,
	PLC_B_LANE = 6,
	PLC_B_REASON = 7,
	PLC_B_FLAGS = 8,
	PLC_B_CRC = 9, /* CRC-16/MODBUS of B3 to B8 as on the wire; a PLC may check it */
	PLC_B_CONFIRM_ACK = 10,
};

#define PLC_REPLY_WORDS (PLC_B_CRC - PLC_B_SEQ + 1)

/* B1 */
#define PLC_HOST_READY 1
#define PLC_HOST_AWAY 2 /* the core cannot decide: take the default lane at once */

/* A7 */
#define PLC_READ_OK 1
#define PLC_READ_NONE 2
#define PLC_READ_CONFLICT 4

/* A34 */
#define PLC_RESULT_OK 1
#define PLC_RESULT_UNKNOWN 4

#endif
