#include "proof_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "cleanup.h"
#include "json.h"
#include "lines.h"
#include "programs.h"

#define WHY_MAX 256

static int take_line(struct proof *proof, const char *line, size_t len, proof_taker *take,
	char *why)
{
	_cleanup_json_ json_t *fact = json_parse(line, len, why, WHY_MAX);

	return fact ? take(proof, fact, why, WHY_MAX) : -EINVAL;
}

static int take_lines(struct proof *proof, struct lines *lines, const char *name,
	proof_taker *take)
{
	char why[WHY_MAX];
	const char *line;
	size_t len;

	while ((line = lines_next(lines, &len))) {
		if (len == 0 || take_line(proof, line, len, take, why) == 0)
			continue;
		fprintf(stderr, "%s:%zu: %s\n", name, lines->number, why);
		return -EINVAL;
	}
	return 0;
}

int proof_read_fd(struct proof *proof, int fd, const char *name, proof_taker *take)
{
	_cleanup_free_ struct lines *lines = malloc(sizeof(*lines));
	int r = 0;

	if (!lines)
		return -ENOMEM;
	lines_init(lines, fd);
	while (r == 0 && !lines_ended(lines)) {
		r = lines_read(lines);
		if (r < 0)
			fprintf(stderr, "%s:%zu: %s\n", name, lines->number + 1, strerror(-r));
		else
			r = take_lines(proof, lines, name, take);
	}
	return r;
}

int proof_read_program(struct proof *proof, const char *path, const char *const *argv,
	proof_taker *take)
{
	_cleanup_fd_ int fd = -1;
	pid_t pid;
	int r = programs_start(path, argv, &pid, &fd);
	int code;

	if (r < 0) {
		fprintf(stderr, "%s cannot be started: %s\n", path, strerror(-r));
		return r;
	}
	r = proof_read_fd(proof, fd, argv[0], take);
	close(fd); /* a program that still writes ends by that */
	fd = -1;
	code = programs_wait(pid);
	if (r == 0 && code != 0) {
		fprintf(stderr, "%s ended with %d: its facts are not complete\n", path, code);
		r = -EIO;
	}
	return r;
}

int proof_read_file(struct proof *proof, const char *path, proof_taker *take)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -errno;
	}
	return proof_read_fd(proof, fd, path, take);
}
