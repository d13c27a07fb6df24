/* A tty as a raw byte pipe. */
#ifndef WHARF_SERIAL_H
#define WHARF_SERIAL_H

#include "driver.h"

/* Opens without becoming its terminal, raw, receiver on, DTR raised, what was waiting thrown away:
 * nobody knows how old it is. Non-blocking fd; -EBUSY when another program of ours has it; -errno. */
int serial_open(const char *path, int baud, enum driver_line line);

/* 0, or -EINVAL for a speed no tty has. */
int serial_check_baud(int baud);

#endif
