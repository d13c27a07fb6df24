#include "crash_vfs.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#define SECTOR_SIZE 4096 /* what SQLite's own unix VFS says */

struct crash_file {
	sqlite3_file base;
	struct disk *disk;
	int file;
	bool temporary; /* without a name: gone when it is closed */
};

static struct crash_file *crash_of(sqlite3_file *file)
{
	return (struct crash_file *)(void *)file;
}

static int code_of(int r, int io_code)
{
	return r >= 0 ? SQLITE_OK : r == -ENOSPC ? SQLITE_FULL : io_code;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int file_close(sqlite3_file *file)
{
	struct crash_file *f = crash_of(file);

	if (f->temporary)
		disk_delete(f->disk, f->disk->files[f->file].name, false);
	return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
	struct crash_file *f = crash_of(file);
	int n = disk_read(f->disk, f->file, bytes, (size_t)len, (size_t)offset);

	if (n < 0)
		return SQLITE_IOERR_READ;
	memset((uint8_t *)bytes + n, 0, (size_t)(len - n));
	return n < len ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
	struct crash_file *f = crash_of(file);

	return code_of(disk_write(f->disk, f->file, bytes, (size_t)len, (size_t)offset), SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct crash_file *f = crash_of(file);

	return code_of(disk_truncate(f->disk, f->file, (size_t)size), SQLITE_IOERR_TRUNCATE);
}

static int file_sync(sqlite3_file *file, int flags)
{
	struct crash_file *f = crash_of(file);

	(void)flags;
	return code_of(disk_sync(f->disk, f->file), SQLITE_IOERR_FSYNC);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	struct crash_file *f = crash_of(file);

	*ret = (sqlite3_int64)f->disk->files[f->file].len;
	return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int lock)
{
	(void)file;
	(void)lock;
	return SQLITE_OK;
}

static int file_check_lock(sqlite3_file *file, int *ret)
{
	(void)file;
	*ret = 0;
	return SQLITE_OK;
}

static void replace_word(char *word, const char *by)
{
	size_t room = word ? strlen(word) : 0;

	if (strlen(by) <= room)
		memcpy(word, by, strlen(by) + 1);
}

/* SQLite shows a VFS each PRAGMA before it obeys, and obeys what then stands there. A test so gives the program under it
 * less memory or weaker syncs than it asks for. */
static int file_control(sqlite3_file *file, int op, void *arg)
{
	const struct disk *disk = crash_of(file)->disk;
	char **pragma = arg, pages[16];

	if (op != SQLITE_FCNTL_PRAGMA)
		return SQLITE_NOTFOUND;
	snprintf(pages, sizeof(pages), "%d", disk->cache_pages);
	if (disk->cache_pages && sqlite3_stricmp(pragma[1], "cache_size") == 0)
		replace_word(pragma[2], pages);
	if (disk->weak_sync && sqlite3_stricmp(pragma[1], "synchronous") == 0)
		replace_word(pragma[2], "1");
	return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
	(void)file;
	return SECTOR_SIZE;
}

static int file_characteristics(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE; /* a torn write leaves its neighbours alone: so does disk_cut() */
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
	static unsigned temporaries = 0;
	struct crash_file *f = crash_of(file);
	char name[32];
	int r;

	*f = (struct crash_file){ .disk = vfs->pAppData, .temporary = !path };
	snprintf(name, sizeof(name), "temporary-%u", path ? 0 : ++temporaries);
	r = disk_open_file(f->disk, path ? last_part(path) : name, flags & SQLITE_OPEN_CREATE,
		flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL));
	if (r < 0)
		return code_of(r, SQLITE_CANTOPEN);
	f->file = r;
	f->base.pMethods = &methods;
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
	int r = disk_delete(vfs->pAppData, last_part(path), sync_folder);

	return r == -ENOENT ? SQLITE_IOERR_DELETE_NOENT : code_of(r, SQLITE_IOERR_DELETE);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
	const struct disk *disk = vfs->pAppData;
	int file = disk_find(disk, last_part(path));

	/* As in the unix VFS: an empty journal is none. */
	*ret = file >= 0 && (flags != SQLITE_ACCESS_EXISTS || disk->files[file].len > 0);
	return disk->off ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	(void)vfs;
	return snprintf(out, (size_t)size, "%s", path) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
	static struct chance chance;

	(void)vfs;
	for (int i = 0; i < len; i++)
		out[i] = (char)chance_next(&chance);
	return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

/* SQLite's clock (a Julian day); none of our statements asks for it. */
static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
	(void)vfs;
	*ret = 2461000.5;
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *out)
{
	(void)vfs;
	(void)len;
	(void)out;
	return 0;
}

static sqlite3_vfs registered[4];

static sqlite3_vfs *find_vfs(const char *name)
{
	for (size_t i = 0; i < array_len(registered); i++)
		if (name ? registered[i].zName && strcmp(registered[i].zName, name) == 0 : !registered[i].zName)
			return &registered[i];
	return NULL;
}

void crash_vfs_register(const char *name, struct disk *disk, bool is_default)
{
	sqlite3_vfs *vfs = find_vfs(NULL);

	assert(vfs && !find_vfs(name));
	*vfs = (sqlite3_vfs){
		.iVersion = 1,
		.szOsFile = sizeof(struct crash_file),
		.mxPathname = 512,
		.zName = name,
		.pAppData = disk,
		.xOpen = vfs_open,
		.xDelete = vfs_delete,
		.xAccess = vfs_access,
		.xFullPathname = vfs_full_path,
		.xRandomness = vfs_randomness,
		.xSleep = vfs_sleep,
		.xCurrentTime = vfs_time,
		.xGetLastError = vfs_last_error,
	};
	sqlite3_vfs_register(vfs, is_default);
}

void crash_vfs_unregister(const char *name)
{
	sqlite3_vfs *vfs = find_vfs(name);

	assert(vfs);
	sqlite3_vfs_unregister(vfs);
	*vfs = (sqlite3_vfs){ 0 };
}
