/* The print jobs between door and workers: due → print_taken answered → printed by a worker → print_ended
 * answered. Pure: commands and work leave through two functions, time is an argument. */
#ifndef WHARF_PRINT_JOBS_H
#define WHARF_PRINT_JOBS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINT_JOBS_MAX 1024

struct print_jobs_ops {
	/* Sends a command (taken) through the door; its number in *ret_n. 0 or -EAGAIN. */
	int (*command)(void *user, json_t *command, int64_t *ret_n);
	/* Gives a taken or recovered job to its printer's worker. `order` is borrowed; `tag` comes back to
	 * print_jobs_worked(). 0 or -ENOMEM. */
	int (*work)(void *user, size_t printer, const char *name, bool recover, const json_t *order,
		void *tag);
};

struct print_jobs;

int print_jobs_create(const struct print_jobs_ops *ops, void *user, struct print_jobs **ret);
void print_jobs_destroy(struct print_jobs *jobs);

/* An order pushed for a printer. One that is known already is left alone: it is on its way. 0; -EINVAL:
 * no print order; -ENOSPC at PRINT_JOBS_MAX. */
int print_jobs_order(struct print_jobs *jobs, size_t printer, const char *device, const json_t *order,
	int64_t now_us);

/* Answers of the core to command n. */
void print_jobs_outcome(struct print_jobs *jobs, int64_t n, bool ok, int64_t now_us);
/* `again`: the same may be taken later; otherwise the job is dropped here and stays what it is there. */
void print_jobs_refused(struct print_jobs *jobs, int64_t n, bool again, int64_t now_us);

/* A worker's verdict. */
void print_jobs_worked(struct print_jobs *jobs, void *tag, const char *result, const char *evidence,
	int64_t now_us);

/* Sends what was refused or could not be sent. Milliseconds to the next call, -1: none needed. */
int print_jobs_tick(struct print_jobs *jobs, int64_t now_us);

size_t print_jobs_count(const struct print_jobs *jobs);

#endif
