/* Scanners on RS-232 or USB CDC: [STX] [AIM id] data suffix. Nothing in the stream tells which framing
 * is in use, so it is configured. Without a prefix the first frame after joining in the middle cannot
 * be told from a short one; the port therefore throws away what it finds when it opens. */
#include "driver.h"

#include <ctype.h>
#include <string.h>

#define STX 0x02
#define ETX 0x03
#define BEL 0x07
#define AIM_LEN 3

struct scanner_state {
	struct driver_settings settings;
	size_t len;
	bool done;     /* buf was given out; the next byte begins a frame */
	bool skipping; /* too long: nothing until the suffix */
	uint8_t buf[DRIVER_RAW_MAX];
};

_Static_assert(sizeof(struct scanner_state) <= DRIVER_STATE_MAX, "state fits");

static void init_scanner(void *state, const struct driver_settings *settings)
{
	struct scanner_state *s = state;

	s->settings = *settings;
	s->len = 0;
	s->done = false;
	s->skipping = false;
}

static bool is_suffix(enum driver_suffix suffix, uint8_t byte)
{
	switch (suffix) {
	case SUFFIX_CR:
		return byte == '\r';
	case SUFFIX_LF:
		return byte == '\n';
	case SUFFIX_CRLF:
		return byte == '\r' || byte == '\n';
	case SUFFIX_TAB:
		return byte == '\t';
	case SUFFIX_ETX:
		return byte == ETX;
	}
	return false;
}

static bool has_aim(const uint8_t *data, size_t len)
{
	return len >= AIM_LEN && data[0] == ']' && isalpha(data[1]) && isalnum(data[2]);
}

static void set_fault(struct scanner_state *s, const char *fault, struct reading *ret)
{
	*ret = (struct reading){ .kind = READING_FAULT, .raw = s->buf, .raw_len = s->len, .fault = fault };
	s->done = true;
}

/* ]X and ]Z are a scanner's answers to set-up commands. */
static enum reading_kind kind_of(const char *aim)
{
	return aim[1] == 'X' || aim[1] == 'Z' ? READING_SERVICE : READING_SCAN;
}

static void deliver(struct scanner_state *s, struct reading *ret)
{
	size_t start = s->settings.prefix == PREFIX_STX;

	*ret = (struct reading){ .kind = READING_SCAN, .raw = s->buf, .raw_len = s->len };
	ret->data = s->buf + start;
	ret->data_len = s->len - start - 1;
	if (s->settings.aim && has_aim(ret->data, ret->data_len)) {
		memcpy(ret->aim, ret->data, AIM_LEN);
		ret->data += AIM_LEN;
		ret->data_len -= AIM_LEN;
		ret->kind = kind_of(ret->aim);
	}
	s->done = true;
	if (ret->data_len > DRIVER_DATA_MAX)
		set_fault(s, "too_long", ret);
	else if (!ret->data_len)
		set_fault(s, "malformed", ret);
}

static bool is_empty(const struct scanner_state *s)
{
	return s->len == (s->settings.prefix == PREFIX_STX);
}

static void take_byte(struct scanner_state *s, uint8_t byte, struct reading *ret)
{
	bool prefixed = s->settings.prefix == PREFIX_STX;

	if (s->done) {
		s->len = 0;
		s->done = false;
	}
	if (prefixed && byte == STX) { /* a new frame, whatever was before */
		s->len = 0;
		s->skipping = false;
	} else if (prefixed && !s->len) {
		return;
	}
	if (is_suffix(s->settings.suffix, byte)) {
		bool empty = is_empty(s);

		if (s->skipping || empty) {
			s->len = 0;
			s->skipping = false;
			return;
		}
		s->buf[s->len++] = byte;
		deliver(s, ret);
	} else if (!s->skipping) {
		s->buf[s->len++] = byte;
		if (s->len == DRIVER_RAW_MAX) {
			set_fault(s, "too_long", ret);
			s->skipping = true;
		}
	}
}

static size_t take_scanner(void *state, const uint8_t *bytes, size_t n, struct reading *ret)
{
	*ret = (struct reading){ .kind = READING_NONE };
	for (size_t i = 0; i < n; i++) {
		take_byte(state, bytes[i], ret);
		if (ret->kind != READING_NONE)
			return i + 1;
	}
	return n;
}

static size_t reset_scanner(void *state)
{
	struct scanner_state *s = state;
	size_t had = s->done ? 0 : s->len;

	s->len = 0;
	s->done = false;
	s->skipping = false;
	return had;
}

/* One bell for good, three for bad: told apart with the eyes on the carton. */
static size_t answer_scanner(enum driver_answer answer, uint8_t *out)
{
	size_t n = answer == ANSWER_GOOD ? 1 : 3;

	memset(out, BEL, n);
	return n;
}

const struct driver driver_serial_scanner = {
	.name = "serial",
	.family = DRIVER_SCANNER,
	.line = DRIVER_8N1,
	.state_size = sizeof(struct scanner_state),
	.init = init_scanner,
	.take = take_scanner,
	.reset = reset_scanner,
	.answer = answer_scanner,
};
