/* A device protocol as a pure codec: bytes in, readings out. A driver knows no file, clock or log and
 * allocates nothing; the port moves the bytes and the bridge decides what they mean.
 * A new one is a file here, a row in registry.c and a pair of files in tests/replay. null.c is the template. */
#ifndef WHARF_DRIVER_H
#define WHARF_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRIVER_DATA_MAX 4096                 /* of one scan; a QR code may hold more, a licence plate never */
#define DRIVER_RAW_MAX (DRIVER_DATA_MAX + 8) /* with prefix, symbology id and suffix */
#define DRIVER_STATE_MAX (DRIVER_RAW_MAX + 64)
#define DRIVER_SAY_MAX 16 /* longest question or answer to a device */

enum driver_family {
	DRIVER_SCANNER,
	DRIVER_SCALE,
};

/* Character frame of a serial line. */
enum driver_line {
	DRIVER_8N1,
	DRIVER_7E1,
};

enum driver_prefix {
	PREFIX_NONE,
	PREFIX_STX,
};

enum driver_suffix {
	SUFFIX_CR,
	SUFFIX_LF,
	SUFFIX_CRLF, /* any of the two; empty frames between them are nothing */
	SUFFIX_TAB,
	SUFFIX_ETX,
};

enum driver_unit {
	UNIT_KG,
	UNIT_LB,
};

/* What the data stream cannot tell and the configuration must. */
struct driver_settings {
	enum driver_prefix prefix;
	enum driver_suffix suffix;
	bool aim; /* the symbology id comes before the data */
	enum driver_unit unit;
};

enum reading_kind {
	READING_NONE,
	READING_SCAN,    /* aim, data */
	READING_SERVICE, /* a scanner's answer to a set-up command: no bar code */
	READING_WEIGHT,  /* value_ug, flags */
	READING_STATUS,  /* flags say why there is no weight */
	READING_FAULT,   /* a frame that must not be used; fault names why */
};

#define WEIGHT_NET 0x01u
#define WEIGHT_MOTION 0x02u
#define WEIGHT_OVER 0x04u
#define WEIGHT_UNDER 0x08u
#define WEIGHT_OUTSIDE_ZERO 0x10u
#define WEIGHT_CENTRE_ZERO 0x20u

/* `raw`, `data` point into the driver's state and hold until its next call. */
struct reading {
	enum reading_kind kind;
	const uint8_t *raw; /* the frame as it came */
	size_t raw_len;
	char aim[4]; /* "]C1", or "" */
	const uint8_t *data;
	size_t data_len;
	int64_t value_ug;
	enum driver_unit unit; /* as sent or configured */
	unsigned flags;
	const char *fault; /* "too_long", "wrong_parity", "malformed" */
};

/* What a person at the device shall hear. */
enum driver_answer {
	ANSWER_GOOD,
	ANSWER_BAD,
};

struct driver {
	const char *name;
	enum driver_family family;
	enum driver_line line;
	size_t state_size; /* at most DRIVER_STATE_MAX */

	void (*init)(void *state, const struct driver_settings *settings);

	/* Takes bytes up to the end of the first reading; the caller comes back with the rest.
	 * Returns how many were used, at least 1; ret->kind is READING_NONE where all were and none
	 * is complete. n is at least 1. */
	size_t (*take)(void *state, const uint8_t *bytes, size_t n, struct reading *ret);

	/* Silence: forgets a half frame. Returns how many bytes it had. */
	size_t (*reset)(void *state);

	/* The question of a polled device into out (DRIVER_SAY_MAX); NULL: it speaks by itself. */
	size_t (*ask)(uint8_t *out);

	/* What to write for an answer; NULL: the device cannot be told. */
	size_t (*answer)(enum driver_answer answer, uint8_t *out);
};

/* Room for the state of any driver. */
union driver_state {
	int64_t align;
	uint8_t bytes[DRIVER_STATE_MAX];
};

/* NULL where there is none of that name. driver_at(i) is NULL after the last. */
const struct driver *driver_find(const char *name);
const struct driver *driver_at(size_t i);

/* CR LF, AIM id, kilograms. */
void driver_settings_init(struct driver_settings *settings);

/* One setting by the words of the configuration: "suffix", "crlf". 0 or -EINVAL. */
int driver_settings_set(struct driver_settings *settings, const char *key, const char *value);

const char *driver_unit_name(enum driver_unit unit);

/* Micrograms of digits with `decimals` behind the point, to the nearest; digits up to 999,999,999. */
int64_t driver_mass_ug(int64_t digits, unsigned decimals, enum driver_unit unit);

extern const struct driver driver_null;
extern const struct driver driver_serial_scanner;
extern const struct driver driver_toledo8217;

#endif
