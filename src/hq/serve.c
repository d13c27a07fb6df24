#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "clock.h"
#include "hq.h"
#include "log.h"

#define EXTENSION_DIGIT "3"
#define READS_PER_TURN 64
#define WAIT_MAX_MS 1000

static void feed(struct hq *hq, struct hq_site *site, struct hub_input *in);

struct hq_site *hq_find_site(struct hq *hq, const char *name)
{
	for (size_t i = 0; i < hq->sites_n; i++)
		if (strcmp(hq->sites[i]->session.site, name) == 0)
			return hq->sites[i];
	return NULL;
}

static struct hq_site *add_site(struct hq *hq, const char *name)
{
	struct hq_site *site;

	if (hq->sites_n == HQ_SITES_MAX || store_site_add(hq->store, name) < 0)
		return NULL;
	site = calloc(1, sizeof(*site));
	if (!site)
		return NULL;
	hub_init(&site->session, name);
	site->timer_us = HUB_NEVER;
	hq->sites[hq->sites_n++] = site;
	return site;
}

static void send_frame(struct hq *hq, const struct hq_site *site, const struct sync_frame *frame)
{
	int r = wire_send(hq->router, site->routing, site->routing_len, frame);

	/* The site asks again when its answer is missing: nothing that matters lives in a socket.
	 */
	if (r < 0)
		log_debug("frame not sent site=%s type=%s: %s", site->session.site,
			sync_type_name(frame->type), zmq_strerror(-r));
}

/* NOLINTBEGIN(misc-no-recursion): a store's answer is fed while what asked for it is being done, HQ_LEVELS deep at most. */
static void do_open(struct hq *hq, struct hq_site *site, const struct sync_frame *hello)
{
	struct hub_cursor cursor = {0};
	struct hub_input in = {.kind = HUB_IN_OPENED, .cursor = &cursor};

	in.result = store_hello(hq->store, site->session.site, hello, &cursor);
	feed(hq, site, &in);
	log_info("session site=%s state=%s up_n=%lld%s%s", site->session.site,
		hub_states[site->session.state].name, (long long)cursor.up_n,
		site->session.refused[0] ? ": " : "", site->session.refused);
}

static void do_apply(struct hq *hq, struct hq_site *site, const struct hub_output *out)
{
	struct sync_bad bad[SYNC_BAD_MAX];
	struct hub_cursor cursor = {0};
	struct hub_input in = {.kind = HUB_IN_APPLIED, .cursor = &cursor, .bad = bad};

	in.result = store_apply(
		hq->store, site->session.site, out->frame, out->hashes, &cursor, bad, &in.bad_n);
	feed(hq, site, &in);
}

static void do_read_down(struct hq *hq, struct hq_site *site, const struct hub_output *out)
{
	struct hub_down downs[SYNC_DOWN_WINDOW];
	struct hub_input in = {.kind = HUB_IN_DOWNS, .downs = downs};

	in.downs_n = store_downs(hq->store, site->session.site, out->after, out->limit, downs);
	feed(hq, site, &in);
}

static void do_lease(struct hq *hq, struct hq_site *site, const struct sync_frame *asked)
{
	struct lease_terms terms = {hq->prefix, config_int(hq->config, "hub", "sscc_block")};
	struct sync_frame lease = {.type = SYNC_LEASE};
	struct hub_input in = {.kind = HUB_IN_LEASED, .frame = &lease};

	in.result = store_lease(hq->store, site->session.site, asked->lease, &terms, &lease);
	if (in.result == HUB_OK)
		log_info("SSCC block site=%s block=%s", site->session.site, lease.block);
	feed(hq, site, &in);
}

static void do_output(struct hq *hq, struct hq_site *site, const struct hub_output *out)
{
	switch (out->kind) {
	case HUB_OUT_SEND:
		send_frame(hq, site, out->frame);
		return;
	case HUB_OUT_OPEN:
		do_open(hq, site, out->frame);
		return;
	case HUB_OUT_APPLY:
		do_apply(hq, site, out);
		return;
	case HUB_OUT_READ_DOWN:
		do_read_down(hq, site, out);
		return;
	case HUB_OUT_DOWN_ACK:
		store_down_ack(hq->store, site->session.site, out->frame);
		return;
	case HUB_OUT_LEASE:
		do_lease(hq, site, out->frame);
		return;
	case HUB_OUT_ENDED:
		log_info("session ended site=%s: %s", site->session.site, out->why);
		return;
	}
}

/* The answer of a store operation is an input of its own, fed while the outputs that asked for it
 * are being done: so each level has its own outputs. HELLO, its answer, the first page of the down
 * stream. */
static void feed(struct hq *hq, struct hq_site *site, struct hub_input *in)
{
	struct hub_outputs *out = &hq->outputs[hq->level];

	assert(hq->level < HQ_LEVELS);
	hq->level++;
	in->now_us = clock_boot_us();
	in->real_us = clock_real_us();
	randombytes_buf(in->random, sizeof(in->random));
	hub_step(&site->session, in, out);
	site->timer_us = out->timer_us;
	for (size_t i = 0; i < out->n; i++)
		do_output(hq, site, &out->out[i]);
	hq->level--;
}

/* NOLINTEND(misc-no-recursion) */

void hq_down_ready(struct hq *hq, const char *name)
{
	struct hq_site *site = hq_find_site(hq, name);
	struct hub_input in = {.kind = HUB_IN_DOWN};

	if (site)
		feed(hq, site, &in);
}

static void take_message(struct hq *hq, struct hq_site *site, const struct wire_message *m)
{
	struct sync_frame frame;
	char why[SYNC_WHY_MAX];
	struct hub_input in = {.kind = HUB_IN_MESSAGE, .frame = &frame};

	memcpy(site->routing, m->routing, m->routing_len);
	site->routing_len = m->routing_len;
	if (store_site_active(hq->store, site->session.site, &in.active, &in.safe) < 0)
		in.active = false;
	if (sync_decode(m->parts, m->n, &frame, why) < 0) {
		log_warning("frame refused site=%s: %s", site->session.site, why);
		in = (struct hub_input){.kind = HUB_IN_MALFORMED, .why = why};
	}
	feed(hq, site, &in);
}

/* Without a User-Id a frame has no sender: it did not pass the handler. */
static void read_router(struct hq *hq)
{
	struct wire_message m;

	for (int i = 0; i < READS_PER_TURN; i++) {
		int r = wire_recv(hq->router, WIRE_ROUTER, &m);
		struct hq_site *site;

		if (r == -EMSGSIZE)
			continue;
		if (r < 0)
			return;
		site = m.user_id[0] ? hq_find_site(hq, m.user_id) : NULL;
		if (!site && m.user_id[0])
			site = add_site(hq, m.user_id);
		if (site && m.n)
			take_message(hq, site, &m);
		else
			hq->strangers++;
		wire_free(&m);
	}
}

static int run_timers(struct hq *hq)
{
	int64_t now = clock_boot_us(), next = now + WAIT_MAX_MS * US_PER_MS;

	for (size_t i = 0; i < hq->sites_n; i++) {
		struct hub_input in = {.kind = HUB_IN_TIMER};

		if (hq->sites[i]->timer_us <= now)
			feed(hq, hq->sites[i], &in);
		if (hq->sites[i]->timer_us < next)
			next = hq->sites[i]->timer_us;
	}
	return next <= now ? 0 : (int)((next - now) / US_PER_MS) + 1;
}

static bool wait_for_work(struct hq *hq, int signals, int wait_ms)
{
	zmq_pollitem_t items[4 + HQ_CLIENTS_MAX] = {
		{.fd = signals, .events = ZMQ_POLLIN},
		{.socket = zap_socket(hq->zap), .events = ZMQ_POLLIN},
		{.socket = hq->router, .events = ZMQ_POLLIN},
		{.fd = hq->control, .events = ZMQ_POLLIN},
	};
	int n = 4;

	for (size_t i = 0; i < hq->clients_n; i++)
		items[n++] = (zmq_pollitem_t){.fd = hq->clients[i], .events = ZMQ_POLLIN};
	if (zmq_poll(items, n, hq->backup ? 0 : wait_ms) < 0 && errno != EINTR)
		log_error("poll: %s", zmq_strerror(errno));
	return items[0].revents == 0;
}

static void run(struct hq *hq, int signals)
{
	do {
		sd_notify(0, "WATCHDOG=1");
		zap_serve(hq->zap);
		read_router(hq);
		control_process(hq);
	} while (wait_for_work(hq, signals, run_timers(hq)));
}

static int open_keys(struct hq *hq)
{
	const char *path = config_text(hq->config, "hub", "key");
	char public_path[256];
	int made = 0, r = keys_public_path(path, public_path, sizeof(public_path));

	if (r == 0)
		r = keys_ensure_pair(path, public_path, &hq->keys, &made);
	if (r == -EPERM)
		log_error("key file may be read by others (chmod 600): %s", path);
	else if (r < 0)
		log_error("key file: %s: %s", strerror(-r), path);
	else if (made)
		log_info("made the hub's key pair, for the sites: %s", public_path);
	return r;
}

/* The handler first, then the sockets, then the proof, and only then the first frame is read. */
static int open_network(struct hq *hq)
{
	const char *address = config_text(hq->config, "hub", "address");
	int r = zap_open(hq->context, config_text(hq->config, "hub", "sites"), &hq->zap);

	if (r < 0) {
		log_error("the authentication handler does not start: %s", zmq_strerror(-r));
		return r;
	}
	hq->router = zap_make_router(hq->context, &hq->keys);
	if (!hq->router || zmq_bind(hq->router, address) < 0) {
		r = -errno;
		log_error("%s: %s", address, zmq_strerror(-r));
		return r;
	}
	r = zap_self_test(hq->context, hq->zap, hq->router, &hq->keys);
	if (r == -EACCES)
		log_error("self-test failed: a key nobody knows was let in: not serving");
	else if (r < 0)
		log_error("self-test of the authentication had no answer: not serving");
	return r;
}

static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int open_all(struct hq *hq)
{
	int r = text_format(hq->prefix, sizeof(hq->prefix), EXTENSION_DIGIT "%s",
		config_text(hq->config, "hub", "company_prefix"));

	if (r < 0)
		log_error("[hub] company_prefix is too long");
	if (r == 0)
		r = open_keys(hq);
	if (r == 0)
		r = store_open(config_text(hq->config, "hub", "store"), &hq->store);
	if (r == 0)
		r = open_network(hq);
	if (r == 0)
		r = control_open(hq);
	return r;
}

static void close_all(struct hq *hq)
{
	control_close(hq);
	store_backup_end(hq->backup);
	if (hq->router)
		zmq_close(hq->router);
	zap_close(hq->zap);
	zmq_ctx_term(hq->context);
	store_close(hq->store);
	for (size_t i = 0; i < hq->sites_n; i++)
		free(hq->sites[i]);
	explicit_bzero(&hq->keys, sizeof(hq->keys));
	free(hq);
}

int hq_serve(const struct config *config)
{
	_cleanup_fd_ int signals = open_signals();
	struct hq *hq;
	int r;

	if (signals < 0)
		return signals;
	hq = calloc(1, sizeof(*hq));
	if (!hq)
		return -ENOMEM;
	hq->config = config;
	hq->control = -1;
	hq->context = zmq_ctx_new();
	r = open_all(hq);
	if (r == 0) {
		log_info("serving address=%s store=%s hub_gen=%s",
			config_text(config, "hub", "address"), config_text(config, "hub", "store"),
			store_gen(hq->store));
		sd_notify(0, "READY=1");
		run(hq, signals);
	}
	close_all(hq);
	return r;
}
