/* ZPL II: a drawing as the text a Zebra (and most other label printers) prints. */
#ifndef WHARF_ZPL_H
#define WHARF_ZPL_H

#include <stddef.h>

#include "drawing.h"

/* One format ^XA … ^XZ, UTF-8, printed once. *ret is malloc'd. 0 or -ENOMEM. */
int zpl_write(const struct drawing *drawing, char **ret, size_t *ret_len);

#endif
