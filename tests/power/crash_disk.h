/* A disk in memory that can lose its power. Each file has the bytes a program reads and the bytes that are durable; what
 * was written since the last sync is kept in order, and a power cut lets a part of it survive, sector by sector.
 *
 * All of it is one shared mapping without pointers to the outside: a forked program works on it, and whoever forked it
 * has the disk when that program is gone. */
#ifndef WHARF_CRASH_DISK_H
#define WHARF_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chance.h"

#define DISK_FILES_MAX 8
#define DISK_FILE_BYTES (16u << 20)
#define DISK_NAME_MAX 64
#define DISK_WRITES_MAX 32768
#define DISK_SECTOR 512

enum disk_op { DISK_CREATE, DISK_READ, DISK_WRITE, DISK_TRUNCATE, DISK_SYNC, DISK_DELETE };
#define DISK_BIT(op) (1u << (op))
/* What can change what is durable; a power cut at any other moment is the same as one at the next of these. */
#define DISK_CHANGES (~DISK_BIT(DISK_READ))

/* The `at`-th operation of `ops` from now on fails (1: the next one), with `stays` also each after it until the fault
 * is taken back. */
struct disk_fault {
	unsigned ops;      /* DISK_BIT()s, 0: no fault */
	char name_end[16]; /* only files whose names end so, "" for all */
	int64_t at;
	bool stays;
	int error;         /* -ENOSPC or -EIO */
	bool half;         /* a write that fails has written its first half */
	bool drops;        /* a sync that fails forgets what it had to write, as Linux does */
};

struct disk_file {
	bool used, exists, entry_durable; /* exists: its name is there for the program */
	bool journal;                     /* SQLite syncs the folder with a journal's first sync */
	char name[DISK_NAME_MAX];
	size_t len, durable_len, high;    /* high: bytes of either copy that may not be zero */
};

/* Bytes of an unsynced write or, without bytes, a truncation from `offset` on. */
struct disk_write {
	int file;
	bool truncates;
	size_t offset, len, new_len, bytes_at;
};

struct disk {
	struct disk_file files[DISK_FILES_MAX];
	int64_t ops, syncs, faults; /* changing operations so far; syncs and faults among them */
	int64_t off_at;       /* the power goes at this operation, 0: it stays */
	bool off;             /* nothing reaches it any more, every operation fails */
	bool lies;            /* a sync says yes and does nothing */
	int cache_pages;      /* what a program gets that asks for a cache; 0: what it wants */
	bool weak_sync;       /* a program that asks for synchronous=FULL gets NORMAL */
	struct disk_fault fault;
	/* Called at each changing operation, where a power cut would leave it undecided. Not copied. */
	void (*on_op)(void *user);
	void *user;
	struct disk_write writes[DISK_WRITES_MAX];
	size_t writes_n, written_bytes;
	uint8_t written[DISK_FILE_BYTES];
	uint8_t live[DISK_FILES_MAX][DISK_FILE_BYTES];
	uint8_t durable[DISK_FILES_MAX][DISK_FILE_BYTES];
};

struct disk *disk_create(void); /* never NULL */
void disk_destroy(struct disk *disk);
/* An empty disk again. */
void disk_clear(struct disk *disk);
void disk_copy(struct disk *to, const struct disk *from);

/* The power was cut: what is durable, and chance's part of the rest, is all there is. Powered again, without faults. */
void disk_cut(struct disk *disk, struct chance *chance);

/* What an operating system does with files; numbers of bytes or files, or -errno. */
int disk_open_file(struct disk *disk, const char *name, bool create, bool journal);
int disk_find(const struct disk *disk, const char *name);
int disk_read(struct disk *disk, int file, void *bytes, size_t len, size_t offset);
int disk_write(struct disk *disk, int file, const void *bytes, size_t len, size_t offset);
int disk_truncate(struct disk *disk, int file, size_t len);
int disk_sync(struct disk *disk, int file);
int disk_delete(struct disk *disk, const char *name, bool sync_folder);

#endif
