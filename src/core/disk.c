/* Free disk: what each level still takes, and the ballast that lets a full disk recover by itself. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "core.h"
#include "json.h"
#include "log.h"
#include "text.h"

#define MIB (INT64_C(1) << 20)
/* A start makes the log, the witness and a few more files; below this what is here is finished first. */
#define FREE_FILES_MIN 16

const char *disk_word(enum disk_level level)
{
	static const char *const words[] = { "fine", "low", "no_new_work", "finish_only", "full" };

	return words[level];
}

const char *disk_say(enum disk_level level)
{
	static const char *const says[] = { "", "The disk is filling up",
		"The disk is almost full: no new orders until there is space",
		"The disk is almost full: finish what is begun, nothing new is begun",
		"Not accepting: the disk is full" };

	return says[level];
}

static int64_t limit_mib(const struct core *core, const char *key)
{
	return config_int(core->config, "core", key);
}

static enum disk_level level_of(const struct core *core, int64_t free_mib)
{
	int64_t intake = limit_mib(core, "intake_free_mib"), finish = limit_mib(core, "finish_free_mib");

	/* Who lowers the first limit for a small disk lowers the second with it. */
	if (finish > intake)
		finish = intake;
	if (free_mib < limit_mib(core, "closed_free_mib"))
		return DISK_CLOSED;
	if (free_mib < finish)
		return DISK_FINISH_ONLY;
	if (free_mib < intake)
		return DISK_NO_NEW_WORK;
	return free_mib < limit_mib(core, "warn_free_mib") ? DISK_WARN : DISK_FINE;
}

/* ---- ballast */

static int ballast_path(const struct core *core, char *out, size_t size)
{
	return text_format(out, size, "%s/ballast", core->state);
}

static int64_t ballast_missing(const struct core *core)
{
	char path[300];
	struct stat st;
	int64_t size = limit_mib(core, "ballast_mib") * MIB;

	if (ballast_path(core, path, sizeof(path)) < 0 || stat(path, &st) < 0)
		return size;
	return st.st_size < size ? size - st.st_size : 0;
}

static void make_ballast(struct core *core)
{
	char path[300];
	_cleanup_fd_ int fd = -1;
	int64_t size = limit_mib(core, "ballast_mib") * MIB;

	if (!size || !ballast_missing(core) || ballast_path(core, path, sizeof(path)) < 0)
		return;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, (off_t)size) != 0)
		log_warning("no space for the ballast file path=%s", path);
}

/* The log cannot be emptied on a full disk, so it could never shrink: the ballast's space lets it. */
static void free_ballast(struct core *core)
{
	char path[300];

	if (ballast_path(core, path, sizeof(path)) == 0 && truncate(path, 0) == 0)
		core_checkpoint(core, true);
}

/* ---- levels */

static void set_level(struct core *core, enum disk_level level, int64_t free_mib)
{
	if (level == core->disk)
		return;
	log_write(level > core->disk ? LOG_WARNING : LOG_INFO, "disk is %s, was %s free_mib=%lld", disk_word(level),
		disk_word(core->disk), (long long)free_mib);
	core->disk = level;
	release_status(core);
	turn_want(core);
}

void disk_full(struct core *core)
{
	set_level(core, DISK_CLOSED, 0);
	free_ballast(core);
}

static int64_t free_space(const struct core *core, enum disk_level *ret_least)
{
	struct statvfs s;

	*ret_least = DISK_FINE;
	if (statvfs(core->state, &s) < 0)
		return -errno;
	if (s.f_files && s.f_favail < FREE_FILES_MIN)
		*ret_least = DISK_NO_NEW_WORK;
	return (int64_t)s.f_bavail * (int64_t)s.f_frsize;
}

static enum disk_level measure(const struct core *core, int64_t *ret_free_mib)
{
	enum disk_level least, level;
	int64_t free_bytes = free_space(core, &least);

	*ret_free_mib = free_bytes / MIB;
	if (free_bytes < 0)
		return core->disk;
	/* Space given up is no reason to open: the ballast must fit again. */
	level = level_of(core, (free_bytes - ballast_missing(core)) / MIB);
	return level > least ? level : least;
}

void disk_open(struct core *core)
{
	int64_t free_mib;
	enum disk_level level = measure(core, &free_mib);

	if (level < DISK_CLOSED)
		make_ballast(core);
	set_level(core, level, free_mib);
}

void disk_watch(struct core *core)
{
	int64_t free_mib;
	bool was_closed = core->disk == DISK_CLOSED;
	enum disk_level level = measure(core, &free_mib);

	set_level(core, level, free_mib);
	if (level == DISK_CLOSED && !was_closed)
		free_ballast(core);
	if (level == DISK_CLOSED || !was_closed)
		return;
	make_ballast(core);
	/* A core that was started on a full disk has not told the engine yet. */
	if (!core->site_started && !core_closed(core))
		core_start_site(core);
}

bool disk_fits(const struct core *core, int64_t bytes)
{
	enum disk_level least;

	return free_space(core, &least) - bytes >= limit_mib(core, "intake_free_mib") * MIB;
}

/* ---- what is still taken */

/* New orders and imports wait for space; a count in a bin is no import. */
static bool brings_work(const struct command *c)
{
	const char *type = json_str(c->args, "type");

	if (strcmp(c->kind->name, "hq_down") == 0)
		return strcmp(type, "order") == 0 || strcmp(type, "item") == 0;
	return c->kind->priority == PRIORITY_BULK && strcmp(c->kind->name, "stock_adjust") != 0;
}

/* What makes orders that waited ones that are worked on. */
static bool begins_work(const struct command *c)
{
	const char *type = json_str(c->args, "type");

	if (strcmp(c->kind->name, "hq_down") == 0)
		return strcmp(type, "order.release") == 0 || strcmp(type, "wave.release") == 0;
	return strcmp(c->kind->name, "order_release") == 0 || strcmp(c->kind->name, "wave_release") == 0 ||
		(strcmp(c->kind->name, "key") == 0 && strcmp(json_str(c->args, "key"), "start") == 0);
}

const char *disk_refuses(const struct core *core, const struct command *command)
{
	if ((core->disk >= DISK_NO_NEW_WORK && brings_work(command)) ||
		(core->disk >= DISK_FINISH_ONLY && begins_work(command)))
		return disk_say(core->disk);
	return NULL;
}
