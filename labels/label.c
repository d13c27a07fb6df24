#include "label.h"

#include "drawing.h"
#include "zpl.h"

int label_render(const struct label_template *template, const json_t *data, int dpi, char **ret,
	size_t *ret_len, char *why, size_t why_size)
{
	struct drawing *drawing = NULL;
	int r = drawing_create(template, data, dpi, &drawing, why, why_size);

	if (r == 0)
		r = zpl_write(drawing, ret, ret_len);
	drawing_destroy(drawing);
	return r;
}
