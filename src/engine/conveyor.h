/* What divert.c and conveyor.c share. */
#ifndef WHARF_CONVEYOR_H
#define WHARF_CONVEYOR_H

#include "engine.h"

struct divert {
	int64_t divert, tracking, carton, lane, deadline_us;
	unsigned state;
};

void divert_move(struct engine *e, const struct divert *d, unsigned to, const char *result);

/* The carton of a request that went unanswered, known too late; where it is if the PLC said so already. */
void divert_name(struct engine *e, struct command *c, struct outcome *o, const char *plc, int64_t divert, int64_t carton);

/* True while a carton may still be on its way: inducted, or labelled and put on the belt unscanned. */
bool carton_on_conveyor(struct engine *e, int64_t carton);

#endif
