/* What the link to HQ needs before its two programs start. */
#ifndef WHARF_BENCH_LINK_H
#define WHARF_BENCH_LINK_H

#include "floor.h"

/* Keys of the site and of HQ, and HQ knows the site. */
void link_enrol(const struct floor *f);

#endif
