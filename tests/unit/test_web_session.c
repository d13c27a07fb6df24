#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "password.h"
#include "session.h"
#include "text.h"
#include "topics.h"

static void a_token_gives_an_id_and_a_csrf_value_that_do_not_give_it_away(void **state)
{
	char token[TOKEN_HEX], other[TOKEN_HEX], id[SESSION_ID_HEX], id2[SESSION_ID_HEX], csrf[CSRF_HEX],
		csrf2[CSRF_HEX];

	(void)state;
	session_new_token(token);
	session_new_token(other);
	assert_string_not_equal(token, other);
	assert_int_equal(session_ids(token, id, csrf), 0);
	assert_int_equal(session_ids(token, id2, csrf2), 0);
	assert_string_equal(id, id2);
	assert_string_equal(csrf, csrf2);
	assert_string_not_equal(id, csrf);
	assert_null(strstr(token, id));
	session_ids(other, id2, csrf2);
	assert_string_not_equal(id, id2);
	assert_string_not_equal(csrf, csrf2);
}

static void what_is_no_token_is_no_session(void **state)
{
	char id[SESSION_ID_HEX];

	(void)state;
	assert_int_equal(session_ids("", id, NULL), -EINVAL);
	assert_int_equal(session_ids("zz", id, NULL), -EINVAL);
}

static void a_csrf_value_must_be_given_and_whole(void **state)
{
	(void)state;
	assert_true(session_csrf_ok("00aa", "00aa"));
	assert_false(session_csrf_ok("00aa", NULL));
	assert_false(session_csrf_ok("00aa", ""));
	assert_false(session_csrf_ok("00aa", "00a"));
	assert_false(session_csrf_ok("00aa", "00aab"));
	assert_false(session_csrf_ok("00aa", "00ab"));
}

/* A session whose id falls into the set of `set` (two hex digits). */
static struct session session_in(const char *set, int n)
{
	struct session s = { 0 };

	snprintf(s.id, sizeof(s.id), "%s%030d", set, n);
	snprintf(s.device, sizeof(s.device), "hh-%d", n);
	return s;
}

static void an_answer_of_the_core_is_believed_for_a_minute(void **state)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));
	struct session s = session_in("0a", 1);

	(void)state;
	sessions_put(sessions, &s, 1000);
	assert_non_null(sessions_find(sessions, s.id, 1000 + SESSION_FRESH_US));
	assert_null(sessions_find(sessions, s.id, 1001 + SESSION_FRESH_US));
	sessions_put(sessions, &s, 5000);
	assert_non_null(sessions_find(sessions, s.id, 1001 + SESSION_FRESH_US));
	sessions_drop(sessions, s.id);
	assert_null(sessions_find(sessions, s.id, 5000));
	assert_null(sessions_find(sessions, "", 5000));
	free(sessions);
}

static void a_full_set_gives_up_the_entry_that_was_unused_longest(void **state)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));
	struct session s;

	(void)state;
	for (int i = 0; i < SESSION_WAYS; i++) {
		s = session_in("ff", i);
		sessions_put(sessions, &s, 100 + i);
	}
	assert_non_null(sessions_find(sessions, session_in("ff", 0).id, 500));
	s = session_in("ff", 99);
	sessions_put(sessions, &s, 600);
	assert_non_null(sessions_find(sessions, session_in("ff", 0).id, 700));
	assert_null(sessions_find(sessions, session_in("ff", 1).id, 700));
	assert_string_equal(sessions_find(sessions, s.id, 700)->device, "hh-99");
	free(sessions);
}

static bool pack1_is_a_station(const void *user, const char *place)
{
	(void)user;
	return strcmp(place, "pack1") == 0;
}

static bool may(const char *role, const char *topic)
{
	struct session s = { .device = "hh-1" };

	text_copy(s.role, sizeof(s.role), role);
	return topic_allowed(topic, &s, pack1_is_a_station, NULL);
}

static void a_prompt_is_for_its_place_and_for_those_who_may_watch_it(void **state)
{
	(void)state;
	assert_true(may("picker", "prompt/hh-1"));
	assert_false(may("picker", "prompt/hh-2"));
	assert_false(may("picker", "prompt/pack1"));
	assert_true(may("packer", "prompt/pack1"));
	assert_false(may("packer", "prompt/hh-2"));
	assert_true(may("supervisor", "prompt/hh-2"));
	assert_false(may("supervisor", "prompt/"));
	assert_false(may("supervisor", "prompt/a b"));
}

static void only_the_named_topics_are_for_pages(void **state)
{
	(void)state;
	assert_true(may("picker", "link"));
	assert_true(may("picker", "devices"));
	assert_false(may("admin", "outbox"));
	assert_false(may("admin", "orders/pack1-labels"));
	assert_false(may("admin", ""));
}

static void the_newest_push_of_a_topic_is_kept_as_an_event(void **state)
{
	struct topics *topics = calloc(1, sizeof(*topics));
	char dropped[TOPIC_NAME_MAX];
	struct topic *t = topics_get(topics, "link", dropped);
	uint64_t first;

	(void)state;
	assert_int_equal(topic_set(topics, t, "{\"n\":1}", 7), 0);
	first = t->version;
	assert_int_equal(topic_set(topics, t, "{\"n\":2}", 7), 0);
	assert_true(t->version > first);
	assert_memory_equal(t->event, "data: {\"n\":2}\n\n", t->event_len);
	assert_memory_equal(t->json, "{\"n\":2}", t->json_len);
	assert_ptr_equal(topics_get(topics, "link", dropped), t);
	topics_fini(topics);
	free(topics);
}

static void a_full_table_gives_up_a_topic_nobody_listens_to(void **state)
{
	struct topics *topics = calloc(1, sizeof(*topics));
	char name[TOPIC_NAME_MAX], dropped[TOPIC_NAME_MAX];

	(void)state;
	for (int i = 0; i < TOPICS_MAX; i++) {
		snprintf(name, sizeof(name), "prompt/hh-%d", i);
		topics_get(topics, name, dropped)->listeners = 1;
	}
	assert_null(topics_get(topics, "prompt/one-more", dropped));
	topics_find(topics, "prompt/hh-7")->listeners = 0;
	assert_non_null(topics_get(topics, "prompt/one-more", dropped));
	assert_string_equal(dropped, "prompt/hh-7");
	assert_null(topics_find(topics, "prompt/hh-7"));
	topics_fini(topics);
	free(topics);
}

static struct password_job *new_job(const char *pin)
{
	struct password_job *job = calloc(1, sizeof(*job));

	text_copy(job->pin, sizeof(job->pin), pin);
	return job;
}

static void a_pin_becomes_its_argon2id_key_and_is_wiped(void **state)
{
	struct password_worker *w;
	struct password_job *job = new_job("1234");
	struct pollfd ready;
	uint8_t key[PASSWORD_KEY_BYTES], salt[PASSWORD_SALT_BYTES] = { 0 };
	char hex[PASSWORD_KEY_HEX];

	(void)state;
	assert_int_equal(crypto_pwhash(key, sizeof(key), "1234", 4, salt, 2, 64 * 1024 * 1024,
				 crypto_pwhash_ALG_ARGON2ID13),
		0);
	text_hex(key, sizeof(key), hex);
	assert_int_equal(password_worker_create(&w), 0);
	assert_int_equal(password_worker_put(w, job), 0);
	ready = (struct pollfd){ .fd = password_worker_fd(w), .events = POLLIN };
	assert_int_equal(poll(&ready, 1, 30000), 1);
	assert_ptr_equal(password_worker_next(w), job);
	assert_string_equal(job->key, hex);
	assert_string_equal(job->pin, "");
	assert_null(password_worker_next(w));
	password_job_free(job);
	password_worker_destroy(w);
}

static void more_than_sixteen_logins_at_once_are_turned_away(void **state)
{
	struct password_worker *w;

	(void)state;
	assert_int_equal(password_worker_create(&w), 0);
	for (int i = 0; i < PASSWORD_QUEUE_MAX; i++)
		assert_int_equal(password_worker_put(w, new_job("1")), 0);
	assert_int_equal(password_worker_put(w, new_job("1")), -EAGAIN);
	password_worker_destroy(w); /* with jobs inside */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_gives_an_id_and_a_csrf_value_that_do_not_give_it_away),
		cmocka_unit_test(what_is_no_token_is_no_session),
		cmocka_unit_test(a_csrf_value_must_be_given_and_whole),
		cmocka_unit_test(an_answer_of_the_core_is_believed_for_a_minute),
		cmocka_unit_test(a_full_set_gives_up_the_entry_that_was_unused_longest),
		cmocka_unit_test(a_prompt_is_for_its_place_and_for_those_who_may_watch_it),
		cmocka_unit_test(only_the_named_topics_are_for_pages),
		cmocka_unit_test(the_newest_push_of_a_topic_is_kept_as_an_event),
		cmocka_unit_test(a_full_table_gives_up_a_topic_nobody_listens_to),
		cmocka_unit_test(a_pin_becomes_its_argon2id_key_and_is_wiped),
		cmocka_unit_test(more_than_sixteen_logins_at_once_are_turned_away),
	};

	if (sodium_init() < 0)
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
