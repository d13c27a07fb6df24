#include "children.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "text.h"

static int copy_words(struct child *child, const char *const *words)
{
	size_t used = 0;

	for (size_t i = 0; words[i]; i++) {
		char *at = child->command + used;

		if (i == PROGRAM_WORDS_MAX - 1 ||
			text_copy(at, sizeof(child->command) - used, words[i]) < 0)
			return -E2BIG;
		child->argv[i] = at;
		used += strlen(at) + 1;
	}
	return words[0] ? 0 : -EINVAL;
}

int children_add(struct children *children, const char *name, const char *path,
	const char *const *words, bool needs_door)
{
	struct child *child = &children->list[children->n];
	int r;

	if (children->n == CHILDREN_MAX)
		return -E2BIG;
	*child = (struct child){ .needs_door = needs_door };
	r = text_copy(child->name, sizeof(child->name), name);
	if (r == 0)
		r = text_copy(child->path, sizeof(child->path), path);
	if (r == 0)
		r = copy_words(child, words);
	if (r == 0)
		children->n++;
	return r;
}

struct child *children_next_start(struct children *children, int64_t now_us)
{
	if (children->stopping)
		return NULL;
	for (size_t i = 0; i < children->n; i++) {
		struct child *child = &children->list[i];

		if (!child->pid && child->due_us <= now_us &&
			(children->door_open || !child->needs_door))
			return child;
	}
	return NULL;
}

void child_started(struct child *child, pid_t pid, int64_t now_us)
{
	child->pid = pid;
	child->started_us = now_us;
	child->told_to_end = false;
}

void child_ended(struct child *child, int64_t now_us)
{
	bool steady = child->pid && now_us - child->started_us >= STEADY_MS * US_PER_MS;

	if (steady || !child->backoff_ms)
		child->backoff_ms = BACKOFF_FIRST_MS;
	else if (child->backoff_ms * 2 < BACKOFF_LAST_MS)
		child->backoff_ms *= 2;
	else
		child->backoff_ms = BACKOFF_LAST_MS;
	child->pid = 0;
	child->due_us = now_us + child->backoff_ms * US_PER_MS;
}

struct child *children_by_pid(struct children *children, pid_t pid)
{
	for (size_t i = 0; i < children->n; i++)
		if (children->list[i].pid == pid)
			return &children->list[i];
	return NULL;
}

void children_stop(struct children *children, int64_t now_us)
{
	if (children->stopping)
		return;
	children->stopping = true;
	children->stop_us = now_us;
	children->step_us = now_us - STOP_STEP_MS * US_PER_MS;
}

/* The last program that still runs and was told, or NULL. */
static const struct child *ending(const struct children *children)
{
	for (size_t i = 0; i < children->n; i++)
		if (children->list[i].pid && children->list[i].told_to_end)
			return &children->list[i];
	return NULL;
}

struct child *children_next_stop(struct children *children, int64_t now_us)
{
	if (!children->stopping)
		return NULL;
	if (ending(children) && now_us - children->step_us < STOP_STEP_MS * US_PER_MS)
		return NULL;
	for (size_t i = children->n; i-- > 0;)
		if (children->list[i].pid && !children->list[i].told_to_end)
			return &children->list[i];
	return NULL;
}

void child_told(struct children *children, struct child *child, int64_t now_us)
{
	child->told_to_end = true;
	children->step_us = now_us;
}

bool children_kill_now(const struct children *children, int64_t now_us)
{
	return children->stopping && now_us - children->stop_us >= STOP_ALL_MS * US_PER_MS;
}

bool children_running(const struct children *children)
{
	for (size_t i = 0; i < children->n; i++)
		if (children->list[i].pid)
			return true;
	return false;
}

static int64_t sooner(int64_t a_us, int64_t b_us)
{
	return a_us < 0 || b_us < a_us ? b_us : a_us;
}

int children_timeout_ms(const struct children *children, int64_t now_us)
{
	int64_t at_us = -1;

	if (children->stopping) {
		at_us = children->step_us + STOP_STEP_MS * US_PER_MS;
		if (at_us <= now_us)
			at_us = children->stop_us + STOP_ALL_MS * US_PER_MS;
	}
	for (size_t i = 0; i < children->n && !children->stopping; i++) {
		const struct child *child = &children->list[i];

		if (!child->pid && (children->door_open || !child->needs_door))
			at_us = sooner(at_us, child->due_us);
	}
	if (at_us < 0)
		return -1;
	return at_us <= now_us ? 0 : (int)((at_us - now_us) / US_PER_MS) + 1;
}
