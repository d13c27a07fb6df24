#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "children.h"
#include "clock.h"

#define MS US_PER_MS
#define S US_PER_S

static struct children children;

static int setup(void **state)
{
	const char *core[] = { "wharfd", "-c", "/etc/a b/wharf.conf", NULL };
	const char *web[] = { "wharf-web", NULL };
	const char *print[] = { "wharf-print", NULL };

	(void)state;
	memset(&children, 0, sizeof(children));
	assert_int_equal(children_add(&children, "wharfd", "/bin/wharfd", core, false), 0);
	assert_int_equal(children_add(&children, "wharf-web", "/bin/wharf-web", web, true), 0);
	assert_int_equal(children_add(&children, "wharf-print", "/bin/wharf-print", print, true), 0);
	return 0;
}

static void start(const char *name, pid_t pid, int64_t now_us)
{
	struct child *child = children_next_start(&children, now_us);

	assert_non_null(child);
	assert_string_equal(child->name, name);
	child_started(child, pid, now_us);
}

static void start_all(int64_t now_us)
{
	start("wharfd", 10, now_us);
	children.door_open = true;
	start("wharf-web", 11, now_us);
	start("wharf-print", 12, now_us);
	assert_null(children_next_start(&children, now_us));
}

static void a_path_with_blanks_stays_one_word(void **state)
{
	(void)state;
	assert_string_equal(children.list[0].argv[2], "/etc/a b/wharf.conf");
	assert_null(children.list[0].argv[3]);
}

static void too_many_words_or_bytes_are_refused(void **state)
{
	const char *many[PROGRAM_WORDS_MAX + 1] = { NULL };
	const char *none[] = { NULL };
	char big[CHILD_COMMAND_MAX + 1];
	const char *big_words[] = { big, NULL };

	(void)state;
	for (size_t i = 0; i < PROGRAM_WORDS_MAX; i++)
		many[i] = "x";
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(children_add(&children, "a", "/a", many, true), -E2BIG);
	assert_int_equal(children_add(&children, "a", "/a", big_words, true), -E2BIG);
	assert_int_equal(children_add(&children, "a", "/a", none, true), -EINVAL);
	assert_int_equal(children.n, 3);
}

static void peers_wait_for_the_door(void **state)
{
	(void)state;
	start("wharfd", 10, 0);
	assert_null(children_next_start(&children, 60 * S));
	children.door_open = true;
	start("wharf-web", 11, 60 * S);
}

static void a_dead_program_starts_again_later_and_later(void **state)
{
	static const int64_t waits_ms[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000 };
	int64_t now_us = S;

	(void)state;
	start_all(now_us);
	for (size_t i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++) {
		child_ended(children_by_pid(&children, 11), now_us);
		assert_null(children_next_start(&children, now_us + waits_ms[i] * MS - 1));
		assert_int_equal(children_timeout_ms(&children, now_us), waits_ms[i] + 1);
		now_us += waits_ms[i] * MS;
		start("wharf-web", 11, now_us);
	}
}

static void a_steady_program_starts_again_at_once(void **state)
{
	(void)state;
	start_all(0);
	for (int64_t i = 0; i < 5; i++) {
		child_ended(children_by_pid(&children, 11), i * S);
		child_started(&children.list[1], 11, i * S);
	}
	assert_true(children.list[1].backoff_ms > BACKOFF_FIRST_MS);
	child_ended(&children.list[1], 4 * S + STEADY_MS * MS);
	assert_int_equal(children.list[1].backoff_ms, BACKOFF_FIRST_MS);
}

static void the_core_is_told_to_end_last(void **state)
{
	static const char *const order[] = { "wharf-print", "wharf-web", "wharfd" };

	(void)state;
	start_all(0);
	children_stop(&children, S);
	for (size_t i = 0; i < 3; i++) {
		struct child *child = children_next_stop(&children, S);

		assert_non_null(child);
		assert_string_equal(child->name, order[i]);
		child_told(&children, child, S);
		assert_null(children_next_stop(&children, S));
		child_ended(child, S);
	}
	assert_false(children_running(&children));
	assert_null(children_next_start(&children, 100 * S));
}

static void a_slow_program_does_not_hold_up_the_next(void **state)
{
	(void)state;
	start_all(0);
	children_stop(&children, 0);
	child_told(&children, children_next_stop(&children, 0), 0);
	assert_null(children_next_stop(&children, STOP_STEP_MS * MS - 1));
	assert_string_equal(children_next_stop(&children, STOP_STEP_MS * MS)->name, "wharf-web");
	assert_false(children_kill_now(&children, STOP_ALL_MS * MS - 1));
	assert_true(children_kill_now(&children, STOP_ALL_MS * MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_path_with_blanks_stays_one_word, setup),
		cmocka_unit_test_setup(too_many_words_or_bytes_are_refused, setup),
		cmocka_unit_test_setup(peers_wait_for_the_door, setup),
		cmocka_unit_test_setup(a_dead_program_starts_again_later_and_later, setup),
		cmocka_unit_test_setup(a_steady_program_starts_again_at_once, setup),
		cmocka_unit_test_setup(the_core_is_told_to_end_last, setup),
		cmocka_unit_test_setup(a_slow_program_does_not_hold_up_the_next, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
