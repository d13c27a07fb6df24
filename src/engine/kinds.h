/* The table of command kinds: who may send one, what role the person needs, who decides it. */
#ifndef WHARF_KINDS_H
#define WHARF_KINDS_H

#include "command.h"

struct engine;

/* Decides: fills the outcome. 0, or -EINVAL with `why` where the arguments are malformed (then nothing stays). */
typedef int kind_handler(struct engine *engine, struct command *command, struct outcome *outcome, char *why);

struct kind {
	const char *name;
	unsigned peers;        /* PEER_BIT()s */
	unsigned roles;        /* ROLE_BIT()s; 0: no person needed */
	kind_handler *handler;
	int priority;          /* 0 first: PLC, scans, pages, HQ, bulk */
};

#define PRIORITY_PLC 0
#define PRIORITY_SCAN 1
#define PRIORITY_PAGE 2
#define PRIORITY_HQ 3
#define PRIORITY_BULK 4
#define PRIORITIES 5

const struct kind *kind_named(const char *name);

/* The conversations live above the engine; their program gives it their handlers before the first command. */
struct dialogue_handlers {
	kind_handler *scan;
	kind_handler *key;
	kind_handler *weight;
};
void kinds_set_dialogues(const struct dialogue_handlers *handlers);

#endif
