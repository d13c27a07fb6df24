/* Signing on and off, and how wrong PINs slow down. */
#include "scene.h"

static json_t *login_of(const char *badge, const char *device)
{
	return json_pack("{s:s, s:s, s:s}", "badge", badge, "device", device, "session", "a-session-that-is-not");
}

static int64_t wait_s(struct play *p, const char *key)
{
	return (play_number(p, "SELECT until_us FROM throttle WHERE key = '%s'", key) - p->now_us + PLAY_S) / PLAY_S;
}

SCENE(wrong_pins_make_badge_and_device_wait_longer_each_time)
{
	for (int i = 0; i < 4; i++) {
		expect(p, play_internal(p, "login_failed", login_of("P1", "hh1")), "wrong_pin");
		assert_true(wait_s(p, "badge/P1") <= 1);
	}
	expect(p, play_internal(p, "login_failed", login_of("P1", "hh1")), "wrong_pin");
	assert_int_equal(wait_s(p, "badge/P1"), 30);
	assert_int_equal(wait_s(p, "device/hh1"), 30);
	expect(p, play_internal(p, "login_failed", login_of("P1", "hh1")), "wrong_pin");
	assert_int_equal(wait_s(p, "badge/P1"), 60);
	for (int i = 0; i < 20; i++)
		expect(p, play_internal(p, "login_failed", login_of("P1", "hh1")), "wrong_pin");
	assert_int_equal(wait_s(p, "badge/P1"), 3600);
	expect(p, play_login(p, "P1", "hh1"), "signed_on");
	assert_int_equal(play_number(p, "SELECT count(*) FROM throttle WHERE key IN ('badge/P1', 'device/hh1')"), 0);
}

SCENE(who_signed_off_may_do_nothing_and_the_screen_says_so)
{
	expect(p, play_web(p, "hh1", "logout", json_object()), "signed_off");
	assert_string_equal(play_expect(p, "hh1"), "login");
	expect(p, play_key(p, "hh1", "start", 0), "not_allowed");
}

SCENE(a_person_works_at_one_device)
{
	expect(p, play_internal(p, "login_verified", json_pack("{s:s, s:s, s:s}", "badge", "P1", "device", "hh3", "session",
		"session-of-hh3-0001")), "signed_on");
	expect(p, play_key(p, "hh1", "start", 0), "not_allowed");
	expect(p, play_key(p, "hh3", "start", 0), "no_work");
}

SCENE(a_scanner_on_a_cable_works_only_while_somebody_is_signed_on)
{
	expect(p, play_web(p, "pack1", "logout", json_object()), "signed_off");
	expect(p, play_scan(p, "pack1-scanner", "T1"), "sign_on");
	expect(p, play_login(p, "K1", "pack1"), "signed_on");
	expect(p, play_scan(p, "pack1-scanner", "T1"), "not_picked");
}

SCENE(who_takes_over_a_handheld_goes_on_where_it_stands)
{
	play_order(p, "O1", "NORTH", "TEA:2");
	expect(p, play_key(p, "hh1", "start", 0), "started");
	expect(p, play_scan(p, "hh1", "A1"), "right_location");
	expect(p, play_web(p, "hh1", "logout", json_object()), "signed_off");
	expect(p, play_internal(p, "login_verified", json_pack("{s:s, s:s, s:s}", "badge", "P2", "device", "hh1", "session",
		"session-of-hh1-0002")), "signed_on");
	assert_string_equal(play_expect(p, "hh1"), "item");
	assert_string_equal(play_shown(p, "hh1", "order"), "O1");
}

SCENE(a_sign_on_said_again_is_the_same_session_and_nobody_elses)
{
	expect(p, play_login(p, "P1", "hh1"), "signed_on");
	expect(p, play_login(p, "P1", "hh1"), "signed_on");
	expect(p, play_key(p, "hh1", "start", 0), "no_work");
	expect(p, play_login(p, "P2", "hh1"), "session_taken");
	expect(p, play_key(p, "hh1", "start", 0), "no_work");
}

SCENE(a_session_works_only_on_its_own_device)
{
	expect(p, play_text(p, DOOR_WEB, "{\"kind\":\"key\",\"device\":\"hh2\",\"actor\":\"session-of-hh1-0001\",\"step\":1,"
		"\"args\":{\"key\":\"start\"}}"), "not_allowed");
}

SCENE(a_page_acts_at_its_own_place_only)
{
	play_order(p, "O1", "NORTH", "TEA:1");
	play_pick(p, "T1");
	play_pack_to_weigh(p, "T1");
	expect(p, play_send(p, DOOR_WEB, json_pack("{s:s, s:s, s:s, s:s, s:I, s:{s:s}}", "kind", "key", "device", "hh2", "actor",
		"session-of-hh2-0001", "station", "pack1", "step",
		(json_int_t)play_number(p, "SELECT step FROM dialogue WHERE place = 'pack1'"), "args", "key", "weigh")),
		"screen_moved");
	assert_string_equal(play_words(p, "SELECT last_code FROM dialogue WHERE place = 'pack1'"), "closed");
}

SCENE(a_day_of_uptime_is_a_mark)
{
	expect(p, play_internal(p, "day", json_object()), "day");
	expect(p, play_internal(p, "day", json_object()), "day");
	assert_int_equal(play_number(p, "SELECT max(day) FROM day"), 2);
}

#define DEVICE_STATE(device, state)                                                                 \
	"{\"kind\":\"device_state\",\"device\":\"" device "\",\"args\":{\"state\":\"" state "\"}}"

SCENE(a_device_that_is_not_configured_is_not_known)
{
	expect(p, play_text(p, DOOR_BRIDGE, DEVICE_STATE("no-such", "up")), "unknown_device");
	expect(p, play_text(p, DOOR_BRIDGE, DEVICE_STATE("pack1-scale", "sleepy")), "malformed");
	expect(p, play_text(p, DOOR_BRIDGE, DEVICE_STATE("pack1-scale", "stale")), "noted");
	assert_string_equal(play_words(p, "SELECT state FROM device WHERE device = 'pack1-scale'"), "stale");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_pins_make_badge_and_device_wait_longer_each_time),
		cmocka_unit_test(who_signed_off_may_do_nothing_and_the_screen_says_so),
		cmocka_unit_test(a_person_works_at_one_device),
		cmocka_unit_test(a_scanner_on_a_cable_works_only_while_somebody_is_signed_on),
		cmocka_unit_test(who_takes_over_a_handheld_goes_on_where_it_stands),
		cmocka_unit_test(a_sign_on_said_again_is_the_same_session_and_nobody_elses),
		cmocka_unit_test(a_session_works_only_on_its_own_device),
		cmocka_unit_test(a_page_acts_at_its_own_place_only),
		cmocka_unit_test(a_day_of_uptime_is_a_mark),
		cmocka_unit_test(a_device_that_is_not_configured_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
