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
#include "quick_memory.h"
#include "verdict.h"

#define VFS_PLAY "power-play"
#define VFS_IMAGE "power-image"
#define SMALL_CACHE_PAGES 10 /* a turn then writes to the log before its commit */

/* Cuts at chance in long plays, by default and for a whole night. */
#define RANDOM_CUTS 2800
#define NIGHTLY_FACTOR 20
#define RANDOM_ACTS 150
#define PASSES_A_DAY 4
#define OPS_BETWEEN_CUTS 80
#define MOST_DOUBLINGS 8
/* A rig that finds nothing at one operation in so many finds nothing. */
#define CONTROL_STRIDE 10

static bool nightly(void)
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
	int64_t stride;  /* operations from one cut to the next */
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
	for (int i = 0; i < 2 && s->disk->ops % s->stride == 0; i++)
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

static void sweep(struct sweep *s, const struct tape *tape, uint64_t seed, int64_t stride)
{
	s->tape = tape;
	s->stride = stride;
	s->chance.state = seed;
	s->disk = disk_create();
	s->image = disk_create();
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
	sweep(&s, &tape, 2, 1);
	play_tape(&s);
	print_message("%lld cuts at %lld operations, %zu commands in %zu turns\n", (long long)s.cuts,
		(long long)s.disk->ops, tape.rows_n, tape.turns_n);
	sweep_end(&s);
	tape_free(&tape);
}

/* ---- cuts one after the other, at chance ---- */

struct night {
	const struct tape *tape;
	struct disk *disk;
	struct chance chance;
	uint64_t seed;
	size_t answered;
	int cuts, idle; /* all cuts; those since a run last got further */
};

/* Plays until the power goes or the tape ends. */
static void play_until_cut(struct night *n, struct judged *j)
{
	while (n->answered < n->tape->turns_n && tape_play_turn(n->tape, n->answered, &j->engine)) {
		make_checkpoint(j->store, n->tape->turns[n->answered].checkpoint);
		n->answered++;
	}
}

/*
 * A cut may also come while the program opens its database, or when its day is over. After each of those the next may
 * come later: opening has a length of its own, and a fixed span shorter than that would cut for ever.
 */
static unsigned span_to_next_cut(const struct night *n)
{
	return (unsigned)OPS_BETWEEN_CUTS << (n->idle < MOST_DOUBLINGS ? n->idle : MOST_DOUBLINGS);
}

/* One run of the program on what the last one left. */
static void run_once(struct night *n)
{
	struct judged j;

	n->disk->off_at = n->disk->ops + 1 + chance_below(&n->chance, span_to_next_cut(n));
	n->disk->cache_pages = chance_permille(&n->chance, 300) ? SMALL_CACHE_PAGES : 0;
	j = judge(n->tape, VFS_PLAY, n->answered, &n->chance);
	if (j.verdict != VERDICT_TRUE && !n->disk->off)
		fail_msg("seed %llu: after %d cuts: %s: %s", (unsigned long long)n->seed, n->cuts,
			verdict_name(j.verdict), j.why);
	n->idle++;
	if (j.verdict == VERDICT_TRUE) {
		size_t before = n->answered = j.turns;

		play_until_cut(n, &j);
		if (n->answered > before)
			n->idle = 0;
		if (!n->disk->off) {
			j.turns = n->answered;
			check_whole_day(&j, n->tape);
		}
	}
	judge_end(&j);
}

static int play_through_cuts(const struct tape *tape, uint64_t seed)
{
	struct night n = { .tape = tape, .disk = disk_create(), .chance = { seed }, .seed = seed };

	crash_vfs_register(VFS_PLAY, n.disk, false);
	for (run_once(&n); n.disk->off; run_once(&n)) {
		disk_cut(n.disk, &n.chance);
		n.cuts++;
	}
	crash_vfs_unregister(VFS_PLAY);
	disk_destroy(n.disk);
	return n.cuts;
}

static void record_random_day(struct tape *tape, struct chance *chance)
{
	static struct play p;

	play_random_day(&p, chance, RANDOM_ACTS);
	tape_record(tape, &p);
}

static void cuts_one_after_the_other_on_random_days_lose_nothing_that_was_answered(void **state)
{
	int wanted = RANDOM_CUTS * (nightly() ? NIGHTLY_FACTOR : 1), cuts = 0;
	struct chance chance = { 1 };
	size_t commands = 0, days = 0;

	(void)state;
	for (; cuts < wanted; days++) {
		struct tape tape;

		record_random_day(&tape, &chance);
		commands += tape.rows_n;
		/* Each day is cut into other turns, and then by other cuts, several times. */
		for (int i = 0; i < PASSES_A_DAY; i++) {
			tape_cut(&tape, &chance);
			cuts += play_through_cuts(&tape, chance_next(&chance));
		}
		tape_free(&tape);
	}
	print_message("%d cuts in %zu days of %zu commands\n", cuts, days, commands / days);
}

/* ---- does the rig find anything? ---- */

static void sweep_short_day(struct sweep *s, void (*weaken)(struct disk *disk))
{
	struct tape tape;

	record_short_day(&tape, 3);
	sweep(s, &tape, 4, CONTROL_STRIDE);
	s->may_fail = true;
	weaken(s->disk);
	play_tape(s);
	sweep_end(s);
	tape_free(&tape);
}

static void sync_weakly(struct disk *disk)
{
	disk->weak_sync = true;
}

static void lie(struct disk *disk)
{
	disk->lies = true;
}

static void without_a_sync_at_each_commit_the_same_cuts_lose_answers(void **state)
{
	struct sweep s = { 0 };

	(void)state;
	sweep_short_day(&s, sync_weakly);
	assert_true(s.verdicts[VERDICT_LOST] > s.cuts / 20);
	/* It is still WAL: what is lost is lost whole. */
	assert_int_equal(s.verdicts[VERDICT_LOST] + s.verdicts[VERDICT_TRUE], s.cuts);
}

static void on_a_disk_that_lies_about_syncs_the_same_cuts_destroy_the_database(void **state)
{
	struct sweep s = { 0 };

	(void)state;
	sweep_short_day(&s, lie);
	assert_true(s.verdicts[VERDICT_LOST] > 0);
	assert_true(s.verdicts[VERDICT_CORRUPT] + s.verdicts[VERDICT_NOT_OPENED] + s.verdicts[VERDICT_HALF] > 0);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_at_every_operation_of_a_day_loses_nothing_that_was_answered),
		cmocka_unit_test(cuts_one_after_the_other_on_random_days_lose_nothing_that_was_answered),
		cmocka_unit_test(without_a_sync_at_each_commit_the_same_cuts_lose_answers),
		cmocka_unit_test(on_a_disk_that_lies_about_syncs_the_same_cuts_destroy_the_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	quick_memory_use();
	store_single_thread();
	log_open("test", LOG_CRIT); /* what a cut makes the store say is no news here */
	return run_all();
}
