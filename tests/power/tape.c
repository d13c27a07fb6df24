#include "tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define TURN_ROWS_MAX 6

static unsigned peer_named(const char *name)
{
	for (unsigned kind = 0; kind < DOOR_KINDS; kind++)
		if (strcmp(door_kind_name((enum door_kind)kind), name) == 0)
			return kind;
	return PEER_INTERNAL;
}

static struct tape_row row_of(const struct store_cursor *q)
{
	struct tape_row row = { .moment = { store_int(q, 1), store_int(q, 2), store_int(q, 3) },
		.peer = peer_named(store_text(q, 4)), .command = strdup(store_text(q, 5)),
		.outcome = strdup(store_text(q, 6)) };
	int len;
	const void *hash = store_blob(q, 7, &len);

	assert_int_equal(len, HASH_BYTES);
	memcpy(row.hash, hash, HASH_BYTES);
	return row;
}

void tape_record(struct tape *tape, struct play *p)
{
	size_t rows = (size_t)play_number(p, "SELECT count(*) FROM journal");
	struct store_cursor q = store_query(p->store, SQL_JOURNAL_AFTER, "i", INT64_C(0));

	*tape = (struct tape){ .rows = calloc(rows, sizeof(*tape->rows)), .turns = calloc(rows, sizeof(*tape->turns)) };
	assert_true(tape->rows && tape->turns);
	while (store_next(&q))
		tape->rows[tape->rows_n++] = row_of(&q);
	assert_int_equal(tape->rows_n, rows);
	store_close(p->store);
	free(p->text);
}

void tape_free(struct tape *tape)
{
	for (size_t i = 0; i < tape->rows_n; i++) {
		free(tape->rows[i].command);
		free(tape->rows[i].outcome);
	}
	free(tape->rows);
	free(tape->turns);
	*tape = (struct tape){ 0 };
}

size_t tape_end(const struct tape *tape, size_t turns)
{
	return turns ? tape->turns[turns - 1].first + tape->turns[turns - 1].n : 0;
}

bool tape_apply(const struct tape_row *row, struct engine *engine, enum engine_answer *ret_answer)
{
	const char *code;
	char why[WHY_MAX];
	struct engine_result result;
	struct command command;
	bool same;

	if (command_parse(&command, row->peer, json_loads(row->command, 0, NULL), row->command, &code, why, sizeof(why)) < 0)
		return false;
	command.moment = row->moment;
	engine_apply(engine, &command, NULL, &result);
	*ret_answer = result.answer;
	same = result.text && strcmp(result.text, row->outcome) == 0;
	engine_result_fini(&result);
	command_fini(&command);
	return same;
}

static bool in_order(const struct store *store)
{
	return store_failure(store) == STORE_OK && store_in_transaction(store);
}

bool tape_play_turn(const struct tape *tape, size_t turn, struct engine *engine)
{
	const struct tape_turn *t = &tape->turns[turn];
	enum engine_answer answer;

	store_begin(engine->store);
	for (size_t i = 0; i < t->n && in_order(engine->store); i++) {
		bool same = tape_apply(&tape->rows[t->first + i], engine, &answer);

		assert_true(same || !in_order(engine->store));
	}
	return in_order(engine->store) && store_commit(engine->store) == 0;
}

static enum tape_checkpoint any_checkpoint(struct chance *chance)
{
	switch (chance_below(chance, 10)) {
	case 0:
		return CHECKPOINT_TRUNCATE;
	case 1:
	case 2:
		return CHECKPOINT_PASSIVE;
	default:
		return CHECKPOINT_NONE;
	}
}

void tape_cut(struct tape *tape, struct chance *chance)
{
	struct store *store;
	struct engine engine;

	assert_int_equal(store_open(":memory:", NULL, &store), 0);
	store_begin(store);
	engine_load(&engine, store);
	assert_int_equal(store_commit(store), 0);
	tape->turns_n = 0;
	for (size_t first = 0; first < tape->rows_n;) {
		struct tape_turn *t = &tape->turns[tape->turns_n];

		*t = (struct tape_turn){ .first = first, .n = 1 + chance_below(chance, TURN_ROWS_MAX),
			.checkpoint = any_checkpoint(chance) };
		if (t->n > tape->rows_n - first)
			t->n = tape->rows_n - first;
		assert_true(tape_play_turn(tape, tape->turns_n++, &engine));
		assert_int_equal(store_state_hash(store, t->state), 0);
		first += t->n;
	}
	assert_memory_equal(engine.hash, tape->rows[tape->rows_n - 1].hash, HASH_BYTES);
	store_close(store);
}
