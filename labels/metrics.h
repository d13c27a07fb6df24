/* How wide the scalable font of label printers (Zebra font 0, a bold condensed sans) sets a text. Meant
 * to be a little too wide: a text must never run into its neighbour. */
#ifndef WHARF_METRICS_H
#define WHARF_METRICS_H

/* Width in dots of UTF-8 text at this width setting of the font. */
int metrics_width(const char *text, int glyph_width);

/* Width setting, at most `size`, with which the text fits into `room` dots; where even the narrowest
 * readable one does not do, the text itself is cut and ends in "..". */
int metrics_fit(char *text, int size, int room);

#endif
