/* What a ZPL label printer understands of its input: whole formats ^XA..^XZ, the question ~HS, and
 * the SSCC of a format's GS1-128 field. Pure bytes in, events out. */
#ifndef WHARF_SIM_ZPL_READER_H
#define WHARF_SIM_ZPL_READER_H

#include <stddef.h>
#include <stdint.h>

#define ZPL_FORMAT_MAX (256 * 1024)
#define SSCC_TEXT 19 /* 18 digits and a NUL */

enum zpl_event { ZPL_NOTHING, ZPL_FORMAT, ZPL_STATUS, ZPL_TOO_LONG };

struct zpl_reader {
	char *bytes;    /* of the format being read, from ^XA; malloc'd */
	size_t len, size;
	char tail[3];   /* last bytes seen, to find the three letters of a command */
	int inside;     /* between ^XA and ^XZ */
};

void zpl_reader_init(struct zpl_reader *reader);
void zpl_reader_fini(struct zpl_reader *reader);

/* One byte. After ZPL_FORMAT, bytes and len hold the whole format until the next call.
 * ZPL_TOO_LONG: the format was dropped. -ENOMEM as negative value. */
int zpl_reader_take(struct zpl_reader *reader, uint8_t byte);

/* The SSCC of the first Code 128 field (^BC) that holds AI 00 with a right check digit. 0, or
 * -ENOENT with ret_sscc untouched. */
int zpl_sscc(const char *format, size_t len, char ret_sscc[SSCC_TEXT]);

#endif
