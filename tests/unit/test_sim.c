#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chance.h"
#include "plc_side.h"
#include "queue.h"
#include "toledo.h"
#include "zpl_reader.h"

#define MS INT64_C(1000)
#define S (1000 * MS)

/* --- chance */

static void one_concern_does_not_move_another(void **state)
{
	struct chance a, b, again;

	(void)state;
	chance_seed(&a, 7, "picker");
	chance_seed(&b, 7, "packer");
	chance_seed(&again, 7, "picker");
	chance_next(&b);
	assert_true(chance_next(&a) == chance_next(&again));
	assert_true(chance_next(&a) != chance_next(&b));
	for (int i = 0; i < 1000; i++)
		assert_in_range(chance_range(&a, 3, 5), 3, 5);
	assert_false(chance_permille(&a, 0));
	assert_true(chance_permille(&a, 1000));
}

/* --- Toledo 8217 */

static size_t ask(struct toledo *pan, char command, int64_t now_us, char *out)
{
	size_t len = toledo_answer(pan, (uint8_t)command, now_us, out);

	out[len] = '\0';
	return len;
}

static void a_settled_weight_is_stx_digits_cr(void **state)
{
	struct toledo pan = { 0 };
	char out[TOLEDO_REPLY_MAX + 1];

	(void)state;
	toledo_load(&pan, 1234, 0, 300 * MS);
	assert_int_equal(ask(&pan, 'W', 300 * MS, out), 8);
	assert_string_equal(out, "\x02" "01.234\r");
	ask(&pan, 'H', 300 * MS, out);
	assert_string_equal(out, "\x02" "01.2340\r");
}

static void a_moving_pan_answers_status_with_the_motion_bit(void **state)
{
	struct toledo pan = { 0 };
	char out[TOLEDO_REPLY_MAX + 1];

	(void)state;
	toledo_load(&pan, 1234, 0, 300 * MS);
	assert_int_equal(ask(&pan, 'W', 299 * MS, out), 4);
	assert_string_equal(out, "\x02?\x61\r");
}

static void an_overloaded_pan_never_answers_a_weight(void **state)
{
	struct toledo pan = { 0 };
	char out[TOLEDO_REPLY_MAX + 1];

	(void)state;
	toledo_load(&pan, TOLEDO_CAPACITY_G + 1, 0, 0);
	ask(&pan, 'W', 0, out);
	assert_string_equal(out, "\x02?\x62\r");
}

static void a_zeroed_pan_that_is_unloaded_is_under_zero(void **state)
{
	struct toledo pan = { 0 };
	char out[TOLEDO_REPLY_MAX + 1];

	(void)state;
	toledo_load(&pan, 500, 0, 0);
	ask(&pan, 'Z', 0, out);
	assert_string_equal(out, "\x02?\x70\r");
	ask(&pan, 'W', 0, out);
	assert_string_equal(out, "\x02" "00.000\r");
	toledo_load(&pan, 0, 0, 0);
	ask(&pan, 'W', 0, out);
	assert_string_equal(out, "\x02?\x64\r");
}

static void the_echo_test_lasts_until_f(void **state)
{
	struct toledo pan = { 0 };
	char out[TOLEDO_REPLY_MAX + 1];

	(void)state;
	ask(&pan, 'E', 0, out);
	assert_string_equal(out, "\x02" "E\r");
	ask(&pan, 'W', 0, out);
	assert_string_equal(out, "W");
	assert_int_equal(ask(&pan, 'F', 0, out), 0);
	assert_int_equal(ask(&pan, 'W', 0, out), 8);
	assert_int_equal(ask(&pan, 'x', 0, out), 0);
}

/* --- ZPL */

static int feed(struct zpl_reader *r, const char *text, char *ret_events)
{
	int n = 0;

	for (; *text; text++) {
		int event = zpl_reader_take(r, (uint8_t)*text);

		if (event != ZPL_NOTHING)
			ret_events[n++] = event == ZPL_FORMAT ? 'F' : event == ZPL_STATUS ? 'S' : 'X';
	}
	ret_events[n] = '\0';
	return n;
}

static void formats_and_questions_are_found_in_a_stream(void **state)
{
	struct zpl_reader r;
	char events[8];

	(void)state;
	zpl_reader_init(&r);
	feed(&r, "~HS\r\n^XA^FDone^FS^XZ\n~HS^XA^FD~HS is data^FS^XZ", events);
	assert_string_equal(events, "SFSF");
	assert_int_equal(r.len, strlen("^XA^FD~HS is data^FS^XZ"));
	assert_memory_equal(r.bytes, "^XA^FD~HS is data^FS^XZ", r.len);
	zpl_reader_fini(&r);
}

static void a_half_format_is_thrown_away_by_the_next_start(void **state)
{
	struct zpl_reader r;
	char events[8];

	(void)state;
	zpl_reader_init(&r);
	feed(&r, "^XA^FDhalf^XA^FDwhole^FS^XZ", events);
	assert_string_equal(events, "F");
	assert_memory_equal(r.bytes, "^XA^FDwhole^FS^XZ", r.len);
	zpl_reader_fini(&r);
}

static void an_endless_format_is_dropped_and_the_next_one_printed(void **state)
{
	struct zpl_reader r;
	char events[8];
	int dropped = 0;

	(void)state;
	zpl_reader_init(&r);
	feed(&r, "^XA", events);
	for (int i = 0; i < ZPL_FORMAT_MAX; i++)
		dropped += zpl_reader_take(&r, 'x') == ZPL_TOO_LONG;
	assert_int_equal(dropped, 1);
	feed(&r, "^XA^XZ", events);
	assert_string_equal(events, "F");
	zpl_reader_fini(&r);
}

static int sscc_of(const char *zpl, char *ret)
{
	strcpy(ret, "none");
	return zpl_sscc(zpl, strlen(zpl), ret);
}

static void the_sscc_is_read_from_the_gs1_128_field(void **state)
{
	char sscc[SSCC_TEXT];

	(void)state;
	assert_int_equal(sscc_of("^XA^FD(00)999^FS^BY3^BCN,256,N,N,N,N^FD>;>800354123450000000014^FS^XZ",
		sscc), 0);
	assert_string_equal(sscc, "354123450000000014");
	assert_int_equal(sscc_of("^BCN,9,N,N,N,N^FD>;>842080280^FS^BCN,9,N,N,N,D^FD(00)354123450000000014^FS",
		sscc), 0);
	assert_string_equal(sscc, "354123450000000014");
}

static void a_wrong_check_digit_or_a_text_field_is_no_sscc(void **state)
{
	char sscc[SSCC_TEXT];

	(void)state;
	assert_int_equal(sscc_of("^BCN,2,N,N,N,N^FD>;>800354123450000000015^FS", sscc), -ENOENT);
	assert_int_equal(sscc_of("^FD00354123450000000014^FS", sscc), -ENOENT);
	assert_int_equal(sscc_of("^BCN^FD>;>800354123450000000014", sscc), -ENOENT);
	assert_int_equal(sscc_of("^BCN^FD0035412345^FS", sscc), -ENOENT);
	assert_string_equal(sscc, "none");
}

/* --- PLC */

struct plc_rig {
	uint16_t a[PLC_A_WORDS], b[PLC_B_WORDS];
	struct plc_side plc;
	struct plc_parcel end;
	int64_t now_us;
};

static void plc_start(struct plc_rig *rig)
{
	static const struct plc_times times = { .decide_us = 400 * MS, .travel_us = 200 * MS,
		.host_dead_us = 3 * S, .default_lane = 9 };

	memset(rig, 0, sizeof(*rig));
	plc_side_init(&rig->plc, rig->a, rig->b, &times, 0);
}

static void plc_enter(struct plc_rig *rig, uint32_t tracking, const char *code)
{
	struct plc_parcel parcel = { .tracking = tracking, .point = 1, .read = PLC_READ_OK };

	strcpy(parcel.code, code);
	assert_int_equal(plc_side_enter(&rig->plc, &parcel), 0);
}

/* Lets time pass with a living host; true where a parcel came to its lane. */
static bool plc_pass(struct plc_rig *rig, int64_t us)
{
	bool ended = false;

	for (int64_t until_us = rig->now_us + us; rig->now_us < until_us && !ended;) {
		rig->now_us += 5 * MS;
		rig->b[B_HEARTBEAT]++;
		ended = plc_side_step(&rig->plc, rig->now_us, &rig->end);
	}
	return ended;
}

static void plc_reply(struct plc_rig *rig, uint32_t tracking, uint16_t lane)
{
	rig->b[B_TRACKING] = (uint16_t)(tracking >> 16);
	rig->b[B_TRACKING + 1] = (uint16_t)tracking;
	rig->b[B_LANE] = lane;
	rig->b[B_SEQ] = rig->a[A_SEQ];
}

static void a_parcel_goes_where_the_host_says_and_is_confirmed(void **state)
{
	struct plc_rig rig;

	(void)state;
	plc_start(&rig);
	plc_enter(&rig, 0x10002, "AB3");
	assert_false(plc_pass(&rig, 5 * MS));
	assert_int_equal(rig.a[A_SEQ], 1);
	assert_int_equal(rig.a[A_TRACKING], 1);
	assert_int_equal(rig.a[A_TRACKING + 1], 2);
	assert_int_equal(rig.a[A_CODE], 'A' << 8 | 'B');
	assert_int_equal(rig.a[A_CODE + 1], '3' << 8);
	plc_reply(&rig, 0x10002, 2);
	assert_true(plc_pass(&rig, 300 * MS));
	assert_true(rig.end.decided);
	assert_int_equal(rig.a[A_CONFIRM], 1);
	assert_int_equal(rig.a[A_CONFIRM_TRACKING], 1);
	assert_int_equal(rig.a[A_CONFIRM_TRACKING + 1], 2);
	assert_int_equal(rig.a[A_CONFIRM_LANE], 2);
	assert_int_equal(rig.a[A_CONFIRM_RESULT], PLC_RESULT_OK);
}

static void no_reply_in_time_means_default_lane_and_is_still_confirmed(void **state)
{
	struct plc_rig rig;

	(void)state;
	plc_start(&rig);
	plc_enter(&rig, 5, "");
	assert_false(plc_pass(&rig, 400 * MS));
	assert_true(plc_pass(&rig, 300 * MS));
	assert_false(rig.end.decided);
	assert_int_equal(rig.end.lane, 9);
	assert_int_equal(rig.a[A_CONFIRM_LANE], 9);
}

static void a_reply_with_another_tracking_id_is_ignored(void **state)
{
	struct plc_rig rig;

	(void)state;
	plc_start(&rig);
	plc_enter(&rig, 5, "");
	plc_pass(&rig, 5 * MS);
	plc_reply(&rig, 6, 1);
	assert_true(plc_pass(&rig, 700 * MS));
	assert_int_equal(rig.end.lane, 9);
	assert_int_equal(rig.plc.ignored, 1);
}

static void a_reply_to_an_older_request_is_ignored(void **state)
{
	struct plc_rig rig;

	(void)state;
	plc_start(&rig);
	plc_enter(&rig, 5, "");
	plc_enter(&rig, 6, "");
	plc_pass(&rig, 5 * MS);
	plc_reply(&rig, 5, 1);
	plc_pass(&rig, 10 * MS);
	assert_int_equal(rig.a[A_SEQ], 2);
	rig.b[B_TRACKING + 1] = 6; /* the right parcel, the old sequence */
	assert_true(plc_pass(&rig, 300 * MS));
	assert_int_equal(rig.end.lane, 1);
	assert_true(plc_pass(&rig, 500 * MS));
	assert_int_equal(rig.end.tracking, 6);
	assert_false(rig.end.decided);
}

static void the_next_confirmation_waits_for_the_acknowledgement(void **state)
{
	struct plc_rig rig;

	(void)state;
	plc_start(&rig);
	plc_enter(&rig, 5, "");
	plc_enter(&rig, 6, "");
	assert_true(plc_pass(&rig, 700 * MS));
	assert_true(plc_pass(&rig, 700 * MS));
	plc_pass(&rig, 100 * MS);
	assert_int_equal(rig.a[A_CONFIRM], 1);
	assert_int_equal(rig.a[A_CONFIRM_TRACKING + 1], 5);
	rig.b[B_CONFIRM_ACK] = 1;
	plc_pass(&rig, 5 * MS);
	assert_int_equal(rig.a[A_CONFIRM], 2);
	assert_int_equal(rig.a[A_CONFIRM_TRACKING + 1], 6);
}

static void a_dead_host_is_seen_and_parcels_take_the_default_lane_at_once(void **state)
{
	struct plc_rig rig;

	(void)state;
	plc_start(&rig);
	plc_side_step(&rig.plc, 4 * S, &rig.end);
	assert_int_equal(rig.a[A_FAULTS], PLC_FAULT_HOST_LOST);
	plc_enter(&rig, 5, "");
	plc_side_step(&rig.plc, 4 * S, &rig.end);
	assert_true(plc_side_step(&rig.plc, 4 * S + 200 * MS, &rig.end));
	assert_int_equal(rig.end.lane, 9);
	rig.b[B_HEARTBEAT]++;
	plc_side_step(&rig.plc, 5 * S, &rig.end);
	assert_int_equal(rig.a[A_FAULTS], 0);
}

static void the_sequence_skips_0(void **state)
{
	struct plc_rig rig;

	(void)state;
	plc_start(&rig);
	rig.plc.seq = UINT16_MAX;
	plc_enter(&rig, 5, "");
	plc_pass(&rig, 5 * MS);
	assert_int_equal(rig.a[A_SEQ], 1);
}

static void a_full_belt_takes_no_more(void **state)
{
	struct plc_rig rig;
	struct plc_parcel parcel = { .tracking = 1 };

	(void)state;
	plc_start(&rig);
	for (int i = 0; i < PLC_PARCELS_MAX; i++)
		assert_int_equal(plc_side_enter(&rig.plc, &parcel), 0);
	assert_int_equal(plc_side_enter(&rig.plc, &parcel), -ENOSPC);
}

/* --- queue */

static void a_queue_keeps_order_and_its_limit(void **state)
{
	struct queue q = { .first = QUEUE_MAX - 1 };
	char text[QUEUE_TEXT_MAX];

	(void)state;
	assert_int_equal(queue_put(&q, "one"), 0);
	assert_int_equal(queue_put(&q, "two"), 0);
	assert_int_equal(queue_get(&q, text), 0);
	assert_string_equal(text, "one");
	assert_int_equal(queue_get(&q, text), 0);
	assert_string_equal(text, "two");
	assert_int_equal(queue_get(&q, text), -ENOENT);
	for (int i = 0; i < QUEUE_MAX; i++)
		assert_int_equal(queue_put(&q, "x"), 0);
	assert_int_equal(queue_put(&q, "x"), -ENOSPC);
	q.n = 0;
	assert_int_equal(queue_put(&q, "a text that is longer than thirty-one bytes"), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_concern_does_not_move_another),
		cmocka_unit_test(a_settled_weight_is_stx_digits_cr),
		cmocka_unit_test(a_moving_pan_answers_status_with_the_motion_bit),
		cmocka_unit_test(an_overloaded_pan_never_answers_a_weight),
		cmocka_unit_test(a_zeroed_pan_that_is_unloaded_is_under_zero),
		cmocka_unit_test(the_echo_test_lasts_until_f),
		cmocka_unit_test(formats_and_questions_are_found_in_a_stream),
		cmocka_unit_test(a_half_format_is_thrown_away_by_the_next_start),
		cmocka_unit_test(an_endless_format_is_dropped_and_the_next_one_printed),
		cmocka_unit_test(the_sscc_is_read_from_the_gs1_128_field),
		cmocka_unit_test(a_wrong_check_digit_or_a_text_field_is_no_sscc),
		cmocka_unit_test(a_parcel_goes_where_the_host_says_and_is_confirmed),
		cmocka_unit_test(no_reply_in_time_means_default_lane_and_is_still_confirmed),
		cmocka_unit_test(a_reply_with_another_tracking_id_is_ignored),
		cmocka_unit_test(a_reply_to_an_older_request_is_ignored),
		cmocka_unit_test(the_next_confirmation_waits_for_the_acknowledgement),
		cmocka_unit_test(a_dead_host_is_seen_and_parcels_take_the_default_lane_at_once),
		cmocka_unit_test(the_sequence_skips_0),
		cmocka_unit_test(a_full_belt_takes_no_more),
		cmocka_unit_test(a_queue_keeps_order_and_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
