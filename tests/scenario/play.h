/* A play on the real engine and the real store: people and devices act as their programs would, time is an argument.
 * Every act is one transaction, as in a turn with one command. A play that is closed has proved itself: stock is the
 * sum of its movements, and its journal decided again gives the same bytes and the same state. */
#ifndef WHARF_PLAY_H
#define WHARF_PLAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialogue.h"
#include "engine.h"

#define PLAY_ORIGINS_MAX 24
#define PLAY_S INT64_C(1000000)

#define TEA_CODE "4012345000016"
#define TEA_CASE "14012345000013" /* six of them */
#define MUG_CODE "4012345000023"

struct play_origin {
	char name[64];
	int64_t n;
	char heard[96]; /* what a device has shown last */
};

struct play {
	struct store *store;
	struct engine engine;
	int64_t now_us, boot_us;
	struct play_origin origins[PLAY_ORIGINS_MAX];
	size_t origins_n;
	int64_t down_n;
	struct store *sealed; /* the state behind the last sealed segment; a replay begins there */
	int rows_most; /* that a command has written so far */
	bool unproven; /* the test has put rows there by itself: nothing can be replayed */
	bool doubtful; /* nobody knows what time it is */
	bool lazy; /* continuations wait for play_continue() */
	/* For the next command only: */
	bool deaf;          /* its device heard nothing of the last outcome */
	int64_t step_less;  /* its screen is so many steps behind */
	int64_t age_ms;
	char refuse[100];   /* the core refuses it before anything is looked at */
	/* What the last command got: */
	enum engine_answer answer;
	bool ok;
	char id[96], code[64], say[256], signal[16];
	char *text;         /* its whole answer, NULL where it was not taken */
};

/* Empty floor: the site is started, nothing is stored. */
void play_open(struct play *p);
/* As play_open() with people signed on, items, bins, stock and 100 carton numbers. */
void play_open_floor(struct play *p);
/* Audits and replays before everything is freed. */
void play_close(struct play *p);
/* The two proofs alone, for a store and engine that came from elsewhere. */
void play_audit(struct play *p);
void play_replay(struct play *p);

/* Seals the journal's segment as the core would, with a copy in memory. Returns its number. */
int64_t play_seal(struct play *p);
/* So many day marks of uptime, and what they let go; the wall clock does not move. */
void play_days(struct play *p, int days);

/* A new run of wharfd in another boot of the machine. */
void play_restart(struct play *p, const char *boot);
/* Time goes by; what is overdue is closed as the core would. */
void play_wait(struct play *p, int64_t us);
void play_continue(struct play *p);
bool play_continue_once(struct play *p); /* one link of a chain; false where none waits */

/* Sends one command; `body` (taken) is the object inside {"command":…}, "id" is added where it has none. Returns the
 * outcome's code, or the word of the refusal. */
const char *play_send(struct play *p, enum door_kind peer, json_t *body);
/* The same with the body as JSON text. */
const char *play_text(struct play *p, enum door_kind peer, const char *body);
const char *play_internal(struct play *p, const char *kind, json_t *args);

/* Acts. Handhelds hh1, hh2 and the page of pack1 come through web, scanners through bridge. `args` is taken. */
const char *play_ctl(struct play *p, const char *kind, json_t *args);
const char *play_web(struct play *p, const char *device, const char *kind, json_t *args);
const char *play_scan(struct play *p, const char *device, const char *data);
const char *play_scan_sscc(struct play *p, const char *device, const char *sscc);
const char *play_key(struct play *p, const char *device, const char *key, int64_t value);
const char *play_weight(struct play *p, int64_t grams);
const char *play_print_taken(struct play *p, int64_t job, int64_t attempt);
const char *play_print_ended(struct play *p, int64_t job, int64_t attempt, const char *result);
const char *play_divert_request(struct play *p, int64_t seq, int64_t tracking, int64_t read, const char *code);
const char *play_divert_taken(struct play *p, int64_t divert);
const char *play_divert_ended(struct play *p, int64_t divert, const char *result);
const char *play_divert_confirm(struct play *p, int64_t tracking, int64_t lane, int64_t result);
const char *play_hq_down(struct play *p, const char *type, json_t *body);
const char *play_hq_down_n(struct play *p, int64_t n, const char *type, json_t *body);
const char *play_lease(struct play *p, const char *block, const char *prefix, int64_t first, int64_t count);
const char *play_login(struct play *p, const char *badge, const char *device);

/* Whole stretches of the day; each asserts that it works. */
void play_stock(struct play *p, const char *location, const char *item, const char *lot, const char *expiry, int64_t qty);
/* lines: "TEA:2 MUG:1" */
void play_order(struct play *p, const char *order, const char *carrier, const char *lines);
/* hh1 picks the oldest order into the tote as its screen says, all of it. */
void play_pick(struct play *p, const char *tote);
/* Packs all that is in the tote at pack1, up to the screen that asks for the weight, then for the label. */
void play_pack_to_weigh(struct play *p, const char *tote);
void play_pack_to_label(struct play *p, const char *tote);
void play_pack(struct play *p, const char *tote);
/* Scans a carton at the induct and plays the PLC that brings it where it was told. */
void play_convey(struct play *p, const char *sscc);
/* Order, pick, pack: ready for the conveyor. The SSCC is written to out (19 bytes). */
void play_carton(struct play *p, const char *order, const char *carrier, const char *tote, char *out);

/* Looking. */
int64_t play_number(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* First column of all rows, a blank between; a buffer that is used again. */
const char *play_words(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *play_expect(struct play *p, const char *place);
/* A value of the place's prompt data, as text. */
const char *play_shown(struct play *p, const char *place, const char *key);

#define expect(p, act, wanted) play_check((p), (act), (wanted), #act, __FILE__, __LINE__)
void play_check(struct play *p, const char *got, const char *wanted, const char *act, const char *file, int line);

#endif
