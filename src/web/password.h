/* argon2id in one worker thread: 64 MiB at a time, never two at once, and the event loop never waits. */
#ifndef WHARF_WEB_PASSWORD_H
#define WHARF_WEB_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "body.h"

#define PASSWORD_SALT_BYTES 16
#define PASSWORD_KEY_BYTES 32
#define PASSWORD_KEY_HEX (PASSWORD_KEY_BYTES * 2 + 1)
#define PASSWORD_QUEUE_MAX 16

struct password_job {
	char pin[PIN_MAX + 1]; /* wiped as soon as the key is made */
	uint8_t salt[PASSWORD_SALT_BYTES];
	char key[PASSWORD_KEY_HEX]; /* "" where it failed */
	void *user;                 /* NULL: the asker is gone */
	bool queued;                /* the worker's; before that the asker frees it */
};

struct password_worker;

int password_worker_create(struct password_worker **ret);
void password_worker_destroy(struct password_worker *w);

/* Readable when a job is done. */
int password_worker_fd(const struct password_worker *w);

/* Takes a malloc'd job. 0, or -EAGAIN with PASSWORD_QUEUE_MAX jobs inside (the job is freed, wiped). */
int password_worker_put(struct password_worker *w, struct password_job *job);

/* The next done job or NULL. Free it with password_job_free. */
struct password_job *password_worker_next(struct password_worker *w);

void password_job_free(struct password_job *job);

#endif
