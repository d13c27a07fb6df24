/* wharf-sync's two sides around the edge's state machine: the door to the core and the socket to
 * HQ. */
#ifndef WHARF_SYNC_UPLINK_H
#define WHARF_SYNC_UPLINK_H

#include "config.h"
#include "door_client.h"
#include "edge.h"
#include "keys.h"

/* Something the core shall know the newest of: one command under way, the next one replaces itself.
 */
struct latest {
	const char *kind;
	json_t *args;	/* not yet sent, or NULL */
	json_t *sent;	/* under way */
	int64_t sent_n; /* its number in our own origin; 0: none */
};

/* A down message the core has not decided. */
struct down_waiting {
	int64_t n;
	char kind[SYNC_NAME_MAX];
	char gen[SYNC_GEN_MAX];
	char *body;
	size_t len;
};

struct uplink {
	const struct config *config;
	const char *site;
	struct edge edge;
	struct edge_outputs outputs;
	int64_t timer_us;

	/* socket side */
	void *context, *dealer, *monitor;
	struct key_pair keys;
	int sockets_made;	     /* numbers the monitor's endpoint */
	char lost_why[SYNC_WHY_MAX]; /* found while outputs were done; told afterwards */

	/* door side */
	struct door_client *door;
	char boot[BOOT_ID_MAX];
	bool door_lost, link_refused;
	int64_t read_failed; /* a read that could not be asked; told afterwards */
	int64_t retry_us;    /* what the core did not take is tried again then; 0: nothing */
	struct latest acked, link, epoch;
	struct down_waiting downs[SYNC_DOWN_WINDOW];
	size_t downs_n;
	bool down_sent; /* downs[0] is under way: one at a time keeps the order */
	json_t *lease;	/* being stored: the command without its sending, or NULL */
	int64_t lease_n;
	bool lease_sent;
};

/* uplink.c: one input into the machine, all outputs done. Never called while outputs are done. */
void uplink_feed(struct uplink *u, struct edge_input *in);
/* What was found meanwhile: lost sockets, reads that failed, retries. */
void uplink_tell(struct uplink *u);

/* hq_side.c */
void hq_side_open(struct uplink *u);
void hq_side_close(struct uplink *u);
void hq_side_send(struct uplink *u, const struct sync_frame *frame);
void hq_side_read(struct uplink *u);
void hq_side_monitor(struct uplink *u);

/* door_side.c */
int door_side_open(struct uplink *u);
void door_side_close(struct uplink *u);
void door_side_read_outbox(struct uplink *u, const struct edge_output *out);
void door_side_set(struct uplink *u, struct latest *latest, json_t *args);
void door_side_down(struct uplink *u, const struct sync_frame *frame);
void door_side_lease(struct uplink *u, const struct sync_frame *frame);
void door_side_send_due(struct uplink *u);

#endif
