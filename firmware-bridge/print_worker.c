#include "print_worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "label.h"
#include "log.h"
#include "print_cups.h"

#define IDLE_LOOK_MS 3000  /* between two looks at an idle printer */
#define BUSY_LOOK_US US_PER_S
#define SSCC_DIGITS 18
#define POLICY_WANTED "abort-job"

struct print_worker {
	struct print_settings settings;
	struct print_mailbox *box;
	struct cups_queue *queue;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct print_work *first, **last;
	bool stop;
	/* Of the thread alone: */
	struct printer_state state;
	int64_t looked_us;
	bool policy_told;
};

int print_mailbox_init(struct print_mailbox *box)
{
	*box = (struct print_mailbox){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	box->last = &box->first;
	if (box->fd < 0)
		return -errno;
	pthread_mutex_init(&box->mutex, NULL);
	return 0;
}

void print_mailbox_fini(struct print_mailbox *box)
{
	struct print_mail *mail;

	while ((mail = print_mailbox_take(box)))
		print_mail_destroy(mail);
	pthread_mutex_destroy(&box->mutex);
	close(box->fd);
}

static void work_destroy(struct print_work *work)
{
	if (!work)
		return;
	json_decref(work->order);
	free(work);
}

void print_mail_destroy(struct print_mail *mail)
{
	if (!mail)
		return;
	work_destroy(mail->work);
	free(mail);
}

static void put_mail(struct print_mailbox *box, struct print_mail *mail)
{
	uint64_t one = 1;

	mail->next = NULL;
	pthread_mutex_lock(&box->mutex);
	*box->last = mail;
	box->last = &mail->next;
	pthread_mutex_unlock(&box->mutex);
	/* Only fails when the counter is full: then it is readable anyway. */
	if (write(box->fd, &one, sizeof(one)) < 0)
		return;
}

struct print_mail *print_mailbox_take(struct print_mailbox *box)
{
	struct print_mail *mail;
	uint64_t count;

	pthread_mutex_lock(&box->mutex);
	mail = box->first;
	if (mail)
		box->first = mail->next;
	if (!box->first)
		box->last = &box->first;
	/* Emptied: silence the eventfd under the lock, so that no later mail is silenced with it. */
	if (!box->first && read(box->fd, &count, sizeof(count)) < 0)
		errno = 0;
	pthread_mutex_unlock(&box->mutex);
	return mail;
}

static int64_t worker_now(void *user)
{
	(void)user;
	return clock_boot_us();
}

static struct print_mail *new_mail(struct print_worker *w)
{
	struct print_mail *mail = calloc(1, sizeof(*mail));

	if (mail)
		mail->printer = w->settings.printer;
	else
		log_error("out of memory device=%s", w->settings.device);
	return mail;
}

/* CUPS itself sends a job again after a broken connection unless told otherwise; we cannot see that. */
static void check_policy(struct print_worker *w, const char *policy)
{
	if (w->policy_told || !policy[0])
		return;
	w->policy_told = true;
	if (strcmp(policy, POLICY_WANTED) != 0)
		log_warning("queue may print a label twice: set printer-error-policy=%s device=%s policy=%s",
			POLICY_WANTED, w->settings.device, policy);
}

static void look_at_printer(struct print_worker *w)
{
	struct queue_printer printer = { .stopped = false };
	struct printer_state now;
	struct print_mail *mail;
	int r = cups_queue_ops.printer(w->queue, &printer);

	w->looked_us = clock_boot_us();
	printer_state_read(r, &printer, &now);
	check_policy(w, printer.policy);
	if (w->state.state && strcmp(w->state.state, now.state) == 0 &&
		strcmp(w->state.reason, now.reason) == 0)
		return;
	mail = new_mail(w);
	if (!mail)
		return;
	w->state = now;
	mail->state = now;
	put_mail(w->box, mail);
}

/* Sleeps until there is work, the end, or ms have passed. Returns whether the thread shall go on. */
static bool sleep_ms(struct print_worker *w, int ms, bool for_work)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&w->mutex);
	while (!w->stop && !(for_work && w->first))
		if (pthread_cond_timedwait(&w->cond, &w->mutex, &until) != 0)
			break;
	stop = w->stop;
	pthread_mutex_unlock(&w->mutex);
	return !stop;
}

static bool worker_wait(void *user, int ms)
{
	struct print_worker *w = user;

	if (clock_boot_us() - w->looked_us >= BUSY_LOOK_US)
		look_at_printer(w);
	return sleep_ms(w, ms, false);
}

/* The order's data with its SSCC beside it, as templates want it. */
static int render(struct print_worker *w, const json_t *order, char **ret, size_t *ret_len, char *why,
	size_t why_size)
{
	_cleanup_json_ json_t *data = json_copy(json_object_get(order, "data"));
	struct label_template *template = NULL;
	const char *sscc = json_str(order, "sscc");
	int r;

	if (!json_is_object(data) || strlen(sscc) != SSCC_DIGITS) {
		snprintf(why, why_size, "the order has no data or no SSCC");
		return -EINVAL;
	}
	json_object_set_new(data, "sscc", json_string(sscc));
	r = template_load(w->settings.templates, json_str(order, "template"), &template, why, why_size);
	if (r == 0)
		r = label_render(template, data, w->settings.dpi, ret, ret_len, why, why_size);
	template_destroy(template);
	return r;
}

static enum print_result do_work(struct print_worker *w, const struct print_work *work, char *evidence)
{
	struct print_run run = { .ops = &cups_queue_ops, .queue = w->queue,
		.timeout_us = w->settings.timeout_us, .now_us = worker_now, .wait = worker_wait, .user = w };
	_cleanup_free_ char *bytes = NULL;
	char why[QUEUE_WHY_MAX] = "out of memory";
	size_t len = 0;

	if (work->recover)
		return print_recover(&run, work->name, evidence);
	if (render(w, work->order, &bytes, &len, why, sizeof(why)) < 0) {
		snprintf(evidence, PRINT_EVIDENCE_MAX, "nothing was sent: %s", why);
		return PRINT_FAILED;
	}
	return print_run(&run, work->name, bytes, len, evidence);
}

static void finish_work(struct print_worker *w, struct print_work *work)
{
	char evidence[PRINT_EVIDENCE_MAX] = "";
	enum print_result result = do_work(w, work, evidence);
	struct print_mail *mail = result == PRINT_STOPPED ? NULL : new_mail(w);

	/* Without a verdict the job stays taken, and the next start is asked to recover it. */
	if (!mail) {
		work_destroy(work);
		return;
	}
	log_info("label %s device=%s job=%s: %s", print_result_name(result), w->settings.device, work->name,
		evidence);
	mail->work = work;
	mail->result = result;
	memcpy(mail->evidence, evidence, sizeof(mail->evidence));
	put_mail(w->box, mail);
}

static struct print_work *next_work(struct print_worker *w)
{
	struct print_work *work;

	pthread_mutex_lock(&w->mutex);
	work = w->first;
	if (work)
		w->first = work->next;
	if (!w->first)
		w->last = &w->first;
	pthread_mutex_unlock(&w->mutex);
	return work;
}

static void *worker_main(void *user)
{
	struct print_worker *w = user;
	bool go_on = true;

	while (go_on) {
		struct print_work *work = next_work(w);

		if (work)
			finish_work(w, work);
		if (!work || clock_boot_us() - w->looked_us >= BUSY_LOOK_US)
			look_at_printer(w);
		go_on = sleep_ms(w, IDLE_LOOK_MS, true);
	}
	return NULL;
}

static void init_locks(struct print_worker *w)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&w->mutex, NULL);
}

int print_worker_create(const struct print_settings *settings, struct print_mailbox *box,
	struct print_worker **ret)
{
	struct print_worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->settings = *settings;
	w->box = box;
	w->last = &w->first;
	r = cups_queue_create(settings->server, settings->queue, &w->queue);
	if (r < 0)
		goto fail;
	init_locks(w);
	r = -pthread_create(&w->thread, NULL, worker_main, w);
	if (r < 0)
		goto fail_locks;
	*ret = w;
	return 0;
fail_locks:
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->mutex);
fail:
	cups_queue_destroy(w->queue);
	free(w);
	return r;
}

void print_worker_give(struct print_worker *w, struct print_work *work)
{
	work->next = NULL;
	pthread_mutex_lock(&w->mutex);
	*w->last = work;
	w->last = &work->next;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

void print_worker_stop(struct print_worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->mutex);
	w->stop = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

int print_worker_destroy(struct print_worker *w, int wait_ms)
{
	struct timespec until;
	struct print_work *work;

	if (!w)
		return 0;
	print_worker_stop(w);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += wait_ms / 1000;
	if (pthread_timedjoin_np(w->thread, NULL, &until) != 0)
		return -ETIMEDOUT;
	while ((work = next_work(w)))
		work_destroy(work);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->mutex);
	cups_queue_destroy(w->queue);
	free(w);
	return 0;
}
