/* A disk in memory that knows what was synced and what was only written, and can lose the rest at any operation.
 *
 * Contents and names are kept twice: as processes see them, and as they would be found after a power cut. A sync of a
 * file makes its content durable; names are made durable in the order of their changes by the sync of any folder, and
 * (unless `strict`) by the sync of any file, as a journalling file system does it. A cut keeps a random beginning of the
 * names' changes that were not synced, and of what was written without a sync each sector of 512 bytes, or not. */
#ifndef WHARF_TEST_LOSSY_DISK_H
#define WHARF_TEST_LOSSY_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "lossy_names.h"

struct disk_file {
	uint64_t inode;
	mode_t mode;
	uint8_t *live, *durable;
	size_t live_size, durable_size, room;
	uint8_t *dirty; /* of each sector, since the last sync */
	unsigned handles;
	struct disk_file *next;
};

/* What can be told to fail. */
enum disk_operation { DISK_READ, DISK_WRITE, DISK_SYNC, DISK_OPERATIONS };

struct disk_fault {
	int error;          /* 0: none */
	long left;          /* times; below zero: until told otherwise */
	char name[64];      /* end of the paths it is for; "": all */
};

struct disk {
	struct disk_file *files;
	struct book names;
	struct disk_fault faults[DISK_OPERATIONS];
	size_t space, used;
	bool strict, lying, off;
	unsigned slow_ms;   /* each sync takes so long */
	uint64_t next_inode, generation, random;
	/* A cut that waits for its operation. */
	bool cut_waits;
	uint64_t cut_seed;
	long cut_left;
	char cut_name[64];
	/* Counted for the test. */
	uint64_t operations, syncs, cuts;
};

void disk_init(struct disk *disk, size_t space);

/* Each: 0 or a count, or -errno; -EIO after a cut until disk_on(). */
int disk_make(struct disk *disk, const char *path, mode_t mode, struct disk_file **ret);
int disk_remove(struct disk *disk, const char *path, bool folder);
int disk_rename(struct disk *disk, const char *from, const char *to);
int disk_read(struct disk *disk, struct disk_file *file, const char *path, void *out, size_t len, size_t at);
int disk_write(struct disk *disk, struct disk_file *file, const char *path, const void *bytes, size_t len, size_t at);
int disk_resize(struct disk *disk, struct disk_file *file, const char *path, size_t size);
int disk_sync(struct disk *disk, struct disk_file *file, const char *path);
int disk_sync_folder(struct disk *disk, const char *path);

/* The power goes, at once or before the operation `after` from now on paths ending with `name`. */
void disk_cut(struct disk *disk, uint64_t seed, long after, const char *name);
void disk_on(struct disk *disk);

/* One line of the control file: docs in lossy_control.c. 0 or -EINVAL. */
int disk_control(struct disk *disk, const char *line);
void disk_report(const struct disk *disk, FILE *out);

#endif
