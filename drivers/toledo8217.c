/* Toledo 8217 (and 8213), as bench and parcel scales of many makers speak it. 9600 7E1; "W" asks:
 *   STX weight [N] CR       a weight without motion; N: net
 *   STX ? status CR         none, and why: bit 0 motion, 1 over capacity, 2 under zero,
 *                           3 outside the zero capture range, 4 centre of zero, 5 and 6 always 1
 * The unit is not sent. On a line opened as 8N1 the parity bit shows as bit 7 (STX is 0x82). */
#include "driver.h"

#define STX 0x02
#define STX_WITH_PARITY 0x82
#define CR 0x0D
#define BIT_7 0x80
#define FRAME_MAX 32
#define DIGITS_MAX 9
#define DECIMALS_MAX 6

#define STATUS_ALWAYS 0x60
#define STATUS_MOTION 0x01
#define STATUS_OVER 0x02
#define STATUS_UNDER 0x04
#define STATUS_OUTSIDE_ZERO 0x08
#define STATUS_CENTRE_ZERO 0x10

struct toledo_state {
	enum driver_unit unit;
	bool in_frame, done, parity_bit;
	size_t len;
	uint8_t buf[FRAME_MAX];
};

_Static_assert(sizeof(struct toledo_state) <= DRIVER_STATE_MAX, "state fits");

static void init_toledo(void *state, const struct driver_settings *settings)
{
	struct toledo_state *s = state;

	*s = (struct toledo_state){ .unit = settings->unit };
}

static void set_fault(const char *fault, struct reading *ret)
{
	ret->kind = READING_FAULT;
	ret->fault = fault;
}

static void decode_status(uint8_t status, struct reading *ret)
{
	if ((status & STATUS_ALWAYS) != STATUS_ALWAYS) {
		set_fault("malformed", ret);
		return;
	}
	ret->kind = READING_STATUS;
	ret->flags = (status & STATUS_MOTION ? WEIGHT_MOTION : 0) |
		(status & STATUS_OVER ? WEIGHT_OVER : 0) | (status & STATUS_UNDER ? WEIGHT_UNDER : 0) |
		(status & STATUS_OUTSIDE_ZERO ? WEIGHT_OUTSIDE_ZERO : 0) |
		(status & STATUS_CENTRE_ZERO ? WEIGHT_CENTRE_ZERO : 0);
}

/* " 12.340N" to digits and decimals. Length read, or 0 where it is no number. */
static size_t parse_digits(const uint8_t *text, size_t n, int64_t *ret_digits, unsigned *ret_decimals)
{
	unsigned digits = 0, decimals = 0;
	bool point = false;
	int64_t value = 0;
	size_t i = 0;

	while (i < n && text[i] == ' ')
		i++;
	for (; i < n; i++) {
		if (text[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (text[i] < '0' || text[i] > '9')
			break;
		value = value * 10 + (text[i] - '0');
		decimals += point;
		if (++digits > DIGITS_MAX || decimals > DECIMALS_MAX)
			return 0;
	}
	*ret_digits = value;
	*ret_decimals = decimals;
	return digits ? i : 0;
}

static void decode_weight(const uint8_t *text, size_t n, struct reading *ret)
{
	int64_t digits;
	unsigned decimals;
	size_t used = parse_digits(text, n, &digits, &decimals);
	bool net = used && used + 1 == n && text[used] == 'N';

	if (!used || (used != n && !net)) {
		set_fault("malformed", ret);
		return;
	}
	ret->kind = READING_WEIGHT;
	ret->flags = net ? WEIGHT_NET : 0;
	ret->value_ug = driver_mass_ug(digits, decimals, ret->unit);
}

static void decode_frame(struct toledo_state *s, struct reading *ret)
{
	const uint8_t *body = s->buf + 1;
	size_t n = s->len - 2;

	*ret = (struct reading){ .raw = s->buf, .raw_len = s->len, .unit = s->unit };
	if (s->parity_bit)
		set_fault("wrong_parity", ret);
	else if (n == 2 && body[0] == '?')
		decode_status(body[1], ret);
	else
		decode_weight(body, n, ret);
	s->done = true;
}

/* STX always begins a frame, so what came before can spoil itself only. */
static bool begins_frame(struct toledo_state *s, uint8_t byte)
{
	if (byte != STX && byte != STX_WITH_PARITY)
		return false;
	s->in_frame = true;
	s->parity_bit = false;
	s->len = 0;
	return true;
}

static void take_byte(struct toledo_state *s, uint8_t byte, struct reading *ret)
{
	if (s->done) {
		s->done = false;
		s->in_frame = false;
		s->len = 0;
	}
	if (!begins_frame(s, byte) && !s->in_frame)
		return;
	s->buf[s->len++] = byte;
	if (byte & BIT_7)
		s->parity_bit = true;
	if ((byte & ~BIT_7) == CR) {
		decode_frame(s, ret);
	} else if (s->len == FRAME_MAX) {
		*ret = (struct reading){ .raw = s->buf, .raw_len = s->len };
		set_fault("too_long", ret);
		s->done = true;
	}
}

static size_t take_toledo(void *state, const uint8_t *bytes, size_t n, struct reading *ret)
{
	*ret = (struct reading){ .kind = READING_NONE };
	for (size_t i = 0; i < n; i++) {
		take_byte(state, bytes[i], ret);
		if (ret->kind != READING_NONE)
			return i + 1;
	}
	return n;
}

static size_t reset_toledo(void *state)
{
	struct toledo_state *s = state;
	size_t had = s->done ? 0 : s->len;

	s->in_frame = false;
	s->done = false;
	s->len = 0;
	return had;
}

static size_t ask_toledo(uint8_t *out)
{
	out[0] = 'W';
	return 1;
}

const struct driver driver_toledo8217 = {
	.name = "toledo8217",
	.family = DRIVER_SCALE,
	.line = DRIVER_7E1,
	.state_size = sizeof(struct toledo_state),
	.init = init_toledo,
	.take = take_toledo,
	.reset = reset_toledo,
	.ask = ask_toledo,
};
