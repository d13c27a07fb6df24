/* HQ's books in one SQLite database: WAL, synchronous=FULL. Every call that writes is one
 * transaction and returns after its commit. An I/O error or a damaged database ends the program
 * (never a second try at the same commit); a full or busy disk is said and nothing was written. */
#ifndef WHARF_HQ_STORE_H
#define WHARF_HQ_STORE_H

#include <jansson.h>
#include <stdio.h>

#include "hub.h"

struct store;

/* Makes the database where there is none. 0 or -errno (logged). */
int store_open(const char *path, struct store **ret);
void store_close(struct store *store);

const char *store_gen(const struct store *store);

/* Makes the site's row where there is none. 0 or -errno. */
int store_site_add(struct store *store, const char *site);
/* 0; -ENOENT. */
int store_site_active(struct store *store, const char *site, bool *ret_active, int64_t *ret_safe);
int store_site_set(struct store *store, const char *site, bool active);

/* HELLO: what HQ has of this site. A down cursor beyond HQ's head moves the head there: those
 * numbers were used by a store that was restored since. */
enum hub_result store_hello(struct store *store, const char *site, const struct sync_frame *hello,
	struct hub_cursor *ret);

/* A whole UP or nothing. The transaction opens with the compare-and-set on (up_n, up_h). */
enum hub_result store_apply(struct store *store, const char *site, const struct sync_frame *up,
	const uint8_t (*hashes)[HASH_BYTES], struct hub_cursor *ret, struct sync_bad *ret_bad,
	size_t *ret_bad_n);

/* Bodies are valid until the next call. */
size_t store_downs(
	struct store *store, const char *site, int64_t after, int64_t limit, struct hub_down *ret);
/* Gives the message its number under the site's row. 0, -ENOENT, -ENOSPC or -EBUSY. */
int store_down_put(
	struct store *store, const char *site, const char *type, const char *body, int64_t *ret_n);
void store_down_ack(struct store *store, const char *site, const struct sync_frame *ack);

struct lease_terms {
	const char *prefix; /* extension digit and company prefix */
	int64_t count;
};

/* The block after the one the site has; asked twice it is the same. */
enum hub_result store_lease(struct store *store, const char *site, int64_t have,
	const struct lease_terms *terms, struct sync_frame *ret);

/* One object per site: cursors, shipments, duplicates, quarantined. */
json_t *store_status(struct store *store);

/* backup.c: copies a part of the database per step. 1: more to do; 0: done and verified, `safe` of
 * each site moved up; -errno with the reason in `why`. */
struct store_backup;
int store_backup_start(
	struct store *store, const char *to, struct store_backup **ret, char *why, size_t why_size);
int store_backup_step(struct store_backup *backup, char *why, size_t why_size);
void store_backup_end(struct store_backup *backup);

/* backup.c: a backup copy's events of one site as JSON lines in order of arrival. 0 or -errno. */
int store_facts(const char *path, const char *site, FILE *out);

#endif
