/* wharfd --audit, --replay, --facts: looks at a copy of the database, never at the living file. */
#ifndef WHARF_INSPECT_H
#define WHARF_INSPECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine.h"

/* Exit codes. Unjudged: another engine decided it, or a file it needs is not here; nothing is wrong with it. */
enum inspect_answer { INSPECT_TRUE = 0, INSPECT_FALSE = 1, INSPECT_UNREADABLE = 2, INSPECT_UNJUDGED = 3 };

struct inspect_task {
	const char *path;
	const char *folder;  /* of the copies of sealed segments; NULL: looked for beside the file */
	bool json;
	int64_t segment;     /* to replay; 0: the open one */
	bool from_empty;     /* replay all there is */
};

int inspect_audit(const struct inspect_task *task);
int inspect_replay(const struct inspect_task *task);
int inspect_facts(const char *path);

/* What the files of this group share. */
#define FINDINGS_MAX 20
struct findings {
	json_t *list;
	size_t n;
};
void inspect_find(struct findings *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct store *inspect_open(const char *path); /* NULL after saying why */
/* Prints and gives the exit code. `more` is taken. */
int inspect_print(const char *what, struct findings *f, json_t *more, bool json);
int inspect_unjudged(const char *what, bool json, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The file with the state behind a sealed segment; false where it is not here. */
bool inspect_snapshot(const struct inspect_task *task, const struct segment *segment, char *ret_path, size_t size);
int64_t inspect_last_segment(struct store *store);

#endif
