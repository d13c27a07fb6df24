/* A peer's side of the door: connects and reconnects, says hello, numbers commands, keeps each one
 * until it is answered and sends it again after a reconnect with the same id. Never blocks; made for
 * a poll() loop. docs/door.md is the contract. */
#ifndef WHARF_DOOR_CLIENT_H
#define WHARF_DOOR_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "door.h"

/* Commands without an answer; at the limit the caller stops reading its device. */
#define DOOR_CLIENT_WAITING_MAX 256

/* All objects are borrowed: valid during the call. */
struct door_handlers {
	/* Sees each message before it is parsed, for those that relay it: `word` is its key. True: done
	 * with it. May be NULL. */
	bool (*raw)(void *user, const char *word, const char *message, size_t len);
	/* The core let us in; subscriptions were sent again. */
	void (*welcome)(void *user, const json_t *welcome);
	/* A decided answer: {id, ok, code, say, signal, seq, data?}. */
	void (*outcome)(void *user, const json_t *outcome);
	/* Not taken, no trace left: {id, why, say}. The command is no longer kept; send it again under a
	 * new id if it is still true. */
	void (*refused)(void *user, const json_t *refused);
	void (*push)(void *user, const json_t *push);
	void (*rows)(void *user, const json_t *rows);
	/* Another answer: {"login":…}, {"backup":…}, {"error":…}. The whole message. */
	void (*other)(void *user, const json_t *message);
	/* The connection is gone; it is tried again by itself. */
	void (*lost)(void *user);
};

struct door_client;

/* `origin` (16 hex digits, text_boot_id) names this run; `hello` (stolen, may be NULL) holds further
 * keys of the hello message such as "devices". 0 or -errno. */
int door_client_create(struct door_client **ret, const char *path, enum door_kind kind,
	const char *origin, json_t *hello, const struct door_handlers *handlers, void *user);
void door_client_destroy(struct door_client *client);

/* For poll(): fd (-1 while down), events wanted, longest wait in ms (-1: none). */
int door_client_fd(const struct door_client *client);
short door_client_events(const struct door_client *client);
int door_client_timeout_ms(const struct door_client *client);

/* Does what is possible now: connect, read, call handlers, write. Call after each poll(). */
void door_client_process(struct door_client *client);

bool door_client_up(const struct door_client *client);

/* Queues a command. `command` (stolen) is the object inside {"command":…}; "id" is added as origin:n
 * where it has none; "age_ms" (0 where missing) grows by the time it waits here, at each sending. *ret_n (may be NULL) gets n of an id made here.
 * 0, or -EAGAIN at DOOR_CLIENT_WAITING_MAX (the object is freed all the same). */
int door_client_command(struct door_client *client, json_t *command, int64_t *ret_n);

/* The same for a command that is text already: a valid JSON object with "id" and without "age_ms", ending in '}'.
 * `text` is malloc'd and taken. For a program that relays. */
int door_client_command_text(struct door_client *client, const char *id, char *text, int64_t age_ms);

/* From now on commands and messages wait for the next door_client_flush (or door_client_process): a busy program's
 * questions of one turn reach the core together. */
void door_client_batch(struct door_client *client);
void door_client_flush(struct door_client *client);

/* Sends any other message now: query, login, ping. Not kept over a reconnect. `message` is stolen.
 * 0, or -ENOTCONN. */
int door_client_send(struct door_client *client, json_t *message);

/* Asks for pushes on a topic, now and after every reconnect. */
int door_client_subscribe(struct door_client *client, const char *topic);

/* No longer asks for it after the next reconnect; until then pushes may still come. */
void door_client_unsubscribe(struct door_client *client, const char *topic);

/* Commands that wait for an answer. */
size_t door_client_waiting(const struct door_client *client);

#endif
