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
	unsigned asked;    /* questions answered */
};

int scale_open(struct scale *scale, struct loop *loop, const char *port);
void scale_close(struct scale *scale);

/* Puts a load on the pan, 0 takes it off. Takes the world's lock itself. */
void scale_put(struct scale *scale, int64_t load_g);

#endif
