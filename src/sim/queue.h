/* A bounded first-in-first-out of short texts (totes, SSCCs). No lock: the world's lock covers it. */
#ifndef WHARF_SIM_QUEUE_H
#define WHARF_SIM_QUEUE_H

#include <stddef.h>

#define QUEUE_MAX 512
#define QUEUE_TEXT_MAX 32

struct queue {
	char texts[QUEUE_MAX][QUEUE_TEXT_MAX];
	size_t first, n;
};

/* 0, -ENOSPC or -ENAMETOOLONG. */
int queue_put(struct queue *queue, const char *text);

/* 0, or -ENOENT where it is empty. */
int queue_get(struct queue *queue, char ret_text[QUEUE_TEXT_MAX]);

#endif
