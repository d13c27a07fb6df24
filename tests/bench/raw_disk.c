#include "raw.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

#define PAGE 4096

double raw_fdatasync(const char *folder, double seconds, struct samples *ret)
{
	char path[256], page[PAGE];
	int64_t start = now_ns();
	_cleanup_fd_ int fd = -1;
	size_t n = 0;

	memset(page, 'w', sizeof(page));
	if (text_format(path, sizeof(path), "%s/raw-disk", folder) < 0)
		die("path too long");
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (seconds_since(start) < seconds) {
		int64_t before = now_ns();

		if (pwrite(fd, page, sizeof(page), (off_t)(n * sizeof(page))) != sizeof(page) || fdatasync(fd) < 0)
			die("%s cannot be written", path);
		samples_add(ret, now_ns() - before);
		n++;
	}
	unlink(path);
	return (double)n / seconds_since(start);
}
