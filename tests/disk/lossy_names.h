/* Names of files, as processes see them and as they would be found after a power cut, and the changes between. */
#ifndef WHARF_TEST_LOSSY_NAMES_H
#define WHARF_TEST_LOSSY_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_PATH_MAX 256
#define NAMES_MAX 512

struct disk_file;

struct names {
	struct name {
		char path[NAME_PATH_MAX];
		struct disk_file *file;
	} list[NAMES_MAX];
	size_t n;
};

struct name_change; /* not yet durable */

struct book {
	struct names live, durable;
	struct name_change *changes, **end;
};

enum change { CHANGE_LINK, CHANGE_UNLINK, CHANGE_RENAME };

/* Begins with the root alone. */
void book_init(struct book *book, struct disk_file *root);

struct disk_file *book_find(const struct book *book, const char *path);
bool book_has(const struct book *book, const struct disk_file *file);
void book_change(struct book *book, enum change kind, const char *path, const char *to, struct disk_file *file);
size_t book_pending(const struct book *book);

/* The first `n` of the pending changes become durable, all are forgotten. */
void book_keep(struct book *book, size_t n);

/* True where `path` is right inside `folder`; *ret_name is its last part. */
bool name_is_in(const char *path, const char *folder, const char **ret_name);

#endif
