/* GS1 keys, check digits and element strings (GS1 General Specifications, sections 2, 3 and 7.9).
 * A leaf: libc only, no I/O, no allocation. All text is (pointer, length) until it was checked. */
#ifndef WHARF_GS1_H
#define WHARF_GS1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GS1_SSCC_SIZE 19     /* 18 digits and NUL */
#define GS1_SSCC_PREFIX_MIN 5  /* extension digit and company prefix of 4 to 12 digits */
#define GS1_SSCC_PREFIX_MAX 13
#define GS1_AI_SIZE 5        /* 4 digits and NUL */
#define GS1_VALUE_MAX 90     /* longest value of any AI */
#define GS1_DATA_MAX 512     /* longest element string we take */
#define GS1_ELEMENTS_MAX 16
#define GS1_SEPARATOR 0x1d   /* FNC1 as scanners send it */

/* The mod-10 check digit of n digits that stand before it: '0' to '9', or -EINVAL where a byte is no
 * digit or n is 0. Weights 3, 1, 3, … from the right. For GTIN, SSCC, GLN, GSIN, GSRN. */
int gs1_check_digit(const char *digits, size_t n);

/* Whether the last of n digits is the check digit of those before it. */
bool gs1_check_ok(const char *digits, size_t n);

/* SSCC of prefix (extension digit + company prefix) and serial, zero-padded to 17 digits, plus check
 * digit, into out (GS1_SSCC_SIZE). 0; -EINVAL for a bad prefix; -ERANGE where the serial has too many
 * digits for that prefix. */
int gs1_sscc(const char *prefix, int64_t serial, char *out);

/* 0, or -EINVAL with the reason in `why`. */
int gs1_sscc_check(const char *sscc, size_t len, char *why, size_t why_size);

enum gs1_set {
	GS1_DIGITS,
	GS1_CSET82, /* letters, digits and 20 signs: what most alphanumeric values may hold */
};

enum gs1_rule {
	GS1_ANY,
	GS1_CHECKED, /* last digit is a check digit */
	GS1_DATE,    /* YYMMDD, DD may be 00: the whole month */
};

/* One application identifier. Where `decimals` is not 0 the AI has one more digit, 0 to `decimals`:
 * the number of decimals of the value. */
struct gs1_ai {
	char ai[GS1_AI_SIZE];
	uint8_t decimals;
	uint8_t len_min, len_max;
	enum gs1_set set;
	enum gs1_rule rule;
	const char *title; /* data title as printed on labels */
};

/* NULL for an AI that is not in the table. */
const struct gs1_ai *gs1_find_ai(const char *ai);

struct gs1_element {
	char ai[GS1_AI_SIZE];
	const struct gs1_ai *row; /* NULL: unknown AI, value kept as it is */
	char value[GS1_VALUE_MAX + 1];
	size_t len;
};

struct gs1_message {
	struct gs1_element elements[GS1_ELEMENTS_MAX];
	size_t n;
};

struct gs1_error {
	char ai[GS1_AI_SIZE]; /* "" where none was read yet */
	size_t position;      /* byte of the data, from 0 */
	char say[96];         /* "AI 01 at 2: wrong check digit 6, should be 5" */
};

/* Data of a scan with its AIM symbology id ("]C1" GS1-128, "]d2" GS1 DataMatrix, "]Q3" GS1 QR, "]e0"
 * GS1 DataBar, "]J1" GS1 DotCode: element strings; "]E0" EAN-13 and UPC, "]E4" EAN-8, "]I1" ITF-14:
 * becomes AI 01). With "" (id unknown) only what cannot be anything else is taken: 20 digits that are
 * 00 and an SSCC, or 8, 12, 13, 14 digits with a right check digit.
 * 0; -ENOMSG: no GS1 data (another symbology); -EINVAL: GS1 data with an error. */
int gs1_parse_scan(const char *aim, const char *data, size_t len, struct gs1_message *ret,
	struct gs1_error *ret_error);

/* An element string: AI, value, AI, value …, GS1_SEPARATOR behind values of variable length. */
int gs1_parse(const char *data, size_t len, struct gs1_message *ret, struct gs1_error *ret_error);

/* Adds one element after checking it like the parser. 0; -EINVAL; -ENOSPC when it is full. */
int gs1_add(struct gs1_message *message, const char *ai, const char *value, size_t len,
	struct gs1_error *ret_error);

/* Value of an AI, or NULL. */
const char *gs1_value(const struct gs1_message *message, const char *ai);

/* The element string with a leading separator for FNC1, as a GS1 symbol holds it. Length, or
 * -ENAMETOOLONG. */
int gs1_element_string(const struct gs1_message *message, char *out, size_t size);

/* Human-readable text: "(00)354123450000000014". 0 or -ENAMETOOLONG. */
int gs1_hri(const struct gs1_message *message, char *out, size_t size);

#endif
