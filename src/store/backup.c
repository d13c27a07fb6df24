#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "internal.h"
#include "text.h"

/* The disk starts to write this many pages early, so that the last fsync finds little left to do. */
#define EARLY_PAGES 1024

struct store_backup {
	char path[4096];
	char temporary[4096];
	sqlite3 *target;
	sqlite3_backup *backup;
	int fd; /* of the temporary file */
	int unwritten;
};

/* What a copy that was not finished leaves would fill the disk of the next. */
static void remove_unfinished(const struct store_backup *b)
{
	static const char *const ends[] = { "", "-journal", "-wal" };
	char path[sizeof(b->temporary) + 16];

	if (!b->temporary[0])
		return;
	for (size_t i = 0; i < array_len(ends); i++)
		if (text_format(path, sizeof(path), "%s%s", b->temporary, ends[i]) == 0)
			unlink(path);
}

int store_backup_start(struct store *store, const char *path, struct store_backup **ret)
{
	struct store_backup *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->fd = -1;
	if (text_copy(b->path, sizeof(b->path), path) < 0 ||
		text_format(b->temporary, sizeof(b->temporary), "%s.new", path) < 0)
		goto fail;
	remove_unfinished(b);
	/* Exclusive: nobody else opens the half copy, and it needs no shared memory file beside it. Half a copy is worth
	 * nothing: no journal, and one fsync at the end. */
	if (sqlite3_open(b->temporary, &b->target) != SQLITE_OK ||
		sqlite3_exec(b->target, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF",
			NULL, NULL, NULL) != SQLITE_OK)
		goto fail;
	b->backup = sqlite3_backup_init(b->target, "main", store->db, "main");
	if (!b->backup)
		goto fail;
	*ret = b;
	return 0;
fail:
	r = b->target && sqlite3_system_errno(b->target) ? -sqlite3_system_errno(b->target) : -EIO;
	store_backup_end(b);
	return r;
}

static int error_of(int code)
{
	return (code & 0xff) == SQLITE_FULL ? -ENOSPC : -EIO;
}

static int open_temporary(struct store_backup *b)
{
	if (b->fd < 0)
		b->fd = open(b->temporary, O_RDWR | O_CLOEXEC);
	return b->fd < 0 ? -errno : 0;
}

static int finish(struct store_backup *b)
{
	int code = sqlite3_backup_finish(b->backup), r;

	b->backup = NULL;
	/* A copy of a WAL database says WAL in its header; as a single file it must not need one. */
	if (code == SQLITE_OK)
		code = sqlite3_exec(b->target, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	sqlite3_close(b->target);
	b->target = NULL;
	if (code != SQLITE_OK)
		return error_of(code);
	if (open_temporary(b) < 0 || fsync(b->fd) < 0 || rename(b->temporary, b->path) < 0)
		return -errno;
	r = text_sync_folder_of(b->path);
	return r < 0 ? r : 1;
}

static void write_early(struct store_backup *b, int pages)
{
	b->unwritten += pages;
	if (b->unwritten < EARLY_PAGES || open_temporary(b) < 0)
		return;
	b->unwritten = 0;
	sync_file_range(b->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int store_backup_step(struct store_backup *b, int pages, int *ret_left, int *ret_total)
{
	int code = sqlite3_backup_step(b->backup, pages);

	*ret_left = sqlite3_backup_remaining(b->backup);
	*ret_total = sqlite3_backup_pagecount(b->backup);
	if (code == SQLITE_DONE)
		return finish(b);
	write_early(b, pages);
	return code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED ? 0 : error_of(code);
}

void store_backup_end(struct store_backup *b)
{
	if (!b)
		return;
	if (b->backup)
		sqlite3_backup_finish(b->backup);
	sqlite3_close(b->target);
	if (b->fd >= 0)
		close(b->fd);
	remove_unfinished(b);
	free(b);
}
