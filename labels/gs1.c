#include "gs1.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define AIM_SIZE 3
#define SSCC_BODY 17

/* In the order of the AI; facts from the GS1 Barcode Syntax Dictionary. */
static const struct gs1_ai ai_table[] = {
	{ "00", 0, 18, 18, GS1_DIGITS, GS1_CHECKED, "SSCC" },
	{ "01", 0, 14, 14, GS1_DIGITS, GS1_CHECKED, "GTIN" },
	{ "02", 0, 14, 14, GS1_DIGITS, GS1_CHECKED, "CONTENT" },
	{ "10", 0, 1, 20, GS1_CSET82, GS1_ANY, "BATCH/LOT" },
	{ "11", 0, 6, 6, GS1_DIGITS, GS1_DATE, "PROD DATE" },
	{ "13", 0, 6, 6, GS1_DIGITS, GS1_DATE, "PACK DATE" },
	{ "15", 0, 6, 6, GS1_DIGITS, GS1_DATE, "BEST BEFORE" },
	{ "17", 0, 6, 6, GS1_DIGITS, GS1_DATE, "EXPIRY" },
	{ "21", 0, 1, 20, GS1_CSET82, GS1_ANY, "SERIAL" },
	{ "310", 5, 6, 6, GS1_DIGITS, GS1_ANY, "NET WEIGHT (kg)" },
	{ "37", 0, 1, 8, GS1_DIGITS, GS1_ANY, "COUNT" },
	{ "400", 0, 1, 30, GS1_CSET82, GS1_ANY, "ORDER NUMBER" },
	{ "401", 0, 1, 30, GS1_CSET82, GS1_ANY, "GINC" },
	{ "410", 0, 13, 13, GS1_DIGITS, GS1_CHECKED, "SHIP TO LOC" },
	{ "420", 0, 1, 20, GS1_CSET82, GS1_ANY, "SHIP TO POST" },
};

/* Length of the AI itself, and the predefined length of its value (0: variable), both by the first two
 * digits; so an AI that is not in the table is still cut off at the right place. */
struct prefix {
	uint8_t first, last, ai_len, value_len;
};

static const struct prefix prefixes[] = {
	{ 0, 0, 2, 18 },  { 1, 3, 2, 14 },  { 4, 4, 2, 16 },  { 5, 10, 2, 0 },  { 11, 19, 2, 6 },
	{ 20, 20, 2, 2 }, { 21, 22, 2, 0 }, { 23, 25, 3, 0 }, { 30, 30, 2, 0 }, { 31, 36, 4, 6 },
	{ 37, 37, 2, 0 }, { 39, 39, 4, 0 }, { 40, 40, 3, 0 }, { 41, 41, 3, 13 }, { 42, 42, 3, 0 },
	{ 43, 43, 4, 0 }, { 70, 70, 4, 0 }, { 71, 71, 3, 0 }, { 72, 72, 4, 0 }, { 80, 82, 4, 0 },
	{ 90, 99, 2, 0 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool all_digits(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_digit(text[i]))
			return false;
	return true;
}

static bool in_cset82(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		(c != '\0' && strchr("!\"%&'()*+,-./:;<=>?_", c));
}

int gs1_check_digit(const char *digits, size_t n)
{
	unsigned sum = 0;

	if (n == 0 || !all_digits(digits, n))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		sum += (unsigned)(digits[n - 1 - i] - '0') * (i % 2 == 0 ? 3 : 1);
	return '0' + (int)((10 - sum % 10) % 10);
}

bool gs1_check_ok(const char *digits, size_t n)
{
	return n > 1 && gs1_check_digit(digits, n - 1) == digits[n - 1];
}

int gs1_sscc(const char *prefix, int64_t serial, char *out)
{
	size_t len = strlen(prefix);
	char digits[GS1_SSCC_SIZE + 2];
	int n;

	if (len < GS1_SSCC_PREFIX_MIN || len > GS1_SSCC_PREFIX_MAX || !all_digits(prefix, len))
		return -EINVAL;
	/* The widest pad keeps a serial of 19 digits inside the buffer; its length is the test. */
	n = serial < 0 ? SSCC_BODY + 1 :
			 snprintf(digits, sizeof(digits), "%0*lld", SSCC_BODY - (int)len, (long long)serial);
	if (n != SSCC_BODY - (int)len)
		return -ERANGE;
	memcpy(out, prefix, len);
	memcpy(out + len, digits, (size_t)n);
	out[SSCC_BODY] = (char)gs1_check_digit(out, SSCC_BODY);
	out[SSCC_BODY + 1] = '\0';
	return 0;
}

int gs1_sscc_check(const char *sscc, size_t len, char *why, size_t why_size)
{
	if (len != GS1_SSCC_SIZE - 1) {
		snprintf(why, why_size, "an SSCC has 18 digits, not %zu", len);
		return -EINVAL;
	}
	if (!all_digits(sscc, len)) {
		snprintf(why, why_size, "an SSCC has digits only");
		return -EINVAL;
	}
	if (!gs1_check_ok(sscc, len)) {
		snprintf(why, why_size, "wrong check digit %c, should be %c", sscc[len - 1],
			gs1_check_digit(sscc, len - 1));
		return -EINVAL;
	}
	return 0;
}

static bool row_is(const struct gs1_ai *row, const char *ai)
{
	size_t len = strlen(row->ai);

	if (row->decimals == 0)
		return strcmp(row->ai, ai) == 0;
	return strncmp(row->ai, ai, len) == 0 && is_digit(ai[len]) && ai[len] - '0' <= row->decimals &&
		ai[len + 1] == '\0';
}

const struct gs1_ai *gs1_find_ai(const char *ai)
{
	for (size_t i = 0; i < sizeof(ai_table) / sizeof(ai_table[0]); i++)
		if (row_is(&ai_table[i], ai))
			return &ai_table[i];
	return NULL;
}

static const struct prefix *find_prefix(const char *ai)
{
	int two = (ai[0] - '0') * 10 + ai[1] - '0';

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (two >= prefixes[i].first && two <= prefixes[i].last)
			return &prefixes[i];
	return NULL;
}

__attribute__((format(printf, 4, 5))) static int refuse(struct gs1_error *error, const char *ai,
	size_t position, const char *format, ...)
{
	va_list args;
	int n;

	snprintf(error->ai, sizeof(error->ai), "%s", ai);
	error->position = position;
	n = snprintf(error->say, sizeof(error->say), ai[0] ? "AI %s at %zu: " : "%s at %zu: ",
		ai[0] ? ai : "data", position);
	va_start(args, format);
	vsnprintf(error->say + n, sizeof(error->say) - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

static int check_length(const struct gs1_element *e, size_t at, struct gs1_error *error)
{
	size_t min = e->row ? e->row->len_min : 1, max = e->row ? e->row->len_max : GS1_VALUE_MAX;

	if (e->len >= min && e->len <= max)
		return 0;
	if (min == max)
		return refuse(error, e->ai, at, "%zu characters, needs %zu", e->len, min);
	return refuse(error, e->ai, at, "%zu characters, needs %zu to %zu", e->len, min, max);
}

static int check_set(const struct gs1_element *e, size_t at, struct gs1_error *error)
{
	bool digits = e->row && e->row->set == GS1_DIGITS;

	for (size_t i = 0; i < e->len; i++)
		if (digits ? !is_digit(e->value[i]) : !in_cset82(e->value[i]))
			return refuse(error, e->ai, at + i, "byte 0x%02x is not allowed here",
				(unsigned char)e->value[i]);
	return 0;
}

static int two_digits(const char *text)
{
	return (text[0] - '0') * 10 + text[1] - '0';
}

static int check_date(const struct gs1_element *e, size_t at, struct gs1_error *error)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = two_digits(e->value), month = two_digits(e->value + 2), day = two_digits(e->value + 4);

	if (month < 1 || month > 12)
		return refuse(error, e->ai, at + 2, "month %02d", month);
	/* All years that are in use with two digits, 1950 to 2049, keep the simple leap rule. */
	if (day > days[month - 1] || (month == 2 && day == 29 && year % 4 != 0))
		return refuse(error, e->ai, at + 4, "day %02d of month %02d", day, month);
	return 0;
}

static int check_rule(const struct gs1_element *e, size_t at, struct gs1_error *error)
{
	switch (e->row ? e->row->rule : GS1_ANY) {
	case GS1_ANY:
		return 0;
	case GS1_DATE:
		return check_date(e, at, error);
	case GS1_CHECKED:
		if (gs1_check_ok(e->value, e->len))
			return 0;
		return refuse(error, e->ai, at + e->len - 1, "wrong check digit %c, should be %c",
			e->value[e->len - 1], gs1_check_digit(e->value, e->len - 1));
	}
	return 0;
}

static int add_at(struct gs1_message *message, const char *ai, const char *value, size_t len, size_t at,
	struct gs1_error *error)
{
	const char *before = gs1_value(message, ai);
	struct gs1_element e = { .row = gs1_find_ai(ai), .len = len };

	snprintf(e.ai, sizeof(e.ai), "%s", ai);
	if (len > GS1_VALUE_MAX)
		return refuse(error, ai, at, "%zu characters, no value has more than %d", len,
			GS1_VALUE_MAX);
	memcpy(e.value, value, len);
	if (check_length(&e, at, error) < 0 || check_set(&e, at, error) < 0 ||
		check_rule(&e, at, error) < 0)
		return -EINVAL;
	if (before && strcmp(before, e.value) == 0)
		return 0;
	if (before)
		return refuse(error, ai, at, "twice, with different values");
	if (message->n == GS1_ELEMENTS_MAX) {
		refuse(error, ai, at, "more than %d elements", GS1_ELEMENTS_MAX);
		return -ENOSPC;
	}
	message->elements[message->n++] = e;
	return 0;
}

int gs1_add(struct gs1_message *message, const char *ai, const char *value, size_t len,
	struct gs1_error *ret_error)
{
	size_t ai_len = strlen(ai);
	const struct prefix *prefix;

	if (ai_len < 2 || ai_len >= GS1_AI_SIZE || !all_digits(ai, ai_len))
		return refuse(ret_error, "", 0, "\"%.8s\" is no AI", ai);
	prefix = find_prefix(ai);
	if (!prefix || prefix->ai_len != ai_len)
		return refuse(ret_error, ai, 0, "no such AI");
	return add_at(message, ai, value, len, 0, ret_error);
}

/* Reads the AI at `at`; its row of the prefix table, or NULL with the error filled. */
static const struct prefix *read_ai(const char *data, size_t len, size_t at, char *ret_ai,
	struct gs1_error *error)
{
	const struct prefix *prefix = NULL;

	if (len - at >= 2 && all_digits(data + at, 2))
		prefix = find_prefix(data + at);
	if (!prefix || len - at < prefix->ai_len || !all_digits(data + at, prefix->ai_len)) {
		refuse(error, "", at, "no application identifier");
		return NULL;
	}
	memcpy(ret_ai, data + at, prefix->ai_len);
	ret_ai[prefix->ai_len] = '\0';
	return prefix;
}

/* Length of the value at `at`: to its predefined length, the separator or the end. */
static size_t value_length(const struct prefix *prefix, const char *data, size_t len, size_t at)
{
	size_t most = len - at;
	const char *separator;

	if (prefix->value_len && most > prefix->value_len)
		most = prefix->value_len;
	separator = memchr(data + at, GS1_SEPARATOR, most);
	return separator ? (size_t)(separator - (data + at)) : most;
}

int gs1_parse(const char *data, size_t len, struct gs1_message *ret, struct gs1_error *ret_error)
{
	struct gs1_message message = { .n = 0 };
	size_t at = len && data[0] == GS1_SEPARATOR ? 1 : 0;

	if (len > GS1_DATA_MAX)
		return refuse(ret_error, "", 0, "%zu bytes, at most %d", len, GS1_DATA_MAX);
	if (at == len)
		return refuse(ret_error, "", at, "empty");
	while (at < len) {
		char ai[GS1_AI_SIZE];
		const struct prefix *prefix = read_ai(data, len, at, ai, ret_error);
		size_t value_len;
		int r;

		if (!prefix)
			return -EINVAL;
		at += prefix->ai_len;
		value_len = value_length(prefix, data, len, at);
		if (prefix->value_len && value_len < prefix->value_len)
			return refuse(ret_error, ai, at, "%zu characters, needs %u", value_len,
				prefix->value_len);
		r = add_at(&message, ai, data + at, value_len, at, ret_error);
		if (r < 0)
			return r;
		at += value_len;
		/* Some encoders put a separator behind predefined lengths too: allowed. */
		if (at < len && data[at] == GS1_SEPARATOR)
			at++;
	}
	*ret = message;
	return 0;
}

/* EAN-8, UPC, EAN-13 and ITF-14 are one key: a GTIN padded to 14 digits. */
static int parse_gtin(const char *data, size_t len, struct gs1_message *ret, struct gs1_error *error)
{
	char gtin[14];

	if (len != 8 && len != 12 && len != 13 && len != 14)
		return refuse(error, "01", 0, "%zu digits, a GTIN has 8, 12, 13 or 14", len);
	memset(gtin, '0', sizeof(gtin));
	memcpy(gtin + sizeof(gtin) - len, data, len);
	ret->n = 0;
	return gs1_add(ret, "01", gtin, sizeof(gtin), error);
}

static int parse_unknown(const char *data, size_t len, struct gs1_message *ret, struct gs1_error *error)
{
	if (all_digits(data, len)) {
		if (len == 20 && memcmp(data, "00", 2) == 0 && gs1_check_ok(data + 2, 18))
			return gs1_parse(data, len, ret, error);
		if ((len == 8 || (len >= 12 && len <= 14)) && gs1_check_ok(data, len))
			return parse_gtin(data, len, ret, error);
	}
	refuse(error, "", 0, "no symbology id, and not an SSCC or GTIN");
	return -ENOMSG;
}

static bool aim_in(const char *aim, const char *const *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(aim, ids[i]) == 0)
			return true;
	return false;
}

int gs1_parse_scan(const char *aim, const char *data, size_t len, struct gs1_message *ret,
	struct gs1_error *ret_error)
{
	static const char *const element_strings[] = { "]C1", "]d2", "]Q3", "]e0", "]J1" };
	static const char *const gtins[] = { "]E0", "]E4", "]I1" };
	char own[AIM_SIZE + 1] = "";

	/* A scanner that was not taken apart by its driver: the id still stands before the data. */
	if (!aim[0] && len > AIM_SIZE && data[0] == ']') {
		memcpy(own, data, AIM_SIZE);
		aim = own;
		data += AIM_SIZE;
		len -= AIM_SIZE;
	}
	if (!aim[0])
		return parse_unknown(data, len, ret, ret_error);
	if (aim_in(aim, element_strings, sizeof(element_strings) / sizeof(element_strings[0])))
		return gs1_parse(data, len, ret, ret_error);
	if (aim_in(aim, gtins, sizeof(gtins) / sizeof(gtins[0])))
		return parse_gtin(data, len, ret, ret_error);
	refuse(ret_error, "", 0, "symbology %.3s carries no GS1 data", aim);
	return -ENOMSG;
}

const char *gs1_value(const struct gs1_message *message, const char *ai)
{
	for (size_t i = 0; i < message->n; i++)
		if (strcmp(message->elements[i].ai, ai) == 0)
			return message->elements[i].value;
	return NULL;
}

static int put(char *out, size_t size, size_t *at, const char *text, size_t len)
{
	if (size - *at <= len)
		return -ENAMETOOLONG;
	memcpy(out + *at, text, len);
	*at += len;
	out[*at] = '\0';
	return 0;
}

int gs1_element_string(const struct gs1_message *message, char *out, size_t size)
{
	static const char separator = GS1_SEPARATOR;
	size_t at = 0;
	int r = put(out, size, &at, &separator, 1);

	for (size_t i = 0; r == 0 && i < message->n; i++) {
		const struct gs1_element *e = &message->elements[i];

		r = put(out, size, &at, e->ai, strlen(e->ai));
		if (r == 0)
			r = put(out, size, &at, e->value, e->len);
		if (r == 0 && i + 1 < message->n && find_prefix(e->ai)->value_len == 0)
			r = put(out, size, &at, &separator, 1);
	}
	return r < 0 ? r : (int)at;
}

int gs1_hri(const struct gs1_message *message, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < message->n; i++) {
		const struct gs1_element *e = &message->elements[i];
		int n = snprintf(out + at, size - at, "(%s)%s", e->ai, e->value);

		if (n < 0 || (size_t)n >= size - at)
			return -ENAMETOOLONG;
		at += (size_t)n;
	}
	return 0;
}
