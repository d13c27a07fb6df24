/* A crash_disk as an SQLite VFS, for any program that opens a database: by name, or as SQLite's default for one that
 * names none. Files are known by the last part of their path. Has no shared memory: WAL needs locking_mode=EXCLUSIVE. */
#ifndef WHARF_CRASH_VFS_H
#define WHARF_CRASH_VFS_H

#include "crash_disk.h"

/* `name` is a literal; at most four at a time. The disk stays the caller's. */
void crash_vfs_register(const char *name, struct disk *disk, bool is_default);
void crash_vfs_unregister(const char *name);

#endif
