#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

#define NOISE_ROUNDS 500
#define NOISE_MAX 40

static union driver_state state_memory;
static const struct driver *const scale = &driver_toledo8217;

static void init(enum driver_unit unit)
{
	const struct driver_settings settings = { .unit = unit };

	memset(&state_memory, 0xA5, sizeof(state_memory));
	scale->init(&state_memory, &settings);
}

/* The last reading of the bytes. */
static struct reading feed(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	struct reading last = { .kind = READING_NONE }, r;

	while (n) {
		size_t used = scale->take(&state_memory, at, n, &r);

		assert_true(used >= 1 && used <= n);
		if (r.kind != READING_NONE)
			last = r;
		at += used;
		n -= used;
	}
	return last;
}

static int64_t weigh(const char *frame)
{
	struct reading r = feed(frame, strlen(frame));

	return r.kind == READING_WEIGHT ? r.value_ug : -1;
}

static void weights_are_micrograms_to_the_nearest(void **state)
{
	(void)state;
	init(UNIT_KG);
	assert_int_equal(weigh("\x02 1.234\r"), 1234000000);
	assert_int_equal(weigh("\x02 12\r"), 12000000000);
	assert_int_equal(weigh("\x02.5\r"), 500000000);
	init(UNIT_LB);
	assert_int_equal(weigh("\x02" "01.00\r"), 453592370);
	assert_int_equal(weigh("\x02" "00.01\r"), 4535924); /* 4535923.7 */
	assert_int_equal(weigh("\x02" "0.001\r"), 453592);  /* 453592.37 */
}

static void numbers_that_are_none_are_malformed(void **state)
{
	static const char *const frames[] = { "\x02\r", "\x02.\r", "\x02 \r", "\x02N\r", "\x02" "1.2.3\r",
		"\x02" "1.2X\r", "\x02" "1.2NN\r", "\x02-1.2\r", "\x02" "1234567890\r",
		"\x02" "1.2345678\r", "\x02" "1 2\r", "\x02?\r", "\x02?aa\r" };

	(void)state;
	init(UNIT_KG);
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct reading r = feed(frames[i], strlen(frames[i]));

		assert_int_equal(r.kind, READING_FAULT);
		assert_string_equal(r.fault, "malformed");
	}
}

static void each_status_bit_has_its_flag(void **state)
{
	static const unsigned flags[] = { WEIGHT_MOTION, WEIGHT_OVER, WEIGHT_UNDER,
		WEIGHT_OUTSIDE_ZERO, WEIGHT_CENTRE_ZERO };

	(void)state;
	init(UNIT_KG);
	for (unsigned bit = 0; bit < 5; bit++) {
		const uint8_t frame[] = { 0x02, '?', (uint8_t)(0x60 | 1u << bit), 0x0D };
		struct reading r = feed(frame, sizeof(frame));

		assert_int_equal(r.kind, READING_STATUS);
		assert_int_equal(r.flags, flags[bit]);
	}
}

static void a_parity_bit_is_named_and_never_read_as_a_weight(void **state)
{
	const uint8_t even[] = { 0x82, 0xB1, 0xB2, 0x8D }; /* 7E1 seen as 8N1 */
	const uint8_t one[] = { 0x02, '1', '.', 0xB2, 0x0D };

	(void)state;
	init(UNIT_KG);
	assert_string_equal(feed(even, sizeof(even)).fault, "wrong_parity");
	assert_string_equal(feed(one, sizeof(one)).fault, "wrong_parity");
}

/* Whatever came before, the next whole frame is read. */
static void noise_never_costs_the_frame_after_it(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < NOISE_ROUNDS; round++) {
		uint8_t noise[NOISE_MAX];
		size_t n = (size_t)rand_r(&seed) % NOISE_MAX;

		init(UNIT_KG);
		for (size_t i = 0; i < n; i++)
			noise[i] = (uint8_t)rand_r(&seed);
		feed(noise, n);
		assert_int_equal(weigh("\x02 5.480\r"), 5480000000);
	}
}

static void it_asks_with_w_and_has_no_answer(void **state)
{
	uint8_t out[DRIVER_SAY_MAX];

	(void)state;
	assert_int_equal(scale->ask(out), 1);
	assert_int_equal(out[0], 'W');
	assert_null(scale->answer);
	assert_int_equal(scale->line, DRIVER_7E1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_are_micrograms_to_the_nearest),
		cmocka_unit_test(numbers_that_are_none_are_malformed),
		cmocka_unit_test(each_status_bit_has_its_flag),
		cmocka_unit_test(a_parity_bit_is_named_and_never_read_as_a_weight),
		cmocka_unit_test(noise_never_costs_the_frame_after_it),
		cmocka_unit_test(it_asks_with_w_and_has_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
