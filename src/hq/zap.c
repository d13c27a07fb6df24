#include "zap.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "door.h"
#include "log.h"
#include "wire.h"

#define ENDPOINT "inproc://zeromq.zap.01"
#define VERSION "1.0"
#define KEY_BYTES 32
#define REQUEST_PARTS 7 /* version, id, domain, address, identity, mechanism, key */

struct site_key {
	char site[SYNC_SITE_MAX];
	char key[KEY_TEXT_MAX];
};

struct zap {
	void *socket;
	char folder[PATH_MAX];
	struct site_key keys[ZAP_SITES_MAX];
	size_t keys_n;
};

static void add_key(struct zap *z, const char *file)
{
	struct site_key *k = &z->keys[z->keys_n];
	size_t len = strlen(file);
	char path[PATH_MAX];

	if (len <= 4 || strcmp(file + len - 4, ".pub") != 0 || z->keys_n == ZAP_SITES_MAX)
		return;
	if (text_format(k->site, sizeof(k->site), "%.*s", (int)(len - 4), file) < 0 ||
		!door_name_ok(k->site) ||
		text_format(path, sizeof(path), "%s/%s", z->folder, file) < 0 ||
		keys_load_public(path, k->key) < 0) {
		log_warning("not the key of a site: %s/%s", z->folder, file);
		return;
	}
	z->keys_n++;
}

static void read_folder(struct zap *z)
{
	_cleanup_dir_ DIR *dir = opendir(z->folder);
	const struct dirent *entry;

	z->keys_n = 0;
	while (dir && (entry = readdir(dir)))
		add_key(z, entry->d_name);
}

int zap_open(void *context, const char *sites_folder, struct zap **ret)
{
	struct zap *z = calloc(1, sizeof(*z));
	int r = z ? text_copy(z->folder, sizeof(z->folder), sites_folder) : -ENOMEM;

	if (r == 0)
		r = text_mkdirs(sites_folder, 0750);
	if (r == 0) {
		int linger = 0;

		z->socket = zmq_socket(context, ZMQ_REP);
		if (!z->socket ||
			zmq_setsockopt(z->socket, ZMQ_LINGER, &linger, sizeof(linger)) < 0 ||
			zmq_bind(z->socket, ENDPOINT) < 0)
			r = -errno;
	}
	if (r < 0) {
		zap_close(z);
		return r;
	}
	read_folder(z);
	*ret = z;
	return 0;
}

void zap_close(struct zap *z)
{
	if (!z)
		return;
	if (z->socket)
		zmq_close(z->socket);
	free(z);
}

void *zap_socket(struct zap *z)
{
	return z->socket;
}

static const char *find_site(const struct zap *z, const char *key)
{
	for (size_t i = 0; i < z->keys_n; i++)
		if (strcmp(z->keys[i].key, key) == 0)
			return z->keys[i].site;
	return NULL;
}

/* A key taken away must stop working too, so the folder is read for every handshake. */
static const char *site_of(struct zap *z, const void *key_bytes)
{
	char key[KEY_TEXT_MAX];

	if (!zmq_z85_encode(key, key_bytes, KEY_BYTES))
		return NULL;
	read_folder(z);
	return find_site(z, key);
}

bool zap_knows(const struct zap *z, const char *site)
{
	char path[PATH_MAX], key[KEY_TEXT_MAX];

	return door_name_ok(site) && strlen(site) < SYNC_SITE_MAX &&
	       text_format(path, sizeof(path), "%s/%s.pub", z->folder, site) == 0 &&
	       keys_load_public(path, key) == 0;
}

static bool part_is(const struct sync_part *part, const char *text)
{
	return part->len == strlen(text) && memcmp(part->bytes, text, part->len) == 0;
}

static const char *judge(struct zap *z, const struct wire_message *m)
{
	if (m->n != REQUEST_PARTS || !part_is(&m->parts[0], VERSION) ||
		!part_is(&m->parts[2], WIRE_ZAP_DOMAIN) || !part_is(&m->parts[5], "CURVE") ||
		m->parts[6].len != KEY_BYTES)
		return NULL;
	return site_of(z, m->parts[6].bytes);
}

static void answer(struct zap *z, const struct wire_message *m, const char *site)
{
	const char *status = site ? "200" : "400", *text = site ? "OK" : "not enrolled";
	const char *user = site ? site : "";
	const struct sync_part id = m->n > 1 ? m->parts[1] : (struct sync_part){"", 0};

	zmq_send(z->socket, VERSION, strlen(VERSION), ZMQ_SNDMORE);
	zmq_send(z->socket, id.bytes, id.len, ZMQ_SNDMORE);
	zmq_send(z->socket, status, strlen(status), ZMQ_SNDMORE);
	zmq_send(z->socket, text, strlen(text), ZMQ_SNDMORE);
	zmq_send(z->socket, user, strlen(user), ZMQ_SNDMORE);
	zmq_send(z->socket, "", 0, 0);
}

void zap_serve(struct zap *z)
{
	struct wire_message m;

	for (;;) {
		int r = wire_recv(z->socket, WIRE_DEALER, &m);
		const char *site;

		if (r == -EMSGSIZE) {
			m.n = 0;
			answer(z, &m, NULL);
			continue;
		}
		if (r < 0)
			return;
		site = judge(z, &m);
		answer(z, &m, site);
		wire_free(&m);
	}
}

static int set_int(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof(value));
}

void *zap_make_router(void *context, const struct key_pair *keys)
{
	void *router = zmq_socket(context, ZMQ_ROUTER);
	int64_t message_max = SYNC_MESSAGE_MAX;
	int error;

	if (!router)
		return NULL;
	if (set_int(router, ZMQ_LINGER, 0) == 0 && set_int(router, ZMQ_ROUTER_MANDATORY, 1) == 0 &&
		set_int(router, ZMQ_CURVE_SERVER, 1) == 0 &&
		zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, keys->secret_key, KEY_TEXT_MAX) == 0 &&
		zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, WIRE_ZAP_DOMAIN, strlen(WIRE_ZAP_DOMAIN)) ==
			0 &&
		set_int(router, WIRE_ZAP_ENFORCE_DOMAIN, 1) == 0 &&
		zmq_setsockopt(router, ZMQ_MAXMSGSIZE, &message_max, sizeof(message_max)) == 0)
		return router;
	error = errno;
	zmq_close(router);
	errno = error;
	return NULL;
}
