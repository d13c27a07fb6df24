/* Connections: one listener per kind of peer; bounded reading, bounded unread output. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"
#include "clock.h"
#include "core.h"
#include "log.h"
#include "text.h"

#define READS_PER_WAKE 128
#define READ_US_MAX INT64_C(5000) /* for one peer, then the others and the turn */
#define DOOR_MODE 0660

struct peer *peer_find(struct core *core, uint64_t serial)
{
	for (size_t i = 0; i < core->peers_n; i++)
		if (core->peers[i]->serial == serial)
			return core->peers[i];
	return NULL;
}

static void free_out(struct out *out)
{
	free(out->text);
	free(out);
}

static void forget(struct core *core, const struct peer *peer)
{
	for (size_t i = 0; i < core->peers_n; i++) {
		if (core->peers[i] != peer)
			continue;
		memmove(&core->peers[i], &core->peers[i + 1], (core->peers_n - i - 1) * sizeof(struct peer *));
		core->peers_n--;
		return;
	}
}

static void close_peer(struct peer *peer, const char *why)
{
	log_info("peer closed: %s peer=%s serial=%llu", why, door_kind_name(peer->kind),
		(unsigned long long)peer->serial);
	forget(peer->core, peer);
	sd_event_source_disable_unref(peer->io);
	close(peer->fd);
	while (peer->out_first) {
		struct out *next = peer->out_first->next;

		free_out(peer->out_first);
		peer->out_first = next;
	}
	for (size_t i = 0; i < peer->topics_n; i++)
		free(peer->topics[i]);
	free(peer);
}

/* Not read while it has too much undecided or unread: the socket's own limit then holds the peer back. */
static void set_events(struct peer *peer)
{
	uint32_t events = 0;

	if (peer->commands < PEER_COMMANDS_MAX && peer->out_bytes < PEER_UNREAD_MAX)
		events |= EPOLLIN;
	if (peer->out_first)
		events |= EPOLLOUT;
	sd_event_source_set_io_events(peer->io, events);
}

void peer_read_again(struct peer *peer)
{
	if (!peer->closing)
		set_events(peer);
}

static void drop_first_out(struct peer *peer)
{
	struct out *out = peer->out_first;

	peer->out_first = out->next;
	if (!peer->out_first)
		peer->out_last = NULL;
	peer->out_bytes -= out->len;
	peer->stuck_since_us = 0;
	free_out(out);
}

/* A broken connection is only marked: its own event closes it, never under the feet of a caller. */
static void flush(struct peer *peer)
{
	while (peer->out_first && !peer->closing) {
		int r = door_send(peer->fd, peer->out_first->text, peer->out_first->len);

		if (r == -EAGAIN)
			break;
		if (r == -EMSGSIZE)
			log_error("message too long for the door dropped: %zu bytes", peer->out_first->len);
		else if (r < 0)
			peer->closing = true;
		drop_first_out(peer);
	}
	if (peer->out_first && !peer->stuck_since_us)
		peer->stuck_since_us = clock_boot_us();
	set_events(peer);
}

static bool replace_same_topic(struct peer *peer, const char *topic, char *text)
{
	for (struct out *out = peer->out_first; out; out = out->next) {
		size_t len = strlen(text);

		if (strcmp(out->topic, topic) != 0)
			continue;
		peer->out_bytes += len - out->len;
		free(out->text);
		out->text = text;
		out->len = len;
		return true;
	}
	return false;
}

static void append_out(struct peer *peer, struct out *out)
{
	if (peer->out_last)
		peer->out_last->next = out;
	else
		peer->out_first = out;
	peer->out_last = out;
	peer->out_bytes += out->len;
}

/* With a final newline, for those who read the door on a terminal. */
static char *message_text(const json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT), *longer;
	size_t len = text ? strlen(text) : 0;

	longer = text ? realloc(text, len + 2) : NULL;
	if (!longer) {
		free(text);
		return NULL;
	}
	longer[len] = '\n';
	longer[len + 1] = '\0';
	return longer;
}

void peer_send_text(struct peer *peer, const char *topic, char *text)
{
	struct out *out;

	if (!text || (topic[0] && replace_same_topic(peer, topic, text)))
		return;
	out = calloc(1, sizeof(*out));
	if (!out) {
		free(text);
		return;
	}
	out->text = text;
	out->len = strlen(text);
	text_copy(out->topic, sizeof(out->topic), topic);
	append_out(peer, out);
	flush(peer);
}

static void enqueue(struct peer *peer, const char *topic, json_t *message)
{
	char *text = message_text(message);

	json_decref(message);
	peer_send_text(peer, topic, text);
}

void peer_send(struct peer *peer, json_t *message)
{
	enqueue(peer, "", message);
}

void peer_send_topic(struct peer *peer, const char *topic, json_t *message)
{
	enqueue(peer, topic, message);
}

struct topic *peer_topic(struct peer *peer, const char *name)
{
	for (size_t i = 0; i < peer->topics_n; i++)
		if (strcmp(peer->topics[i]->name, name) == 0)
			return peer->topics[i];
	return NULL;
}

static void drop_unsent(struct peer *peer, const char *topic)
{
	struct out **link = &peer->out_first, *last = NULL;

	while (*link) {
		struct out *out = *link;

		if (strcmp(out->topic, topic) != 0) {
			last = out;
			link = &out->next;
			continue;
		}
		*link = out->next;
		peer->out_bytes -= out->len;
		free_out(out);
	}
	peer->out_last = last;
}

void peer_drop_topic(struct peer *peer, struct topic *topic)
{
	drop_unsent(peer, topic->name);
	for (size_t i = 0; i < peer->topics_n; i++)
		if (peer->topics[i] == topic)
			peer->topics[i] = peer->topics[--peer->topics_n];
	free(topic);
}

static bool may_read(const struct peer *peer)
{
	return peer->commands < PEER_COMMANDS_MAX && peer->out_bytes < PEER_UNREAD_MAX && !peer->closing;
}

static void read_peer(struct peer *peer)
{
	struct core *core = peer->core;
	int64_t end_us = clock_boot_us() + READ_US_MAX;

	for (int i = 0; i < READS_PER_WAKE && may_read(peer) && clock_boot_us() < end_us; i++) {
		size_t len = 0;
		int r = door_recv(peer->fd, core->in, &len);

		if (r == -EAGAIN)
			break;
		if (r == -EMSGSIZE) {
			message_refuse(peer, NULL, "malformed", "a message is at most 64 KiB");
			continue;
		}
		if (r <= 0)
			peer->closing = true;
		else
			message_take(peer, core->in, len);
	}
	set_events(peer);
}

static int on_peer(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct peer *peer = user;

	(void)source;
	(void)fd;
	if (events & EPOLLOUT)
		flush(peer);
	if (events & EPOLLIN)
		read_peer(peer);
	else if (events & (EPOLLHUP | EPOLLERR))
		peer->closing = true;
	if (peer->closing)
		close_peer(peer, "gone");
	return 0;
}

static void add_peer(struct core *core, enum door_kind kind, int fd)
{
	struct peer *peer = core->peers_n < PEERS_MAX ? calloc(1, sizeof(*peer)) : NULL;

	if (!peer) {
		log_warning("connection refused: %d peers are here already", PEERS_MAX);
		close(fd);
		return;
	}
	*peer = (struct peer){ .core = core, .kind = kind, .fd = fd, .serial = ++core->next_serial };
	if (sd_event_add_io(core->event, &peer->io, fd, EPOLLIN, on_peer, peer) < 0) {
		close(fd);
		free(peer);
		return;
	}
	core->peers[core->peers_n++] = peer;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct core *core = user;
	int client;

	(void)events;
	while ((client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		for (int kind = 0; kind < DOOR_KINDS; kind++)
			if (core->listeners[kind] == source)
				add_peer(core, (enum door_kind)kind, client);
	return 0;
}

/* A socket systemd made for us, by its name; -1 where there is none. */
static int passed_socket(const char *name)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names), fd = -1;

	for (int i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			fd = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	if (fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -1;
	return fd;
}

static int listen_one(struct core *core, enum door_kind kind)
{
	char path[300];
	int fd = passed_socket(door_kind_name(kind));

	if (fd < 0) {
		if (door_path(core->run, kind, path, sizeof(path)) < 0)
			return -ENAMETOOLONG;
		fd = door_listen(path, DOOR_MODE);
		if (fd < 0) {
			log_error("door socket cannot be made: %s path=%s", strerror(-fd), path);
			return fd;
		}
	}
	return sd_event_add_io(core->event, &core->listeners[kind], fd, EPOLLIN, on_connection, core);
}

int peers_listen(struct core *core)
{
	char folder[300];
	int r;

	if (text_format(folder, sizeof(folder), "%s/door", core->run) < 0)
		return -ENAMETOOLONG;
	r = text_mkdirs(folder, 0755);
	for (int kind = 0; r >= 0 && kind < DOOR_KINDS; kind++)
		r = listen_one(core, (enum door_kind)kind);
	return r < 0 ? r : 0;
}

void peers_check(struct core *core)
{
	int64_t now_us = clock_boot_us();

	for (size_t i = core->peers_n; i-- > 0;) {
		struct peer *peer = core->peers[i];

		if (peer->closing)
			close_peer(peer, "gone");
		else if (peer->out_bytes >= PEER_UNREAD_MAX && peer->stuck_since_us &&
			now_us - peer->stuck_since_us > PEER_STUCK_US)
			close_peer(peer, "does not read");
	}
}

void peers_destroy(struct core *core)
{
	while (core->peers_n)
		close_peer(core->peers[core->peers_n - 1], "wharfd ends");
	for (int kind = 0; kind < DOOR_KINDS; kind++) {
		if (core->listeners[kind])
			close(sd_event_source_get_io_fd(core->listeners[kind]));
		sd_event_source_disable_unref(core->listeners[kind]);
	}
}
