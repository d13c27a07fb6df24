#include "crash_disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"

struct disk *disk_create(void)
{
	struct disk *disk = mmap(NULL, sizeof(*disk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);

	if (disk == MAP_FAILED) {
		perror("no memory for a disk");
		abort();
	}
	return disk;
}

void disk_destroy(struct disk *disk)
{
	if (disk)
		munmap(disk, sizeof(*disk));
}

static void free_file(struct disk *disk, int file)
{
	memset(disk->live[file], 0, disk->files[file].high);
	memset(disk->durable[file], 0, disk->files[file].high);
	disk->files[file] = (struct disk_file){ 0 };
}

void disk_clear(struct disk *disk)
{
	for (int i = 0; i < DISK_FILES_MAX; i++)
		free_file(disk, i);
	memset(disk, 0, offsetof(struct disk, writes));
	disk->writes_n = disk->written_bytes = 0;
}

/* Only what is in use is copied: both mappings are mostly empty. */
void disk_copy(struct disk *to, const struct disk *from)
{
	void (*on_op)(void *user) = to->on_op;
	void *user = to->user;

	for (int i = 0; i < DISK_FILES_MAX; i++) {
		size_t high = from->files[i].high, tail = to->files[i].high > high ? to->files[i].high - high : 0;

		memcpy(to->live[i], from->live[i], high);
		memcpy(to->durable[i], from->durable[i], high);
		memset(to->live[i] + high, 0, tail);
		memset(to->durable[i] + high, 0, tail);
	}
	memcpy(to, from, offsetof(struct disk, writes));
	memcpy(to->writes, from->writes, from->writes_n * sizeof(from->writes[0]));
	memcpy(to->written, from->written, from->written_bytes);
	to->writes_n = from->writes_n;
	to->written_bytes = from->written_bytes;
	to->on_op = on_op;
	to->user = user;
}

static bool name_ends(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

/* 0, or the error this operation must end with. */
static int fault_of(struct disk *disk, enum disk_op op, const char *name)
{
	struct disk_fault *f = &disk->fault;

	if (disk->off)
		return -EIO;
	if (!(f->ops & DISK_BIT(op)) || !name_ends(name, f->name_end) || --f->at > 0)
		return 0;
	disk->faults++;
	if (!f->stays)
		f->ops = 0;
	return f->error;
}

/* The moment at which a power cut leaves this operation undecided. -EIO where the power went. */
static int count_op(struct disk *disk)
{
	disk->ops++;
	if (disk->on_op)
		disk->on_op(disk->user);
	if (disk->off_at && disk->ops >= disk->off_at)
		disk->off = true;
	return disk->off ? -EIO : 0;
}

int disk_find(const struct disk *disk, const char *name)
{
	for (int i = 0; i < DISK_FILES_MAX; i++)
		if (disk->files[i].exists && strcmp(disk->files[i].name, name) == 0)
			return i;
	return -ENOENT;
}

static int free_slot(const struct disk *disk)
{
	for (int i = 0; i < DISK_FILES_MAX; i++)
		if (!disk->files[i].used)
			return i;
	return -ENFILE;
}

int disk_open_file(struct disk *disk, const char *name, bool create, bool journal)
{
	int file = disk_find(disk, name), r = disk->off ? -EIO : 0;

	if (r == 0 && file == -ENOENT && create) {
		r = fault_of(disk, DISK_CREATE, name);
		file = free_slot(disk);
		if (r < 0 || file < 0)
			return r < 0 ? r : file;
		disk->files[file] = (struct disk_file){ .used = true, .exists = true, .journal = journal };
		snprintf(disk->files[file].name, DISK_NAME_MAX, "%s", name);
		r = count_op(disk);
	}
	return r < 0 ? r : file;
}

int disk_read(struct disk *disk, int file, void *bytes, size_t len, size_t offset)
{
	const struct disk_file *f = &disk->files[file];
	int r = fault_of(disk, DISK_READ, f->name);
	size_t n = offset >= f->len ? 0 : f->len - offset < len ? f->len - offset : len;

	if (r < 0)
		return r;
	memcpy(bytes, disk->live[file] + offset, n);
	return (int)n;
}

static int note_write(struct disk *disk, struct disk_write write, const void *bytes)
{
	size_t stored = write.truncates ? 0 : write.len;

	if (disk->writes_n == DISK_WRITES_MAX || disk->written_bytes + stored > sizeof(disk->written))
		return -ENOSPC;
	write.bytes_at = disk->written_bytes;
	if (stored && bytes)
		memcpy(disk->written + write.bytes_at, bytes, stored);
	disk->written_bytes += stored;
	disk->writes[disk->writes_n++] = write;
	return count_op(disk);
}

int disk_write(struct disk *disk, int file, const void *bytes, size_t len, size_t offset)
{
	struct disk_file *f = &disk->files[file];
	int fault = fault_of(disk, DISK_WRITE, f->name), r;

	if (fault < 0) {
		len = disk->fault.half ? len / 2 : 0;
		if (!len || disk->off)
			return fault;
	}
	if (offset + len > DISK_FILE_BYTES)
		return -ENOSPC;
	memcpy(disk->live[file] + offset, bytes, len);
	if (f->len < offset + len)
		f->len = offset + len;
	if (f->high < f->len)
		f->high = f->len;
	r = note_write(disk, (struct disk_write){ .file = file, .offset = offset, .len = len, .new_len = f->len }, bytes);
	return fault < 0 ? fault : r;
}

int disk_truncate(struct disk *disk, int file, size_t len)
{
	struct disk_file *f = &disk->files[file];
	struct disk_write write = { .file = file, .truncates = true, .offset = len, .new_len = len };
	int r = fault_of(disk, DISK_TRUNCATE, f->name);

	if (r < 0)
		return r;
	if (f->len > len) {
		write.len = f->len - len;
		memset(disk->live[file] + len, 0, write.len);
	}
	f->len = len;
	if (f->high < len)
		f->high = len;
	return note_write(disk, write, NULL);
}

static void forget_writes(struct disk *disk, int file)
{
	size_t n = 0;

	for (size_t i = 0; i < disk->writes_n; i++)
		if (disk->writes[i].file != file)
			disk->writes[n++] = disk->writes[i];
	disk->writes_n = n;
	/* Their bytes are given back when nobody waits for a sync; every commit comes to that. */
	if (!n)
		disk->written_bytes = 0;
}

static void sync_folder_now(struct disk *disk)
{
	for (int i = 0; i < DISK_FILES_MAX; i++) {
		struct disk_file *f = &disk->files[i];

		f->entry_durable = f->exists;
		if (f->used && !f->exists) {
			forget_writes(disk, i);
			free_file(disk, i);
		}
	}
}

int disk_sync(struct disk *disk, int file)
{
	struct disk_file *f = &disk->files[file];
	int r = fault_of(disk, DISK_SYNC, f->name);

	if (r < 0) {
		if (disk->fault.drops)
			forget_writes(disk, file);
		return r;
	}
	disk->syncs++;
	r = count_op(disk);
	if (r < 0 || disk->lies)
		return r;
	for (size_t i = 0; i < disk->writes_n; i++) {
		const struct disk_write *w = &disk->writes[i];

		if (w->file == file)
			memcpy(disk->durable[file] + w->offset, disk->live[file] + w->offset, w->len);
	}
	f->durable_len = f->len;
	forget_writes(disk, file);
	/* A synced file keeps its name; the unix VFS syncs the folder with the first sync of a new journal. */
	if (f->journal && !f->entry_durable)
		sync_folder_now(disk);
	f->entry_durable = true;
	return 0;
}

int disk_delete(struct disk *disk, const char *name, bool sync_folder)
{
	int file = disk_find(disk, name), r = fault_of(disk, DISK_DELETE, name);

	if (r < 0 || file < 0)
		return r < 0 ? r : file;
	disk->files[file].exists = false;
	r = count_op(disk);
	if (r < 0 || disk->lies)
		return r;
	if (sync_folder) {
		sync_folder_now(disk);
	} else if (!disk->files[file].entry_durable) {
		forget_writes(disk, file);
		free_file(disk, file);
	}
	return 0;
}

#define SECTOR_CAME 1  /* a write to it survived */
#define SECTOR_STOPS 2 /* and no later one does */

/* One sector of an unsynced write: what came to a sector came in order, what came to another has no say in it. */
static void survive_sector(struct disk *disk, const struct disk_write *w, size_t at, size_t end, uint8_t *flags)
{
	uint8_t *durable = disk->durable[w->file];

	if (*flags & SECTOR_STOPS)
		return;
	*flags |= SECTOR_CAME;
	if (w->truncates)
		memset(durable + at, 0, end - at);
	else
		memcpy(durable + at, disk->written + w->bytes_at + (at - w->offset), end - at);
}

static void survive_write(struct disk *disk, const struct disk_write *w, unsigned lost_permille, uint8_t *sectors,
	bool *length_stops, struct chance *chance)
{
	size_t at = w->offset, last = w->offset + w->len;

	*length_stops |= chance_permille(chance, lost_permille);
	if (!*length_stops)
		disk->files[w->file].durable_len = w->new_len;
	while (at < last) {
		size_t sector = at / DISK_SECTOR, end = (sector + 1) * DISK_SECTOR;

		if (end > last)
			end = last;
		if (chance_permille(chance, lost_permille))
			sectors[sector] |= SECTOR_STOPS;
		survive_sector(disk, w, at, end, &sectors[sector]);
		at = end;
	}
}

/* A file that grew without its bytes shows zeros, or what stood there in another file's life. */
static void fill_holes(struct disk *disk, int file, size_t from, const uint8_t *sectors, bool garbage, struct chance *chance)
{
	const struct disk_file *f = &disk->files[file];

	for (size_t at = (from + DISK_SECTOR - 1) / DISK_SECTOR * DISK_SECTOR; garbage && at < f->durable_len; at++)
		if (!(sectors[at / DISK_SECTOR] & SECTOR_CAME))
			disk->durable[file][at] = (uint8_t)chance_next(chance);
	if (f->durable_len < f->high)
		memset(disk->durable[file] + f->durable_len, 0, f->high - f->durable_len);
}

static void survive_file(struct disk *disk, int file, struct chance *chance)
{
	static const unsigned lost_permilles[] = { 0, 3, 30, 200, 500, 900, 1000 };
	unsigned lost = lost_permilles[chance_below(chance, array_len(lost_permilles))];
	struct disk_file *f = &disk->files[file];
	size_t from = f->durable_len;
	_cleanup_free_ uint8_t *sectors = calloc(1, f->high / DISK_SECTOR + 1);
	bool length_stops = false;

	if (!sectors)
		abort();
	for (size_t i = 0; i < disk->writes_n; i++)
		if (disk->writes[i].file == file)
			survive_write(disk, &disk->writes[i], lost, sectors, &length_stops, chance);
	fill_holes(disk, file, from, sectors, chance_permille(chance, 250), chance);
}

static bool name_survives(const struct disk *disk, const struct disk_file *f, struct chance *chance)
{
	if (f->exists)
		return f->entry_durable || chance_permille(chance, 500);
	/* Deleted, and nobody synced the folder: it may be back, where no file has taken its name. */
	return f->entry_durable && disk_find(disk, f->name) < 0 && chance_permille(chance, 500);
}

void disk_cut(struct disk *disk, struct chance *chance)
{
	for (int i = 0; i < DISK_FILES_MAX; i++) {
		struct disk_file *f = &disk->files[i];

		if (!f->used)
			continue;
		if (!name_survives(disk, f, chance)) {
			free_file(disk, i);
			continue;
		}
		survive_file(disk, i, chance);
		memcpy(disk->live[i], disk->durable[i], f->high);
		f->len = f->durable_len;
		f->exists = f->entry_durable = true;
	}
	disk->writes_n = disk->written_bytes = 0;
	disk->off_at = 0;
	disk->off = false;
	disk->fault = (struct disk_fault){ 0 };
}
