#include "password.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "text.h"

/* The parameters of the keys the core stores; changing one makes every PIN wrong. */
#define ARGON_OPS 2
#define ARGON_MEMORY (64u * 1024 * 1024)

/* A ring of jobs: [first, done) are finished, [done, first + n) wait. */
struct password_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int fd;
	bool ending;
	struct password_job *jobs[PASSWORD_QUEUE_MAX];
	size_t first, done, waiting;
};

static void make_key(struct password_job *job)
{
	uint8_t key[PASSWORD_KEY_BYTES];

	if (crypto_pwhash(key, sizeof(key), job->pin, strlen(job->pin), job->salt, ARGON_OPS,
		    ARGON_MEMORY, crypto_pwhash_ALG_ARGON2ID13) == 0)
		text_hex(key, sizeof(key), job->key);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(job->pin, sizeof(job->pin));
}

static void tell_done(struct password_worker *w)
{
	uint64_t one = 1;

	w->done++;
	w->waiting--;
	/* An eventfd write fails only when its counter is full: then it is readable anyway. */
	if (write(w->fd, &one, sizeof(one)) < 0)
		return;
}

static void *work(void *user)
{
	struct password_worker *w = user;

	pthread_mutex_lock(&w->lock);
	while (!w->ending) {
		struct password_job *job;

		if (!w->waiting) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		job = w->jobs[(w->first + w->done) % PASSWORD_QUEUE_MAX];
		pthread_mutex_unlock(&w->lock);
		make_key(job);
		pthread_mutex_lock(&w->lock);
		tell_done(w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int password_worker_create(struct password_worker **ret)
{
	struct password_worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0) {
		r = -errno;
		free(w);
		return r;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	r = -pthread_create(&w->thread, NULL, work, w);
	if (r < 0) {
		close(w->fd);
		free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void password_worker_destroy(struct password_worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	for (size_t i = 0; i < w->done + w->waiting; i++)
		password_job_free(w->jobs[(w->first + i) % PASSWORD_QUEUE_MAX]);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	close(w->fd);
	free(w);
}

int password_worker_fd(const struct password_worker *w)
{
	return w->fd;
}

int password_worker_put(struct password_worker *w, struct password_job *job)
{
	bool full;

	pthread_mutex_lock(&w->lock);
	full = w->done + w->waiting == PASSWORD_QUEUE_MAX;
	if (!full) {
		job->queued = true;
		w->jobs[(w->first + w->done + w->waiting) % PASSWORD_QUEUE_MAX] = job;
		w->waiting++;
		pthread_cond_signal(&w->wake);
	}
	pthread_mutex_unlock(&w->lock);
	if (full)
		password_job_free(job);
	return full ? -EAGAIN : 0;
}

struct password_job *password_worker_next(struct password_worker *w)
{
	struct password_job *job = NULL;
	uint64_t count;

	pthread_mutex_lock(&w->lock);
	if (w->done) {
		job = w->jobs[w->first];
		w->first = (w->first + 1) % PASSWORD_QUEUE_MAX;
		w->done--;
	} else if (read(w->fd, &count, sizeof(count)) < 0) {
		count = 0;
	}
	pthread_mutex_unlock(&w->lock);
	return job;
}

void password_job_free(struct password_job *job)
{
	if (!job)
		return;
	sodium_memzero(job, sizeof(*job));
	free(job);
}
