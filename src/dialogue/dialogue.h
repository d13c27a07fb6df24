/* Conversations with people: from where a place stands and what was scanned they decide what happens and what the
 * screen says next. The same conversation serves a handheld, a station's page and a scanner on a cable. */
#ifndef WHARF_DIALOGUE_H
#define WHARF_DIALOGUE_H

#include "engine.h"

/* Gives the engine the handlers of scan, key and weight. Call once at start. */
void dialogue_register(void);

/* What the place's screen shows now, as a JSON object (malloc'd); NULL where there is no conversation. */
char *dialogue_prompt(struct engine *engine, const char *place);

/* Shared by the conversations' files. */
struct scan {
	const char *aim, *data;
};

void pick_scan(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d, const struct scan *s);
void pick_key(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d, const char *key,
	int64_t value);
void pack_scan(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d, const struct scan *s);
void pack_key(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d, const char *key);
void pack_weight(struct engine *e, struct command *c, struct outcome *o, struct dialogue *d);

/* An item's barcode, or a bad outcome and a case for a code nobody knows. */
bool scan_item(struct engine *e, struct command *c, struct outcome *o, const struct scan *s, char *ret_item,
	size_t size, int64_t *ret_qty);

#endif
