/* A virtual serial line: a pty whose far end is a symlink at the path where a real tty would be. */
#ifndef WHARF_SIM_TTY_H
#define WHARF_SIM_TTY_H

#include <limits.h>

struct tty {
	int master;    /* the device's end, non-blocking */
	int slave;     /* held open so that the line survives a program that closes it */
	char link[PATH_MAX];
};

/* Makes folders as needed; an old symlink is replaced. 0 or -errno. */
int tty_open(struct tty *tty, const char *link);
void tty_close(struct tty *tty);

#endif
