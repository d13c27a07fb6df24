#include "programs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text.h"

#define FALLBACK_PATH "/usr/local/bin:/usr/bin:/bin"

int programs_own_folder(char *out, size_t size)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return -errno;
	path[n] = '\0';
	return text_copy(out, size, dirname(path));
}

static int try_folder(const char *folder, size_t len, const char *name, char *out, size_t size)
{
	char path[PATH_MAX];
	struct stat st;

	if (!len || text_format(path, sizeof(path), "%.*s/%s", (int)len, folder, name) < 0)
		return -ENOENT;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return -ENOENT;
	return text_copy(out, size, path);
}

int programs_find(const char *folder, const char *name, char *out, size_t size)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return access(name, X_OK) < 0 ? -ENOENT : text_copy(out, size, name);
	if (try_folder(folder, strlen(folder), name, out, size) == 0)
		return 0;
	for (const char *p = path ? path : FALLBACK_PATH; *p; p += *p == ':') {
		size_t len = strcspn(p, ":");

		if (try_folder(p, len, name, out, size) == 0)
			return 0;
		p += len;
	}
	return -ENOENT;
}

int programs_start(const char *path, const char *const *argv, pid_t *ret_pid, int *ret_stdout)
{
	posix_spawn_file_actions_t actions;
	int pipe_fds[2] = { -1, -1 };
	int r;

	if (ret_stdout && pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	r = posix_spawn_file_actions_init(&actions);
	if (r == 0 && ret_stdout)
		r = posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn(ret_pid, path, &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (pipe_fds[1] >= 0)
		close(pipe_fds[1]);
	if (r != 0) {
		if (pipe_fds[0] >= 0)
			close(pipe_fds[0]);
		return -r;
	}
	if (ret_stdout)
		*ret_stdout = pipe_fds[0];
	return 0;
}

int programs_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int programs_split(char *command, const char **ret_words)
{
	char *state = NULL;
	int n = 0;

	for (char *word = strtok_r(command, " \t", &state); word;
		word = strtok_r(NULL, " \t", &state)) {
		if (n == PROGRAM_WORDS_MAX - 1)
			return -E2BIG;
		ret_words[n++] = word;
	}
	ret_words[n] = NULL;
	return n;
}
