/* One print job from its bytes to a verdict. The only place that decides what may be said about a label:
 * sent     the queue took every byte and has done with the job
 * failed   certain: not one byte reached the printer, nor will
 * doubtful everything else; a person looks, or the label is scanned
 * Nothing here submits a job a second time after the queue may have had it. */
#ifndef WHARF_PRINT_RUN_H
#define WHARF_PRINT_RUN_H

#include <stdint.h>

#include "print_queue.h"

#define PRINT_EVIDENCE_MAX 240
#define PRINT_NAME_MAX 160

enum print_result { PRINT_SENT, PRINT_FAILED, PRINT_DOUBTFUL, PRINT_STOPPED };
const char *print_result_name(enum print_result result);

struct print_run {
	const struct queue_ops *ops;
	void *queue;
	int64_t timeout_us;
	/* Time and waiting come from outside. wait() returns false when the program ends: the verdict is then
	 * PRINT_STOPPED, nothing is said, and the next start is asked to recover the job. */
	int64_t (*now_us)(void *user);
	bool (*wait)(void *user, int ms);
	void *user;
};

/* Gives the bytes to the queue under `name` and follows the job. */
enum print_result print_run(const struct print_run *run, const char *name, const char *bytes, size_t len,
	char *evidence);

/* Looks for a job that an earlier run of this program may have submitted, and follows it. */
enum print_result print_recover(const struct print_run *run, const char *name, char *evidence);

#endif
