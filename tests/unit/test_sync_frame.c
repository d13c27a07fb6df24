#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "frame.h"

#define SID "00112233445566778899aabbccddeeff"

static int decode(const char *header, struct sync_frame *ret, char *why)
{
	struct sync_part part = {header, strlen(header)};

	return sync_decode(&part, 1, ret, why);
}

static void every_type_is_read_back_as_it_was_written(void **state)
{
	char header[SYNC_HEADER_MAX], why[SYNC_WHY_MAX];

	(void)state;
	for (int type = SYNC_UNKNOWN; type < SYNC_TYPES; type++) {
		struct sync_frame in, out;
		struct sync_part part = {header, 0};

		sync_frame_init(&in, (enum sync_type)type, SID, SID);
		in.up_n = 7;
		in.down_n = 9;
		in.bad_n = 1;
		in.bad[0].n = 3;
		strcpy(in.bad[0].why, "a \"quoted\" reason");
		strcpy(in.why, "because");
		memset(in.up_hash, 0xab, HASH_BYTES);
		part.len = sync_encode(&in, header);
		assert_int_equal(sync_decode(&part, 1, &out, why), 0);
		assert_int_equal(out.type, type);
		assert_string_equal(out.esid, SID);
		if (type == SYNC_UPACK) {
			assert_int_equal(out.up_n, 7);
			assert_memory_equal(out.up_hash, in.up_hash, HASH_BYTES);
			assert_int_equal(out.bad[0].n, 3);
			assert_string_equal(out.bad[0].why, "a 'quoted' reason");
		}
	}
}

static void the_longest_reasons_still_fit_the_header(void **state)
{
	char header[SYNC_HEADER_MAX];
	struct sync_frame f;

	(void)state;
	sync_frame_init(&f, SYNC_UPACK, SID, SID);
	f.bad_n = SYNC_BAD_MAX;
	for (size_t i = 0; i < SYNC_BAD_MAX; i++) {
		f.bad[i].n = INT64_C(1) << 53;
		memset(f.bad[i].why, '\x01', SYNC_BAD_WHY_MAX - 1);
	}
	assert_true(sync_encode(&f, header) < SYNC_HEADER_MAX);
}

static void unknown_header_keys_are_passed_over(void **state)
{
	struct sync_frame f;
	char why[SYNC_WHY_MAX];

	(void)state;
	assert_int_equal(
		decode("{\"v\":1,\"type\":\"BYE\",\"esid\":\"a\",\"hsid\":\"b\",\"why\":\"x\","
		       "\"colour\":{\"red\":[1,2]}}",
			&f, why),
		0);
	assert_int_equal(f.type, SYNC_BYE);
}

static void an_unknown_type_or_version_is_kept_by_name_to_be_answered(void **state)
{
	struct sync_frame f;
	char why[SYNC_WHY_MAX];

	(void)state;
	assert_int_equal(
		decode("{\"v\":1,\"type\":\"TELEPORT\",\"esid\":\"a\",\"hsid\":\"b\"}", &f, why),
		0);
	assert_int_equal(f.type, SYNC_OTHER);
	assert_string_equal(f.of, "TELEPORT");
	assert_int_equal(
		decode("{\"v\":2,\"type\":\"PING\",\"esid\":\"a\",\"hsid\":\"b\"}", &f, why), 0);
	assert_int_equal(f.type, SYNC_OTHER);
}

static void wrong_types_missing_keys_and_bad_ranges_are_refused_with_the_key(void **state)
{
	static const char *const wrong[][2] = {
		{"[]", "v"},
		{"{", "not JSON"},
		{"{\"v\":1,\"type\":5,\"esid\":\"\",\"hsid\":\"\"}", "type"},
		{"{\"v\":1,\"type\":\"BYE\",\"esid\":\"\",\"hsid\":\"\"}", "why"},
		{"{\"v\":1,\"type\":\"LEASE_REQ\",\"esid\":\"\",\"hsid\":\"\",\"lease\":-1}",
			"lease"},
		{"{\"v\":1,\"type\":\"LEASE_REQ\",\"esid\":\"\",\"hsid\":\"\",\"lease\":1.5}",
			"lease"},
		{"{\"v\":1,\"type\":\"LEASE_REQ\",\"esid\":\"\",\"hsid\":\"\",\"lease\":"
		 "9007199254740993}",
			"lease"},
		{"{\"v\":1,\"type\":\"BYE\",\"esid\":\"000000000000000000000000000000000\","
		 "\"hsid\":\"\","
		 "\"why\":\"\"}",
			"esid"},
		{"{\"v\":1,\"type\":\"UPNAK\",\"esid\":\"\",\"hsid\":\"\",\"up_n\":1,\"up_hash\":"
		 "\"zz\","
		 "\"why\":\"\"}",
			"up_hash"},
		{"{\"v\":1,\"v\":1,\"type\":\"BYE\",\"esid\":\"\",\"hsid\":\"\",\"why\":\"\"}",
			"duplicate"},
	};
	struct sync_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char why[SYNC_WHY_MAX] = "";

		assert_int_equal(decode(wrong[i][0], &f, why), -EINVAL);
		if (!strstr(why, wrong[i][1]))
			fail_msg("%s: %s", wrong[i][0], why);
	}
}

static void a_header_over_4_kib_and_a_message_over_256_kib_are_refused(void **state)
{
	static char big[SYNC_MESSAGE_MAX + 1] = "";
	const char *header = "{\"v\":1,\"type\":\"BYE\",\"esid\":\"\",\"hsid\":\"\",\"why\":\"\"}";
	struct sync_part parts[2] = {{big, SYNC_HEADER_MAX + 1}, {big, 0}};
	struct sync_frame f;
	char why[SYNC_WHY_MAX];

	(void)state;
	assert_int_equal(sync_decode(parts, 1, &f, why), -EMSGSIZE);
	parts[0] = (struct sync_part){header, strlen(header)};
	parts[1].len = SYNC_MESSAGE_MAX - strlen(header);
	assert_int_equal(sync_decode(parts, 2, &f, why), 0);
	parts[1].len++;
	assert_int_equal(sync_decode(parts, 2, &f, why), -EMSGSIZE);
}

/* The expected value was computed with Python's hashlib.blake2b(digest_size=32). */
static void the_chain_is_blake2b_of_previous_number_and_bytes(void **state)
{
	uint8_t hash[HASH_BYTES] = {0};
	char hex[HASH_HEX];

	(void)state;
	chain_next(hash, 1, "one", 3, hash);
	chain_next(hash, 2, "two", 3, hash);
	text_hex(hash, sizeof(hash), hex);
	assert_string_equal(
		hex, "36d5621290eda2ed4b38d0a6f15a8318c6b343efb2344c0410d9dc84a3ef33ec");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_read_back_as_it_was_written),
		cmocka_unit_test(the_longest_reasons_still_fit_the_header),
		cmocka_unit_test(unknown_header_keys_are_passed_over),
		cmocka_unit_test(an_unknown_type_or_version_is_kept_by_name_to_be_answered),
		cmocka_unit_test(wrong_types_missing_keys_and_bad_ranges_are_refused_with_the_key),
		cmocka_unit_test(a_header_over_4_kib_and_a_message_over_256_kib_are_refused),
		cmocka_unit_test(the_chain_is_blake2b_of_previous_number_and_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
