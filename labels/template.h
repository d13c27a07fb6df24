/* Label templates: a readable text file in millimetres. docs/labels.md describes the format.
 *
 *   label NAME WIDTH HEIGHT
 *   box X Y WIDTH HEIGHT [thick=MM] [fill]
 *   line X1 Y1 X2 Y2 [thick=MM]
 *   text X Y SIZE "TEXT" [width=MM] [align=left|center|right] [reverse] [with=FIELD]
 *   barcode gs1-128 X Y HEIGHT "(00){sscc}" [module=MM] [align=…] [hri=MM] [optional] [with=FIELD]
 */
#ifndef WHARF_TEMPLATE_H
#define WHARF_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEMPLATE_FILE_MAX (64 * 1024)
#define TEMPLATE_ITEMS_MAX 128
#define TEMPLATE_TEXT_MAX 128
#define TEMPLATE_NAME_MAX 64

/* Lengths are whole micrometres. */
enum template_kind { TEMPLATE_BOX, TEMPLATE_TEXT, TEMPLATE_BARCODE };
enum template_align { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT };

struct template_item {
	enum template_kind kind;
	unsigned line;               /* of the file, for errors while filling */
	int64_t x_um, y_um;
	int64_t width_um;            /* text: 0 = to the edge of the label */
	int64_t height_um;           /* text: size; barcode: of the bars */
	int64_t thick_um;            /* box: of its border */
	int64_t module_um, hri_um;   /* barcode */
	enum template_align align;
	bool fill, reverse, optional;
	char text[TEMPLATE_TEXT_MAX];
	char with[TEMPLATE_NAME_MAX]; /* item stands only where this field is not empty; "" always */
};

struct label_template {
	char file[TEMPLATE_NAME_MAX];
	char name[TEMPLATE_NAME_MAX];
	int64_t width_um, height_um;
	struct template_item items[TEMPLATE_ITEMS_MAX];
	size_t items_n;
};

/* The templates that are compiled in; the first is the default. */
struct template_builtin {
	const char *name;
	const unsigned char *text;
	size_t len;
};
extern const struct template_builtin template_builtins[];
extern const size_t template_builtins_n;

/* Reads a template. `file` names it in errors: "FILE:LINE: reason" in why. 0, -EINVAL or -ENOMEM. */
int template_parse(const char *file, const char *text, size_t len, struct label_template **ret,
	char *why, size_t why_size);

/* FOLDER/NAME.label where folder is not "" and has it, else the built-in one. -ENOENT: neither. */
int template_load(const char *folder, const char *name, struct label_template **ret, char *why,
	size_t why_size);

void template_destroy(struct label_template *template);

#endif
