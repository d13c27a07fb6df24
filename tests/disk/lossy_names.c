#include "lossy_names.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct name_change {
	struct name_change *next;
	enum change kind;
	struct disk_file *file;
	char path[NAME_PATH_MAX], to[NAME_PATH_MAX];
};

static struct name *find(const struct names *names, const char *path)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->list[i].path, path) == 0)
			return (struct name *)&names->list[i];
	return NULL;
}

static void unlink_name(struct names *names, const char *path)
{
	struct name *name = find(names, path);

	if (name)
		*name = names->list[--names->n];
}

static void link_name(struct names *names, const char *path, struct disk_file *file)
{
	unlink_name(names, path);
	assert(names->n < NAMES_MAX);
	snprintf(names->list[names->n].path, NAME_PATH_MAX, "%s", path);
	names->list[names->n++].file = file;
}

static void apply(struct names *names, const struct name_change *c)
{
	struct name *name;

	switch (c->kind) {
	case CHANGE_LINK:
		link_name(names, c->path, c->file);
		break;
	case CHANGE_UNLINK:
		unlink_name(names, c->path);
		break;
	case CHANGE_RENAME:
		name = find(names, c->path);
		if (name) {
			struct disk_file *file = name->file;

			unlink_name(names, c->path);
			link_name(names, c->to, file);
		}
		break;
	}
}

void book_change(struct book *book, enum change kind, const char *path, const char *to, struct disk_file *file)
{
	struct name_change *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->kind = kind;
	c->file = file;
	snprintf(c->path, sizeof(c->path), "%s", path);
	snprintf(c->to, sizeof(c->to), "%s", to);
	*book->end = c;
	book->end = &c->next;
	apply(&book->live, c);
}

void book_keep(struct book *book, size_t n)
{
	while (book->changes) {
		struct name_change *c = book->changes;

		if (n) {
			apply(&book->durable, c);
			n--;
		}
		book->changes = c->next;
		free(c);
	}
	book->end = &book->changes;
}

struct disk_file *book_find(const struct book *book, const char *path)
{
	const struct name *name = find(&book->live, path);

	return name ? name->file : NULL;
}

bool name_is_in(const char *path, const char *folder, const char **ret_name)
{
	size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);

	*ret_name = path + len + 1;
	return strncmp(path, folder, len) == 0 && path[len] == '/' && path[len + 1] && !strchr(path + len + 1, '/');
}

bool book_has(const struct book *book, const struct disk_file *file)
{
	for (size_t i = 0; i < book->live.n; i++)
		if (book->live.list[i].file == file)
			return true;
	return false;
}

size_t book_pending(const struct book *book)
{
	size_t n = 0;

	for (const struct name_change *c = book->changes; c; c = c->next)
		n++;
	return n;
}

void book_init(struct book *book, struct disk_file *root)
{
	*book = (struct book){ 0 };
	book->end = &book->changes;
	link_name(&book->live, "/", root);
	book->durable = book->live;
}
