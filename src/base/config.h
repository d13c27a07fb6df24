/* One INI file with drop-ins (FILE, then FILE's folder wharf.d/ in name order), described by one table.
 * An unknown section or key, or a value out of range, is an error that names file and line. */
#ifndef WHARF_CONFIG_H
#define WHARF_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum config_type { CONFIG_TEXT, CONFIG_INT, CONFIG_BOOL, CONFIG_CHOICE };

/* A row of the table. A section "scanner *" is written [scanner NAME] as often as needed. */
struct config_row {
	const char *section;
	const char *key;
	enum config_type type;
	const char *initial;  /* default; NULL: must be given */
	int64_t min, max;     /* CONFIG_INT: value; CONFIG_TEXT: longest length in max (0: 255) */
	const char *choices;  /* CONFIG_CHOICE: "a|b|c" */
	const char *help;
};

extern const struct config_row config_table[];
extern const size_t config_table_rows;

/* The floor that is used where a configuration names no [station]: one packing station with
 * scanner, scale and printer, one induct with scanner and PLC, four lanes. */
extern const char config_default_floor[];

struct config;

/* Reads `path` (NULL: defaults only). Each error is a line on `errors`. 0, -EINVAL or -errno. */
int config_load(const char *path, FILE *errors, struct config **ret);
void config_destroy(struct config *config);

/* Values as validated; asking for a key that is not in the table is our bug (assert).
 * @state@ and @run@ in texts are replaced by the values of [paths]. */
const char *config_text(const struct config *config, const char *section, const char *key);
int64_t config_int(const struct config *config, const char *section, const char *key);
bool config_bool(const struct config *config, const char *section, const char *key);

/* The i-th section of a kind in file order: config_section(c, "scanner", 0) -> "scanner pack1-scanner",
 * NULL after the last. config_name() gives the part behind the kind. */
const char *config_section(const struct config *config, const char *kind, size_t i);
const char *config_name(const char *section);
bool config_has(const struct config *config, const char *section);

/* Prints the table as an INI file with comments, or as rows of a manual page. */
void config_print_example(FILE *out);
void config_print_man(FILE *out);

#endif
