#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "print_jobs.h"

#define SECOND INT64_C(1000000)

struct world {
	struct print_jobs *jobs;
	int commands, works;
	int command_error, work_error;
	char kind[32], args[512], name[160];
	bool recover;
	void *tag;
};

static int fake_command(void *user, json_t *command, int64_t *ret_n)
{
	struct world *w = user;
	_cleanup_json_ json_t *owned = command;
	_cleanup_free_ char *args = json_text(json_object_get(owned, "args"));

	if (w->command_error)
		return w->command_error;
	*ret_n = ++w->commands;
	assert_string_equal(json_str(owned, "device"), "label1");
	snprintf(w->kind, sizeof(w->kind), "%s", json_str(owned, "kind"));
	snprintf(w->args, sizeof(w->args), "%s", args);
	return 0;
}

static int fake_work(void *user, size_t printer, const char *name, bool recover, const json_t *order, void *tag)
{
	struct world *w = user;

	assert_int_equal(printer, 3);
	assert_true(json_is_object(order));
	if (w->work_error)
		return w->work_error;
	w->works++;
	w->recover = recover;
	w->tag = tag;
	snprintf(w->name, sizeof(w->name), "%s", name);
	return 0;
}

static int setup(void **state)
{
	static const struct print_jobs_ops ops = { .command = fake_command, .work = fake_work };
	static struct world world;

	world = (struct world){ 0 };
	*state = &world;
	return print_jobs_create(&ops, &world, &world.jobs);
}

static int teardown(void **state)
{
	print_jobs_destroy(((struct world *)*state)->jobs);
	return 0;
}

static int order(struct world *w, const char *text)
{
	_cleanup_json_ json_t *o = json_loads(text, 0, NULL);

	assert_non_null(o);
	return print_jobs_order(w->jobs, 3, "label1", o, 0);
}

static void work_starts_only_when_taken_is_answered(void **state)
{
	struct world *w = *state;

	assert_int_equal(order(w, "{\"order\":\"print\",\"series\":\"5f0c33d1-0\",\"id\":\"j-12\",\"attempt\":2}"), 0);
	assert_string_equal(w->kind, "print_taken");
	assert_string_equal(w->args, "{\"attempt\":2,\"job\":\"j-12\"}");
	assert_int_equal(w->works, 0);
	print_jobs_outcome(w->jobs, 99, true, 0);
	assert_int_equal(w->works, 0);
	print_jobs_outcome(w->jobs, 1, true, 0);
	assert_int_equal(w->works, 1);
	assert_string_equal(w->name, "wharf-5f0c33d1-0-j-12-2");
	assert_false(w->recover);
	print_jobs_worked(w->jobs, w->tag, "sent", "all of it", 0);
	assert_string_equal(w->kind, "print_ended");
	assert_string_equal(w->args, "{\"attempt\":2,\"evidence\":\"all of it\",\"job\":\"j-12\",\"result\":\"sent\"}");
	assert_int_equal(print_jobs_count(w->jobs), 1);
	print_jobs_outcome(w->jobs, 2, true, 0);
	assert_int_equal(print_jobs_count(w->jobs), 0);
	assert_int_equal(print_jobs_tick(w->jobs, SECOND), -1);
}

static void a_job_that_is_no_longer_due_is_not_printed(void **state)
{
	struct world *w = *state;

	assert_int_equal(order(w, "{\"order\":\"print\",\"series\":\"5f0c33d1-0\",\"id\":12,\"attempt\":1}"), 0);
	assert_string_equal(w->args, "{\"attempt\":1,\"job\":12}");
	print_jobs_outcome(w->jobs, 1, false, 0);
	assert_int_equal(w->works, 0);
	assert_int_equal(print_jobs_count(w->jobs), 0);
}

static void an_order_offered_again_is_the_same_job_in_every_state(void **state)
{
	static const char print[] = "{\"order\":\"print\",\"series\":\"5f0c33d1-0\",\"id\":12,\"attempt\":1}";
	static const char recover[] = "{\"order\":\"recover\",\"series\":\"5f0c33d1-0\",\"id\":12,\"attempt\":1}";
	struct world *w = *state;

	assert_int_equal(order(w, print), 0);
	assert_int_equal(order(w, print), 0);
	assert_int_equal(order(w, recover), 0);
	print_jobs_outcome(w->jobs, 1, true, 0);
	assert_int_equal(order(w, print), 0);
	assert_int_equal(order(w, recover), 0);
	print_jobs_worked(w->jobs, w->tag, "sent", "", 0);
	assert_int_equal(order(w, recover), 0);
	assert_int_equal(w->commands, 2);
	assert_int_equal(w->works, 1);
	/* Another attempt of the same label is another job. */
	assert_int_equal(order(w, "{\"order\":\"print\",\"series\":\"5f0c33d1-0\",\"id\":12,\"attempt\":2}"), 0);
	assert_int_equal(w->commands, 3);
}

static void a_recovered_job_is_looked_up_without_being_taken_again(void **state)
{
	struct world *w = *state;

	assert_int_equal(order(w, "{\"order\":\"recover\",\"series\":\"5f0c33d1-0\",\"id\":12,\"attempt\":1}"), 0);
	assert_int_equal(w->commands, 0);
	assert_int_equal(w->works, 1);
	assert_true(w->recover);
	assert_string_equal(w->name, "wharf-5f0c33d1-0-12-1");
}

static void what_was_not_taken_is_said_again_later(void **state)
{
	struct world *w = *state;

	assert_int_equal(order(w, "{\"order\":\"print\",\"series\":\"5f0c33d1-0\",\"id\":12,\"attempt\":1}"), 0);
	print_jobs_refused(w->jobs, 1, true, 0);
	assert_in_range(print_jobs_tick(w->jobs, SECOND / 2), 1, 1000);
	assert_int_equal(w->commands, 1);
	print_jobs_tick(w->jobs, SECOND);
	assert_int_equal(w->commands, 2);
	print_jobs_outcome(w->jobs, 2, true, SECOND);
	w->command_error = -EAGAIN;
	print_jobs_worked(w->jobs, w->tag, "doubtful", "", SECOND);
	w->command_error = 0;
	print_jobs_tick(w->jobs, 2 * SECOND);
	assert_int_equal(w->commands, 3);
	print_jobs_refused(w->jobs, 3, true, 2 * SECOND);
	print_jobs_tick(w->jobs, 3 * SECOND);
	assert_string_equal(w->kind, "print_ended");
	print_jobs_outcome(w->jobs, 4, true, 3 * SECOND);
	assert_int_equal(print_jobs_count(w->jobs), 0);
	assert_int_equal(w->works, 1);
}

static void what_can_never_be_taken_is_dropped(void **state)
{
	struct world *w = *state;

	assert_int_equal(order(w, "{\"order\":\"print\",\"series\":\"5f0c33d1-0\",\"id\":12,\"attempt\":1}"), 0);
	print_jobs_refused(w->jobs, 1, false, 0);
	assert_int_equal(print_jobs_count(w->jobs), 0);
	assert_int_equal(w->works, 0);
}

static void work_that_finds_no_memory_is_given_again(void **state)
{
	struct world *w = *state;

	w->work_error = -ENOMEM;
	assert_int_equal(order(w, "{\"order\":\"recover\",\"series\":\"5f0c33d1-0\",\"id\":12,\"attempt\":1}"), 0);
	w->work_error = 0;
	assert_in_range(print_jobs_tick(w->jobs, 0), 1, 1001);
	assert_int_equal(print_jobs_tick(w->jobs, SECOND), -1);
	assert_int_equal(w->works, 1);
}

/* The same number in another database: both are on their way. */
static void the_same_number_of_another_series_is_another_job(void **state)
{
	struct world *w = *state;

	assert_int_equal(order(w, "{\"order\":\"print\",\"series\":\"5f0c33d1-0\",\"id\":12,\"attempt\":1}"), 0);
	assert_int_equal(order(w, "{\"order\":\"recover\",\"series\":\"5f0c33d1-1\",\"id\":12,\"attempt\":1}"), 0);
	assert_int_equal(print_jobs_count(w->jobs), 2);
	assert_string_equal(w->name, "wharf-5f0c33d1-1-12-1");
}

static void nonsense_is_no_order(void **state)
{
	static const char *const texts[] = { "{}",
		"{\"order\":\"divert\",\"series\":\"a-0\",\"id\":1,\"attempt\":1}",
		"{\"order\":\"print\",\"series\":\"a-0\",\"attempt\":1}",
		"{\"order\":\"print\",\"series\":\"a-0\",\"id\":1}",
		"{\"order\":\"print\",\"series\":\"a-0\",\"id\":\"a b\",\"attempt\":1}",
		"{\"order\":\"print\",\"series\":\"a-0\",\"id\":1,\"attempt\":0}",
		"{\"order\":\"print\",\"id\":1,\"attempt\":1}",
		"{\"order\":\"print\",\"series\":\"a b\",\"id\":1,\"attempt\":1}" };
	struct world *w = *state;

	for (size_t i = 0; i < array_len(texts); i++)
		assert_int_equal(order(w, texts[i]), -EINVAL);
	assert_int_equal(print_jobs_count(w->jobs), 0);
}

static void more_jobs_than_the_limit_are_refused_and_none_is_lost(void **state)
{
	struct world *w = *state;
	char text[96];

	for (int i = 1; i <= PRINT_JOBS_MAX + 1; i++) {
		snprintf(text, sizeof(text), "{\"order\":\"print\",\"series\":\"5f0c33d1-0\",\"id\":%d,\"attempt\":1}", i);
		assert_int_equal(order(w, text), i <= PRINT_JOBS_MAX ? 0 : -ENOSPC);
	}
	assert_int_equal(print_jobs_count(w->jobs), PRINT_JOBS_MAX);
	assert_int_equal(w->commands, PRINT_JOBS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(work_starts_only_when_taken_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(a_job_that_is_no_longer_due_is_not_printed, setup, teardown),
		cmocka_unit_test_setup_teardown(an_order_offered_again_is_the_same_job_in_every_state, setup, teardown),
		cmocka_unit_test_setup_teardown(a_recovered_job_is_looked_up_without_being_taken_again, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_not_taken_is_said_again_later, setup, teardown),
		cmocka_unit_test_setup_teardown(what_can_never_be_taken_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(work_that_finds_no_memory_is_given_again, setup, teardown),
		cmocka_unit_test_setup_teardown(the_same_number_of_another_series_is_another_job, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_no_order, setup, teardown),
		cmocka_unit_test_setup_teardown(more_jobs_than_the_limit_are_refused_and_none_is_lost, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
