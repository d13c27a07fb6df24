#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "cleanup.h"

static const struct {
	int baud;
	speed_t speed;
} speeds[] = {
	{ 300, B300 },
	{ 600, B600 },
	{ 1200, B1200 },
	{ 2400, B2400 },
	{ 4800, B4800 },
	{ 9600, B9600 },
	{ 19200, B19200 },
	{ 38400, B38400 },
	{ 57600, B57600 },
	{ 115200, B115200 },
	{ 230400, B230400 },
	{ 460800, B460800 },
	{ 921600, B921600 },
};

static int find_speed(int baud, speed_t *ret)
{
	for (size_t i = 0; i < array_len(speeds); i++) {
		if (speeds[i].baud != baud)
			continue;
		*ret = speeds[i].speed;
		return 0;
	}
	return -EINVAL;
}

int serial_check_baud(int baud)
{
	speed_t speed;

	return find_speed(baud, &speed);
}

static int set_frame(int fd, speed_t speed, enum driver_line line)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cflag &= (tcflag_t) ~(CSTOPB | CRTSCTS);
	if (line == DRIVER_7E1) {
		/* Wrong parity is marked FF 00 byte, so the driver can name it. */
		t.c_cflag = (t.c_cflag & (tcflag_t)~CSIZE & (tcflag_t)~PARODD) | CS7 | PARENB;
		t.c_iflag |= INPCK | PARMRK;
	}
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	cfsetispeed(&t, speed);
	cfsetospeed(&t, speed);
	return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

/* A pty knows 8 bits only, and whether it says so depends on what it was set to before. On real lines
 * the driver then names the wrong parity. */
static int set_raw(int fd, speed_t speed, enum driver_line line)
{
	int r = set_frame(fd, speed, line);

	return r == -EINVAL && line != DRIVER_8N1 ? set_frame(fd, speed, DRIVER_8N1) : r;
}

/* Many CDC scanners stay mute without DTR. A pty has none: the refusal means nothing. */
static void raise_dtr(int fd)
{
	const int lines = TIOCM_DTR | TIOCM_RTS;

	if (ioctl(fd, TIOCMBIS, &lines) < 0)
		return;
}

int serial_open(const char *path, int baud, enum driver_line line)
{
	_cleanup_fd_ int fd = -1;
	speed_t speed;
	int r = find_speed(baud, &speed), out;

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* A lock and not TIOCEXCL: that one outlives a killed program while a pty's other end is open. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	r = set_raw(fd, speed, line);
	if (r < 0)
		return r;
	raise_dtr(fd);
	tcflush(fd, TCIOFLUSH);
	out = fd;
	fd = -1;
	return out;
}
