/* The life cycles themselves: whatever the rules do, they can only do what stands in these tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "states.h"

static void every_machine_has_named_states_and_no_two_are_alike(void **unused)
{
	(void)unused;
	for (unsigned m = 0; m < MACHINES; m++) {
		const struct state_table *t = states_of(m);

		assert_true(t->n > 1 && t->n <= 32);
		for (unsigned i = 0; i < t->n; i++) {
			assert_non_null(t->rows[i].name);
			assert_true(t->rows[i].name[0]);
			assert_int_equal(state_named(m, t->rows[i].name), i);
		}
	}
}

static void successors_are_states_of_the_same_machine(void **unused)
{
	(void)unused;
	for (unsigned m = 0; m < MACHINES; m++) {
		const struct state_table *t = states_of(m);
		uint32_t all = t->n == 32 ? UINT32_MAX : (UINT32_C(1) << t->n) - 1;

		for (unsigned i = 0; i < t->n; i++)
			assert_int_equal(t->rows[i].next & ~all, 0);
	}
}

static void a_state_is_final_where_nothing_follows_and_only_there(void **unused)
{
	(void)unused;
	for (unsigned m = 0; m < MACHINES; m++)
		for (unsigned i = 0; i < states_of(m)->n; i++)
			assert_int_equal(states_of(m)->rows[i].final, states_of(m)->rows[i].next == 0);
}

static void every_state_can_be_reached_from_the_first(void **unused)
{
	(void)unused;
	for (unsigned m = 0; m < MACHINES; m++) {
		const struct state_table *t = states_of(m);
		uint32_t seen = 1;

		for (size_t round = 0; round < t->n; round++)
			for (unsigned i = 0; i < t->n; i++)
				if (seen & (UINT32_C(1) << i))
					seen |= t->rows[i].next;
		assert_int_equal(seen, t->n == 32 ? UINT32_MAX : (UINT32_C(1) << t->n) - 1);
	}
}

static void nothing_leaves_a_shipped_order_but_its_confirmation(void **unused)
{
	(void)unused;
	for (unsigned to = 0; to < states_of(MACHINE_ORDER)->n; to++)
		assert_int_equal(state_may_follow(MACHINE_ORDER, ORDER_SHIPPED, to), to == ORDER_CONFIRMED);
	assert_false(state_may_follow(MACHINE_CARTON, CARTON_SHIPPED, CARTON_STRAY));
}

static void a_late_divert_is_never_taken_or_written(void **unused)
{
	(void)unused;
	assert_false(state_may_follow(MACHINE_DIVERT, DIVERT_LATE, DIVERT_TAKEN));
	assert_false(state_may_follow(MACHINE_DIVERT, DIVERT_LATE, DIVERT_WRITTEN));
	assert_false(state_may_follow(MACHINE_DIVERT, DIVERT_DUE, DIVERT_WRITTEN));
	assert_false(state_may_follow(MACHINE_DIVERT, DIVERT_ASKED, DIVERT_TAKEN));
}

static void a_label_is_printed_again_only_from_an_end_and_never_when_void(void **unused)
{
	(void)unused;
	assert_false(state_may_follow(MACHINE_LABEL, LABEL_TAKEN, LABEL_DUE));
	assert_false(state_may_follow(MACHINE_LABEL, LABEL_DUE, LABEL_SENT));
	for (unsigned to = 0; to < states_of(MACHINE_LABEL)->n; to++)
		assert_false(state_may_follow(MACHINE_LABEL, LABEL_VOID, to));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_machine_has_named_states_and_no_two_are_alike),
		cmocka_unit_test(successors_are_states_of_the_same_machine),
		cmocka_unit_test(a_state_is_final_where_nothing_follows_and_only_there),
		cmocka_unit_test(every_state_can_be_reached_from_the_first),
		cmocka_unit_test(nothing_leaves_a_shipped_order_but_its_confirmation),
		cmocka_unit_test(a_late_divert_is_never_taken_or_written),
		cmocka_unit_test(a_label_is_printed_again_only_from_an_end_and_never_when_void),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
