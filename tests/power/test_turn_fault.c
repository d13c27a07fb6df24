/* An operation of the disk fails, at every place of the real core's turn: a full disk loses nothing and opens again, a
 * broken one ends the core without an answer, and the next run has all that was answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "quick_memory.h"
#include "turn_bench.h"

#define SMALL_CACHE_PAGES 10 /* a turn then writes to the log before its commit, and reads what it wrote */
#define SWEEP_MAX 20000
/* A replay opens a database of its own: by default one run in so many is replayed, at night each. */
#define REPLAY_STRIDE 5

struct sweep {
	const char *name;
	struct disk_fault fault; /* `at` is swept */
	int64_t stride;          /* by default; a night takes every operation */
};

static bool nightly(void)
{
	const char *text = getenv("WHARF_NIGHTLY");

	return text && strcmp(text, "1") == 0;
}

static int count_heard(const struct bench *b, enum heard heard)
{
	int n = 0;

	for (size_t i = 0; i < bench_commands(); i++)
		n += b->ledger->heard[i] == heard;
	return n;
}

/* ---- full ---- */

/* The same commands again: what was answered is answered the same, the rest is decided now. */
static void play_again(struct bench *b, int64_t at)
{
	bench_play(b);
	assert_int_equal(count_heard(b, HEARD_OUTCOME), bench_commands());
	bench_prove(b);
	if (nightly() || at % REPLAY_STRIDE == 0)
		bench_replay(b);
}

static void run_full(struct bench *b, void *user)
{
	const struct disk_fault *fault = user;

	b->disk->fault = *fault;
	bench_play(b);
	/* Nobody waits for an answer. */
	assert_int_equal(count_heard(b, HEARD_NOTHING), 0);
	assert_int_equal(core_closed(b->rig.core) != NULL, count_heard(b, HEARD_FULL) > 0);
	b->disk->fault = (struct disk_fault){ 0 };
	disk_watch(b->rig.core);
	assert_null(core_closed(b->rig.core));
	play_again(b, fault->at);
}

/* ---- broken ---- */

static void run_broken(struct bench *b, void *user)
{
	const struct disk_fault *fault = user;

	b->disk->fault = *fault;
	bench_play(b);
	/* Still here: then nothing had failed. */
	assert_int_equal(b->disk->faults, 0);
}

/* The journal ends where a transaction did: the last that was answered, or the one at work, whole. */
static void check_end(struct bench *b)
{
	char sql[120];
	int64_t last;

	snprintf(sql, sizeof(sql), "SELECT min(seq) - 1 FROM journal WHERE kind = 'started' AND seq > %lld",
		(long long)b->first_seq);
	last = rig_number(&b->rig, sql);
	if (last != b->ledger->committed_seq)
		assert_int_equal(last, b->ledger->tried_seq);
	assert_true(rig_number(&b->rig, "SELECT up_head FROM link") >= b->ledger->head_heard);
}

static void run_next(struct bench *b, void *user)
{
	struct ledger before = *b->ledger;
	const int64_t *at = user;

	core_rig_start(&b->rig);
	check_end(b);
	bench_join(b);
	/* An answer that was heard is heard again, the same: note_answer() compares. */
	play_again(b, *at);
	for (size_t i = 0; i < bench_commands(); i++)
		if (before.heard[i] == HEARD_OUTCOME)
			assert_string_equal(b->ledger->text[i], before.text[i]);
}

/* ---- every operation ---- */

/* False where the play has no such operation any more. */
static bool fail_at(struct bench *b, const struct sweep *s, int64_t at)
{
	struct disk_fault fault = s->fault;
	struct chance chance = { (uint64_t)at };
	int ended;

	fault.at = at;
	bench_reset(b);
	if (fault.error == -ENOSPC) {
		assert_int_equal(bench_fork(b, run_full, &fault), EXIT_SUCCESS);
		return b->disk->faults > 0;
	}
	ended = bench_fork(b, run_broken, &fault);
	if (ended != BENCH_ENDED)
		return false;
	assert_true(b->disk->faults > 0);
	bench_hear(b);
	b->disk->fault = (struct disk_fault){ 0 };
	/* Every other time the box goes down with its core. */
	if (at % 2)
		disk_cut(b->disk, &chance);
	assert_int_equal(bench_fork(b, run_next, &at), EXIT_SUCCESS);
	return true;
}

static void sweep(const struct sweep *s, size_t n, int cache_pages)
{
	struct bench b;

	bench_open(&b, cache_pages);
	for (; n--; s++) {
		int64_t stride = nightly() ? 1 : s->stride, at = 1;
		int runs = 0;

		for (; at < SWEEP_MAX && fail_at(&b, s, at); at += stride)
			runs++;
		assert_true(runs > 0);
		print_message("%s: %d runs, one in %lld operations\n", s->name, runs, (long long)stride);
	}
	bench_close(&b);
}

static void a_full_disk_at_every_write_of_a_turn_loses_nothing_and_opens_again(void **state)
{
	static const struct sweep sweeps[] = {
		{ "full", { .ops = DISK_BIT(DISK_WRITE), .stays = true, .error = -ENOSPC }, 1 },
		{ "full once", { .ops = DISK_BIT(DISK_WRITE), .error = -ENOSPC }, 17 },
		{ "full in the middle of a write", { .ops = DISK_BIT(DISK_WRITE), .stays = true, .error = -ENOSPC, .half = true }, 17 },
	};

	(void)state;
	sweep(sweeps, array_len(sweeps), 0);
}

static void a_failed_operation_ends_the_core_without_an_answer_that_does_not_hold(void **state)
{
	static const struct sweep sweeps[] = {
		{ "write", { .ops = DISK_BIT(DISK_WRITE), .error = -EIO }, 1 },
		{ "half a write", { .ops = DISK_BIT(DISK_WRITE), .error = -EIO, .half = true }, 17 },
		{ "sync", { .ops = DISK_BIT(DISK_SYNC), .error = -EIO, .drops = true }, 1 },
		{ "truncation", { .ops = DISK_BIT(DISK_TRUNCATE), .error = -EIO }, 1 },
	};

	(void)state;
	sweep(sweeps, array_len(sweeps), 0);
}

static void with_little_memory_it_is_the_same(void **state)
{
	static const struct sweep sweeps[] = {
		{ "read", { .ops = DISK_BIT(DISK_READ), .error = -EIO }, 61 },
		{ "write", { .ops = DISK_BIT(DISK_WRITE), .error = -EIO }, 61 },
		{ "full", { .ops = DISK_BIT(DISK_WRITE), .stays = true, .error = -ENOSPC }, 11 },
	};

	(void)state;
	sweep(sweeps, array_len(sweeps), SMALL_CACHE_PAGES);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_at_every_write_of_a_turn_loses_nothing_and_opens_again),
		cmocka_unit_test(a_failed_operation_ends_the_core_without_an_answer_that_does_not_hold),
		cmocka_unit_test(with_little_memory_it_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	quick_memory_use();
	store_single_thread();
	log_open("test", LOG_CRIT);
	return run_all();
}
