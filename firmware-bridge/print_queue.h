/* A print queue as the printing peer needs it. CUPS is one; a table of functions so that the rules of
 * print_run.c can be tested against every misfortune. All calls may block for some seconds. */
#ifndef WHARF_PRINT_QUEUE_H
#define WHARF_PRINT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#define QUEUE_WHY_MAX 160
#define QUEUE_REASONS_MAX 256

enum queue_job_state { QUEUE_WAITING, QUEUE_PROCESSING, QUEUE_COMPLETED, QUEUE_CANCELED, QUEUE_ABORTED };

struct queue_job {
	enum queue_job_state state;
	bool started;    /* a byte may have reached the printer */
	bool incoming;   /* its document has not arrived whole */
	char text[QUEUE_WHY_MAX];
};

struct queue_printer {
	bool stopped;
	char reasons[QUEUE_REASONS_MAX]; /* IPP keywords with commas */
	char policy[32];                 /* what the queue does with a job that failed */
};

struct queue_ops {
	/* 0: the queue took every byte. -ENOTCONN: not reached, nothing was given, may be tried again.
	 * -EREMOTE: refused, nothing will be printed. -EINPROGRESS: nobody knows. */
	int (*submit)(void *queue, const char *name, const char *bytes, size_t len, int *ret_id,
		char *why, size_t why_size);
	/* Job of that name, waiting, working or ended. 0, -ENOENT for certain, -ENOTCONN. */
	int (*find)(void *queue, const char *name, int *ret_id);
	/* 0, -ENOENT, -ENOTCONN. */
	int (*look)(void *queue, int id, struct queue_job *ret);
	/* 0 when the job will not go on. */
	int (*cancel)(void *queue, int id);
	/* 0; -ENOENT: no such queue; -ENOTCONN. */
	int (*printer)(void *queue, struct queue_printer *ret);
};

#endif
