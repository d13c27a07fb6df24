/* From a template and data to the bytes a printer takes. */
#ifndef WHARF_LABEL_H
#define WHARF_LABEL_H

#include <jansson.h>
#include <stddef.h>

#include "template.h"

/* Renders in ZPL. *ret is malloc'd. 0; -EINVAL with the reason (file:line of the template) in why;
 * -ENOMEM. */
int label_render(const struct label_template *template, const json_t *data, int dpi, char **ret,
	size_t *ret_len, char *why, size_t why_size);

#endif
