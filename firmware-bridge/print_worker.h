/* One thread per printer: CUPS calls block, a printer that hangs must hold up nobody else. Work goes in
 * through a list, verdicts and printer states come out through one mailbox that poll() can watch. */
#ifndef WHARF_PRINT_WORKER_H
#define WHARF_PRINT_WORKER_H

#include <jansson.h>
#include <pthread.h>

#include "door.h"
#include "print_reasons.h"
#include "print_run.h"

struct print_work {
	struct print_work *next;
	void *tag;     /* comes back with the verdict */
	bool recover;
	char name[PRINT_NAME_MAX]; /* of the job in the queue */
	json_t *order; /* owned; not shared with another thread */
};

struct print_mail {
	struct print_mail *next;
	size_t printer;
	struct print_work *work; /* of a verdict, owned; NULL: the printer's state changed */
	enum print_result result;
	char evidence[PRINT_EVIDENCE_MAX];
	struct printer_state state;
};

struct print_mailbox {
	pthread_mutex_t mutex;
	struct print_mail *first, **last;
	int fd; /* eventfd, readable while there is mail */
};

int print_mailbox_init(struct print_mailbox *box);
void print_mailbox_fini(struct print_mailbox *box);
/* The oldest mail (owned by the caller, free with print_mail_destroy), or NULL. */
struct print_mail *print_mailbox_take(struct print_mailbox *box);
void print_mail_destroy(struct print_mail *mail);

struct print_settings {
	size_t printer;             /* its number in mails */
	char device[DOOR_NAME_MAX];
	const char *server, *queue, *templates;
	int dpi;
	int64_t timeout_us;
};

struct print_worker;

/* `box` must outlive the worker, texts of `settings` too. 0 or -errno. */
int print_worker_create(const struct print_settings *settings, struct print_mailbox *box,
	struct print_worker **ret);

/* Queues work (taken). */
void print_worker_give(struct print_worker *worker, struct print_work *work);

/* Tells the thread to end after the call it is in. */
void print_worker_stop(struct print_worker *worker);

/* Waits up to `wait_ms` for the thread. 0, or -ETIMEDOUT while it still hangs in the print server: then
 * nothing is freed and the process must end. */
int print_worker_destroy(struct print_worker *worker, int wait_ms);

#endif
