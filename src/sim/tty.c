#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "text.h"

static int make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	cfsetspeed(&t, B9600);
	return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

static int open_pair(struct tty *tty, char *name, size_t name_size)
{
	tty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (tty->master < 0 || grantpt(tty->master) < 0 || unlockpt(tty->master) < 0)
		return -errno;
	if (ptsname_r(tty->master, name, name_size) != 0)
		return -errno;
	tty->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return tty->slave < 0 ? -errno : make_raw(tty->slave);
}

static int make_link(const char *name, const char *link)
{
	char folder[PATH_MAX];
	char *slash;
	int r = text_copy(folder, sizeof(folder), link);

	slash = strrchr(folder, '/');
	if (r == 0 && slash && slash != folder) {
		*slash = '\0';
		r = text_mkdirs(folder, 0755);
	}
	if (r < 0)
		return r;
	if (unlink(link) < 0 && errno != ENOENT)
		return -errno;
	return symlink(name, link) < 0 ? -errno : 0;
}

int tty_open(struct tty *tty, const char *link)
{
	char name[64];
	int r;

	*tty = (struct tty){ .master = -1, .slave = -1 };
	r = open_pair(tty, name, sizeof(name));
	if (r == 0)
		r = make_link(name, link);
	if (r == 0)
		r = text_copy(tty->link, sizeof(tty->link), link);
	if (r < 0)
		tty_close(tty);
	return r;
}

void tty_close(struct tty *tty)
{
	if (*tty->link)
		unlink(tty->link);
	if (tty->slave >= 0)
		close(tty->slave);
	if (tty->master >= 0)
		close(tty->master);
	*tty = (struct tty){ .master = -1, .slave = -1 };
}
