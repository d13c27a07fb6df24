#include "queue.h"

#include <errno.h>
#include <string.h>

#include "text.h"

int queue_put(struct queue *q, const char *text)
{
	int r;

	if (q->n == QUEUE_MAX)
		return -ENOSPC;
	r = text_copy(q->texts[(q->first + q->n) % QUEUE_MAX], QUEUE_TEXT_MAX, text);
	if (r == 0)
		q->n++;
	return r;
}

int queue_get(struct queue *q, char ret_text[QUEUE_TEXT_MAX])
{
	if (!q->n)
		return -ENOENT;
	memcpy(ret_text, q->texts[q->first], QUEUE_TEXT_MAX);
	q->first = (q->first + 1) % QUEUE_MAX;
	q->n--;
	return 0;
}
