#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "sync_world.h"

#define SEEDS 150
#define SEEDS_FOR_A_FLAW 40

static void with_loss_doubling_reordering_and_kills_every_event_arrives_once_and_in_order(
	void **state)
{
	int64_t events = 0, downs = 0, leases = 0, kills = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct verdict v;

		world_run(seed, FLAW_NONE, &v);
		if (!v.ok)
			fail_msg("seed %llu: %s", (unsigned long long)seed, v.why);
		events += v.events;
		downs += v.downs;
		leases += v.leases;
		kills += v.kills;
	}
	/* The world must have been a rough one, else all of this proves nothing. */
	assert_true(events > 100 * SEEDS);
	assert_true(downs > 10 * SEEDS);
	assert_true(leases > 2 * SEEDS);
	assert_true(kills > 5 * SEEDS);
}

static void the_same_seed_gives_the_same_world(void **state)
{
	struct verdict a, b, c;

	(void)state;
	world_run(7, FLAW_NONE, &a);
	world_run(7, FLAW_NONE, &b);
	world_run(8, FLAW_NONE, &c);
	assert_true(a.digest == b.digest);
	assert_true(a.digest != c.digest);
}

static void expect_found(enum flaw flaw, const char *name)
{
	for (uint64_t seed = 1; seed <= SEEDS_FOR_A_FLAW; seed++) {
		struct verdict v;

		world_run(seed, flaw, &v);
		if (!v.ok)
			return;
	}
	fail_msg("%s was not found in %d seeds", name, SEEDS_FOR_A_FLAW);
}

static void a_planted_flaw_is_found(void **state)
{
	(void)state;
	expect_found(FLAW_NO_COMPARE_AND_SET, "no compare-and-set");
	expect_found(FLAW_ACK_BEFORE_COMMIT, "ack before commit");
	expect_found(FLAW_DOWN_CURSOR_FIRST, "down cursor first");
	expect_found(FLAW_LEASE_NOT_REMEMBERED, "lease not remembered");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			with_loss_doubling_reordering_and_kills_every_event_arrives_once_and_in_order),
		cmocka_unit_test(the_same_seed_gives_the_same_world),
		cmocka_unit_test(a_planted_flaw_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
