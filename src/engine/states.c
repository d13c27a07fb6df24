#include "states.h"

#include <assert.h>
#include <string.h>

#include "cleanup.h"

#define TO(state) (UINT32_C(1) << (state))

static const struct state_row order_rows[] = {
	[ORDER_RECEIVED] = { "received", false,
		TO(ORDER_HELD) | TO(ORDER_ALLOCATED) | TO(ORDER_SHORT) | TO(ORDER_CANCELLED) },
	[ORDER_HELD] = { "held", false, TO(ORDER_RECEIVED) | TO(ORDER_ALLOCATED) | TO(ORDER_CANCELLED) },
	[ORDER_ALLOCATED] = { "allocated", false, TO(ORDER_HELD) | TO(ORDER_PICKING) | TO(ORDER_CANCELLED) },
	[ORDER_PICKING] = { "picking", false, TO(ORDER_PICKED) | TO(ORDER_SHORT) | TO(ORDER_CANCELLED) },
	[ORDER_PICKED] = { "picked", false, TO(ORDER_PACKED) | TO(ORDER_CANCELLED) },
	[ORDER_PACKED] = { "packed", false, TO(ORDER_LABELLED) | TO(ORDER_CANCELLED) },
	[ORDER_LABELLED] = { "labelled", false, TO(ORDER_STAGED) | TO(ORDER_CANCELLED) },
	[ORDER_STAGED] = { "staged", false, TO(ORDER_SHIPPED) | TO(ORDER_CANCELLED) },
	[ORDER_SHIPPED] = { "shipped", false, TO(ORDER_CONFIRMED) },
	[ORDER_CONFIRMED] = { "confirmed", true, 0 },
	[ORDER_SHORT] = { "short", true, 0 },
	[ORDER_CANCELLED] = { "cancelled", true, 0 },
};

static const struct state_row task_rows[] = {
	[TASK_OPEN] = { "open", false, TO(TASK_LEASED) | TO(TASK_CANCELLED) },
	[TASK_LEASED] = { "leased", false, TO(TASK_OPEN) | TO(TASK_DONE) | TO(TASK_SHORT) | TO(TASK_CANCELLED) },
	[TASK_DONE] = { "done", true, 0 },
	[TASK_SHORT] = { "short", true, 0 },
	[TASK_CANCELLED] = { "cancelled", true, 0 },
};

static const struct state_row tote_rows[] = {
	[TOTE_FREE] = { "free", false, TO(TOTE_PICKING) },
	[TOTE_PICKING] = { "picking", false, TO(TOTE_PICKED) | TO(TOTE_RETURN) },
	[TOTE_PICKED] = { "picked", false, TO(TOTE_FREE) | TO(TOTE_RETURN) },
	[TOTE_RETURN] = { "return", false, TO(TOTE_FREE) },
};

static const struct state_row carton_rows[] = {
	[CARTON_OPEN] = { "open", false, TO(CARTON_CLOSED) | TO(CARTON_VOID) },
	[CARTON_CLOSED] = { "closed", false, TO(CARTON_WEIGHED) | TO(CARTON_REJECTED) },
	[CARTON_WEIGHED] = { "weighed", false, TO(CARTON_LABELLED) | TO(CARTON_REJECTED) },
	[CARTON_LABELLED] = { "labelled", false,
		TO(CARTON_INDUCTED) | TO(CARTON_STAGED) | TO(CARTON_STRAY) | TO(CARTON_REJECTED) },
	[CARTON_INDUCTED] = { "inducted", false,
		TO(CARTON_STAGED) | TO(CARTON_STRAY) | TO(CARTON_REJECTED) | TO(CARTON_INDUCTED) },
	[CARTON_STAGED] = { "staged", false, TO(CARTON_SHIPPED) | TO(CARTON_STRAY) | TO(CARTON_REJECTED) },
	[CARTON_STRAY] = { "stray", false,
		TO(CARTON_INDUCTED) | TO(CARTON_STAGED) | TO(CARTON_REJECTED) | TO(CARTON_STRAY) },
	[CARTON_REJECTED] = { "rejected", true, 0 },
	[CARTON_SHIPPED] = { "shipped", true, 0 },
	[CARTON_VOID] = { "void", true, 0 },
};

static const struct state_row label_rows[] = {
	[LABEL_DUE] = { "due", false, TO(LABEL_TAKEN) | TO(LABEL_FAILED) | TO(LABEL_PRINTED) | TO(LABEL_VOID) },
	[LABEL_TAKEN] = { "taken", false,
		TO(LABEL_SENT) | TO(LABEL_PRINTED) | TO(LABEL_DOUBTFUL) | TO(LABEL_FAILED) },
	[LABEL_SENT] = { "sent", false,
		TO(LABEL_PRINTED) | TO(LABEL_DOUBTFUL) | TO(LABEL_DUE) | TO(LABEL_VOID) },
	[LABEL_PRINTED] = { "printed", false, TO(LABEL_DUE) | TO(LABEL_VOID) },
	[LABEL_DOUBTFUL] = { "doubtful", false, TO(LABEL_PRINTED) | TO(LABEL_DUE) | TO(LABEL_VOID) },
	[LABEL_FAILED] = { "failed", false, TO(LABEL_PRINTED) | TO(LABEL_DUE) | TO(LABEL_VOID) },
	[LABEL_VOID] = { "void", true, 0 },
};

static const struct state_row divert_rows[] = {
	[DIVERT_ASKED] = { "asked", false, TO(DIVERT_DUE) | TO(DIVERT_LATE) | TO(DIVERT_ENDED) },
	[DIVERT_DUE] = { "due", false, TO(DIVERT_TAKEN) | TO(DIVERT_LATE) | TO(DIVERT_ENDED) },
	[DIVERT_TAKEN] = { "taken", false,
		TO(DIVERT_WRITTEN) | TO(DIVERT_LATE) | TO(DIVERT_FAILED) | TO(DIVERT_ENDED) },
	[DIVERT_WRITTEN] = { "written", false, TO(DIVERT_ENDED) },
	[DIVERT_LATE] = { "late", false, TO(DIVERT_ENDED) },
	[DIVERT_FAILED] = { "failed", false, TO(DIVERT_ENDED) },
	[DIVERT_ENDED] = { "ended", true, 0 },
};

static const struct state_row case_rows[] = {
	[CASE_OPEN] = { "open", false, TO(CASE_RESOLVED) },
	[CASE_RESOLVED] = { "resolved", true, 0 },
};

static const struct state_row load_rows[] = {
	[LOAD_OPEN] = { "open", false, TO(LOAD_CLOSING) },
	[LOAD_CLOSING] = { "closing", false, TO(LOAD_CLOSED) },
	[LOAD_CLOSED] = { "closed", true, 0 },
};

static const struct state_row lane_rows[] = {
	[LANE_OPEN] = { "open", false, TO(LANE_OPEN) | TO(LANE_FULL) | TO(LANE_CLOSED) },
	[LANE_FULL] = { "full", false, TO(LANE_OPEN) | TO(LANE_FULL) | TO(LANE_CLOSED) },
	[LANE_CLOSED] = { "closed", false, TO(LANE_OPEN) | TO(LANE_FULL) | TO(LANE_CLOSED) },
};

static const struct state_row import_rows[] = {
	[IMPORT_OPEN] = { "open", false, TO(IMPORT_APPLYING) | TO(IMPORT_DROPPING) },
	[IMPORT_APPLYING] = { "applying", false, TO(IMPORT_DONE) },
	[IMPORT_DONE] = { "done", true, 0 },
	[IMPORT_DROPPING] = { "dropping", false, TO(IMPORT_DROPPED) },
	[IMPORT_DROPPED] = { "dropped", false, TO(IMPORT_OPEN) },
};

static const struct state_row wave_rows[] = {
	[WAVE_COLLECTING] = { "collecting", false, TO(WAVE_RELEASING) },
	[WAVE_RELEASING] = { "releasing", false, TO(WAVE_RELEASED) },
	[WAVE_RELEASED] = { "released", true, 0 },
};

#define TABLE(name, rows) { name, rows, array_len(rows) }

static const struct state_table tables[MACHINES] = {
	[MACHINE_ORDER] = TABLE("order", order_rows),
	[MACHINE_TASK] = TABLE("task", task_rows),
	[MACHINE_TOTE] = TABLE("tote", tote_rows),
	[MACHINE_CARTON] = TABLE("carton", carton_rows),
	[MACHINE_LABEL] = TABLE("label", label_rows),
	[MACHINE_DIVERT] = TABLE("divert", divert_rows),
	[MACHINE_CASE] = TABLE("case", case_rows),
	[MACHINE_LOAD] = TABLE("load", load_rows),
	[MACHINE_LANE] = TABLE("lane", lane_rows),
	[MACHINE_IMPORT] = TABLE("import", import_rows),
	[MACHINE_WAVE] = TABLE("wave", wave_rows),
};

const struct state_table *states_of(enum machine machine)
{
	return &tables[machine];
}

const char *state_name(enum machine machine, unsigned state)
{
	assert(state < tables[machine].n);
	return tables[machine].rows[state].name;
}

unsigned state_named(enum machine machine, const char *name)
{
	for (unsigned i = 0; i < tables[machine].n; i++)
		if (strcmp(tables[machine].rows[i].name, name) == 0)
			return i;
	assert(false && "a state that is in no table");
	return 0;
}

bool state_may_follow(enum machine machine, unsigned from, unsigned to)
{
	assert(from < tables[machine].n && to < tables[machine].n);
	return tables[machine].rows[from].next & TO(to);
}

const char *state_move(enum machine machine, unsigned from, unsigned to)
{
	assert(state_may_follow(machine, from, to));
	return state_name(machine, to);
}
