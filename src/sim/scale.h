/* The virtual Toledo 8217 scale on a serial line. */
#ifndef WHARF_SIM_SCALE_H
#define WHARF_SIM_SCALE_H

#include "loop.h"
#include "toledo.h"
#include "tty.h"

struct scale {
	struct loop *loop;
	struct tty tty;
	struct toledo pan;
	bool shown_empty;  /* the host was told of an empty pan since it was last unloaded */
};

int scale_open(struct scale *scale, struct loop *loop, const char *port);
void scale_close(struct scale *scale);

/* Puts a load on the pan, 0 takes it off. Takes the world's lock itself. */
void scale_put(struct scale *scale, int64_t load_g);

/* A person looks at the display before the next load: waits until it showed the empty pan, wait_ms at
 * most. False where it did not. */
bool scale_wait_empty(struct scale *scale, int wait_ms);

#endif
