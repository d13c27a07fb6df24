#include "door.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

#define BACKLOG 64

const char *door_kind_name(enum door_kind kind)
{
	switch (kind) {
	case DOOR_BRIDGE:
		return "bridge";
	case DOOR_PLC:
		return "plc";
	case DOOR_PRINT:
		return "print";
	case DOOR_WEB:
		return "web";
	case DOOR_SYNC:
		return "sync";
	case DOOR_ADVISOR:
		return "advisor";
	case DOOR_CTL:
		return "ctl";
	}
	return "";
}

int door_path(const char *run, enum door_kind kind, char *out, size_t size)
{
	return text_format(out, size, "%s/door/%s", run, door_kind_name(kind));
}

static int address_of(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return text_copy(ret->sun_path, sizeof(ret->sun_path), path);
}

static int make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

int door_listen(const char *path, unsigned mode)
{
	struct sockaddr_un address;
	_cleanup_fd_ int fd = -1;
	int out;

	if (address_of(path, &address) < 0)
		return -ENAMETOOLONG;
	fd = make_socket();
	if (fd < 0)
		return fd;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, mode) < 0 ||
		listen(fd, BACKLOG) < 0)
		return -errno;
	out = fd;
	fd = -1;
	return out;
}

int door_connect(const char *path)
{
	struct sockaddr_un address;
	_cleanup_fd_ int fd = -1;
	int out;

	if (address_of(path, &address) < 0)
		return -ENAMETOOLONG;
	fd = make_socket();
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	out = fd;
	fd = -1;
	return out;
}

int door_send(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	if (len > DOOR_MESSAGE_MAX)
		return -EMSGSIZE;
	do
		n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int door_recv(int fd, char *buf, size_t *ret_len)
{
	ssize_t n;

	/* MSG_TRUNC: the true length, so an oversized message is seen and not taken for a short one. */
	do
		n = recv(fd, buf, DOOR_MESSAGE_MAX, MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n > DOOR_MESSAGE_MAX)
		return -EMSGSIZE;
	buf[n] = '\0';
	*ret_len = (size_t)n;
	return n > 0;
}

static bool origin_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-_./", c));
}

int door_parse_id(const char *id, char *ret_origin, int64_t *ret_n)
{
	const char *colon = strrchr(id, ':');
	size_t len = colon ? (size_t)(colon - id) : 0;
	char *end;
	long long n;

	if (!len || len >= DOOR_ORIGIN_MAX || !isdigit((unsigned char)colon[1]) || colon[1] == '0')
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!origin_char(id[i]))
			return -EINVAL;
	errno = 0;
	n = strtoll(colon + 1, &end, 10);
	if (errno || *end)
		return -EINVAL;
	memcpy(ret_origin, id, len);
	ret_origin[len] = '\0';
	*ret_n = n;
	return 0;
}

bool door_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= DOOR_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	return true;
}
