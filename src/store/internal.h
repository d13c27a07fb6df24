/* What the files of this folder share. */
#ifndef WHARF_STORE_INTERNAL_H
#define WHARF_STORE_INTERNAL_H

#include <sqlite3.h>

#include "store.h"

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
	enum store_failure failure;
	char failure_text[160];
	int log_frames; /* behind the last commit, 0 where all are home */
};

extern const char store_schema[];
extern const char *const store_sql_texts[SQL_COUNT];

/* Keeps the first failure; the rest follow from it. */
void store_note_failure(struct store *store, int code, const char *doing);

#endif
