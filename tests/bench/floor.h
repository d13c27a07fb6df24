/* A real wharfd in a fresh folder on a real disk, and people at work on its floor. */
#ifndef WHARF_BENCH_FLOOR_H
#define WHARF_BENCH_FLOOR_H

#include <limits.h>
#include <sys/types.h>

#include "session.h"
#include "talk.h"

#define FLOOR_PROGRAMS_MAX 16

struct floor {
	char folder[128], config[160]; /* the folder is state and run folder too */
	int port;                      /* free ports: the pages' and HQ's */
	int hq_port;
	struct program {
		pid_t pid;
		char name[32];
	} programs[FLOOR_PROGRAMS_MAX];
	size_t programs_n;
};

/* Makes the folder below $WHARF_BENCH_DIR (default /var/tmp) and a configuration of the built-in floor. */
void floor_open(struct floor *f);
void floor_close(struct floor *f);

/* Starts a program with the configuration (`word` may be NULL). Its log goes to $WHARF_BENCH_LOG or nowhere. */
pid_t floor_start(struct floor *f, const char *program, const char *word);
void floor_stop(struct floor *f, pid_t pid, int signal);
/* Starts wharfd; seconds until it says welcome. */
double floor_start_core(struct floor *f, pid_t *ret_core);

/* A person who is signed on at a handheld and takes pieces out of one bin: the next scan counts. */
struct handheld {
	char device[DOOR_NAME_MAX], origin[DOOR_ORIGIN_MAX], badge[DOOR_NAME_MAX];
	char token[TOKEN_HEX], session[SESSION_ID_HEX], csrf[CSRF_HEX];
	char barcode[64];
	int64_t n, step;
};

/* Master data, stock, one order of a million pieces for each of `n` handhelds; each is picking its own. */
void floor_handhelds(struct floor *f, struct handheld *h, size_t n);

/* A person signs on at a device; `role` as in user_put. The web door's `t` belongs to the caller. */
void floor_sign_on(struct floor *f, struct talk *web, struct handheld *h, const char *role);

/* One act of a person, with step and heard as the last outcome said. The outcome is owned by the caller. */
json_t *floor_act(struct talk *web, struct handheld *h, const char *kind, json_t *args);
json_t *floor_scan(struct talk *web, struct handheld *h, const char *data);

/* "ITEM" with stock at "BIN" and an order for it. */
struct floor_goods {
	const char *item, *barcode, *bin, *order;
	int qty;
};
void floor_goods(struct talk *ctl, const struct floor_goods *g);

/* The text of the next scan: what a handheld page sends. Length. */
size_t floor_scan_text(const struct handheld *h, bool web, char *out, size_t size);

/* Reads step out of an outcome's text and counts the command; false where it was not counted as a pick. */
bool floor_scan_answer(struct handheld *h, const char *text);

#endif
