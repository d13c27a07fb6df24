#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = { [VERDICT_TRUE] = "true", [VERDICT_NOT_OPENED] = "not opened",
		[VERDICT_CORRUPT] = "corrupt", [VERDICT_LOST] = "lost", [VERDICT_HALF] = "half",
		[VERDICT_DIFFERENT] = "different" };

	return names[verdict];
}

static bool wrong(struct judged *j, enum verdict verdict, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool wrong(struct judged *j, enum verdict verdict, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(j->why, sizeof(j->why), format, args);
	va_end(args);
	j->verdict = verdict;
	return false;
}

static bool open_it(struct judged *j, const char *vfs)
{
	int r = store_open("wharf.db", vfs, &j->store);

	if (r < 0)
		return wrong(j, VERDICT_NOT_OPENED, "store_open gives %d", r);
	if (store_integrity(j->store, j->why, sizeof(j->why)) < 0)
		return wrong(j, VERDICT_CORRUPT, "integrity_check");
	store_begin(j->store);
	engine_load(&j->engine, j->store);
	if (store_commit(j->store) < 0)
		return wrong(j, VERDICT_NOT_OPENED, "%s", store_failure_text(j->store));
	return true;
}

/* The chain at the last row is the chain of the tape: so is all of the journal. */
static bool find_end(struct judged *j, const struct tape *tape, size_t answered)
{
	size_t seq = (size_t)j->engine.seq;

	for (j->turns = 0; j->turns < tape->turns_n && tape_end(tape, j->turns) < seq;)
		j->turns++;
	if (tape_end(tape, j->turns) != seq || j->turns > answered + 1)
		return wrong(j, VERDICT_HALF, "row %zu is the last, %zu turns were answered", seq, answered);
	if (j->turns < answered)
		return wrong(j, VERDICT_LOST, "row %zu is the last, %zu turns were answered", seq, answered);
	if (seq && memcmp(j->engine.hash, tape->rows[seq - 1].hash, HASH_BYTES) != 0)
		return wrong(j, VERDICT_DIFFERENT, "the journal up to row %zu is another one", seq);
	return true;
}

static bool state_is_its_turns(struct judged *j, const struct tape *tape)
{
	uint8_t state[HASH_BYTES];

	if (j->turns && (store_state_hash(j->store, state) < 0 ||
				memcmp(state, tape->turns[j->turns - 1].state, HASH_BYTES) != 0))
		return wrong(j, VERDICT_HALF, "the state is not that after turn %zu", j->turns);
	return true;
}

/* Each command of a turn that is there gets its first answer, byte for byte. */
static bool ask_again(struct judged *j, const struct tape *tape, size_t turn)
{
	const struct tape_turn *t = &tape->turns[turn];
	enum engine_answer answer;
	size_t i;

	store_begin(j->store);
	for (i = 0; i < t->n && tape_apply(&tape->rows[t->first + i], &j->engine, &answer) && answer == ENGINE_REPLAYED;)
		i++;
	store_rollback(j->store);
	return i == t->n || wrong(j, VERDICT_DIFFERENT, "row %zu gets another answer", t->first + i + 1);
}

struct judged judge(const struct tape *tape, const char *vfs, size_t answered, struct chance *chance)
{
	struct judged j = { .verdict = VERDICT_TRUE };

	if (open_it(&j, vfs) && find_end(&j, tape, answered) && state_is_its_turns(&j, tape) && j.turns &&
		ask_again(&j, tape, j.turns - 1))
		ask_again(&j, tape, chance_below(chance, (unsigned)j.turns));
	return j;
}

void judge_end(struct judged *judged)
{
	store_close(judged->store);
	judged->store = NULL;
}
