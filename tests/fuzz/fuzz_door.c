/* What a peer says at the door, line by line: a command of any peer, decided by the real engine on a small floor. The first
 * byte of a line tells the peer. Whatever is decided must be text that can be sent, and the store must stay whole. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cleanup.h"
#include "dialogue.h"
#include "engine.h"
#include "json.h"

#define LINES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct engine engine;
static struct store *store;

static void decide(unsigned peer, json_t *message, const char *text)
{
	struct engine_result result;
	struct command command;
	const char *code;
	char why[WHY_MAX];

	if (command_parse(&command, peer, message, text, &code, why, sizeof(why)) < 0)
		return;
	command.moment = (struct moment){ .now_us = 1, .boot_us = 1 };
	engine_apply(&engine, &command, NULL, &result);
	assert(store_failure(store) == STORE_OK);
	assert(result.answer == ENGINE_NOT_TAKEN || text_is_utf8(result.text, strlen(result.text)));
	engine_result_fini(&result);
	command_fini(&command);
}

static void take_line(const char *line, size_t len)
{
	char why[WHY_MAX];
	unsigned peer = (unsigned char)line[0] % (PEER_INTERNAL + 1);
	json_t *message = json_parse(line + 1, len - 1, why, sizeof(why));
	_cleanup_free_ char *text = NULL;

	if (!json_is_object(message)) {
		json_decref(message);
		return;
	}
	/* What the core tells itself is well-formed: only its kinds are played with, in the plays of tests/scenario. */
	if (peer == PEER_INTERNAL)
		peer = DOOR_CTL;
	text = json_dumps(message, JSON_COMPACT);
	decide(peer, message, text);
}

static void tell(const char *kind, const char *args)
{
	struct engine_result result;
	struct command command;
	char *text;

	assert(engine_internal(&engine, kind, json_loads(args, 0, NULL), (struct moment){ 1, 1, false }, &command, &text) == 0);
	engine_apply(&engine, &command, NULL, &result);
	assert(result.answer == ENGINE_DECIDED);
	engine_result_fini(&result);
	command_fini(&command);
	free(text);
}

/* People at a handheld (session "hh") and at a packing station (session "pk"); a conveyor with a lane. */
static void make_floor(void)
{
	static const char user[] = "{\"command\":{\"id\":\"floor:1\",\"kind\":\"user_put\",\"args\":{\"badge\":\"B\",\"name\":\"B\","
				   "\"role\":\"supervisor\",\"salt\":\"00000000000000000000000000000000\",\"mac\":"
				   "\"0000000000000000000000000000000000000000000000000000000000000000\"}}}";

	dialogue_register();
	assert(store_open(":memory:", NULL, &store) == 0);
	store_begin(store);
	engine_load(&engine, store);
	tell("started",
		"{\"site\":\"F\",\"incarnation\":\"0\",\"epoch\":\"0\",\"boot\":\"b\",\"engine\":1,\"settings\":{\"packaging_g\":\"150\"},"
		"\"stations\":[{\"station\":\"pack1\",\"kind\":\"pack\",\"printer\":\"pack1-labels\",\"scale\":\"pack1-scale\"},"
		"{\"station\":\"induct1\",\"kind\":\"induct\",\"printer\":\"\",\"scale\":\"\"}],"
		"\"devices\":[{\"device\":\"pack1-scanner\",\"kind\":\"scanner\",\"station\":\"pack1\"},"
		"{\"device\":\"induct1-scanner\",\"kind\":\"scanner\",\"station\":\"induct1\"},"
		"{\"device\":\"conveyor1\",\"kind\":\"plc\",\"station\":\"induct1\"},"
		"{\"device\":\"pack1-scale\",\"kind\":\"scale\",\"station\":\"pack1\"}],"
		"\"lanes\":[{\"lane\":\"north\",\"number\":1,\"plc\":\"conveyor1\",\"carrier\":\"NORTH\",\"role\":\"ship\"}]}");
	decide(DOOR_CTL, json_loads(user, 0, NULL), user);
	tell("login_verified", "{\"badge\":\"B\",\"device\":\"hh1\",\"session\":\"hh--------------\"}");
	tell("login_verified", "{\"badge\":\"C\",\"device\":\"pack1\",\"session\":\"pk--------------\"}");
	assert(store_commit(store) == 0);
}

/* What waits for a later turn is done before the next line, as the core would. */
static void go_on(void)
{
	for (int i = 0; i < LINES_MAX; i++) {
		struct store_cursor q = store_query(store, SQL_CONTINUATION_NEXT, "");
		_cleanup_free_ char *text = NULL;
		char kind[40];
		json_t *args;

		if (!store_first(&q))
			return;
		text_copy(kind, sizeof(kind), store_text(&q, 1));
		args = json_loads(store_text(&q, 2), 0, NULL);
		json_object_set_new(args, "continuation", json_integer(store_int(&q, 0)));
		store_end(&q);
		text = json_dumps(args, JSON_COMPACT);
		json_decref(args);
		tell(kind, text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size;

	if (!store)
		make_floor();
	store_begin(store);
	engine_load(&engine, store);
	for (int i = 0; i < LINES_MAX && p < end; i++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = newline ? (size_t)(newline - p) : (size_t)(end - p);

		if (len > 1)
			take_line(p, len);
		go_on();
		p += len + 1;
	}
	store_rollback(store);
	return 0;
}
