#include "lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void lines_init(struct lines *lines, int fd)
{
	lines->fd = fd;
	lines->number = lines->first = lines->end = 0;
	lines->eof = false;
}

char *lines_next(struct lines *lines, size_t *ret_len)
{
	char *line = lines->buf + lines->first;
	size_t here = lines->end - lines->first;
	char *newline = memchr(line, '\n', here);
	size_t len = newline ? (size_t)(newline - line) : here;

	if (!newline && (!lines->eof || !here))
		return NULL;
	/* The byte behind the last line is always free: lines_read() keeps one. */
	line[len] = '\0';
	lines->first += len + (newline ? 1 : 0);
	lines->number++;
	*ret_len = len;
	return line;
}

int lines_read(struct lines *lines)
{
	size_t room;
	ssize_t n;

	memmove(lines->buf, lines->buf + lines->first, lines->end - lines->first);
	lines->end -= lines->first;
	lines->first = 0;
	room = sizeof(lines->buf) - 1 - lines->end;
	if (room == 0)
		return -EMSGSIZE;
	do
		n = read(lines->fd, lines->buf + lines->end, room);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	lines->eof = n == 0;
	lines->end += (size_t)n;
	return 0;
}

bool lines_ended(const struct lines *lines)
{
	return lines->eof && lines->first == lines->end;
}
