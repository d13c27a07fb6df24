#include "print_run.h"

#include <assert.h>
#include <stdbool.h>
#include <errno.h>
#include <stdio.h>

#define LOOK_FIRST_MS 20
#define LOOK_LAST_MS 250
#define RETRY_MS 500

struct trying {
	const struct print_run *run;
	const char *name;
	int64_t deadline_us;
	char *evidence; /* PRINT_EVIDENCE_MAX */
};

#define say(t, ...) snprintf((t)->evidence, PRINT_EVIDENCE_MAX, __VA_ARGS__)

const char *print_result_name(enum print_result result)
{
	switch (result) {
	case PRINT_SENT:
		return "sent";
	case PRINT_FAILED:
		return "failed";
	case PRINT_DOUBTFUL:
		return "doubtful";
	case PRINT_STOPPED:
		break;
	}
	assert(false && "a stopped job has no result");
	return "";
}

static bool too_late(const struct trying *t)
{
	return t->run->now_us(t->run->user) >= t->deadline_us;
}

static bool wait_ms(const struct trying *t, int ms)
{
	return t->run->wait(t->run->user, ms);
}

/* The job must not come out of the printer after a person was told it is doubtful. */
static enum print_result give_up(const struct trying *t, int id, const struct queue_job *job)
{
	bool canceled = t->run->ops->cancel(t->run->queue, id) == 0;

	say(t, "job %d has no end after %lld s (%s); %s", id, (long long)(t->run->timeout_us / 1000000),
		job->text, canceled ? "cancelled" : "it could not be cancelled");
	return PRINT_DOUBTFUL;
}

/* An end without success. Only a job that never started is certain not to be on paper. */
static enum print_result judge_loss(const struct trying *t, int id, const struct queue_job *job)
{
	const char *word = job->state == QUEUE_CANCELED ? "cancelled" : "aborted";

	say(t, "job %d %s %s (%s)", id, word, job->started ? "while printing" : "before it began", job->text);
	return job->started ? PRINT_DOUBTFUL : PRINT_FAILED;
}

static enum print_result follow(const struct trying *t, int id)
{
	struct queue_job job = { .text = "not seen yet" };
	int pause_ms = LOOK_FIRST_MS;

	for (;;) {
		int r = t->run->ops->look(t->run->queue, id, &job);

		if (r == -ENOENT) {
			say(t, "the queue no longer knows job %d", id);
			return PRINT_DOUBTFUL;
		}
		if (r == 0 && job.state == QUEUE_COMPLETED) {
			say(t, "job %d: the queue sent every byte", id);
			return PRINT_SENT;
		}
		if (r == 0 && (job.state == QUEUE_CANCELED || job.state == QUEUE_ABORTED))
			return judge_loss(t, id, &job);
		if (too_late(t))
			return give_up(t, id, &job);
		if (!wait_ms(t, pause_ms))
			return PRINT_STOPPED;
		pause_ms = pause_ms * 2 < LOOK_LAST_MS ? pause_ms * 2 : LOOK_LAST_MS;
	}
}

/* Asks until the queue answers. 0 with the id, -ENOENT, -ETIMEDOUT, -ESHUTDOWN. */
static int find_job(const struct trying *t, int *ret_id)
{
	for (;;) {
		int r = t->run->ops->find(t->run->queue, t->name, ret_id);

		if (r == 0 || r == -ENOENT)
			return r;
		if (too_late(t))
			return -ETIMEDOUT;
		if (!wait_ms(t, RETRY_MS))
			return -ESHUTDOWN;
	}
}

/* The document was given and no answer came. */
static enum print_result find_and_follow(const struct trying *t)
{
	int id = 0, r = find_job(t, &id);

	if (r == 0)
		return follow(t, id);
	if (r == -ESHUTDOWN)
		return PRINT_STOPPED;
	say(t, "%s", r == -ENOENT ? "the queue knows no job of this name; it may have printed it before" :
				    "the queue does not answer");
	return PRINT_DOUBTFUL;
}

static struct trying begin(const struct print_run *run, const char *name, char *evidence)
{
	evidence[0] = '\0';
	return (struct trying){ .run = run, .name = name, .evidence = evidence,
		.deadline_us = run->now_us(run->user) + run->timeout_us };
}

enum print_result print_run(const struct print_run *run, const char *name, const char *bytes, size_t len,
	char *evidence)
{
	struct trying t = begin(run, name, evidence);
	char why[QUEUE_WHY_MAX] = "";

	for (;;) {
		int id = 0;
		int r = run->ops->submit(run->queue, name, bytes, len, &id, why, sizeof(why));

		if (r == 0)
			return follow(&t, id);
		if (r == -EINPROGRESS)
			return find_and_follow(&t);
		if (r == -EREMOTE || too_late(&t)) {
			say(&t, "nothing was sent: %s", why);
			return PRINT_FAILED;
		}
		if (!wait_ms(&t, RETRY_MS))
			return PRINT_STOPPED;
	}
}

/* Whoever was sending the document is gone, so it will never be whole: nothing can be printed. */
static bool end_incoming(const struct trying *t, int id)
{
	struct queue_job job;

	return t->run->ops->look(t->run->queue, id, &job) == 0 && job.incoming && !job.started &&
		t->run->ops->cancel(t->run->queue, id) == 0;
}

enum print_result print_recover(const struct print_run *run, const char *name, char *evidence)
{
	struct trying t = begin(run, name, evidence);
	int id = 0, r = find_job(&t, &id);

	if (r == -ESHUTDOWN)
		return PRINT_STOPPED;
	if (r < 0) {
		say(&t, "%s", r == -ENOENT ? "taken, and the queue knows no job of this name" :
					     "taken, and the queue does not answer");
		return PRINT_DOUBTFUL;
	}
	if (end_incoming(&t, id)) {
		say(&t, "nothing was sent: job %d never got its whole document", id);
		return PRINT_FAILED;
	}
	return follow(&t, id);
}
