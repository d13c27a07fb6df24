/* A day's messages, each delivered twice, late, or in any other order its senders could have brought about: every id is
 * decided once, every repeated one gets its first answer, and the floor ends as it did. */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "json.h"

#define MESSAGES_MAX 200
#define SCHEDULES 15
#define SCHEDULES_NIGHTLY 3000

struct message {
	unsigned peer;
	char origin[DOOR_ORIGIN_MAX], kind[40];
	char *text, *answer;
	size_t after; /* this one was its cause, outside of the core; itself: none */
};

/* What a day's journal says the peers sent, without what the core did by itself. */
struct tape {
	struct message messages[MESSAGES_MAX];
	size_t n;
	uint8_t state[HASH_BYTES];
	char *facts;
};

/* One delivery of a tape to a new core. Messages of one origin stay in order. */
struct run {
	struct play play;
	const struct tape *tape;
	bool done[MESSAGES_MAX];
	size_t delivered;
	uint32_t chance;
};

static const char *close_load(struct play *p, const char *lane)
{
	return play_web(p, "desk", "load_close", json_pack("{s:s, s:s}", "lane", lane, "seal", "S1"));
}

/* A label in doubt, printed again; a divert nobody took, carried to its lane by hand. */
static void troubled_carton(struct play *p)
{
	char sscc[19];
	int64_t label;

	play_order(p, "O2", "SOUTH", "TEA:7");
	play_pick(p, "T2");
	play_pack_to_label(p, "T2");
	label = play_number(p, "SELECT max(label) FROM label");
	snprintf(sscc, sizeof(sscc), "%s", play_shown(p, "pack1", "sscc"));
	expect(p, play_print_taken(p, label, 1), "taken");
	expect(p, play_print_ended(p, label, 1, "doubtful"), "noted");
	expect(p,
		play_web(p, "desk", "label_resolve",
			json_pack("{s:I, s:s}", "job", (json_int_t)label, "result", "again")),
		"again");
	expect(p, play_print_taken(p, label, 2), "taken");
	expect(p, play_print_ended(p, label, 2, "sent"), "noted");
	expect(p, play_scan_sscc(p, "pack1-scanner", sscc), "labelled");
	expect(p, play_scan_sscc(p, "induct1-scanner", sscc), "inducted");
	expect(p, play_divert_request(p, 50, 8000, 1, ""), "decided");
	expect(p, play_divert_confirm(p, 8000, 9, 1), "confirmed");
	expect(p, play_web(p, "desk", "stage", json_pack("{s:s, s:s}", "sscc", sscc, "lane", "south")), "staged");
}

static void whole_day(struct play *p)
{
	char sscc[19];

	play_carton(p, "O1", "NORTH", "T1", sscc);
	play_convey(p, sscc);
	troubled_carton(p);
	play_order(p, "O3", "NORTH", "MUG:2");
	expect(p, play_hq_down(p, "order.cancel", json_pack("{s:s, s:s}", "order", "O3", "reason", "changed")), "cancelled");
	expect(p, close_load(p, "north"), "closing");
	expect(p, close_load(p, "south"), "closing");
}

/* All that people and HQ can see, without times, journal numbers and the order of rows. */
static char *facts_of(struct play *p)
{
	static const char *const looks[] = {
		"SELECT order_id || state FROM orders ORDER BY 1",
		"SELECT order_id || line || ':' || allocated || picked || packed || shipped || short FROM order_line ORDER BY 1",
		"SELECT place || item || lot || qty || ':' || allocated FROM stock WHERE qty > 0 ORDER BY 1",
		"SELECT order_id || item || lot || location || qty || done || state FROM task ORDER BY 1",
		"SELECT order_id || state || sscc || lane || weight_ug FROM carton ORDER BY 1",
		"SELECT sscc || printer || state || attempt FROM label ORDER BY 1",
		"SELECT tracking || ':' || lane || state || result || confirmed_lane FROM divert ORDER BY 1",
		"SELECT state FROM induct ORDER BY 1",
		"SELECT order_id || number FROM shipment ORDER BY 1",
		"SELECT kind || state || subject || resolution FROM cases ORDER BY 1",
		"SELECT type || key FROM outbox ORDER BY 1",
		"SELECT tote || state || order_id FROM tote ORDER BY 1",
		"SELECT name || last_n FROM origin WHERE name <> 'core' ORDER BY 1",
	};
	char *all = NULL;

	for (size_t i = 0; i < array_len(looks); i++) {
		_cleanup_free_ char *before = all;

		assert_true(asprintf(&all, "%s%s\n", before ? before : "", play_words(p, "%s", looks[i])) > 0);
	}
	return all;
}

static unsigned kind_of(const char *name)
{
	for (unsigned kind = 0; kind < DOOR_KINDS; kind++)
		if (strcmp(door_kind_name((enum door_kind)kind), name) == 0)
			return kind;
	return PEER_INTERNAL;
}

/* What no program knows: paper is scanned after it was printed, a person resolves what was doubtful and carries what
 * has arrived. */
static size_t cause_of(const struct tape *tape, size_t i)
{
	static const char *const causes[][3] = {
		{ "scan", "]C1", "print_taken" },
		{ "label_resolve", "", "print_ended" },
		{ "stage", "", "divert_confirm" },
	};
	const struct message *m = &tape->messages[i];

	for (size_t row = 0; row < array_len(causes); row++)
		for (size_t k = i; strcmp(m->kind, causes[row][0]) == 0 && strstr(m->text, causes[row][1]) && k-- > 0;)
			if (strcmp(tape->messages[k].kind, causes[row][2]) == 0)
				return k;
	return i;
}

static void record(struct tape *tape, const struct store_cursor *q)
{
	struct message *m = &tape->messages[tape->n];
	_cleanup_json_ json_t *message = json_loads(store_text(q, 5), 0, NULL);
	const json_t *command;
	int64_t n;

	m->peer = kind_of(store_text(q, 4));
	if (m->peer == PEER_INTERNAL)
		return;
	assert_true(tape->n + 1 < MESSAGES_MAX);
	command = json_object_get(message, "command");
	assert_int_equal(door_parse_id(json_str(command, "id"), m->origin, &n), 0);
	snprintf(m->kind, sizeof(m->kind), "%s", json_str(command, "kind"));
	m->text = strdup(store_text(q, 5));
	m->answer = strdup(store_text(q, 6));
	m->after = cause_of(tape, tape->n++);
}

static void tape_make(struct tape *tape)
{
	static struct play p;
	struct store_cursor q;
	int64_t before;

	*tape = (struct tape){ .n = 0 };
	play_open_floor(&p);
	before = p.engine.seq;
	whole_day(&p);
	q = store_query(p.store, SQL_JOURNAL_AFTER, "i", before);
	while (store_next(&q))
		record(tape, &q);
	assert_int_equal(store_state_hash(p.store, tape->state), 0);
	tape->facts = facts_of(&p);
	play_close(&p);
}

static void tape_free(struct tape *tape)
{
	for (size_t i = 0; i < tape->n; i++) {
		free(tape->messages[i].text);
		free(tape->messages[i].answer);
	}
	free(tape->facts);
}

/* What an answer means: a code and a sentence; its journal number depends on who came first. */
static bool same_meaning(const char *a, const char *b)
{
	_cleanup_json_ json_t *x = json_loads(a, 0, NULL), *y = json_loads(b, 0, NULL);

	return strcmp(json_str(x, "code"), json_str(y, "code")) == 0 && strcmp(json_str(x, "say"), json_str(y, "say")) == 0;
}

/* Decides a message; keeps it where the answer means what it did on the tape. A sender that would have got another
 * answer had no reason yet to send it: what it answers to (a screen, an order, a beep) had not happened. */
static bool deliver(struct run *r, size_t i)
{
	const struct message *m = &r->tape->messages[i];
	struct play *p = &r->play;
	struct engine_result result;
	char why[WHY_MAX];
	struct command c;
	const char *code;
	bool keep;

	assert_int_equal(command_parse(&c, m->peer, json_loads(m->text, 0, NULL), m->text, &code, why, sizeof(why)), 0);
	c.moment = (struct moment){ .now_us = p->now_us, .boot_us = p->boot_us };
	store_begin(p->store);
	engine_apply(&p->engine, &c, NULL, &result);
	assert_string_equal(store_failure_text(p->store), "");
	keep = result.answer == ENGINE_DECIDED && same_meaning(result.text, m->answer);
	if (keep) {
		assert_int_equal(store_commit(p->store), 0);
		p->now_us += 1000;
		p->boot_us += 1000;
		r->done[i] = true;
		r->delivered++;
	} else {
		store_rollback(p->store);
		engine_load(&p->engine, p->store);
	}
	engine_result_fini(&result);
	command_fini(&c);
	if (keep)
		play_continue(p);
	return keep;
}

/* A message that was decided comes again: the first answer, byte for byte, and nothing else happens. */
static void deliver_again(struct run *r, size_t i)
{
	const struct message *m = &r->tape->messages[i];
	struct play *p = &r->play;
	_cleanup_json_ json_t *message = json_loads(m->text, 0, NULL);
	int64_t now_us = p->now_us, boot_us = p->boot_us, rows = journal_rows(p);

	json_object_set_new(json_object_get(message, "command"), "age_ms", json_integer(400));
	play_send(p, (enum door_kind)m->peer, json_incref(json_object_get(message, "command")));
	assert_int_equal(p->answer, ENGINE_REPLAYED);
	assert_true(same_meaning(p->text, m->answer));
	assert_int_equal(journal_rows(p), rows);
	p->now_us = now_us;
	p->boot_us = boot_us;
}

static bool may_be_sent(const struct run *r, size_t i)
{
	const struct message *m = &r->tape->messages[i];

	for (size_t k = 0; k < i; k++)
		if (!r->done[k] && strcmp(r->tape->messages[k].origin, m->origin) == 0)
			return false;
	return !r->done[i] && (m->after == i || r->done[m->after]);
}

/* The first message, from `from` on and around, that could be sent now. */
static bool deliver_one(struct run *r, size_t from, size_t except)
{
	for (size_t k = 0; k < r->tape->n; k++) {
		size_t i = (from + k) % r->tape->n;

		if (i != except && may_be_sent(r, i) && deliver(r, i))
			return true;
	}
	return false;
}

static void begin(struct run *r, const struct tape *tape, uint32_t seed)
{
	*r = (struct run){ .tape = tape, .chance = seed * 2654435761u + 1 };
	play_open_floor(&r->play);
}

static void end(struct run *r)
{
	_cleanup_free_ char *facts = facts_of(&r->play);

	for (size_t i = 0; i < r->tape->n; i++)
		if (!r->done[i])
			fail_msg("this was never wanted: %s", r->tape->messages[i].text);
	assert_string_equal(facts, r->tape->facts);
	play_close(&r->play);
}

static uint32_t draw(struct run *r)
{
	r->chance ^= r->chance << 13;
	r->chance ^= r->chance >> 17;
	r->chance ^= r->chance << 5;
	return r->chance;
}

static void every_message_may_come_again_at_any_later_time(void **state)
{
	const struct tape *tape = *state;
	static struct run r;
	uint8_t hash[HASH_BYTES];

	begin(&r, tape, 0);
	for (size_t i = 0; i < tape->n; i++) {
		assert_true(deliver(&r, i));
		for (size_t k = 0; k <= i; k++)
			deliver_again(&r, k);
	}
	assert_int_equal(store_state_hash(r.play.store, hash), 0);
	assert_memory_equal(hash, tape->state, HASH_BYTES);
	end(&r);
}

/* Its connection broke and the peer sent it again much later: all that can happen without it happens first. */
static void every_message_may_be_lost_and_sent_again_as_late_as_can_be(void **state)
{
	const struct tape *tape = *state;
	static struct run r;
	size_t overtaken = 0;

	for (size_t late = 0; late < tape->n; late++) {
		size_t before;

		begin(&r, tape, 0);
		while (deliver_one(&r, 0, late))
			;
		before = r.delivered;
		assert_true(deliver(&r, late));
		while (deliver_one(&r, 0, tape->n))
			;
		overtaken += before > late;
		end(&r);
	}
	print_message("%zu messages, %zu of them overtaken\n", tape->n, overtaken);
	assert_true(overtaken > tape->n / 4);
}

static void any_order_the_senders_can_bring_about_ends_the_same(void **state)
{
	const struct tape *tape = *state;
	static struct run r;
	int schedules = getenv("WHARF_NIGHTLY") ? SCHEDULES_NIGHTLY : SCHEDULES;

	for (int seed = 1; seed <= schedules; seed++) {
		begin(&r, tape, (uint32_t)seed);
		while (deliver_one(&r, draw(&r) % tape->n, tape->n)) {
			size_t again = draw(&r) % tape->n;

			if (r.done[again])
				deliver_again(&r, again);
		}
		end(&r);
	}
}

int main(void)
{
	static struct tape tape;
	int failed;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(every_message_may_come_again_at_any_later_time, &tape),
		cmocka_unit_test_prestate(every_message_may_be_lost_and_sent_again_as_late_as_can_be, &tape),
		cmocka_unit_test_prestate(any_order_the_senders_can_bring_about_ends_the_same, &tape),
	};

	tape_make(&tape);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tape_free(&tape);
	return failed;
}
