/* Lines out of a file descriptor that may be a pipe: bounded, and without stdio's hidden buffer, so
 * that poll() on the descriptor tells the truth. */
#ifndef WHARF_LINES_H
#define WHARF_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "door.h"

struct lines {
	int fd;                 /* borrowed */
	size_t number;          /* of the line last given, from 1 */
	size_t first, end;      /* unread bytes of buf */
	bool eof;
	char buf[DOOR_MESSAGE_MAX + 2];
};

void lines_init(struct lines *lines, int fd);

/* The next whole line that is already here, NUL-terminated and without its newline; valid until the
 * next call of lines_read(). NULL: none yet (or, at the end of the input, none any more). */
char *lines_next(struct lines *lines, size_t *ret_len);

/* One read() of what is there. 0; -EMSGSIZE for a line longer than a door message; -errno. */
int lines_read(struct lines *lines);

/* Nothing more will come. */
bool lines_ended(const struct lines *lines);

#endif
