#include "rig.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"

#define WAIT_US (30 * US_PER_S)
#define PUMP_MS 10

static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(a);
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	assert(getsockname(fd, (struct sockaddr *)&a, &size) == 0);
	return ntohs(a.sin_port);
}

static void path_of(const struct rig *rig, char *out, size_t size, const char *name)
{
	assert(text_format(out, size, "%s/%s", rig->folder, name) == 0);
}

void rig_make(struct rig *rig)
{
	char text[512], run[96];

	*rig = (struct rig){.folder = "/tmp/wharf-link-XXXXXX"};
	assert(mkdtemp(rig->folder));
	snprintf(rig->address, sizeof(rig->address), "tcp://127.0.0.1:%d", free_port());
	path_of(rig, rig->config, sizeof(rig->config), "wharf.conf");
	snprintf(text, sizeof(text),
		"[paths]\nstate = %s\nrun = %s/run\n[site]\nname = T\n[hq]\naddress = %s\nping_ms "
		"= 200\n"
		"[hub]\naddress = %s\n",
		rig->folder, rig->folder, rig->address, rig->address);
	assert(text_write_file(rig->config, text, strlen(text), 0600) == 0);
	path_of(rig, run, sizeof(run), "run/door");
	assert(text_mkdirs(run, 0700) == 0);
	path_of(rig, run, sizeof(run), "run");
	core_open(&rig->core, run);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void rig_remove(struct rig *rig)
{
	rig_kill(&rig->link, SIGKILL);
	rig_kill(&rig->hub, SIGKILL);
	core_close(&rig->core);
	assert(nftw(rig->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static pid_t spawn(struct rig *rig, const char *program, const char *const *words, int out)
{
	const char *argv[16] = {program, "-c", rig->config};
	pid_t pid;

	for (size_t i = 0; words && words[i]; i++)
		argv[3 + i] = words[i];
	pid = fork();
	assert(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	execv(program, (char **)argv);
	_exit(127);
}

void rig_start_hub(struct rig *rig)
{
	rig->hub = spawn(rig, WHARF_BIN "/wharf-hq", NULL, -1);
}

void rig_start_link(struct rig *rig)
{
	rig->link = spawn(rig, WHARF_BIN "/wharf-sync", NULL, -1);
}

void rig_kill(pid_t *pid, int signal)
{
	if (*pid <= 0)
		return;
	kill(*pid, signal);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static void enrol_key(struct rig *rig, const char *site, const char *key)
{
	char path[128], text[KEY_TEXT_MAX + 1];

	path_of(rig, path, sizeof(path), "keys/sites");
	assert(text_mkdirs(path, 0700) == 0);
	assert(text_format(path, sizeof(path), "%s/keys/sites/%s.pub", rig->folder, site) == 0);
	snprintf(text, sizeof(text), "%s\n", key);
	assert(text_write_file(path, text, strlen(text), 0600) == 0);
}

void rig_enrol(struct rig *rig)
{
	char path[96], key[KEY_TEXT_MAX];

	path_of(rig, path, sizeof(path), "keys/site.pub");
	assert(keys_load_public(path, key) == 0);
	enrol_key(rig, "T", key);
}

void rig_enrol_new(struct rig *rig, const char *site, struct key_pair *ret)
{
	char path[96], public_path[96], name[40];
	int made;

	snprintf(name, sizeof(name), "%s.key", site);
	path_of(rig, path, sizeof(path), name);
	assert(keys_public_path(path, public_path, sizeof(public_path)) == 0);
	assert(keys_ensure_pair(path, public_path, ret, &made) == 0 && made);
	enrol_key(rig, site, ret->public_key);
}

void rig_hub_key(struct rig *rig, char *ret)
{
	char path[96];

	path_of(rig, path, sizeof(path), "keys/hq.pub");
	assert(keys_load_public(path, ret) == 0);
}

int rig_hq(struct rig *rig, const char *const *words, char *out, size_t size)
{
	int pipes[2], status;
	size_t len = 0;
	ssize_t n = 1;
	pid_t pid;

	assert(pipe(pipes) == 0);
	pid = spawn(rig, WHARF_BIN "/wharf-hq", words, pipes[1]);
	close(pipes[1]);
	while (n > 0) {
		char sink[4096];
		size_t room = out && len + 1 < size ? size - len - 1 : 0;

		n = read(pipes[0], room ? out + len : sink, room ? room : sizeof(sink));
		if (room && n > 0)
			len += (size_t)n;
	}
	if (out)
		out[len] = '\0';
	close(pipes[0]);
	assert(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

long long rig_status(struct rig *rig, const char *site, const char *key)
{
	static const char *const words[] = {"status", "--json", NULL};
	static char text[65536];
	_cleanup_json_ json_t *status = NULL;
	const json_t *row;
	size_t i;

	if (rig_hq(rig, words, text, sizeof(text)) != 0)
		return -1;
	status = json_loads(text, 0, NULL);
	json_array_foreach(json_object_get(status, "sites"), i,
		row) if (strcmp(json_str(row, "site"), site) == 0) return json_int(row, key);
	return -1;
}

bool rig_wait(struct rig *rig, bool (*holds)(struct rig *, long long), long long value)
{
	int64_t until = clock_boot_us() + WAIT_US;

	while (clock_boot_us() < until) {
		struct pollfd fds[] = {{.fd = rig->core.listener, .events = POLLIN},
			{.fd = rig->core.client, .events = POLLIN}};

		poll(fds, 2, PUMP_MS);
		core_pump(&rig->core);
		if (holds(rig, value))
			return true;
	}
	return false;
}
