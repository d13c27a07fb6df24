/* Every life cycle is a table: name, whether it ends there, and which states may follow. A wrong move is a bug
 * of ours and stops the program (SQLite is the memory), so no row ever holds an impossible history. */
#ifndef WHARF_STATES_H
#define WHARF_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum order_state {
	ORDER_RECEIVED,
	ORDER_HELD,
	ORDER_ALLOCATED,
	ORDER_PICKING,
	ORDER_PICKED,
	ORDER_PACKED,
	ORDER_LABELLED,
	ORDER_STAGED,
	ORDER_SHIPPED,
	ORDER_CONFIRMED,
	ORDER_SHORT,
	ORDER_CANCELLED,
};

enum task_state { TASK_OPEN, TASK_LEASED, TASK_DONE, TASK_SHORT, TASK_CANCELLED };

enum tote_state { TOTE_FREE, TOTE_PICKING, TOTE_PICKED, TOTE_RETURN };

enum carton_state {
	CARTON_OPEN,     /* being packed */
	CARTON_CLOSED,   /* waits for its weight */
	CARTON_WEIGHED,  /* waits for its label */
	CARTON_LABELLED, /* label seen on the carton */
	CARTON_INDUCTED, /* scanned at the conveyor */
	CARTON_STAGED,   /* in its lane */
	CARTON_STRAY,    /* in the default lane: put it by hand */
	CARTON_REJECTED, /* in the reject lane: its order was cancelled */
	CARTON_SHIPPED,
	CARTON_VOID,
};

enum label_state { LABEL_DUE, LABEL_TAKEN, LABEL_SENT, LABEL_PRINTED, LABEL_DOUBTFUL, LABEL_FAILED, LABEL_VOID };

enum divert_state {
	DIVERT_ASKED,   /* the PLC waits, the carton is not known yet */
	DIVERT_DUE,     /* decided, offered to the PLC link */
	DIVERT_TAKEN,   /* committed before the first register is written */
	DIVERT_WRITTEN,
	DIVERT_LATE,
	DIVERT_FAILED,
	DIVERT_ENDED,   /* confirmed by the PLC */
};

enum case_state { CASE_OPEN, CASE_RESOLVED };
enum load_state { LOAD_OPEN, LOAD_CLOSING, LOAD_CLOSED };
enum lane_state { LANE_OPEN, LANE_FULL, LANE_CLOSED };

enum import_state {
	IMPORT_OPEN,     /* rows come in, nobody sees them */
	IMPORT_APPLYING, /* after its end: older rows are removed, stock is booked */
	IMPORT_DONE,
	IMPORT_DROPPING,
	IMPORT_DROPPED,
};

enum wave_state { WAVE_COLLECTING, WAVE_RELEASING, WAVE_RELEASED };

enum machine {
	MACHINE_ORDER,
	MACHINE_TASK,
	MACHINE_TOTE,
	MACHINE_CARTON,
	MACHINE_LABEL,
	MACHINE_DIVERT,
	MACHINE_CASE,
	MACHINE_LOAD,
	MACHINE_LANE,
	MACHINE_IMPORT,
	MACHINE_WAVE,
	MACHINES
};

struct state_row {
	const char *name;
	bool final;
	uint32_t next; /* bit per state that may follow */
};

struct state_table {
	const char *name;
	const struct state_row *rows;
	size_t n;
};

const struct state_table *states_of(enum machine machine);
const char *state_name(enum machine machine, unsigned state);

/* The state of a stored name; an unknown name is a broken database (assert). */
unsigned state_named(enum machine machine, const char *name);
bool state_may_follow(enum machine machine, unsigned from, unsigned to);

/* Asserts that the move is in the table and gives the new state's name. */
const char *state_move(enum machine machine, unsigned from, unsigned to);

#endif
