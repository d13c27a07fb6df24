#include "print_jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "door.h"
#include "json.h"
#include "log.h"
#include "print_run.h"
#include "text.h"

#define RETRY_US US_PER_S

/* TAKE and END want a command sent, TAKING and ENDING wait for its answer. */
enum job_state { JOB_FREE, JOB_TAKE, JOB_TAKING, JOB_WORK, JOB_WORKING, JOB_END, JOB_ENDING };

struct job {
	enum job_state state;
	size_t printer;
	char device[DOOR_NAME_MAX];
	json_t *order;
	bool recover;
	int64_t n;        /* command that waits for its answer */
	int64_t due_us;   /* of TAKE, WORK, END */
	const char *result;
	char evidence[PRINT_EVIDENCE_MAX];
};

struct print_jobs {
	struct print_jobs_ops ops;
	void *user;
	struct job rows[PRINT_JOBS_MAX];
	size_t n;
};

int print_jobs_create(const struct print_jobs_ops *ops, void *user, struct print_jobs **ret)
{
	struct print_jobs *jobs = calloc(1, sizeof(*jobs));

	if (!jobs)
		return -ENOMEM;
	jobs->ops = *ops;
	jobs->user = user;
	*ret = jobs;
	return 0;
}

void print_jobs_destroy(struct print_jobs *jobs)
{
	if (!jobs)
		return;
	for (size_t i = 0; i < PRINT_JOBS_MAX; i++)
		json_decref(jobs->rows[i].order);
	free(jobs);
}

size_t print_jobs_count(const struct print_jobs *jobs)
{
	return jobs->n;
}

static void free_job(struct print_jobs *jobs, struct job *job)
{
	json_decref(job->order);
	*job = (struct job){ .state = JOB_FREE };
	jobs->n--;
}

/* The id is a word or a number; it goes back as it came. */
static json_t *job_id(const struct job *job)
{
	return json_object_get(job->order, "id");
}

static int64_t job_attempt(const struct job *job)
{
	return json_int(job->order, "attempt");
}

static const char *order_series(const json_t *order)
{
	return json_str(order, "series");
}

/* wharf-SERIES-JOB-ATTEMPT: the name by which the queue's job is found again. */
static void job_name(const struct job *job, char *out)
{
	const json_t *id = job_id(job);
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(id));
	snprintf(out, PRINT_NAME_MAX, "wharf-%s-%s-%lld", order_series(job->order),
		json_is_string(id) ? json_string_value(id) : number, (long long)job_attempt(job));
}

static struct job *find_order(struct print_jobs *jobs, size_t printer, const json_t *order)
{
	for (size_t i = 0; i < PRINT_JOBS_MAX; i++) {
		struct job *job = &jobs->rows[i];

		if (job->state != JOB_FREE && job->printer == printer &&
			json_equal(job_id(job), json_object_get(order, "id")) &&
			job_attempt(job) == json_int(order, "attempt") &&
			strcmp(order_series(job->order), order_series(order)) == 0)
			return job;
	}
	return NULL;
}

static struct job *find_command(struct print_jobs *jobs, int64_t n)
{
	for (size_t i = 0; i < PRINT_JOBS_MAX; i++) {
		struct job *job = &jobs->rows[i];

		if ((job->state == JOB_TAKING || job->state == JOB_ENDING) && job->n == n)
			return job;
	}
	return NULL;
}

static struct job *new_job(struct print_jobs *jobs)
{
	for (size_t i = 0; i < PRINT_JOBS_MAX; i++)
		if (jobs->rows[i].state == JOB_FREE) {
			jobs->n++;
			return &jobs->rows[i];
		}
	return NULL;
}

static json_t *make_command(const struct job *job, const char *kind)
{
	json_t *args = json_pack("{s:O, s:I}", "job", job_id(job), "attempt",
		(json_int_t)job_attempt(job));

	if (job->result)
		json_object_update_new(args,
			json_pack("{s:s, s:s}", "result", job->result, "evidence", job->evidence));
	return json_pack("{s:s, s:s, s:o}", "kind", kind, "device", job->device, "args", args);
}

static void start_work(struct print_jobs *jobs, struct job *job, int64_t now_us)
{
	char name[PRINT_NAME_MAX];

	job_name(job, name);
	job->state = JOB_WORKING;
	if (jobs->ops.work(jobs->user, job->printer, name, job->recover, job->order, job) < 0) {
		job->state = JOB_WORK;
		job->due_us = now_us + RETRY_US;
	}
}

/* Does what the job's state asks for now. */
static void push_job(struct print_jobs *jobs, struct job *job, int64_t now_us)
{
	bool take = job->state == JOB_TAKE;

	if (job->state == JOB_WORK) {
		start_work(jobs, job, now_us);
		return;
	}
	if (jobs->ops.command(jobs->user, make_command(job, take ? "print_taken" : "print_ended"),
		    &job->n) < 0)
		job->due_us = now_us + RETRY_US;
	else
		job->state = take ? JOB_TAKING : JOB_ENDING;
}

static bool order_ok(const json_t *order)
{
	const json_t *id = json_object_get(order, "id");
	int64_t attempt = json_int(order, "attempt");
	const char *kind = json_str(order, "order");

	if (strcmp(kind, "print") != 0 && strcmp(kind, "recover") != 0)
		return false;
	return attempt >= 1 && door_name_ok(order_series(order)) && (json_is_integer(id) || (json_is_string(id) && door_name_ok(json_string_value(id))));
}

int print_jobs_order(struct print_jobs *jobs, size_t printer, const char *device, const json_t *order,
	int64_t now_us)
{
	struct job *job;

	if (!order_ok(order))
		return -EINVAL;
	if (find_order(jobs, printer, order))
		return 0;
	job = new_job(jobs);
	if (!job)
		return -ENOSPC;
	job->printer = printer;
	snprintf(job->device, sizeof(job->device), "%s", device);
	/* A copy of its own: reference counts are not shared with the workers. */
	job->order = json_deep_copy(order);
	job->recover = strcmp(json_str(order, "order"), "recover") == 0;
	job->state = job->recover ? JOB_WORK : JOB_TAKE;
	if (!job->order) {
		free_job(jobs, job);
		return -ENOSPC;
	}
	push_job(jobs, job, now_us);
	return 0;
}

void print_jobs_outcome(struct print_jobs *jobs, int64_t n, bool ok, int64_t now_us)
{
	struct job *job = find_command(jobs, n);

	if (!job)
		return;
	/* Only now, with "taken" on the core's disk, may a byte leave. Not ok: it is no longer wanted. */
	if (job->state == JOB_TAKING && ok)
		start_work(jobs, job, now_us);
	else
		free_job(jobs, job);
}

void print_jobs_refused(struct print_jobs *jobs, int64_t n, bool again, int64_t now_us)
{
	struct job *job = find_command(jobs, n);

	if (!job)
		return;
	if (!again) {
		log_error("job dropped, the core will not hear of it device=%s", job->device);
		free_job(jobs, job);
		return;
	}
	job->state = job->state == JOB_TAKING ? JOB_TAKE : JOB_END;
	job->due_us = now_us + RETRY_US;
}

void print_jobs_worked(struct print_jobs *jobs, void *tag, const char *result, const char *evidence,
	int64_t now_us)
{
	struct job *job = tag;

	job->state = JOB_END;
	job->result = result;
	snprintf(job->evidence, sizeof(job->evidence), "%s", evidence);
	push_job(jobs, job, now_us);
}

int print_jobs_tick(struct print_jobs *jobs, int64_t now_us)
{
	int64_t next_us = INT64_MAX;

	for (size_t i = 0; jobs->n && i < PRINT_JOBS_MAX; i++) {
		struct job *job = &jobs->rows[i];

		if (job->state != JOB_TAKE && job->state != JOB_WORK && job->state != JOB_END)
			continue;
		if (job->due_us <= now_us)
			push_job(jobs, job, now_us);
		if (job->state != JOB_TAKE && job->state != JOB_WORK && job->state != JOB_END)
			continue;
		if (job->due_us < next_us)
			next_us = job->due_us;
	}
	return next_us == INT64_MAX ? -1 : (int)((next_us - now_us) / US_PER_MS) + 1;
}
