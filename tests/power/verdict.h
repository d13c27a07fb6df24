/* What a power cut left, judged: is every answer that was given still true, is nothing half done? */
#ifndef WHARF_VERDICT_H
#define WHARF_VERDICT_H

#include "crash_disk.h"
#include "tape.h"

enum verdict {
	VERDICT_TRUE,
	VERDICT_NOT_OPENED, /* the store cannot be opened */
	VERDICT_CORRUPT,    /* SQLite finds the file broken */
	VERDICT_LOST,       /* a turn that was answered is gone */
	VERDICT_HALF,       /* the journal ends inside a turn, or the state is of no turn */
	VERDICT_DIFFERENT,  /* a command asked again gets another answer */
	VERDICTS
};
const char *verdict_name(enum verdict verdict);

struct judged {
	enum verdict verdict;
	char why[160];
	/* Where true: open, and this many turns of the tape are in it. */
	struct store *store;
	struct engine engine;
	size_t turns;
};

/* Opens the database on the VFS. `answered` turns of the tape had been committed for sure, and one more was perhaps at
 * work. Whatever the verdict, judge_end() closes it. */
struct judged judge(const struct tape *tape, const char *vfs, size_t answered, struct chance *chance);
void judge_end(struct judged *judged);

#endif
