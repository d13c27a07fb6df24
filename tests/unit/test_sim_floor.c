/* What the virtual people are told: control words, orders, the floor file and its keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "control.h"
#include "json.h"
#include "orders.h"
#include "text.h"
#include "world.h"

#define FLOOR WHARF_SOURCE_DIR "/src/sim/floor/demo.jsonl"

struct rig {
	char folder[64];
};

static int rig_open(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	strcpy(rig->folder, "/tmp/wharf-sim-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	*state = rig;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int rig_close(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(nftw(rig->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(rig);
	return 0;
}

static const char *in_folder(struct rig *rig, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", rig->folder, name);
	return path;
}

static const char *say_of(struct world *world, const char *message)
{
	static char say[128];
	_cleanup_json_ json_t *object = json_loads(message, 0, NULL);
	_cleanup_json_ json_t *answer = control_answer(world, object);

	snprintf(say, sizeof(say), "%s", json_str(json_object_get(answer, "error"), "say"));
	return say;
}

static void control_refuses_what_it_does_not_know(void **state)
{
	static struct world world = { .wan = { .listener = -1 } };
	_cleanup_json_ json_t *question = json_loads("{\"status\":{}}", 0, NULL);
	_cleanup_json_ json_t *answer = control_answer(&world, question);

	(void)state;
	assert_string_equal(say_of(&world, "{\"dance\":1}"), "unknown word");
	assert_string_equal(say_of(&world, "{\"status\":{},\"wan\":1}"),
		"one JSON object with one key is needed");
	assert_string_equal(say_of(&world, "{\"printer\":5}"), "\"printer\" must be out or ok");
	assert_string_equal(say_of(&world, "{\"wan\":\"cut\"}"), "there is no WAN here (option --wan)");
	assert_string_equal(say_of(&world, "{\"close_loads\":{}}"), "");
	assert_true(world.close_loads);
	assert_true(json_is_integer(json_object_get(json_object_get(answer, "status"), "wrong_scans")));
}

static char *orders_of(struct rig *rig, uint64_t seed, const char *type)
{
	static struct floor floor;
	char *text = NULL;

	assert_int_equal(floor_load(&floor, FLOOR), 0);
	assert_int_equal(orders_write(&floor, 40, seed, rig->folder), 0);
	assert_int_equal(text_read_file(in_folder(rig, type), 1 << 20, &text, NULL), 0);
	return text;
}

static void the_same_seed_writes_the_same_orders(void **state)
{
	_cleanup_free_ char *one = orders_of(*state, 7, "order.jsonl");
	_cleanup_free_ char *same = orders_of(*state, 7, "order.jsonl");
	_cleanup_free_ char *other = orders_of(*state, 8, "order.jsonl");
	int lines = 0;

	assert_string_equal(one, same);
	assert_string_not_equal(one, other);
	for (const char *p = one; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 40);
}

/* What docs/demo.md says the PINs are. */
static const struct {
	const char *badge, *pin;
} pins[] = { { "picker1", "1111" }, { "packer1", "5555" }, { "loader1", "6666" },
	{ "super1", "7777" }, { "guest1", "8888" }, { "guest2", "9999" } };

static void key_of(const char *pin, const char *salt_hex, char *ret_hex)
{
	uint8_t salt[crypto_pwhash_SALTBYTES], key[32];

	assert_int_equal(text_unhex(salt_hex, salt, sizeof(salt)), 0);
	assert_int_equal(crypto_pwhash(key, sizeof(key), pin, strlen(pin), salt, 2, 64u << 20,
				 crypto_pwhash_ALG_ARGON2ID13), 0);
	text_hex(key, sizeof(key), ret_hex);
}

static void the_demo_floor_holds_the_keys_of_the_documented_pins(void **state)
{
	_cleanup_free_ char *text = NULL;
	char *line, *rest, key[65];
	size_t checked = 0;

	(void)state;
	assert_int_equal(text_read_file(FLOOR, 1 << 20, &text, NULL), 0);
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		_cleanup_json_ json_t *command = json_loads(line, 0, NULL);
		const json_t *args = json_object_get(command, "args");

		for (size_t i = 0; i < array_len(pins); i++) {
			if (strcmp(json_str(args, "badge"), pins[i].badge) != 0)
				continue;
			key_of(pins[i].pin, json_str(args, "salt"), key);
			assert_string_equal(key, json_str(args, "key"));
			checked++;
		}
	}
	assert_int_equal(checked, array_len(pins));
}

static void a_broken_floor_file_is_refused(void **state)
{
	struct rig *rig = *state;
	static struct floor floor;
	const char bad[] = "{\"kind\":\"tote_put\",\"args\":{\"tote\":\"T1\"}}\n{\"kind\":\n";

	assert_int_equal(text_write_file(in_folder(rig, "f"), bad, strlen(bad), 0644), 0);
	assert_int_equal(floor_load(&floor, in_folder(rig, "f")), -EINVAL);
	assert_int_equal(floor_load(&floor, in_folder(rig, "none")), -ENOENT);
}

static void a_tote_is_taken_by_one_person_only(void **state)
{
	static struct world world = { .floor = { .totes = { { .tote = "T1" }, { .tote = "T2" } },
						 .totes_n = 2 } };
	struct chance chance;
	char one[FLOOR_NAME_MAX], two[FLOOR_NAME_MAX], three[FLOOR_NAME_MAX];

	(void)state;
	loop_init(&world.loop);
	chance_seed(&chance, 1, "test");
	assert_int_equal(world_take_tote(&world, &chance, one), 0);
	assert_int_equal(world_take_tote(&world, &chance, two), 0);
	assert_string_not_equal(one, two);
	assert_int_equal(world_take_tote(&world, &chance, three), -ENOENT);
	world_empty_tote(&world, one);
	assert_int_equal(world_take_tote(&world, &chance, three), 0);
	assert_string_equal(one, three);
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_open, rig_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_refuses_what_it_does_not_know),
		RIG_TEST(the_same_seed_writes_the_same_orders),
		cmocka_unit_test(the_demo_floor_holds_the_keys_of_the_documented_pins),
		RIG_TEST(a_broken_floor_file_is_refused),
		cmocka_unit_test(a_tote_is_taken_by_one_person_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
