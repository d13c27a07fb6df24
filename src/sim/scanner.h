/* A virtual hand scanner on a serial line: writes AIM id + data + CR LF, hears the host's BELs. */
#ifndef WHARF_SIM_SCANNER_H
#define WHARF_SIM_SCANNER_H

#include "door.h"
#include "loop.h"
#include "tty.h"

/* What the host answers: one BEL good, two already counted, three or more bad. */
enum beep { BEEP_NONE = 0, BEEP_GOOD = 1, BEEP_ALREADY = 2, BEEP_BAD = 3 };

struct scanner {
	char name[DOOR_NAME_MAX];
	struct loop *loop;
	struct tty tty;
	unsigned run;        /* BELs of the run being heard */
	int64_t run_us;      /* time of its last BEL */
	unsigned answers;    /* runs heard so far */
	enum beep last;
};

int scanner_open(struct scanner *scanner, struct loop *loop, const char *name, const char *port);
void scanner_close(struct scanner *scanner);

/* Pulls the trigger and waits for a beep. For people: takes the world's lock itself.
 * `wait_ms` 0: does not listen (a fixed reader). */
enum beep scanner_scan(struct scanner *scanner, const char *aim, const char *data, int wait_ms);

#endif
