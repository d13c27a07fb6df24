#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "engine.h"
#include "json.h"
#include "states.h"

/* What a tote holds, of which each costs four rows: an event and the head of their chain, a movement, the stock. */
#define EMPTIED_PER_TURN 100

int64_t case_open(struct engine *e, struct command *c, struct outcome *o, const char *kind, enum role role,
	const char *subject, const char *choices, const char *format, ...)
{
	int64_t open = store_number(e->store, 0, SQL_CASE_FIND, "tt", kind, subject);
	char say[OUTCOME_SAY_MAX];
	va_list args;

	if (open)
		return open;
	va_start(args, format);
	vsnprintf(say, sizeof(say), format, args);
	va_end(args);
	text_make_utf8(say);
	store_run(e->store, SQL_CASE_ADD, "tttttti", kind, state_name(MACHINE_CASE, CASE_OPEN), role_name(role),
		subject, say, choices, c->moment.now_us);
	open = store_last_id(e->store);
	o->touched |= TOUCHED_CASES;
	event_make(e, c, o, "case.opened", subject,
		json_pack("{s:I, s:s, s:s, s:s, s:s}", "case", (json_int_t)open, "kind", kind, "role", role_name(role),
			"subject", subject, "say", say));
	return open;
}

void case_close(struct engine *e, struct outcome *o, const char *kind, const char *subject, const char *resolution)
{
	int64_t open = store_number(e->store, 0, SQL_CASE_FIND, "tt", kind, subject);

	if (!open)
		return;
	store_run(e->store, SQL_CASE_RESOLVE, "ttti", state_move(MACHINE_CASE, CASE_OPEN, CASE_RESOLVED), resolution,
		"core", open);
	o->touched |= TOUCHED_CASES;
}

static bool is_choice(const char *choices, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = choices; len && *p; p += strcspn(p, "|"), p += *p == '|')
		if (strcspn(p, "|") == len && strncmp(p, word, len) == 0)
			return true;
	return false;
}

/* Some of the goods leave the place; who puts them into a bin counts them there. HQ's figures follow. True when the
 * place is empty. */
static bool empty_some(struct engine *e, struct command *c, struct outcome *o, const char *place)
{
	struct store_cursor q = store_query(e->store, SQL_STOCK_AT, "t", place);
	int n = 0;

	while (store_next(&q)) {
		if (n++ == EMPTIED_PER_TURN) {
			store_end(&q);
			return false;
		}
		event_make(e, c, o, "stock.adjusted", store_text(&q, 0),
			json_pack("{s:s, s:s, s:s, s:I, s:s}", "location", place, "item", store_text(&q, 0), "lot",
				store_text(&q, 1), "qty", (json_int_t)-store_int(&q, 2), "reason", "returned"));
		store_run(e->store, SQL_MOVEMENT_ADD, "ittttit", c->seq, store_text(&q, 0), store_text(&q, 1), place, "",
			store_int(&q, 2), "return");
		store_run(e->store, SQL_STOCK_DROP, "ttt", place, store_text(&q, 0), store_text(&q, 1));
	}
	store_run(e->store, SQL_STOCK_CLEAR, "t", place);
	return true;
}

/* True when tote and carton are empty and the tote is free for the next order. */
static bool tote_emptied(struct engine *e, struct command *c, struct outcome *o, const char *tote)
{
	int64_t carton = store_number(e->store, 0, SQL_CARTON_OPEN_OF_TOTE, "t", tote);
	char in_tote[80], in_carton[40];

	snprintf(in_tote, sizeof(in_tote), "tote/%s", tote);
	snprintf(in_carton, sizeof(in_carton), "carton/%lld", (long long)carton);
	if (store_number(e->store, 0, SQL_STOCK_SUM_AT, "t", in_tote)) {
		empty_some(e, c, o, in_tote);
		return false; /* the carton has a turn of its own */
	}
	if (carton && !empty_some(e, c, o, in_carton))
		return false;
	if (carton)
		carton_move(e, carton, CARTON_VOID);
	store_run(e->store, SQL_TOTE_EMPTY_SET, "t", tote);
	o->touched |= TOUCHED_ORDERS;
	return true;
}

int on_tote_empty(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *tote = NULL;
	int64_t continuation = 0;
	const struct json_field fields[] = {
		{ "tote", JSON_REQUIRED, JSON_STRING, &tote, 1, 60 },
		{ "continuation", JSON_OPTIONAL, JSON_INTEGER, &continuation, 1, INT64_MAX },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	continuation_done(e, continuation);
	outcome_quiet(o, "emptied");
	if (!tote_emptied(e, c, o, tote))
		continuation_add(e, o, "tote_empty", json_pack("{s:s}", "tote", tote));
	return 0;
}

/* Some resolutions do something on the floor. */
static void carry_out(struct engine *e, struct outcome *o, const char *kind, const char *subject, const char *resolution)
{
	if (strcmp(kind, "count") == 0 && strcmp(resolution, "counted") == 0)
		store_run(e->store, SQL_LOCATION_FREEZE, "it", INT64_C(0), subject);
	if (strcmp(kind, "return_tote") == 0)
		continuation_add(e, o, "tote_empty", json_pack("{s:s}", "tote", subject));
}

static const char *resolve(struct engine *e, struct command *c, struct outcome *o, int64_t id,
	const char *resolution)
{
	struct store_cursor q = store_query(e->store, SQL_CASE_GET, "i", id);
	char kind[64] = "", subject[96] = "", choices[200] = "", state[32] = "";

	if (!store_first(&q))
		return "There is no such case";
	text_copy(kind, sizeof(kind), store_text(&q, 0));
	text_copy(state, sizeof(state), store_text(&q, 1));
	text_copy(subject, sizeof(subject), store_text(&q, 2));
	text_copy(choices, sizeof(choices), store_text(&q, 3));
	store_end(&q);
	if (state_named(MACHINE_CASE, state) != CASE_OPEN)
		return "Already resolved";
	if (!is_choice(choices, resolution))
		return "That is not one of the choices";
	store_run(e->store, SQL_CASE_RESOLVE, "ttti", state_move(MACHINE_CASE, CASE_OPEN, CASE_RESOLVED), resolution,
		c->badge, id);
	carry_out(e, o, kind, subject, resolution);
	event_make(e, c, o, "case.resolved", subject,
		json_pack("{s:I, s:s, s:s}", "case", (json_int_t)id, "kind", kind, "resolution", resolution));
	return NULL;
}

int on_case_resolve(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *resolution = NULL, *note = "", *refusal;
	int64_t id = 0;
	const struct json_field fields[] = {
		{ "case", JSON_REQUIRED, JSON_INTEGER, &id, 1, INT64_MAX },
		{ "resolution", JSON_REQUIRED, JSON_STRING, &resolution, 1, 40 },
		{ "note", JSON_OPTIONAL, JSON_STRING, &note, 0, 400 },
	};

	if (READ_ARGS(fields) < 0)
		return -EINVAL;
	refusal = resolve(e, c, o, id, resolution);
	o->touched |= TOUCHED_CASES;
	if (refusal)
		outcome_bad(o, "not_resolved", "%s", refusal);
	else
		outcome_good(o, "resolved", "Case %lld: %s", (long long)id, resolution);
	return 0;
}
