/* What is old goes, a bounded number of rows a command, in a chain of continuations that each day mark starts. Age is
 * counted in day marks, which are uptime: a clock that jumps ages nothing. */
#include <errno.h>
#include <string.h>

#include "engine.h"
#include "json.h"

/* Rows that one command takes away, its own few beside them. An order goes whole; its parts are bounded by its lines and bins. */
#define PRUNE_ROWS_MAX ((int64_t)COMMAND_ROWS_MAX - 20)
#define PRUNE_ORDERS_MAX 16
/* A movement that goes writes itself and at most two sums, which may go too. */
#define PRUNE_MOVEMENTS_MAX (PRUNE_ROWS_MAX / 5)

#define KEEP_DAYS 14        /* answers, sent events, ended sessions, diverts */
#define KEEP_ORDERS_DAYS 90 /* where no setting says otherwise */
#define HOURS_PER_MARK 20

struct prune {
	int64_t keep_day;     /* rows of earlier day marks may go */
	int64_t orders_day;   /* the same for orders and what belongs to them */
	int64_t at[2];        /* how far a step of many commands has come */
	int64_t rows;         /* written by this command */
};

int64_t day_marks(int64_t days)
{
	return (days * 24 + HOURS_PER_MARK - 1) / HOURS_PER_MARK;
}

enum mark { MARK_SEQ, MARK_DIVERT, MARK_INDUCT, MARK_WEIGH, MARK_WEIGHT, MARK_MOVEMENT, MARK_CASE };

/* The highest row of a table at day mark `day`; of the journal, the mark's own row. 0: no mark is that old. */
static int64_t mark_at(struct engine *e, int64_t day, enum mark what)
{
	struct store_cursor q = store_query(e->store, SQL_DAY_GET, "i", day);
	int64_t row = 0;

	if (store_first(&q)) {
		row = store_int(&q, (int)what);
		store_end(&q);
	}
	return row;
}

int64_t prune_kept_seq(struct engine *e)
{
	return mark_at(e, e->day - day_marks(KEEP_DAYS), MARK_SEQ);
}

/* The last number of the first `limit` answers of an origin that were decided before `seq`; 0: none. An origin's numbers
 * ascend with the journal. */
static int64_t last_old_answer(struct engine *e, int64_t origin, int64_t seq, int64_t limit, int64_t *ret_rows)
{
	struct store_cursor q = store_query(e->store, SQL_PRUNE_ANSWERS_OF, "ii", origin, limit);
	int64_t n = 0;

	*ret_rows = 0;
	while (store_next(&q)) {
		if (store_int(&q, 1) >= seq) {
			store_end(&q);
			break;
		}
		n = store_int(&q, 0);
		++*ret_rows;
	}
	return n;
}

/* The answers go, the origin with its last number stays: an old id is "forgotten" then, never new. */
static bool prune_answers(struct engine *e, struct prune *p)
{
	int64_t seq = prune_kept_seq(e), rows = 0, looks = 0;

	while (rows < PRUNE_ROWS_MAX && looks++ < PRUNE_ROWS_MAX) {
		int64_t origin = store_number(e->store, 0, SQL_PRUNE_ORIGIN, "i", p->at[0]), n, some;

		if (!origin)
			return false;
		n = last_old_answer(e, origin, seq, PRUNE_ROWS_MAX - rows, &some);
		if (n)
			store_run(e->store, SQL_PRUNE_ANSWERS, "ii", origin, n);
		p->rows = rows += some;
		if (rows < PRUNE_ROWS_MAX)
			p->at[0] = origin;
	}
	return true;
}

/* HQ's cursor may go back to what its last backup holds: that event and all behind it stay. */
static bool prune_outbox(struct engine *e, struct prune *p)
{
	int64_t safe = store_number(e->store, 0, SQL_LINK_SAFE, "");
	int64_t last = store_number(e->store, 0, SQL_PRUNE_OUTBOX_LAST, "iii", PRUNE_ROWS_MAX, safe, p->keep_day);

	if (!last)
		return false;
	store_run(e->store, SQL_LINK_SET_BASE, "i", last);
	p->rows = store_run(e->store, SQL_PRUNE_OUTBOX, "i", last);
	return p->rows == PRUNE_ROWS_MAX;
}

static bool prune_journal(struct engine *e, struct prune *p)
{
	int64_t last = store_number(e->store, 0, SQL_PRUNE_JOURNAL_LAST, "i", PRUNE_ROWS_MAX);

	if (last)
		p->rows = store_run(e->store, SQL_PRUNE_JOURNAL, "i", last);
	return p->rows == PRUNE_ROWS_MAX;
}

static bool prune_by(struct engine *e, struct prune *p, enum sql sql, int64_t limit)
{
	if (limit > 0)
		p->rows = store_run(e->store, sql, "ii", limit, PRUNE_ROWS_MAX);
	return p->rows == PRUNE_ROWS_MAX;
}

static bool prune_sessions(struct engine *e, struct prune *p)
{
	return prune_by(e, p, SQL_PRUNE_SESSIONS, p->keep_day);
}

static bool prune_throttle(struct engine *e, struct prune *p)
{
	return prune_by(e, p, SQL_PRUNE_THROTTLE, p->keep_day);
}

static bool prune_diverts(struct engine *e, struct prune *p)
{
	return prune_by(e, p, SQL_PRUNE_DIVERTS, mark_at(e, p->keep_day, MARK_DIVERT));
}

static bool prune_inducts(struct engine *e, struct prune *p)
{
	return prune_by(e, p, SQL_PRUNE_INDUCTS, mark_at(e, p->keep_day, MARK_INDUCT));
}

static bool prune_weighs(struct engine *e, struct prune *p)
{
	return prune_by(e, p, SQL_PRUNE_WEIGHS, mark_at(e, p->keep_day, MARK_WEIGH));
}

static bool prune_weights(struct engine *e, struct prune *p)
{
	return prune_by(e, p, SQL_PRUNE_WEIGHTS, mark_at(e, p->orders_day, MARK_WEIGHT));
}

static bool prune_cases(struct engine *e, struct prune *p)
{
	return prune_by(e, p, SQL_PRUNE_CASES, mark_at(e, p->orders_day, MARK_CASE));
}

static bool prune_waves(struct engine *e, struct prune *p)
{
	return prune_by(e, p, SQL_PRUNE_WAVES, p->orders_day);
}

/* Their sum stays, so that stock is still what was moved. */
static bool prune_movements(struct engine *e, struct prune *p)
{
	int64_t last = store_number(e->store, 0, SQL_PRUNE_MOVEMENTS_LAST, "ii", mark_at(e, p->orders_day, MARK_MOVEMENT),
		PRUNE_MOVEMENTS_MAX);

	if (!last)
		return false;
	store_run(e->store, SQL_CARRY_IN, "i", last);
	store_run(e->store, SQL_CARRY_OUT, "i", last);
	store_run(e->store, SQL_CARRY_NOTHING, "");
	p->rows = store_run(e->store, SQL_PRUNE_MOVEMENTS, "i", last);
	return p->rows == PRUNE_MOVEMENTS_MAX;
}

static int64_t prune_order(struct engine *e, const char *order)
{
	static const enum sql parts[] = { SQL_PRUNE_ORDER_SSCCS, SQL_PRUNE_ORDER_LABELS, SQL_PRUNE_ORDER_CARTONS,
		SQL_PRUNE_ORDER_TASKS, SQL_PRUNE_ORDER_LINES, SQL_PRUNE_ORDER_SHIPMENT, SQL_PRUNE_ORDER };
	int64_t rows = 0;

	if (store_number(e->store, 0, SQL_PRUNE_ORDER_BUSY, "t", order))
		return 0;
	for (size_t i = 0; i < array_len(parts); i++)
		rows += store_run(e->store, parts[i], "t", order);
	return rows;
}

static bool prune_orders(struct engine *e, struct prune *p)
{
	char orders[PRUNE_ORDERS_MAX][64];
	int64_t at[PRUNE_ORDERS_MAX][2];
	size_t n = 0;
	struct store_cursor q = store_query(e->store, SQL_PRUNE_ORDERS_AFTER, "iiii", p->orders_day, p->at[0], p->at[1],
		(int64_t)PRUNE_ORDERS_MAX);

	for (; n < PRUNE_ORDERS_MAX && store_next(&q); n++) {
		text_format(orders[n], sizeof(orders[n]), "%s", store_text(&q, 0));
		at[n][0] = store_int(&q, 1);
		at[n][1] = store_int(&q, 2);
	}
	store_end(&q);
	for (size_t i = 0; i < n && p->rows < PRUNE_ROWS_MAX / 3; i++) {
		p->rows += prune_order(e, orders[i]);
		memcpy(p->at, at[i], sizeof(p->at));
	}
	return n > 0;
}

/* In this order: an answer goes before the journal row that holds its text, an order's event before the order. */
static const struct prune_step {
	const char *name;
	bool (*run)(struct engine *e, struct prune *p); /* true: once more */
} steps[] = {
	{ "answers", prune_answers },
	{ "outbox", prune_outbox },
	{ "sessions", prune_sessions },
	{ "throttle", prune_throttle },
	{ "diverts", prune_diverts },
	{ "inducts", prune_inducts },
	{ "weighs", prune_weighs },
	{ "weights", prune_weights },
	{ "movements", prune_movements },
	{ "orders", prune_orders },
	{ "waves", prune_waves },
	{ "cases", prune_cases },
	{ "journal", prune_journal },
};

void prune_start(struct engine *e, struct outcome *o)
{
	continuation_add(e, o, "prune", json_pack("{s:s}", "step", steps[0].name));
}

/* Up to the first step that writes; what is left is for the next command. */
static void run_steps(struct engine *e, struct outcome *o, const struct prune_step *step, struct prune *p)
{
	const struct prune_step *end = steps + array_len(steps);

	for (; step < end; step++, p->at[0] = p->at[1] = 0) {
		bool more = step->run(e, p);

		if (more)
			continuation_add(e, o, "prune", json_pack("{s:s, s:I, s:I}", "step", step->name, "at", (json_int_t)p->at[0],
								"at2", (json_int_t)p->at[1]));
		else if (p->rows && step + 1 < end)
			continuation_add(e, o, "prune", json_pack("{s:s}", "step", step[1].name));
		if (more || p->rows)
			return;
	}
}

int on_prune(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	int64_t orders_days = store_number(e->store, KEEP_ORDERS_DAYS, SQL_SETTING, "t", "keep_orders_days"), continuation = 0;
	struct prune p = { .keep_day = e->day - day_marks(KEEP_DAYS), .orders_day = e->day - day_marks(orders_days) };
	const char *name = NULL;
	const struct json_field fields[] = {
		{ "continuation", JSON_REQUIRED, JSON_INTEGER, &continuation, 1, INT64_MAX },
		{ "step", JSON_REQUIRED, JSON_STRING, &name, 1, 20 },
		{ "at", JSON_OPTIONAL, JSON_INTEGER, &p.at[0], 0, INT64_MAX },
		{ "at2", JSON_OPTIONAL, JSON_INTEGER, &p.at[1], 0, INT64_MAX },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	continuation_done(e, continuation);
	for (size_t i = 0; i < array_len(steps); i++)
		if (strcmp(steps[i].name, name) == 0)
			run_steps(e, o, &steps[i], &p);
	outcome_quiet(o, "pruned");
	return 0;
}
