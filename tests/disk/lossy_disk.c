#include "lossy_disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SECTOR 512
#define BLOCK 4096
#define ROOM_FIRST 65536

/* xorshift64*: the same seed loses the same sectors. */
static uint64_t chance(struct disk *disk)
{
	disk->random ^= disk->random >> 12;
	disk->random ^= disk->random << 25;
	disk->random ^= disk->random >> 27;
	return disk->random * UINT64_C(2685821657736338717) >> 16;
}

static size_t blocks(size_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* ---- contents */

static struct disk_file *new_file(struct disk *disk, mode_t mode)
{
	struct disk_file *file = calloc(1, sizeof(*file));

	if (!file)
		abort();
	file->inode = ++disk->next_inode;
	file->mode = mode;
	file->next = disk->files;
	disk->files = file;
	return file;
}

static void *grown(void *bytes, size_t from, size_t to)
{
	uint8_t *more = realloc(bytes, to);

	if (!more)
		abort();
	memset(more + from, 0, to - from);
	return more;
}

static void make_room(struct disk_file *file, size_t size)
{
	size_t room = file->room ? file->room : ROOM_FIRST;

	while (room < size)
		room *= 2;
	if (room == file->room)
		return;
	file->live = grown(file->live, file->room, room);
	file->durable = grown(file->durable, file->room, room);
	file->dirty = grown(file->dirty, file->room / SECTOR, room / SECTOR);
	file->room = room;
}

static void mark(struct disk_file *file, size_t from, size_t to)
{
	if (to > from)
		memset(file->dirty + from / SECTOR, 1, (to - 1) / SECTOR - from / SECTOR + 1);
}

static int set_size(struct disk *disk, struct disk_file *file, size_t size)
{
	size_t old = file->live_size, used = disk->used - blocks(old) + blocks(size);

	if (size > old && used > disk->space)
		return -ENOSPC;
	disk->used = used;
	make_room(file, size);
	if (size < old)
		memset(file->live + size, 0, old - size);
	mark(file, size < old ? size : old, size < old ? old : size);
	file->live_size = size;
	return 0;
}

static void clean(struct disk_file *file)
{
	if (file->room)
		memset(file->dirty, 0, file->room / SECTOR);
}

static void sync_content(struct disk_file *file)
{
	for (size_t s = 0; s < file->room / SECTOR; s++)
		if (file->dirty[s])
			memcpy(file->durable + s * SECTOR, file->live + s * SECTOR, SECTOR);
	file->durable_size = file->live_size;
	clean(file);
}

/* ---- the cut */

/* The size may be the old, the new, or for a file that grew one between. */
static size_t torn_size(struct disk *disk, const struct disk_file *file)
{
	size_t old = file->durable_size, new = file->live_size;

	if (chance(disk) % 2)
		return chance(disk) % 2 ? old : new;
	return new > old ? old + chance(disk) % (new - old + 1) / SECTOR * SECTOR : new;
}

static void tear(struct disk *disk, struct disk_file *file)
{
	size_t size = torn_size(disk, file), odds = 1 + chance(disk) % 7; /* of 8: how much of it was on its way */

	for (size_t s = 0; s < file->room / SECTOR; s++)
		if (file->dirty[s] && chance(disk) % 8 < odds)
			memcpy(file->durable + s * SECTOR, file->live + s * SECTOR, SECTOR);
	if (size < file->room)
		memset(file->durable + size, 0, file->room - size);
	if (file->room)
		memcpy(file->live, file->durable, file->room);
	file->live_size = file->durable_size = size;
	clean(file);
}

static void forget_nameless(struct disk *disk)
{
	for (struct disk_file **link = &disk->files; *link;) {
		struct disk_file *file = *link;

		if (file->handles || book_has(&disk->names, file)) {
			disk->used += blocks(file->live_size);
			link = &file->next;
			continue;
		}
		*link = file->next;
		free(file->live);
		free(file->durable);
		free(file->dirty);
		free(file);
	}
}

static void cut_now(struct disk *disk, uint64_t seed)
{
	disk->cut_waits = false;
	disk->off = true;
	disk->cuts++;
	disk->generation++;
	disk->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	book_keep(&disk->names, chance(disk) % (book_pending(&disk->names) + 1));
	for (struct disk_file *file = disk->files; file; file = file->next)
		tear(disk, file);
	disk->names.live = disk->names.durable;
	disk->used = 0;
	forget_nameless(disk);
}

void disk_cut(struct disk *disk, uint64_t seed, long after, const char *name)
{
	if (after == 0) {
		cut_now(disk, seed);
		return;
	}
	disk->cut_waits = true;
	disk->cut_seed = seed;
	disk->cut_left = after;
	snprintf(disk->cut_name, sizeof(disk->cut_name), "%s", name);
}

void disk_on(struct disk *disk)
{
	disk->off = disk->cut_waits = false;
	memset(disk->faults, 0, sizeof(disk->faults));
}

/* ---- operations */

static bool ends_with(const char *path, const char *end)
{
	size_t a = strlen(path), b = strlen(end);

	return a >= b && strcmp(path + a - b, end) == 0;
}

static int fault_of(struct disk *disk, enum disk_operation operation, const char *path)
{
	struct disk_fault *fault = &disk->faults[operation];

	if (!fault->error || !fault->left || !ends_with(path, fault->name))
		return 0;
	if (fault->left > 0)
		fault->left--;
	return -fault->error;
}

/* Before everything that changes the disk: the waiting cut may come here. */
static int begin(struct disk *disk, const char *path)
{
	if (disk->off)
		return -EIO;
	disk->operations++;
	if (disk->cut_waits && ends_with(path, disk->cut_name) && disk->cut_left-- == 1)
		cut_now(disk, disk->cut_seed);
	return disk->off ? -EIO : 0;
}

int disk_make(struct disk *disk, const char *path, mode_t mode, struct disk_file **ret)
{
	struct disk_file *file;
	int r = begin(disk, path);

	if (r == 0 && book_find(&disk->names, path))
		r = -EEXIST;
	if (r == 0 && (disk->names.live.n == NAMES_MAX || disk->used >= disk->space))
		r = -ENOSPC;
	if (r < 0)
		return r;
	file = new_file(disk, mode);
	book_change(&disk->names, CHANGE_LINK, path, "", file);
	if (ret)
		*ret = file;
	return 0;
}

static bool is_empty(const struct disk *disk, const char *folder)
{
	const char *name;

	for (size_t i = 0; i < disk->names.live.n; i++)
		if (name_is_in(disk->names.live.list[i].path, folder, &name))
			return false;
	return true;
}

int disk_remove(struct disk *disk, const char *path, bool folder)
{
	struct disk_file *file = book_find(&disk->names, path);
	int r = begin(disk, path);

	if (r < 0)
		return r;
	if (!file)
		return -ENOENT;
	if (folder && !is_empty(disk, path))
		return -ENOTEMPTY;
	book_change(&disk->names, CHANGE_UNLINK, path, "", NULL);
	if (!book_has(&disk->names, file))
		disk->used -= blocks(file->live_size);
	return 0;
}

int disk_rename(struct disk *disk, const char *from, const char *to)
{
	struct disk_file *file = book_find(&disk->names, from), *old = book_find(&disk->names, to);
	int r = begin(disk, to);

	if (r < 0)
		return r;
	if (!file || S_ISDIR(file->mode))
		return file ? -ENOTSUP : -ENOENT;
	book_change(&disk->names, CHANGE_RENAME, from, to, NULL);
	if (old && old != file)
		disk->used -= blocks(old->live_size);
	return 0;
}

int disk_read(struct disk *disk, struct disk_file *file, const char *path, void *out, size_t len, size_t at)
{
	int r = disk->off ? -EIO : fault_of(disk, DISK_READ, path);

	if (r < 0)
		return r;
	if (at >= file->live_size)
		return 0;
	if (len > file->live_size - at)
		len = file->live_size - at;
	memcpy(out, file->live + at, len);
	return (int)len;
}

int disk_write(struct disk *disk, struct disk_file *file, const char *path, const void *bytes, size_t len, size_t at)
{
	int r = begin(disk, path);

	if (r == 0)
		r = fault_of(disk, DISK_WRITE, path);
	if (r == 0 && at + len > file->live_size)
		r = set_size(disk, file, at + len);
	if (r < 0)
		return r;
	memcpy(file->live + at, bytes, len);
	mark(file, at, at + len);
	return (int)len;
}

int disk_resize(struct disk *disk, struct disk_file *file, const char *path, size_t size)
{
	int r = begin(disk, path);

	if (r == 0 && size > file->live_size)
		r = fault_of(disk, DISK_WRITE, path);
	return r < 0 ? r : set_size(disk, file, size);
}

static void wait_ms(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

int disk_sync(struct disk *disk, struct disk_file *file, const char *path)
{
	int r = begin(disk, path);

	if (r < 0)
		return r;
	disk->syncs++;
	wait_ms(disk->slow_ms);
	r = fault_of(disk, DISK_SYNC, path);
	/* As kernels do: the pages are called clean, a second sync succeeds and the data is gone. */
	if (r < 0)
		clean(file);
	if (r < 0 || disk->lying)
		return r;
	sync_content(file);
	if (!disk->strict)
		book_keep(&disk->names, SIZE_MAX);
	return 0;
}

int disk_sync_folder(struct disk *disk, const char *path)
{
	int r = begin(disk, path);

	if (r == 0)
		r = fault_of(disk, DISK_SYNC, path);
	if (r == 0 && !disk->lying)
		book_keep(&disk->names, SIZE_MAX);
	return r;
}

void disk_init(struct disk *disk, size_t space)
{
	*disk = (struct disk){ .space = space, .random = 1 };
	book_init(&disk->names, new_file(disk, S_IFDIR | 0755));
}
