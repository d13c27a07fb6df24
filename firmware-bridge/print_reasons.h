/* What a printer's IPP state means for the floor: a word of device_state and its reason. */
#ifndef WHARF_PRINT_REASONS_H
#define WHARF_PRINT_REASONS_H

#include "print_queue.h"

#define PRINTER_REASON_MAX 96

struct printer_state {
	const char *state; /* up, gone, refused, fault: static text */
	char reason[PRINTER_REASON_MAX];
};

/* `error` is what queue_ops.printer answered; `printer` is read where it is 0. */
void printer_state_read(int error, const struct queue_printer *printer, struct printer_state *ret);

#endif
