/* The machine's own limits: what the disk, SQLite and TLS do without any of us. */
#ifndef WHARF_BENCH_RAW_H
#define WHARF_BENCH_RAW_H

#include "tool.h"

/* Appends one 4 KiB page and waits for the disk, again and again: round trips of fdatasync. */
double raw_fdatasync(const char *folder, double seconds, struct samples *ret);

struct raw_rows {
	double commands_per_s, commands_per_commit;
	size_t commands, commits;
};

/* Reads the scans of the database of a wharfd that has ended and writes the same rows (journal, answer,
 * origin, dialogue, device) into a new database with the same schema and settings, with the same commands in the
 * same transactions; nothing else is done. */
void raw_sqlite(const char *database, const char *folder, struct raw_rows *ret);

#endif
