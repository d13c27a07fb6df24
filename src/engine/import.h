/* The row of an import, for the files that decide about it. */
#ifndef WHARF_ENGINE_IMPORT_H
#define WHARF_ENGINE_IMPORT_H

#include "engine.h"

struct import {
	char name[64], what[24], digest[72];
	int64_t rows, generation, parts, staged;
	unsigned state;
};

/* False where there is none of that name. */
bool import_load(struct engine *e, const char *name, struct import *ret);
void import_move(struct engine *e, struct import *i, unsigned to);

#endif
