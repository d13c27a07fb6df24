/* A short conversation at the ctl door: open, ask, read all pages, close. Blocks with time limits. */
#ifndef WHARF_TALK_H
#define WHARF_TALK_H

#include <jansson.h>
#include <stddef.h>

#define TALK_OPEN_MS 3000
#define TALK_ANSWER_MS 10000
#define TALK_BACKUP_MS (15 * 60 * 1000)
/* A query that gives more is cut here, and says so. */
#define TALK_ROWS_MAX 100000

struct talk;

/* Opens RUN/door/ctl and waits for the welcome. On failure says on stderr what to do. 0 or -errno. */
int talk_open(struct talk **ret, const char *run);
void talk_close(struct talk *talk);

/* All rows of a named query, page by page. `args` (borrowed, may be NULL). *ret_rows is an array and
 * the caller's; *ret_as_of (may be NULL) the last page's sequence. On failure says why on stderr. */
int talk_rows(struct talk *talk, const char *name, const json_t *args, json_t **ret_rows,
	json_int_t *ret_as_of);

/* One page: `limit` and `after` as given (0 and NULL: the door's own defaults). *ret is the rows
 * message and the caller's. */
int talk_page(struct talk *talk, const char *name, const json_t *args, const json_t *after,
	json_int_t limit, json_t **ret);

/* An online backup into STATE/backup/NAME; waits until it is done. `progress` (may be NULL) hears
 * of copied pages. On failure says why on stderr. */
int talk_backup(struct talk *talk, const char *name,
	void (*progress)(json_int_t pages, json_int_t of));

/* Seals the journal's open segment; waits until its copy is hashed. *ret is the caller's: segment,
 * file, state. On failure says why on stderr. */
int talk_seal(struct talk *talk, void (*progress)(json_int_t pages, json_int_t of), json_t **ret);

#endif
