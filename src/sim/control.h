/* The control socket of the virtual warehouse, RUN/sim.sock (SEQPACKET, one JSON object a message):
 * {"status":{}}, {"wan":"cut"|"heal"|{"delay_ms":n}}, {"printer":"out"|"ok"}, {"close_loads":{}}. */
#ifndef WHARF_SIM_CONTROL_H
#define WHARF_SIM_CONTROL_H

#include "world.h"

#define CONTROL_CLIENTS_MAX 8
#define CONTROL_MESSAGE_MAX 4096

struct control;

struct control_client {
	struct control *control;
	int fd; /* -1: free */
};

struct control {
	struct world *world;
	int listener;
	struct control_client clients[CONTROL_CLIENTS_MAX];
};

int control_open(struct control *control, struct world *world, const char *run);
void control_close(struct control *control);

/* The answer to one message; pure of sockets. */
json_t *control_answer(struct world *world, const json_t *message);

/* The other side, for subcommands: sends one message and waits for its answer. 0 or -errno. */
int control_ask(const char *run, json_t *take_message, json_t **ret);

#endif
