/* The rules of the floor. One command in, one outcome out, one journal row; everything inside the transaction that
 * the caller has open. Reads no clock and no random source. */
#ifndef WHARF_ENGINE_H
#define WHARF_ENGINE_H

#include "cleanup.h"
#include "command.h"
#include "kinds.h"
#include "store.h"
#include "text.h"

/* Changes with every release that decides anything differently; a journal segment holds one version. */
#define ENGINE_VERSION 1

/* Limits on one command (docs/core.md). */
#define COMMAND_ROWS_MAX 500
#define ORDER_LINES_MAX 100
#define ALLOCATE_LINES_MAX 20 /* of one command */
#define ORDER_TASKS_MAX 160 /* bins an order is picked from; each is four rows at most in what follows */
#define SHIP_TO_MAX 2000
#define SCAN_DATA_MAX 4096
#define SCAN_AGE_MAX_MS 10000
#define IMPORT_ROWS_MAX 10000000  /* of one import */
#define IMPORT_PART_ROWS 100      /* of one command: with two table rows each, far below 500 */

/* What a command that stops the core gets; a replay says the same. */
#define ENGINE_POISON_SAY "This command stopped wharfd twice: it is not tried again, please tell support"

struct engine {
	struct store *store;
	/* What the database says, remembered; read again after a rollback. */
	int64_t seq;
	int64_t now_us;
	int64_t segment;
	int64_t day;
	uint8_t hash[HASH_BYTES];
	char site[DOOR_NAME_MAX];
};

/* Reads what the database says; makes the first segment in a new one. Call inside a transaction. */
void engine_load(struct engine *engine, struct store *store);

enum engine_answer {
	ENGINE_DECIDED,   /* outcome is new; `text` is what the journal keeps */
	ENGINE_REPLAYED,  /* decided before; `text` is the first answer */
	ENGINE_NOT_TAKEN, /* nothing written; `code` and `why` say why */
};

struct engine_result {
	enum engine_answer answer;
	struct outcome outcome;
	char *text;        /* outcome object as JSON, owned */
	const char *code;  /* of NOT_TAKEN */
	char why[WHY_MAX];
};

/* Decides one command inside the open transaction, in its own savepoint. After a store failure the result means
 * nothing. `refuse` (may be NULL) makes it a decided refusal with that sentence before anything is looked at. */
void engine_apply(struct engine *engine, struct command *command, const char *refuse,
	struct engine_result *ret);
void engine_result_fini(struct engine_result *result);

/* What is over its time: a divert and the kind of the internal command that says so, or 0. And when the next one is, 0: none
 * waits. */
int64_t divert_overdue(struct engine *e, int64_t boot_us, const char **ret_kind);
int64_t divert_next_us(struct engine *e);

/* An internal command of kind `kind` ("core:n"); `args` is taken. Its JSON text goes to *ret_text (owned). */
int engine_internal(struct engine *engine, const char *kind, json_t *args, struct moment moment,
	struct command *ret, char **ret_text);

/* ---- verbs the files of this folder lend each other and the dialogues ---- */

/* Events to HQ: CloudEvents JSON stored once. `data` is taken. Returns its outbox number. */
int64_t event_make(struct engine *e, struct command *c, struct outcome *o, const char *type, const char *key,
	json_t *data);

/* Exception cases; an open one with the same kind and subject is not opened twice. */
int64_t case_open(struct engine *e, struct command *c, struct outcome *o, const char *kind, enum role role,
	const char *subject, const char *choices, const char *format, ...)
	__attribute__((format(printf, 8, 9)));
void case_close(struct engine *e, struct outcome *o, const char *kind, const char *subject, const char *resolution);

/* Stock: qty of an item moves between places; "" is the outside. `allocated` of it was allocated at `from`. */
void stock_move(struct engine *e, const struct command *c, const char *item, const char *lot, const char *from,
	const char *to, int64_t qty, int64_t allocated, const char *reason);
void stock_allocate(struct engine *e, const char *place, const char *item, const char *lot, int64_t qty);

/* Orders */
unsigned order_state(struct engine *e, const char *order); /* ORDER_CANCELLED where there is none */
void order_move(struct engine *e, struct outcome *o, const char *order, unsigned to);
void order_milestone(struct engine *e, struct command *c, struct outcome *o, const char *order, const char *type);
/* In later turns, from its first line; where it waits for its wave, not now. */
void order_allocate(struct engine *e, struct outcome *o, const char *order);
struct allocated {
	int64_t last_line, lines_short;
};
/* Allocates up to qty of a line to bins, tasks leased to `device` ("": open). Returns what was found. */
int64_t allocate_line(struct engine *e, const char *order, int64_t line, const char *item, int64_t qty,
	const char *device);
/* Allocates lines of an order that nobody has looked at, from behind line `after`, `limit` at most. Returns how many. */
size_t allocate_lines(struct engine *e, const char *order, int64_t after, size_t limit, struct allocated *ret);
/* All lines were looked at: the order is allocated, or short where nothing of it is there. Pickers see it when
 * so many waves were released. */
void allocate_finish(struct engine *e, struct command *c, struct outcome *o, const char *order, int64_t release_n);

/* Waves: the order is in one (the name may be ""); an order waits while its wave is not released. */
void wave_join(struct engine *e, const char *wave, int64_t lines);
bool wave_keeps(struct engine *e, const char *order);
void wave_release(struct engine *e, struct outcome *o, const char *wave);
/* A release that was interrupted goes on. */
void wave_go_on(struct engine *e, struct outcome *o);

/* Picking */
struct pick_task {
	int64_t task, line, qty;
	char order[64], item[64], lot[64], location[64], title[128], tote[64];
};
bool pick_start(struct engine *e, struct outcome *o, const char *device, char *ret_order, size_t size);
bool pick_next(struct engine *e, const char *order, const char *device, struct pick_task *ret);
bool pick_load(struct engine *e, int64_t task, struct pick_task *ret);
/* The tote takes the pieces of a task; false with a bad outcome where it must not. */
bool pick_into_tote(struct engine *e, struct command *c, struct outcome *o, const struct pick_task *task,
	const char *tote, int64_t counted);
/* Fewer than asked: the bin is frozen, counted, and the rest looked for elsewhere. */
void pick_short(struct engine *e, struct command *c, struct outcome *o, const struct pick_task *task,
	int64_t counted);
void pick_finish(struct engine *e, struct command *c, struct outcome *o, const char *order);

/* Packing */
int64_t pack_open(struct engine *e, struct command *c, const char *order, const char *station);
bool pack_item(struct engine *e, struct command *c, struct outcome *o, int64_t carton, const char *tote,
	const char *item, int64_t qty);
void pack_close(struct engine *e, struct command *c, struct outcome *o, int64_t carton, const char *tote,
	const char *scale);
int64_t pack_ask_weight(struct engine *e, struct outcome *o, int64_t carton, const char *scale);
/* Takes a weight; true where it fits, else a case stands. */
bool pack_weigh(struct engine *e, struct command *c, struct outcome *o, int64_t carton);
/* Gives the carton its SSCC and its label a due row; false where no number is left. */
bool pack_label(struct engine *e, struct command *c, struct outcome *o, int64_t carton, const char *printer);
/* True where the carton's label was voided and it has no other. */
bool pack_label_missing(struct engine *e, int64_t carton);
bool pack_label_seen(struct engine *e, struct command *c, struct outcome *o, int64_t carton, const char *aim,
	const char *data);

/* Labels */
void label_move(struct engine *e, int64_t label, unsigned from, unsigned to, const char *evidence);
/* SSCC in a scan (AI 00, with or without AIM id), or "" */
void sscc_of_scan(const char *aim, const char *data, char ret_sscc[19]);
bool sscc_take(struct engine *e, struct command *c, struct outcome *o, int64_t carton, char ret_sscc[19]);

/* Conveyor */
void conveyor_scan(struct engine *e, struct command *c, struct outcome *o, const char *station, const char *aim,
	const char *data);
unsigned carton_state(struct engine *e, int64_t carton); /* CARTON_VOID where there is none */
void carton_move(struct engine *e, int64_t carton, unsigned to);
void carton_stage(struct engine *e, struct command *c, struct outcome *o, int64_t carton, const char *lane);

/* What a barcode means: item and pieces; false for an unknown one. */
bool barcode_find(struct engine *e, const char *aim, const char *data, char *ret_item, size_t size,
	int64_t *ret_qty);

/* The dialogue row of a place, its step and last answer. */
struct dialogue {
	char place[64], kind[16], state[16], session[64], order[64], tote[64];
	int64_t step, task, carton, counted;
};
bool dialogue_load(struct engine *e, const char *place, struct dialogue *ret);
void dialogue_store(struct engine *e, struct outcome *o, struct dialogue *d); /* a new step */

/* A piece of the journal; last_seq 0: it is open. */
#define SEGMENT_NAME_MAX 40
struct segment {
	int64_t number, engine, first_seq, first_day, last_seq;
	uint8_t first_hash[HASH_BYTES], last_hash[HASH_BYTES], state_hash[HASH_BYTES];
	char snapshot[SEGMENT_NAME_MAX];
	bool hashed, witnessed, dropped;
};
bool segment_get(struct store *store, int64_t number, struct segment *ret);
void segment_read(const struct store_cursor *q, struct segment *ret); /* of SQL_SEGMENT_GET or _AFTER */

/* Retention. So many days of uptime in day marks, rounded up: never kept shorter than promised. */
int64_t day_marks(int64_t days);
/* What was decided before this sequence has no answer kept; 0: nothing is that old. */
int64_t prune_kept_seq(struct engine *e);
void prune_start(struct engine *e, struct outcome *o);

/* Work for a later turn; the command that does it names the row in its arguments and ends it. */
void continuation_add(struct engine *e, struct outcome *o, const char *kind, json_t *args);
void continuation_done(struct engine *e, int64_t continuation);

/* Handlers (kinds.c) */
kind_handler on_device_state, on_divert_request, on_divert_taken, on_divert_ended, on_divert_confirm, on_plc_state,
	on_print_taken, on_print_ended, on_logout, on_case_resolve, on_order_hold, on_order_release,
	on_order_cancel, on_stage, on_load_close, on_lane_set, on_label_resolve, on_hq_down, on_hq_acked,
	on_sscc_lease, on_hq_link, on_hq_epoch, on_item_put, on_location_put, on_tote_put, on_stock_adjust,
	on_user_put, on_order_put, on_started, on_allocate, on_load_ship, on_divert_late, on_divert_unconfirmed, on_login_verified,
	on_login_failed, on_day, on_prune, on_segment_seal, on_segment_sealed, on_segment_drop, on_tote_empty,
	on_orders_confirm, on_import_begin, on_import_rows, on_import_end, on_import_drop, on_import_apply,
	on_import_clear, on_allocate_waiting, on_wave_release, on_wave_allocate;

/* Shared by on_hq_down and the handlers of the same things from ctl. */
int order_put(struct engine *e, struct command *c, struct outcome *o, const json_t *args, char *why);
int item_put(struct engine *e, struct command *c, struct outcome *o, const json_t *args, char *why);
void order_hold(struct engine *e, struct command *c, struct outcome *o, const char *order, const char *reason);
void order_release(struct engine *e, struct command *c, struct outcome *o, const char *order);
void order_cancel(struct engine *e, struct command *c, struct outcome *o, const char *order, const char *reason);

/* Master data of one row (the arguments of item_put, location_put, tote_put), written with a generation: the live one
 * is seen at once, the next when its import ends. */
int64_t catalog_live(struct engine *e);
int put_item_row(struct engine *e, const json_t *args, int64_t generation, const char **ret_item, char *why);
int put_location_row(struct engine *e, const json_t *args, int64_t generation, const char **ret_location, char *why);
int put_tote_row(struct engine *e, const json_t *args, int64_t generation, const char **ret_tote, char *why);
/* True while opening balances are being booked: nothing is allocated from a half-filled warehouse. */
bool import_books_stock(struct engine *e);

/* A name that came from outside: 0, or -EINVAL with `why`. */
int check_name(const char *key, const char *name, char *why);
/* First expired first out sorts by it: 0, or -EINVAL with `why`. */
int check_date(const char *key, const char *date, char *why);

/* json_fields() on a command's arguments. */
#define READ_ARGS(fields) json_fields(c->args ? c->args : json_object_shared(), fields, array_len(fields), why, WHY_MAX)
const json_t *json_object_shared(void);

#endif
