/* The peer's side of the door against a core played by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "door_client.h"
#include "json.h"
#include "text.h"

#define WAIT_MS 5000

struct rig {
	char folder[32], path[64];
	int listener, peer;
	struct door_client *client;
	int outcomes, refused, raw;
	char last[DOOR_ID_MAX];
	bool relay;
};

static void on_outcome(void *user, const json_t *outcome)
{
	struct rig *rig = user;

	rig->outcomes++;
	text_copy(rig->last, sizeof(rig->last), json_str(outcome, "id"));
}

static bool on_raw(void *user, const char *word, const char *message, size_t len)
{
	struct rig *rig = user;

	if (!rig->relay || strcmp(word, "outcome") != 0)
		return false;
	assert_int_equal(message[len - 1], '}');
	rig->raw++;
	return true;
}

static int open_rig(void **state)
{
	static const struct door_handlers handlers = { .outcome = on_outcome, .raw = on_raw };
	struct rig *rig = calloc(1, sizeof(*rig));

	strcpy(rig->folder, "/tmp/wharf-door-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	snprintf(rig->path, sizeof(rig->path), "%s/web", rig->folder);
	rig->listener = door_listen(rig->path, 0600);
	rig->peer = -1;
	assert_true(rig->listener >= 0);
	assert_int_equal(door_client_create(&rig->client, rig->path, DOOR_WEB, "boot", NULL, &handlers, rig), 0);
	*state = rig;
	return 0;
}

static int close_rig(void **state)
{
	struct rig *rig = *state;

	door_client_destroy(rig->client);
	close(rig->listener);
	if (rig->peer >= 0)
		close(rig->peer);
	unlink(rig->path);
	rmdir(rig->folder);
	free(rig);
	return 0;
}

static void wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

/* The next message of the client; the caller drops it. */
static json_t *hear(struct rig *rig)
{
	static char buf[DOOR_MESSAGE_MAX + 1];
	size_t len;
	json_t *message;

	wait_for(rig->peer);
	assert_int_equal(door_recv(rig->peer, buf, &len), 1);
	message = json_loadb(buf, len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(message);
	return message;
}

static void say(struct rig *rig, const char *text)
{
	assert_int_equal(door_send(rig->peer, text, strlen(text)), 0);
	wait_for(door_client_fd(rig->client));
	door_client_process(rig->client);
}

static void let_in(struct rig *rig)
{
	_cleanup_json_ json_t *hello = NULL;

	while (door_client_fd(rig->client) < 0) {
		poll(NULL, 0, door_client_timeout_ms(rig->client));
		door_client_process(rig->client);
	}
	wait_for(rig->listener);
	rig->peer = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
	hello = hear(rig);
	assert_string_equal(json_str(json_object_get(hello, "hello"), "boot"), "boot");
	say(rig, "{\"welcome\":{\"version\":1,\"acked\":0}}\n");
	assert_true(door_client_up(rig->client));
}

static void drop_peer(struct rig *rig)
{
	close(rig->peer);
	rig->peer = -1;
	door_client_process(rig->client);
	assert_false(door_client_up(rig->client));
}

static void expect_command(struct rig *rig, const char *id, int64_t age_min_ms)
{
	_cleanup_json_ json_t *message = hear(rig);
	const json_t *command = json_object_get(message, "command");

	assert_string_equal(json_str(command, "id"), id);
	assert_true(json_int(command, "age_ms") >= age_min_ms);
}

static void what_was_not_answered_is_sent_again_in_order_with_its_id(void **state)
{
	struct rig *rig = *state;
	int64_t n = 0;

	let_in(rig);
	assert_int_equal(door_client_command(rig->client, json_pack("{s:s}", "kind", "scan"), &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(door_client_command(rig->client, json_pack("{s:s}", "kind", "scan"), &n), 0);
	assert_int_equal(n, 2);
	expect_command(rig, "boot:1", 0);
	expect_command(rig, "boot:2", 0);
	say(rig, "{\"outcome\":{\"id\":\"boot:1\",\"ok\":true}}\n");
	assert_string_equal(rig->last, "boot:1");
	assert_int_equal(door_client_waiting(rig->client), 1);
	drop_peer(rig);
	assert_int_equal(door_client_command(rig->client, json_pack("{s:s}", "kind", "scan"), &n), 0);
	let_in(rig);
	expect_command(rig, "boot:2", 0);
	expect_command(rig, "boot:3", 0);
	assert_int_equal(door_client_waiting(rig->client), 2);
}

static void the_age_of_a_command_grows_on_from_what_its_maker_said(void **state)
{
	struct rig *rig = *state;
	char *text = strdup("{\"id\":\"page:9\",\"kind\":\"key\"}");

	let_in(rig);
	assert_int_equal(door_client_command(rig->client,
				 json_pack("{s:s,s:s,s:i}", "id", "page:8", "kind", "key", "age_ms", 4000), NULL),
		0);
	assert_int_equal(door_client_command_text(rig->client, "page:9", text, 5000), 0);
	expect_command(rig, "page:8", 4000);
	expect_command(rig, "page:9", 5000);
}

static void a_relayed_answer_ends_the_waiting_too(void **state)
{
	struct rig *rig = *state;

	rig->relay = true;
	let_in(rig);
	door_client_command(rig->client, json_pack("{s:s,s:s}", "id", "page:1", "kind", "key"), NULL);
	expect_command(rig, "page:1", 0);
	say(rig, "{\"outcome\":{\"id\":\"page:1\",\"ok\":true}}\n");
	assert_int_equal(rig->raw, 1);
	assert_int_equal(rig->outcomes, 0);
	assert_int_equal(door_client_waiting(rig->client), 0);
}

static void a_batching_client_sends_at_the_flush(void **state)
{
	struct rig *rig = *state;
	struct pollfd p;

	let_in(rig);
	door_client_batch(rig->client);
	door_client_command(rig->client, json_pack("{s:s,s:s}", "id", "page:1", "kind", "key"), NULL);
	door_client_send(rig->client, json_pack("{s:{s:s}}", "query", "name", "status"));
	p = (struct pollfd){ .fd = rig->peer, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 0);
	door_client_flush(rig->client);
	json_decref(hear(rig));
	json_decref(hear(rig));
}

static void the_limit_of_waiting_commands_is_a_limit(void **state)
{
	struct rig *rig = *state;
	char id[32];

	for (int i = 1; i <= DOOR_CLIENT_WAITING_MAX; i++)
		assert_int_equal(door_client_command(rig->client, json_pack("{s:s}", "kind", "scan"), NULL), 0);
	assert_int_equal(door_client_command(rig->client, json_pack("{s:s}", "kind", "scan"), NULL), -EAGAIN);
	let_in(rig);
	for (int i = 1; i <= DOOR_CLIENT_WAITING_MAX; i++) {
		snprintf(id, sizeof(id), "boot:%d", i);
		/* The socket takes fewer than all at once. */
		if (i % 32 == 0)
			door_client_process(rig->client);
		expect_command(rig, id, 0);
		door_client_process(rig->client);
	}
}

static void a_topic_that_was_given_up_is_not_asked_for_again(void **state)
{
	struct rig *rig = *state;

	door_client_subscribe(rig->client, "link");
	door_client_subscribe(rig->client, "orders");
	door_client_unsubscribe(rig->client, "link");
	let_in(rig);
	_cleanup_json_ json_t *message = hear(rig);
	assert_string_equal(json_str(json_object_get(message, "subscribe"), "topic"), "orders");
}

static void a_topic_given_up_later_is_told_once(void **state)
{
	struct rig *rig = *state;

	door_client_subscribe(rig->client, "link");
	let_in(rig);
	json_decref(hear(rig));
	door_client_unsubscribe(rig->client, "link");
	door_client_unsubscribe(rig->client, "link");
	door_client_send(rig->client, json_pack("{s:{s:i}}", "ping", "n", 1));
	_cleanup_json_ json_t *message = hear(rig), *next = hear(rig);
	assert_string_equal(json_str(json_object_get(message, "unsubscribe"), "topic"), "link");
	assert_non_null(json_object_get(next, "ping"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
		RIG_TEST(what_was_not_answered_is_sent_again_in_order_with_its_id),
		RIG_TEST(the_age_of_a_command_grows_on_from_what_its_maker_said),
		RIG_TEST(a_relayed_answer_ends_the_waiting_too),
		RIG_TEST(a_batching_client_sends_at_the_flush),
		RIG_TEST(the_limit_of_waiting_commands_is_a_limit),
		RIG_TEST(a_topic_that_was_given_up_is_not_asked_for_again),
		RIG_TEST(a_topic_given_up_later_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
