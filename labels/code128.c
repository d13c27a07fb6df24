#include "code128.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#define FNC1_BYTE 0x1d
#define WORD_MODULES 11
#define STOP_MODULES 13

enum { TO_C = 99, TO_B = 100, FNC1 = 102, START_B = 104, START_C = 105 };
enum set { SET_B, SET_C };

/* cost[i][s]: fewest words for the data from i on, being in set s; direct: without a switch at i. */
struct plan {
	unsigned cost[CODE128_DATA_MAX + 2][2];
	unsigned direct[CODE128_DATA_MAX + 2][2];
};

#define NO_WAY 1000u

static bool is_pair(const char *data, size_t len, size_t i)
{
	return i + 1 < len && data[i] >= '0' && data[i] <= '9' && data[i + 1] >= '0' &&
		data[i + 1] <= '9';
}

static void plan_words(const char *data, size_t len, struct plan *plan)
{
	for (size_t i = len + 1; i-- > 0;) {
		unsigned b = 0, c = 0;

		if (i < len) {
			b = 1 + plan->cost[i + 1][SET_B];
			c = data[i] == FNC1_BYTE   ? 1 + plan->cost[i + 1][SET_C] :
				is_pair(data, len, i) ? 1 + plan->cost[i + 2][SET_C] :
							NO_WAY;
		}
		plan->direct[i][SET_B] = b;
		plan->direct[i][SET_C] = c;
		plan->cost[i][SET_B] = b <= c + 1 ? b : c + 1;
		plan->cost[i][SET_C] = c <= b + 1 ? c : b + 1;
	}
}

static void put_word(struct code128 *code, unsigned word)
{
	assert(code->n < CODE128_WORDS_MAX);
	code->words[code->n++] = (uint8_t)word;
}

/* One data word in `set`; returns how many bytes it used. */
static size_t put_data(struct code128 *code, enum set set, const char *data)
{
	if (*data == FNC1_BYTE) {
		put_word(code, FNC1);
		return 1;
	}
	if (set == SET_B) {
		put_word(code, (unsigned)(*data - ' '));
		return 1;
	}
	put_word(code, (unsigned)((data[0] - '0') * 10 + data[1] - '0'));
	return 2;
}

int code128_encode(const char *data, size_t len, struct code128 *ret)
{
	struct plan plan;
	enum set set;

	if (len > CODE128_DATA_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < len; i++)
		if ((data[i] < ' ' || data[i] > '~') && data[i] != FNC1_BYTE)
			return -EINVAL;
	plan_words(data, len, &plan);
	set = plan.cost[0][SET_C] <= plan.cost[0][SET_B] ? SET_C : SET_B;
	ret->n = 0;
	put_word(ret, set == SET_C ? START_C : START_B);
	for (size_t i = 0; i < len;) {
		if (plan.direct[i][set] > plan.cost[i][set]) {
			set = set == SET_B ? SET_C : SET_B;
			put_word(ret, set == SET_C ? TO_C : TO_B);
		}
		i += put_data(ret, set, data + i);
	}
	return 0;
}

unsigned code128_width(const struct code128 *code)
{
	return (unsigned)(code->n + 1) * WORD_MODULES + STOP_MODULES;
}

static const char *invocation(unsigned word)
{
	switch (word) {
	case START_B:
		return ">:";
	case START_C:
		return ">;";
	case TO_B:
		return ">6";
	case TO_C:
		return ">5";
	case FNC1:
		return ">8";
	default:
		return NULL;
	}
}

/* Signs that are ZPL's own are written as an invocation code too. */
static int put_sign(char *out, unsigned word)
{
	char sign = (char)(word + ' ');

	switch (sign) {
	case '>':
		return sprintf(out, ">0");
	case '^':
		return sprintf(out, "><");
	case '~':
		return sprintf(out, ">=");
	default:
		return sprintf(out, "%c", sign);
	}
}

void code128_zpl(const struct code128 *code, char *out)
{
	enum set set = code->words[0] == START_C ? SET_C : SET_B;

	*out = '\0';
	for (size_t i = 0; i < code->n; i++) {
		unsigned word = code->words[i];
		/* In set C the words 0 to 99 are pairs; in set B, 99 is the switch. */
		const char *code_text = set == SET_C && word < TO_B ? NULL : invocation(word);

		if (code_text)
			out += sprintf(out, "%s", code_text);
		else if (set == SET_C)
			out += sprintf(out, "%02u", word);
		else
			out += put_sign(out, word);
		if (code_text && word == TO_B)
			set = SET_B;
		else if (code_text && word == TO_C)
			set = SET_C;
	}
}
