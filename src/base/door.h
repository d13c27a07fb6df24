/* The door's wire: SOCK_SEQPACKET Unix sockets, one JSON object a message. docs/door.md is the contract. */
#ifndef WHARF_DOOR_H
#define WHARF_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOOR_VERSION 1
#define DOOR_MESSAGE_MAX (64 * 1024)
#define DOOR_NAME_MAX 64      /* devices, stations, users, kinds */
#define DOOR_ID_MAX 96        /* origin:n */
#define DOOR_ORIGIN_MAX 64

/* The seven listeners; the listener a peer came through is its kind. */
enum door_kind { DOOR_BRIDGE, DOOR_PLC, DOOR_PRINT, DOOR_WEB, DOOR_SYNC, DOOR_ADVISOR, DOOR_CTL };
#define DOOR_KINDS (DOOR_CTL + 1)
const char *door_kind_name(enum door_kind kind);

/* Path of a kind's socket below the run folder: RUN/door/KIND. 0 or -ENAMETOOLONG. */
int door_path(const char *run, enum door_kind kind, char *out, size_t size);

/* Non-blocking sockets, O_CLOEXEC. A stale socket file is replaced. fd or -errno. */
int door_listen(const char *path, unsigned mode);
int door_connect(const char *path);

/* One message. 0; -EAGAIN when the peer's queue is full; -EMSGSIZE; -EPIPE and such when it is gone. */
int door_send(int fd, const char *bytes, size_t len);

/* One message into buf (DOOR_MESSAGE_MAX + 1 bytes), NUL added. Length; 0 at the end; -EAGAIN; -EMSGSIZE
 * where the message was longer than the door allows (it is gone then); -errno. */
int door_recv(int fd, char *buf, size_t *ret_len);

/* "origin:n" with n from 1. The origin is letters, digits, '-', '_', '.', '/'. 0 or -EINVAL. */
int door_parse_id(const char *id, char *ret_origin, int64_t *ret_n);

/* Names of devices and the like: letters, digits, '-', '_', '.', 1 to DOOR_NAME_MAX - 1 bytes. */
bool door_name_ok(const char *name);

#endif
