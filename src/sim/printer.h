/* The virtual label printer on a TCP port (9100 style): reads ZPL, answers ~HS, and records each
 * printed label as a JSON line {"sscc","bytes","at","zpl"} that is on disk before it counts. */
#ifndef WHARF_SIM_PRINTER_H
#define WHARF_SIM_PRINTER_H

#include <stdbool.h>

#include "loop.h"
#include "zpl_reader.h"

#define PRINTER_CONNECTIONS_MAX 8
#define PRINTER_LABELS_MAX 20000

struct printer;

struct printer_connection {
	struct printer *printer;
	int fd; /* -1: free */
	struct zpl_reader reader;
};

struct printer {
	struct loop *loop;
	int listener, file;
	bool out;            /* no media: takes no bytes and answers nothing */
	struct printer_connection connections[PRINTER_CONNECTIONS_MAX];
	char (*labels)[SSCC_TEXT];
	unsigned labels_n, labels_size, unread; /* unread: formats without an SSCC */
};

/* `path` is appended to; what it holds from an earlier run counts as printed. */
int printer_open(struct printer *printer, struct loop *loop, int port, const char *path);
void printer_close(struct printer *printer);

/* With the lock held. How often a label with this SSCC came out. */
unsigned printer_copies(const struct printer *printer, const char *sscc);

/* For people: waits until such a label lies in the tray; false after `wait_ms`. */
bool printer_take(struct printer *printer, const char *sscc, int wait_ms);

/* With the lock held: media out, or loaded again. */
void printer_set_out(struct printer *printer, bool out);

#endif
