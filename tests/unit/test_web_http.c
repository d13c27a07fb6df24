#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "http.h"
#include "json.h"

static void a_cookie_is_found_among_others_by_its_whole_name(void **state)
{
	char value[16];

	(void)state;
	assert_int_equal(http_cookie("a=1; wharf=abc; b=2", "wharf", value, sizeof(value)), 0);
	assert_string_equal(value, "abc");
	assert_int_equal(http_cookie("wharf=", "wharf", value, sizeof(value)), 0);
	assert_string_equal(value, "");
	assert_int_equal(http_cookie("xwharf=1; wharfx=2; wharf", "wharf", value, sizeof(value)), -ENOENT);
	assert_int_equal(http_cookie(NULL, "wharf", value, sizeof(value)), -ENOENT);
}

static void a_cookie_that_is_there_twice_or_too_long_is_not_believed(void **state)
{
	char value[4];

	(void)state;
	assert_int_equal(http_cookie("wharf=a; wharf=b", "wharf", value, sizeof(value)), -EINVAL);
	assert_int_equal(http_cookie("wharf=abcd", "wharf", value, sizeof(value)), -EINVAL);
	assert_int_equal(http_cookie("wharf=abc", "wharf", value, sizeof(value)), 0);
}

static void only_json_is_json(void **state)
{
	(void)state;
	assert_true(http_is_json("application/json"));
	assert_true(http_is_json("Application/JSON; charset=UTF-8"));
	assert_false(http_is_json(NULL));
	assert_false(http_is_json("text/plain"));
	assert_false(http_is_json("application/jsonp"));
	assert_false(http_is_json("application/json; charset=latin1"));
	assert_false(http_is_json("application/x-www-form-urlencoded"));
}

static void a_number_has_one_form_only(void **state)
{
	int64_t n = -1;

	(void)state;
	assert_int_equal(http_number("200", 1, 200, &n), 0);
	assert_int_equal(n, 200);
	assert_int_equal(http_number("0", 0, 9, &n), 0);
	assert_int_equal(http_number("201", 1, 200, &n), -EINVAL);
	assert_int_equal(http_number("", 0, 9, &n), -EINVAL);
	assert_int_equal(http_number("+1", 0, 9, &n), -EINVAL);
	assert_int_equal(http_number(" 1", 0, 9, &n), -EINVAL);
	assert_int_equal(http_number("01", 0, 9, &n), -EINVAL);
	assert_int_equal(http_number("1x", 0, 9, &n), -EINVAL);
	assert_int_equal(http_number("99999999999999999999", 0, INT64_MAX, &n), -EINVAL);
}

static void an_entity_tag_is_found_in_a_list(void **state)
{
	(void)state;
	assert_true(http_etag_matches("\"a\", W/\"b\"", "\"b\""));
	assert_false(http_etag_matches("\"ab\"", "\"a\""));
	assert_false(http_etag_matches(NULL, "\"a\""));
}

static int command(const char *text, struct command_body *ret, char *why, size_t size)
{
	return body_command(text, strlen(text), "00ff", "hh-1", ret, why, size);
}

static void a_command_gets_actor_and_device_and_keeps_the_rest_as_it_came(void **state)
{
	struct command_body body;
	char why[128];

	(void)state;
	assert_int_equal(command("{\"id\":\"h-1:7\",\"kind\":\"scan\",\"args\":{\"data\":\"a\\u001db\"}} \r\n", &body,
				 why, sizeof(why)),
		0);
	assert_string_equal(body.text, "{\"id\":\"h-1:7\",\"kind\":\"scan\",\"args\":{\"data\":\"a\\u001db\"},"
				       "\"actor\":\"00ff\",\"device\":\"hh-1\"}");
	assert_string_equal(body.id, "h-1:7");
	assert_string_equal(body.kind, "scan");
	command_body_fini(&body);
}

static void the_age_of_a_command_is_taken_out_so_that_it_can_grow(void **state)
{
	struct command_body body;
	char why[128];

	(void)state;
	assert_int_equal(command("{\"age_ms\":1500,\"id\":\"h:1\",\"kind\":\"key\"}", &body, why, sizeof(why)), 0);
	assert_int_equal(body.age_ms, 1500);
	assert_null(strstr(body.text, "age_ms"));
	assert_non_null(strstr(body.text, "\"actor\":\"00ff\""));
	command_body_fini(&body);
}

static void assert_refused(const char *text, const char *because)
{
	struct command_body body;
	char why[128] = "";

	assert_int_equal(command(text, &body, why, sizeof(why)), -EINVAL);
	if (!strstr(why, because))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, why, because);
	command_body_fini(&body);
}

static void a_browser_cannot_say_who_or_where_it_is(void **state)
{
	(void)state;
	assert_refused("{\"id\":\"h:1\",\"kind\":\"key\",\"actor\":\"x\"}", "unknown key \"actor\"");
	assert_refused("{\"id\":\"h:1\",\"kind\":\"key\",\"device\":\"x\"}", "unknown key \"device\"");
	assert_refused("{\"id\":\"h:1\",\"kind\":\"key\",\"kind\":\"scan\"}", "duplicate");
}

static void nonsense_is_refused_with_its_reason(void **state)
{
	(void)state;
	assert_refused("", "not JSON");
	assert_refused("[]", "must be an object");
	assert_refused("{\"kind\":\"key\"}", "\"id\" is missing");
	assert_refused("{\"id\":\"h:0\",\"kind\":\"key\"}", "origin:n");
	assert_refused("{\"id\":\"h:1\",\"kind\":\"key\",\"step\":1.5}", "\"step\" must be a whole number");
	assert_refused("{\"id\":\"h:1\",\"kind\":\"key\",\"age_ms\":-1}", "\"age_ms\"");
	assert_refused("{\"id\":\"h:1\",\"kind\":\"key\",\"args\":[]}", "\"args\" must be an object");
	assert_refused("{\"id\":\"h:1\",\"kind\":\"k\\u0000\"}", "NUL");
}

static void a_refused_command_still_tells_its_id_if_it_was_readable(void **state)
{
	struct command_body body;
	char why[128];

	(void)state;
	assert_int_equal(command("{\"id\":\"h:1\"}", &body, why, sizeof(why)), -EINVAL);
	assert_string_equal(body.id, "");
	command_body_fini(&body);
}

static int login(const char *text, struct login_body *ret, char *why, size_t size)
{
	return body_login(text, strlen(text), ret, why, size);
}

static void a_login_names_badge_pin_and_device(void **state)
{
	struct login_body body;
	char why[128];

	(void)state;
	assert_int_equal(login("{\"badge\":\"B1\",\"pin\":\"1234\",\"device\":\"hh-1\"}", &body, why, sizeof(why)), 0);
	assert_string_equal(body.badge, "B1");
	assert_string_equal(body.pin, "1234");
	assert_string_equal(body.device, "hh-1");
}

static void why_a_login_is_refused_never_quotes_the_pin(void **state)
{
	static const char *const bad[] = { "{\"badge\":\"B1\",\"pin\":\"987654\",\"device\":\"h h\"}",
		"{\"badge\":\"B1\",\"pin\":\"987654\"", "{\"badge\":\"B1\",\"device\":\"h\",\"pin\":987654}",
		"{\"badge\":\"B1\",\"device\":\"h\",\"pin\":\"987654987654987654987654987654987\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct login_body body;
		char why[128] = "";

		assert_int_equal(login(bad[i], &body, why, sizeof(why)), -EINVAL);
		assert_true(why[0]);
		assert_null(strstr(why, "987654"));
	}
}

static void a_value_is_found_without_building_a_tree(void **state)
{
	static const char text[] = "{\"a\":{\"id\":1,\"x\":\"}\\\"\"},\"id\":\"o:1\",\"list\":[1,{\"id\":2}],\"ok\":true}";
	const char *value;
	size_t len;

	(void)state;
	assert_int_equal(json_peek(text, strlen(text), "id", &value, &len), 0);
	assert_memory_equal(value, "\"o:1\"", len);
	assert_int_equal(len, 5);
	assert_int_equal(json_peek(text, strlen(text), "ok", &value, &len), 0);
	assert_memory_equal(value, "true", 4);
	assert_int_equal(json_peek(text, strlen(text), "list", &value, &len), 0);
	assert_int_equal(len, strlen("[1,{\"id\":2}]"));
	assert_int_equal(json_peek(text, strlen(text), "x", &value, &len), -ENOENT);
}

static void cut_text_is_never_read_behind_its_end(void **state)
{
	static const char text[] = "{\"a\":{\"b\":\"c\\\"\"},\"id\":\"o:1\"}";

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		char *copy = malloc(len + 1); /* exact size: the sanitizer sees a byte too far */
		const char *value;
		size_t n;

		memcpy(copy, text, len);
		char *exact = realloc(copy, len ? len : 1);
		assert_int_not_equal(json_peek(exact, len, "id", &value, &n), 0);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cookie_is_found_among_others_by_its_whole_name),
		cmocka_unit_test(a_cookie_that_is_there_twice_or_too_long_is_not_believed),
		cmocka_unit_test(only_json_is_json),
		cmocka_unit_test(a_number_has_one_form_only),
		cmocka_unit_test(an_entity_tag_is_found_in_a_list),
		cmocka_unit_test(a_command_gets_actor_and_device_and_keeps_the_rest_as_it_came),
		cmocka_unit_test(the_age_of_a_command_is_taken_out_so_that_it_can_grow),
		cmocka_unit_test(a_browser_cannot_say_who_or_where_it_is),
		cmocka_unit_test(nonsense_is_refused_with_its_reason),
		cmocka_unit_test(a_refused_command_still_tells_its_id_if_it_was_readable),
		cmocka_unit_test(a_login_names_badge_pin_and_device),
		cmocka_unit_test(why_a_login_is_refused_never_quotes_the_pin),
		cmocka_unit_test(a_value_is_found_without_building_a_tree),
		cmocka_unit_test(cut_text_is_never_read_behind_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
