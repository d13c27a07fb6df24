#include "quick_memory.h"

#include <assert.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CLASS_MIN 32 /* bytes with the head; each class is twice the one before */
#define CLASSES 27
#define ARENA_BYTES ((size_t)8 << 20)

/* Before each piece: its class while it is used, the next free one of its class while it is not. */
union head {
	int class;
	union head *next;
	max_align_t align;
};

static union head *free_pieces[CLASSES];
static uint8_t *arena, *arena_end;

static int class_of(int size)
{
	int class = 0;

	while (((size_t)CLASS_MIN << class) < (size_t)size + sizeof(union head))
		class++;
	assert(class < CLASSES);
	return class;
}

static int room_of(int class)
{
	return (int)(((size_t)CLASS_MIN << class) - sizeof(union head));
}

/* What an arena had left is given up; its pieces are never given back to the system. */
static union head *new_piece(size_t size)
{
	union head *piece;

	if ((size_t)(arena_end - arena) < size) {
		size_t bytes = size > ARENA_BYTES ? size : ARENA_BYTES;

		arena = malloc(bytes);
		assert(arena);
		arena_end = arena + bytes;
	}
	piece = (union head *)(void *)arena;
	arena += size;
	return piece;
}

static void *take(int size)
{
	int class = class_of(size);
	union head *piece = free_pieces[class];

	if (piece)
		free_pieces[class] = piece->next;
	else
		piece = new_piece((size_t)CLASS_MIN << class);
	piece->class = class;
	return piece + 1;
}

static void give(void *bytes)
{
	union head *piece = (union head *)bytes - 1;
	int class = piece->class;

	piece->next = free_pieces[class];
	free_pieces[class] = piece;
}

static int size_of(void *bytes)
{
	return bytes ? room_of(((union head *)bytes - 1)->class) : 0;
}

static void *take_more(void *bytes, int size)
{
	void *longer;

	if (size_of(bytes) >= size)
		return bytes;
	longer = take(size);
	memcpy(longer, bytes, (size_t)size_of(bytes));
	give(bytes);
	return longer;
}

static int round_up(int size)
{
	return room_of(class_of(size));
}

static int start(void *user)
{
	(void)user;
	return SQLITE_OK;
}

static void stop(void *user)
{
	(void)user;
}

void quick_memory_use(void)
{
	static const sqlite3_mem_methods methods = { take, give, take_more, size_of, round_up, start, stop, NULL };
	int code = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);

	assert(code == SQLITE_OK);
	(void)code;
}
