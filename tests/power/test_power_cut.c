/* The power goes while the real engine works on the real store: whatever was answered is there, whatever was not answered
 * is there wholly or not at all, and going on gives what would have been without the cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "crash_vfs.h"
#include "log.h"
#include "verdict.h"

#define VFS_PLAY "power-play"
#define VFS_IMAGE "power-image"
#define SMALL_CACHE_PAGES 10 /* a turn then writes to the log before its commit */

/* Cuts at chance in long plays, by default and for a whole night. */
#define RANDOM_CUTS 2600
#define NIGHTLY_FACTOR 20
#define RANDOM_ACTS 90
#define OPS_BETWEEN_CUTS 160

static inline bool nightly(void)
{
	const char *text = getenv("WHARF_NIGHTLY");

	return text && strcmp(text, "1") == 0;
}

/* ---- a cut at every operation ---- */

struct sweep {
	const struct tape *tape;
	struct disk *disk, *image;
	struct chance chance;
	size_t answered; /* turns */
	int64_t cuts, verdicts[VERDICTS];
	bool may_fail;   /* a rig that must find faults counts them */
};

static void complain(const struct sweep *s, const struct judged *j)
{
	fail_msg("a cut at operation %lld: %s: %s", (long long)s->disk->ops, verdict_name(j->verdict), j->why);
}

/* Where the answers are the tape's, so are the chain and the state: those at the end are compared. */
static void go_on(const struct sweep *s, struct judged *j, size_t turns)
{
	while (j->turns < s->tape->turns_n && turns--)
		assert_true(tape_play_turn(s->tape, j->turns++, &j->engine));
	assert_memory_equal(j->engine.hash, s->tape->rows[tape_end(s->tape, j->turns) - 1].hash, HASH_BYTES);
}

static void check_whole_day(struct judged *j, const struct tape *tape)
{
	struct play p = { .store = j->store, .engine = j->engine };
	uint8_t state[HASH_BYTES];

	assert_int_equal(j->turns, tape->turns_n);
	assert_int_equal(store_state_hash(j->store, state), 0);
	assert_memory_equal(state, tape->turns[tape->turns_n - 1].state, HASH_BYTES);
	play_audit(&p);
	play_replay(&p);
}

static void cut_here(struct sweep *s)
{
	struct judged j;

	disk_copy(s->image, s->disk);
	disk_cut(s->image, &s->chance);
	j = judge(s->tape, VFS_IMAGE, s->answered, &s->chance);
	s->cuts++;
	s->verdicts[j.verdict]++;
	if (j.verdict != VERDICT_TRUE && !s->may_fail)
		complain(s, &j);
	if (j.verdict == VERDICT_TRUE && j.turns < s->tape->turns_n) {
		go_on(s, &j, chance_permille(&s->chance, 10) ? s->tape->turns_n : 1);
		if (j.turns == s->tape->turns_n)
			check_whole_day(&j, s->tape);
	}
	judge_end(&j);
}

static void on_op(void *user)
{
	struct sweep *s = user;

	/* What survives is chance: more than one try each. */
	cut_here(s);
	cut_here(s);
}

static void make_checkpoint(struct store *store, enum tape_checkpoint checkpoint)
{
	if (checkpoint != CHECKPOINT_NONE)
		store_checkpoint(store, checkpoint == CHECKPOINT_TRUNCATE);
}

static void play_tape(struct sweep *s)
{
	struct store *store;
	struct engine engine;

	assert_int_equal(store_open("wharf.db", VFS_PLAY, &store), 0);
	store_begin(store);
	engine_load(&engine, store);
	assert_int_equal(store_commit(store), 0);
	while (s->answered < s->tape->turns_n) {
		assert_true(tape_play_turn(s->tape, s->answered, &engine));
		s->answered++;
		make_checkpoint(store, s->tape->turns[s->answered - 1].checkpoint);
	}
	store_close(store);
}

static void sweep(struct sweep *s, const struct tape *tape, uint64_t seed, int cache_pages)
{
	s->tape = tape;
	s->chance.state = seed;
	s->disk = disk_create();
	s->image = disk_create();
	s->disk->cache_pages = cache_pages;
	s->disk->on_op = on_op;
	s->disk->user = s;
	crash_vfs_register(VFS_PLAY, s->disk, false);
	crash_vfs_register(VFS_IMAGE, s->image, false);
}

static void sweep_end(struct sweep *s)
{
	crash_vfs_unregister(VFS_PLAY);
	crash_vfs_unregister(VFS_IMAGE);
	disk_destroy(s->disk);
	disk_destroy(s->image);
}

static void record_short_day(struct tape *tape, uint64_t seed)
{
	struct chance chance = { seed };
	static struct play p;

	play_short_day(&p);
	tape_record(tape, &p);
	tape_cut(tape, &chance);
}

static void a_cut_at_every_operation_of_a_day_loses_nothing_that_was_answered(void **state)
{
	struct tape tape;
	struct sweep s = { 0 };

	(void)state;
	record_short_day(&tape, 1);
	sweep(&s, &tape, 2, 0);
	play_tape(&s);
	print_message("%lld cuts at %lld operations, %zu commands in %zu turns\n", (long long)s.cuts,
		(long long)s.disk->ops, tape.rows_n, tape.turns_n);
	sweep_end(&s);
	tape_free(&tape);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_at_every_operation_of_a_day_loses_nothing_that_was_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	log_open("test", LOG_CRIT); /* what a cut makes the store say is no news here */
	return run_all();
}
