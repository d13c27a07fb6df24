/* A CUPS queue behind queue_ops. One object per thread: libcups connections are not shared. */
#ifndef WHARF_PRINT_CUPS_H
#define WHARF_PRINT_CUPS_H

#include "print_queue.h"

struct cups_queue;

/* `server` is host:port, a socket path or "" for the system's. Connects at the first call of an
 * operation and again whenever the connection broke. 0, -EINVAL or -ENOMEM. */
int cups_queue_create(const char *server, const char *queue, struct cups_queue **ret);
void cups_queue_destroy(struct cups_queue *queue);

extern const struct queue_ops cups_queue_ops;

#endif
