/* The verdict about a label against a queue with every misfortune. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "print_reasons.h"
#include "print_run.h"

#define TIMEOUT_US INT64_C(30000000)
#define ALL_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Answers are used in order, the last one again and again. */
struct fake {
	int64_t now_us;
	int waits_max;      /* then wait() says the program ends; 0: never */
	int submit[4], submits, submit_calls;
	int find[4], finds, find_calls;
	struct queue_job look[4];
	int look_error;     /* instead of the last look */
	int looks, look_calls;
	int cancel, cancel_calls;
};

static int next(const int *answers, int n, int *calls)
{
	int i = (*calls)++;

	return answers[i < n ? i : n - 1];
}

static int fake_submit(void *queue, const char *name, const char *bytes, size_t len, int *ret_id, char *why,
	size_t why_size)
{
	struct fake *f = queue;

	assert_string_equal(name, "wharf-7-1");
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "^XA", 3);
	*ret_id = 12;
	snprintf(why, why_size, "because");
	return next(f->submit, f->submits, &f->submit_calls);
}

static int fake_find(void *queue, const char *name, int *ret_id)
{
	struct fake *f = queue;

	assert_string_equal(name, "wharf-7-1");
	*ret_id = 12;
	return next(f->find, f->finds, &f->find_calls);
}

static int fake_look(void *queue, int id, struct queue_job *ret)
{
	struct fake *f = queue;
	int i = f->look_calls++;

	assert_int_equal(id, 12);
	if (i >= f->looks && f->look_error)
		return f->look_error;
	*ret = f->look[i < f->looks ? i : f->looks - 1];
	return 0;
}

static int fake_cancel(void *queue, int id)
{
	struct fake *f = queue;

	assert_int_equal(id, 12);
	f->cancel_calls++;
	return f->cancel;
}

static const struct queue_ops fake_ops = { .submit = fake_submit, .find = fake_find, .look = fake_look,
	.cancel = fake_cancel };

static int64_t fake_now(void *user)
{
	return ((struct fake *)user)->now_us;
}

static bool fake_wait(void *user, int ms)
{
	struct fake *f = user;

	assert_in_range(ms, 1, 1000);
	f->now_us += ms * INT64_C(1000);
	return f->waits_max == 0 || --f->waits_max > 0;
}

static enum print_result run(struct fake *f, bool recover, char *evidence)
{
	struct print_run r = { .ops = &fake_ops, .queue = f, .timeout_us = TIMEOUT_US, .now_us = fake_now,
		.wait = fake_wait, .user = f };

	return recover ? print_recover(&r, "wharf-7-1", evidence) :
			 print_run(&r, "wharf-7-1", "^XA", 3, evidence);
}

#define PROCESSING { .state = QUEUE_PROCESSING, .started = true, .text = "job-printing" }
#define WAITING { .state = QUEUE_WAITING, .text = "none" }
#define COMPLETED { .state = QUEUE_COMPLETED, .started = true }

static void a_job_the_queue_has_done_with_is_sent(void **state)
{
	struct fake f = { .submits = 1, .looks = 3, .look = { WAITING, PROCESSING, COMPLETED } };
	char evidence[PRINT_EVIDENCE_MAX];

	(void)state;
	assert_int_equal(run(&f, false, evidence), PRINT_SENT);
	assert_string_equal(evidence, "job 12: the queue sent every byte");
	assert_int_equal(f.submit_calls, 1);
	assert_int_equal(f.cancel_calls, 0);
}

static void a_server_that_is_away_is_tried_again_until_the_time_is_over(void **state)
{
	struct fake back = { .submits = 3, .submit = { -ENOTCONN, -ENOTCONN, 0 }, .looks = 1, .look = { COMPLETED } };
	struct fake away = { .submits = 1, .submit = { -ENOTCONN } };
	char evidence[PRINT_EVIDENCE_MAX];

	(void)state;
	assert_int_equal(run(&back, false, evidence), PRINT_SENT);
	assert_int_equal(back.submit_calls, 3);
	assert_int_equal(run(&away, false, evidence), PRINT_FAILED);
	assert_string_equal(evidence, "nothing was sent: because");
	assert_in_range(away.now_us, TIMEOUT_US, TIMEOUT_US + 1000000);
}

static void a_refused_job_has_failed_at_once(void **state)
{
	struct fake f = { .submits = 1, .submit = { -EREMOTE } };
	char evidence[PRINT_EVIDENCE_MAX];

	(void)state;
	assert_int_equal(run(&f, false, evidence), PRINT_FAILED);
	assert_int_equal(f.submit_calls, 1);
}

static void an_unknown_end_of_the_submission_never_submits_again(void **state)
{
	struct fake found = { .submits = 1, .submit = { -EINPROGRESS }, .finds = 2, .find = { -ENOTCONN, 0 }, .looks = 1,
		.look = { COMPLETED } };
	struct fake lost = { .submits = 1, .submit = { -EINPROGRESS }, .finds = 1, .find = { -ENOENT } };
	struct fake dead = { .submits = 1, .submit = { -EINPROGRESS }, .finds = 1, .find = { -ENOTCONN } };
	char evidence[PRINT_EVIDENCE_MAX];

	(void)state;
	assert_int_equal(run(&found, false, evidence), PRINT_SENT);
	assert_int_equal(run(&lost, false, evidence), PRINT_DOUBTFUL);
	assert_int_equal(run(&dead, false, evidence), PRINT_DOUBTFUL);
	assert_int_equal(found.submit_calls + lost.submit_calls + dead.submit_calls, 3);
}

static void a_lost_job_is_failed_only_if_it_never_began(void **state)
{
	static const struct {
		struct queue_job job;
		enum print_result result;
	} rows[] = {
		{ { .state = QUEUE_CANCELED, .started = false }, PRINT_FAILED },
		{ { .state = QUEUE_ABORTED, .started = false }, PRINT_FAILED },
		{ { .state = QUEUE_CANCELED, .started = true }, PRINT_DOUBTFUL },
		{ { .state = QUEUE_ABORTED, .started = true }, PRINT_DOUBTFUL },
	};
	char evidence[PRINT_EVIDENCE_MAX];

	(void)state;
	for (size_t i = 0; i < ALL_OF(rows); i++) {
		struct fake f = { .submits = 1, .looks = 1, .look = { rows[i].job } };

		assert_int_equal(run(&f, false, evidence), rows[i].result);
		assert_int_equal(f.submit_calls, 1);
	}
}

static void a_job_without_an_end_is_cancelled_and_doubtful(void **state)
{
	struct fake f = { .submits = 1, .looks = 1, .look = { PROCESSING } };
	char evidence[PRINT_EVIDENCE_MAX];

	(void)state;
	assert_int_equal(run(&f, false, evidence), PRINT_DOUBTFUL);
	assert_string_equal(evidence, "job 12 has no end after 30 s (job-printing); cancelled");
	assert_int_equal(f.cancel_calls, 1);
	f = (struct fake){ .submits = 1, .looks = 1, .look = { PROCESSING }, .cancel = -ENOTCONN };
	assert_int_equal(run(&f, false, evidence), PRINT_DOUBTFUL);
	assert_non_null(strstr(evidence, "could not be cancelled"));
}

static void a_queue_that_forgets_or_dies_makes_the_label_doubtful(void **state)
{
	struct fake forgets = { .submits = 1, .looks = 1, .look = { PROCESSING }, .look_error = -ENOENT };
	struct fake dies = { .submits = 1, .looks = 1, .look = { PROCESSING }, .look_error = -ENOTCONN };
	char evidence[PRINT_EVIDENCE_MAX];

	(void)state;
	assert_int_equal(run(&forgets, false, evidence), PRINT_DOUBTFUL);
	assert_int_equal(run(&dies, false, evidence), PRINT_DOUBTFUL);
	assert_in_range(dies.now_us, TIMEOUT_US, TIMEOUT_US + 1000000);
}

static void a_stopping_program_says_nothing(void **state)
{
	struct fake f = { .submits = 1, .looks = 1, .look = { PROCESSING }, .waits_max = 3 };
	char evidence[PRINT_EVIDENCE_MAX];

	(void)state;
	assert_int_equal(run(&f, false, evidence), PRINT_STOPPED);
	assert_int_equal(f.cancel_calls, 0);
}

static void recovery_never_submits(void **state)
{
	static const struct {
		struct fake fake;
		enum print_result result;
	} rows[] = {
		{ { .finds = 1, .looks = 1, .look = { COMPLETED } }, PRINT_SENT },
		{ { .finds = 2, .find = { -ENOTCONN, 0 }, .looks = 3, .look = { PROCESSING, PROCESSING, COMPLETED } },
			PRINT_SENT },
		{ { .finds = 1, .find = { -ENOENT } }, PRINT_DOUBTFUL },
		{ { .finds = 1, .find = { -ENOTCONN } }, PRINT_DOUBTFUL },
		{ { .finds = 1, .looks = 1, .look = { { .state = QUEUE_WAITING, .incoming = true } } }, PRINT_FAILED },
		{ { .finds = 1, .looks = 2, .look = { { .state = QUEUE_WAITING, .incoming = true }, COMPLETED },
			  .cancel = -ENOTCONN },
			PRINT_SENT },
		{ { .finds = 1, .looks = 1, .look = { PROCESSING } }, PRINT_DOUBTFUL },
	};
	char evidence[PRINT_EVIDENCE_MAX];

	(void)state;
	for (size_t i = 0; i < ALL_OF(rows); i++) {
		struct fake f = rows[i].fake;

		assert_int_equal(run(&f, true, evidence), rows[i].result);
		assert_int_equal(f.submit_calls, 0);
		assert_true(evidence[0] != '\0');
	}
}

static void reasons_of_a_printer_become_a_state_of_the_floor(void **state)
{
	static const struct {
		int error;
		struct queue_printer printer;
		const char *state, *reason;
	} rows[] = {
		{ 0, { .reasons = "none" }, "up", "" },
		{ 0, { .reasons = "" }, "up", "" },
		{ 0, { .reasons = "connecting-to-device" }, "up", "" },
		{ 0, { .reasons = "media-low-warning" }, "up", "media-low" },
		{ 0, { .reasons = "media-empty-warning" }, "fault", "media-empty" },
		{ 0, { .reasons = "media-low-report,media-empty-error" }, "fault", "media-empty" },
		{ 0, { .reasons = "media-empty,offline-report" }, "gone", "offline" },
		{ 0, { .reasons = "media-empty-soon" }, "up", "" },
		{ 0, { .reasons = "paused", .stopped = true }, "fault", "paused" },
		{ 0, { .reasons = "none", .stopped = true }, "fault", "stopped" },
		{ -ENOENT, { .reasons = "none" }, "refused", "no such print queue" },
		{ -ENOTCONN, { .reasons = "none" }, "gone", "print server does not answer" },
	};

	(void)state;
	for (size_t i = 0; i < ALL_OF(rows); i++) {
		struct printer_state s;

		printer_state_read(rows[i].error, &rows[i].printer, &s);
		assert_string_equal(s.state, rows[i].state);
		assert_string_equal(s.reason, rows[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_the_queue_has_done_with_is_sent),
		cmocka_unit_test(a_server_that_is_away_is_tried_again_until_the_time_is_over),
		cmocka_unit_test(a_refused_job_has_failed_at_once),
		cmocka_unit_test(an_unknown_end_of_the_submission_never_submits_again),
		cmocka_unit_test(a_lost_job_is_failed_only_if_it_never_began),
		cmocka_unit_test(a_job_without_an_end_is_cancelled_and_doubtful),
		cmocka_unit_test(a_queue_that_forgets_or_dies_makes_the_label_doubtful),
		cmocka_unit_test(a_stopping_program_says_nothing),
		cmocka_unit_test(recovery_never_submits),
		cmocka_unit_test(reasons_of_a_printer_become_a_state_of_the_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
