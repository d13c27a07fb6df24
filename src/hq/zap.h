/* Who may speak: the ZAP handler. The folder of site keys (SITE.pub) is the list; a key that is not
 * known makes it be read again. The name of the file becomes the User-Id of the connection, and
 * that is the only identity a site has. */
#ifndef WHARF_HQ_ZAP_H
#define WHARF_HQ_ZAP_H

#include <stdbool.h>
#include <stddef.h>

#include "keys.h"

#define ZAP_SITES_MAX 1024

struct zap;

/* Must be called before any socket of the context is bound. 0 or -errno. */
int zap_open(void *context, const char *sites_folder, struct zap **ret);
void zap_close(struct zap *zap);

/* For zmq_poll; zap_serve answers what waits. */
void *zap_socket(struct zap *zap);
void zap_serve(struct zap *zap);

/* True when the folder has a key for this name. */
bool zap_knows(const struct zap *zap, const char *site);

/* A CURVE server's ROUTER that asks the handler for every connection; not bound yet. NULL (errno).
 */
void *zap_make_router(void *context, const struct key_pair *keys);

/* selftest.c: connects to the bound router with a key nobody knows. 0 when it is refused; -EACCES
 * when it is let in: the program must not serve then; -ETIMEDOUT when nothing answers. */
int zap_self_test(void *context, struct zap *zap, void *router, const struct key_pair *keys);

#endif
