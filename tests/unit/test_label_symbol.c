/* Our Code 128 words, read back the way a ZPL printer reads them, against libzint's bars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "symbol.h"

#define FNC1 102

/* ISO/IEC 15417 table 1: bars and spaces of words 0 to 105. */
static const char *const patterns[] = { "212222", "222122", "222221", "121223", "121322", "131222", "122213",
	"122312", "132212", "221213", "221312", "231212", "112232", "122132", "122231", "113222", "123122",
	"123221", "223211", "221132", "221231", "213212", "223112", "312131", "311222", "321122", "321221",
	"312212", "322112", "322211", "212123", "212321", "232121", "111323", "131123", "131321", "112313",
	"132113", "132311", "211313", "231113", "231311", "112133", "112331", "132131", "113123", "113321",
	"133121", "313121", "211331", "231131", "213113", "213311", "213131", "311123", "311321", "331121",
	"312113", "312311", "332111", "314111", "221411", "431111", "111224", "111422", "121124", "121421",
	"141122", "141221", "112214", "112412", "122114", "122411", "142112", "142211", "241211", "221114",
	"413111", "241112", "134111", "111242", "121142", "121241", "114212", "124112", "124211", "411212",
	"421112", "421211", "212141", "214121", "412121", "111143", "111341", "131141", "114113", "114311",
	"411113", "411311", "113141", "114131", "311141", "411131", "211412", "211214", "211232" };
static const char stop[] = "2331112";

struct printed {
	unsigned words[128];
	size_t n;
	char data[128]; /* what a scanner would send, 0x1d for FNC1 */
};

static void put(struct printed *p, unsigned word, const char *data)
{
	assert_true(p->n < 126);
	p->words[p->n++] = word;
	strcat(p->data, data);
}

/* What a printer makes of ^BC mode N field data. */
static void read_zpl(const char *zpl, struct printed *p)
{
	char set = 'B';

	*p = (struct printed){ .n = 0 };
	while (*zpl) {
		if (*zpl == '>') {
			switch (zpl[1]) {
			case ';':
				set = 'C';
				put(p, 105, "");
				break;
			case ':':
				put(p, 104, "");
				break;
			case '5':
				set = 'C';
				put(p, 99, "");
				break;
			case '6':
				set = 'B';
				put(p, 100, "");
				break;
			case '8':
				put(p, FNC1, "\x1d");
				break;
			case '0':
				put(p, '>' - ' ', ">");
				break;
			default:
				fail_msg("code >%c", zpl[1]);
			}
			zpl += 2;
		} else if (set == 'C') {
			char pair[] = { zpl[0], zpl[1], '\0' };

			put(p, (unsigned)atoi(pair), pair);
			zpl += 2;
		} else {
			char one[] = { *zpl, '\0' };

			put(p, (unsigned)(*zpl++ - ' '), one);
		}
	}
}

/* Adds check word and stop; the runs as one text. */
static void draw(struct printed *p, char *runs)
{
	unsigned sum = p->words[0];

	for (size_t i = 1; i < p->n; i++)
		sum += p->words[i] * (unsigned)i;
	p->words[p->n++] = sum % 103;
	*runs = '\0';
	for (size_t i = 0; i < p->n; i++)
		strcat(runs, patterns[p->words[i]]);
	strcat(runs, stop);
}

static void make(const char *const *pairs, struct symbol *symbol, char *elements)
{
	struct gs1_message m = { .n = 0 };
	struct gs1_error e;
	char why[160] = "";

	for (; *pairs; pairs += 2)
		assert_int_equal(gs1_add(&m, pairs[0], pairs[1], strlen(pairs[1]), &e), 0);
	if (symbol_gs1_128(&m, symbol, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_true(gs1_element_string(&m, elements, 128) > 0);
}

static void the_printer_draws_the_bars_that_libzint_draws(void **state)
{
	static const char *const symbols[][7] = {
		{ "00", "354123450000000014", NULL },
		{ "00", "340123450000000017", NULL },
		{ "02", "09506000134352", "37", "24", NULL },
		{ "01", "09506000134352", "15", "271231", "10", "ABC", NULL },
		{ "420", "20457", NULL },
	};
	struct symbol symbol;
	struct printed printed;
	char elements[128], runs[800];

	(void)state;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		make(symbols[i], &symbol, elements);
		read_zpl(symbol.zpl, &printed);
		assert_string_equal(printed.data, elements);
		draw(&printed, runs);
		assert_int_equal(strlen(runs), symbol.runs_n);
		for (size_t k = 0; k < symbol.runs_n; k++)
			assert_int_equal(runs[k] - '0', symbol.runs[k]);
	}
}

static void mixed_data_reads_back_and_is_never_wider_than_libzint(void **state)
{
	static const char *const symbols[][7] = {
		{ "10", "A1B22C333D4444E", NULL },
		{ "10", "12345", "21", "9876543", NULL },
		{ "10", "a>b_c", "21", "1", NULL },
		{ "400", "PO-77310/2026-1", "37", "123", NULL },
		{ "21", "12A", "37", "1", NULL },
	};
	struct symbol symbol;
	struct printed printed;
	char elements[128];

	(void)state;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		make(symbols[i], &symbol, elements);
		read_zpl(symbol.zpl, &printed);
		assert_string_equal(printed.data, elements);
		assert_true((printed.n + 1) * 11 + 13 <= symbol.width);
	}
}

static void an_sscc_has_156_modules_and_the_known_zpl_text(void **state)
{
	static const char *const sscc[] = { "00", "354123450000000014", NULL };
	struct symbol symbol;
	char elements[128];

	(void)state;
	make(sscc, &symbol, elements);
	assert_int_equal(symbol.width, 156);
	assert_string_equal(symbol.zpl, ">;>800354123450000000014");
	assert_string_equal(symbol.hri, "(00)354123450000000014");
}

static void more_than_48_characters_are_refused(void **state)
{
	struct gs1_message m = { .n = 0 };
	struct gs1_error e;
	struct symbol symbol;
	char why[160];

	(void)state;
	assert_int_equal(gs1_add(&m, "10", "ABCDEFGHIJKLMNOPQRST", 20, &e), 0);
	assert_int_equal(gs1_add(&m, "21", "ABCDEFGHIJKLMNOPQRST", 20, &e), 0);
	assert_int_equal(symbol_gs1_128(&m, &symbol, why, sizeof(why)), 0);
	assert_int_equal(gs1_add(&m, "37", "12", 2, &e), 0);
	assert_int_equal(symbol_gs1_128(&m, &symbol, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "more than 48 characters in one GS1-128");
}

static void what_libzint_warns_of_is_refused(void **state)
{
	struct gs1_message m = { .n = 0 };
	struct gs1_error e;
	struct symbol symbol;
	char why[160];

	(void)state;
	/* AI 402 is not in our table, so only libzint knows that it ends in a check digit. */
	assert_int_equal(gs1_add(&m, "402", "95060001343529999", 17, &e), 0);
	assert_int_equal(symbol_gs1_128(&m, &symbol, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "GS1-128 of [402]95060001343529999: "));
}

static void every_word_has_eleven_modules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		int sum = 0;

		for (const char *p = patterns[i]; *p; p++)
			sum += *p - '0';
		assert_int_equal(sum, 11);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_has_eleven_modules),
		cmocka_unit_test(the_printer_draws_the_bars_that_libzint_draws),
		cmocka_unit_test(mixed_data_reads_back_and_is_never_wider_than_libzint),
		cmocka_unit_test(an_sscc_has_156_modules_and_the_known_zpl_text),
		cmocka_unit_test(more_than_48_characters_are_refused),
		cmocka_unit_test(what_libzint_warns_of_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
