/* wharf-hq: the hub. It keeps sockets and hints; the books are in the store. */
#ifndef WHARF_HQ_HQ_H
#define WHARF_HQ_HQ_H

#include "config.h"
#include "door.h"
#include "store.h"
#include "wire.h"
#include "zap.h"

#define HQ_SITES_MAX ZAP_SITES_MAX
#define HQ_CLIENTS_MAX 16
#define HQ_LEVELS 4 /* a message, and the store answers it leads to */

/* A site that has spoken since the start. */
struct hq_site {
	struct hub_session session;
	uint8_t routing[WIRE_ROUTING_MAX];
	size_t routing_len;
	int64_t timer_us;
};

struct hq {
	const struct config *config;
	struct store *store;
	struct zap *zap;
	void *context, *router;
	struct key_pair keys;
	char prefix[16]; /* extension digit and company prefix of the SSCCs */
	struct hq_site *sites[HQ_SITES_MAX];
	size_t sites_n;
	struct hub_outputs outputs[HQ_LEVELS];
	int level;
	int64_t strangers; /* frames without a User-Id */

	int control;
	int clients[HQ_CLIENTS_MAX];
	size_t clients_n;
	struct store_backup *backup;
	int backup_client;
	char backup_to[256];
};

/* serve.c */
int hq_serve(const struct config *config);
struct hq_site *hq_find_site(struct hq *hq, const char *name);
/* Something is in the site's down stream. */
void hq_down_ready(struct hq *hq, const char *name);

/* control.c: the control socket. */
int control_open(struct hq *hq);
void control_close(struct hq *hq);
void control_process(struct hq *hq);

/* client.c: the subcommands that speak to a running hub. Exit codes. */
int client_send(const struct config *config, const char *site, const char *type, const char *file);
int client_status(const struct config *config, bool as_json);
int client_backup(const struct config *config, const char *file);
int client_site(const struct config *config, const char *site, const char *status);

#endif
