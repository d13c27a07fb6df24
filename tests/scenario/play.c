#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "json.h"
#include "play.h"

#define CONTINUATIONS_MAX 1000

static struct play_origin *find_origin(struct play *p, const char *name)
{
	for (size_t i = 0; i < p->origins_n; i++)
		if (strcmp(p->origins[i].name, name) == 0)
			return &p->origins[i];
	assert_true(p->origins_n < PLAY_ORIGINS_MAX);
	snprintf(p->origins[p->origins_n].name, sizeof(p->origins[0].name), "%s", name);
	return &p->origins[p->origins_n++];
}

/* Pages have an origin per device, every other peer one per run. */
static struct play_origin *origin_of(struct play *p, enum door_kind peer, const char *device)
{
	char name[64];

	snprintf(name, sizeof(name), "%s-%s", door_kind_name(peer), peer == DOOR_WEB ? device : "1");
	return find_origin(p, name);
}

static struct moment moment_of(const struct play *p)
{
	return (struct moment){ .now_us = p->now_us, .boot_us = p->boot_us, .doubtful = p->doubtful };
}

static void keep_answer(struct play *p, const struct engine_result *r)
{
	_cleanup_json_ json_t *answer = r->text ? json_loads(r->text, 0, NULL) : NULL;

	free(p->text);
	p->text = r->text ? strdup(r->text) : NULL;
	p->answer = r->answer;
	p->ok = json_is_true(json_object_get(answer, "ok"));
	snprintf(p->code, sizeof(p->code), "%s", answer ? json_str(answer, "code") : r->code);
	snprintf(p->say, sizeof(p->say), "%s", answer ? json_str(answer, "say") : r->why);
	snprintf(p->signal, sizeof(p->signal), "%s", json_str(answer, "signal"));
}

static void apply(struct play *p, struct command *c)
{
	struct engine_result r;

	int before = sqlite3_total_changes(p->store->db), rows;

	c->moment = moment_of(p);
	store_begin(p->store);
	engine_apply(&p->engine, c, p->refuse[0] ? p->refuse : NULL, &r);
	assert_string_equal(store_failure_text(p->store), "");
	rows = sqlite3_total_changes(p->store->db) - before;
	if (rows > COMMAND_ROWS_MAX)
		fail_msg("%s wrote %d rows", c->kind->name, rows);
	p->rows_most = rows > p->rows_most ? rows : p->rows_most;
	assert_int_equal(store_commit(p->store), 0);
	snprintf(p->id, sizeof(p->id), "%s", c->id);
	keep_answer(p, &r);
	engine_result_fini(&r);
	p->now_us += 1000;
	p->boot_us += 1000;
}

const char *play_internal(struct play *p, const char *kind, json_t *args)
{
	struct command c;
	char *text;

	assert_int_equal(engine_internal(&p->engine, kind, args, moment_of(p), &c, &text), 0);
	apply(p, &c);
	command_fini(&c);
	free(text);
	return p->code;
}

bool play_continue_once(struct play *p)
{
	struct store_cursor q = store_query(p->store, SQL_CONTINUATION_NEXT, "");
	char kind[40];
	json_t *args;

	if (!store_first(&q))
		return false;
	text_copy(kind, sizeof(kind), store_text(&q, 1));
	args = json_loads(store_text(&q, 2), 0, NULL);
	json_object_set_new(args, "continuation", json_integer(store_int(&q, 0)));
	store_end(&q);
	play_internal(p, kind, args);
	assert_true(p->ok);
	return true;
}

/* The answer of what was asked stays to be looked at. */
void play_continue(struct play *p)
{
	struct play kept = *p;
	int n = 0;

	p->text = NULL;
	while (play_continue_once(p))
		assert_true(++n < CONTINUATIONS_MAX);
	free(p->text);
	p->text = kept.text;
	p->answer = kept.answer;
	p->ok = kept.ok;
	memcpy(p->id, kept.id, sizeof(p->id));
	memcpy(p->code, kept.code, sizeof(p->code));
	memcpy(p->say, kept.say, sizeof(p->say));
	memcpy(p->signal, kept.signal, sizeof(p->signal));
}

static void forget_once(struct play *p)
{
	p->deaf = false;
	p->step_less = 0;
	p->age_ms = 0;
	p->refuse[0] = '\0';
}

const char *play_send(struct play *p, enum door_kind peer, json_t *body)
{
	json_t *message = json_pack("{s:o}", "command", body);
	struct play_origin *origin = origin_of(p, peer, json_str(body, "device"));
	char id[96], why[WHY_MAX], *text;
	const char *code;
	struct command c;

	if (!json_object_get(body, "id")) {
		snprintf(id, sizeof(id), "%s:%lld", origin->name, (long long)++origin->n);
		json_object_set_new(body, "id", json_string(id));
	}
	text = json_dumps(message, JSON_COMPACT);
	assert_non_null(text);
	if (command_parse(&c, peer, message, text, &code, why, sizeof(why)) < 0) {
		keep_answer(p, &(struct engine_result){ .answer = ENGINE_NOT_TAKEN, .code = code });
		snprintf(p->say, sizeof(p->say), "%s", why);
	} else {
		apply(p, &c);
		command_fini(&c);
	}
	free(text);
	forget_once(p);
	if (!p->lazy)
		play_continue(p);
	return p->code;
}

const char *play_text(struct play *p, enum door_kind peer, const char *body)
{
	json_t *object = json_loads(body, 0, NULL);

	assert_non_null(object);
	return play_send(p, peer, object);
}

void play_wait(struct play *p, int64_t us)
{
	const char *kind;
	int64_t id;

	p->now_us += us;
	p->boot_us += us;
	while ((id = divert_overdue(&p->engine, p->boot_us, &kind)))
		play_internal(p, kind, json_pack("{s:I}", "divert", (json_int_t)id));
}

static const char floor_json[] =
	"{\"site\":\"DEMO\",\"incarnation\":\"00112233445566778899aabbccddeeff\",\"epoch\":\"0\",\"engine\":1,"
	"\"settings\":{\"packaging_g\":\"150\",\"tolerance_g\":\"60\",\"tolerance_percent\":\"5\",\"sscc_low\":\"2\","
	"\"deadline_ms/conveyor1\":\"250\"},"
	"\"stations\":[{\"station\":\"pack1\",\"kind\":\"pack\",\"printer\":\"pack1-labels\",\"scale\":\"pack1-scale\"},"
	"{\"station\":\"pack2\",\"kind\":\"pack\",\"printer\":\"pack1-labels\",\"scale\":\"pack1-scale\"},"
	"{\"station\":\"induct1\",\"kind\":\"induct\",\"printer\":\"\",\"scale\":\"\"},"
	"{\"station\":\"desk\",\"kind\":\"desk\",\"printer\":\"\",\"scale\":\"\"}],"
	"\"devices\":[{\"device\":\"pack1-scanner\",\"kind\":\"scanner\",\"station\":\"pack1\"},"
	"{\"device\":\"induct1-scanner\",\"kind\":\"scanner\",\"station\":\"induct1\"},"
	"{\"device\":\"pack1-scale\",\"kind\":\"scale\",\"station\":\"pack1\"},"
	"{\"device\":\"conveyor1\",\"kind\":\"plc\",\"station\":\"induct1\"},"
	"{\"device\":\"pack1-labels\",\"kind\":\"printer\",\"station\":\"pack1\"}],"
	"\"lanes\":[{\"lane\":\"north\",\"number\":1,\"plc\":\"conveyor1\",\"carrier\":\"NORTH\",\"role\":\"ship\"},"
	"{\"lane\":\"south\",\"number\":2,\"plc\":\"conveyor1\",\"carrier\":\"SOUTH\",\"role\":\"ship\"},"
	"{\"lane\":\"reject\",\"number\":8,\"plc\":\"conveyor1\",\"carrier\":\"\",\"role\":\"reject\"},"
	"{\"lane\":\"default\",\"number\":9,\"plc\":\"conveyor1\",\"carrier\":\"\",\"role\":\"default\"}]}";

void play_restart(struct play *p, const char *boot)
{
	json_t *args = json_loads(floor_json, 0, NULL);

	assert_non_null(args);
	json_object_set_new(args, "boot", json_string(boot));
	expect(p, play_internal(p, "started", args), "started");
}

static void open_store(struct store **store, struct engine *engine)
{
	assert_int_equal(store_open(":memory:", NULL, store), 0);
	store_begin(*store);
	engine_load(engine, *store);
	assert_int_equal(store_commit(*store), 0);
}

void play_open(struct play *p)
{
	*p = (struct play){ .now_us = INT64_C(1795327200000000), .boot_us = 60 * PLAY_S };
	dialogue_register();
	open_store(&p->store, &p->engine);
	play_restart(p, "boot-1");
}

static void add_user(struct play *p, const char *badge, const char *role, const char *device)
{
	char session[32];

	expect(p,
		play_ctl(p, "user_put",
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "badge", badge, "name", badge, "role", role, "salt",
				"00112233445566778899aabbccddeeff", "mac",
				"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")),
		"put");
	snprintf(session, sizeof(session), "session-of-%s-0001", device);
	expect(p, play_login(p, badge, device), "signed_on");
}

static void add_item(struct play *p, const char *item, const char *barcode, int64_t pack_qty, int64_t weight_g)
{
	expect(p,
		play_ctl(p, "item_put",
			json_pack("{s:s, s:s, s:s, s:I, s:I}", "item", item, "title", item, "barcode", barcode, "pack_qty",
				(json_int_t)pack_qty, "weight_g", (json_int_t)weight_g)),
		"put");
}

static void add_places(struct play *p)
{
	static const char *const bins[] = { "A1", "A2", "B1" };
	static const char *const totes[] = { "T1", "T2", "T3" };

	for (size_t i = 0; i < array_len(bins); i++)
		expect(p,
			play_ctl(p, "location_put", json_pack("{s:s, s:I}", "location", bins[i], "walk",
							    (json_int_t)(10 * i + 10))),
			"put");
	for (size_t i = 0; i < array_len(totes); i++)
		expect(p, play_ctl(p, "tote_put", json_pack("{s:s}", "tote", totes[i])), "put");
}

void play_open_floor(struct play *p)
{
	play_open(p);
	add_item(p, "TEA", TEA_CODE, 1, 540);
	add_item(p, "TEA", TEA_CASE, 6, 540);
	add_item(p, "MUG", MUG_CODE, 1, 300);
	add_places(p);
	play_stock(p, "A1", "TEA", "L1", "2027-01-31", 10);
	play_stock(p, "A2", "TEA", "L2", "2027-06-30", 10);
	play_stock(p, "B1", "MUG", "", NULL, 5);
	add_user(p, "P1", "picker", "hh1");
	add_user(p, "P2", "picker", "hh2");
	add_user(p, "K1", "packer", "pack1");
	add_user(p, "K2", "packer", "pack2");
	add_user(p, "S1", "supervisor", "desk");
	expect(p, play_lease(p, "b1", "34012345", 1, 100), "leased");
}

static void audit_nothing(struct play *p, enum sql sql, const char *what)
{
	struct store_cursor q = store_query(p->store, sql, "");

	if (store_next(&q))
		fail_msg("audit: %s: %s %s", what, store_text(&q, 0), store_text(&q, 1));
}

void play_audit(struct play *p)
{
	struct store_cursor q = store_query(p->store, SQL_AUDIT_STOCK, "");

	while (store_next(&q))
		if (store_int(&q, 3) != store_int(&q, 4))
			fail_msg("audit: %s at %s is %lld, its movements give %lld", store_text(&q, 1), store_text(&q, 0),
				(long long)store_int(&q, 3), (long long)store_int(&q, 4));
	audit_nothing(p, SQL_AUDIT_MOVED, "movements without stock");
	audit_nothing(p, SQL_AUDIT_SSCC_TWICE, "SSCC on two cartons");
	audit_nothing(p, SQL_AUDIT_SSCC_STRANGE, "SSCC from no block");
	audit_nothing(p, SQL_AUDIT_LINES, "line figures");
	assert_string_equal(play_words(p, "SELECT place || '/' || item FROM stock s WHERE place NOT LIKE '%%/%%' AND allocated <> "
					  "(SELECT coalesce(sum(qty), 0) FROM task t WHERE t.location = s.place AND t.item = s.item "
					  "AND t.lot = s.lot AND t.state IN ('open', 'leased'))"),
		"");
}

static unsigned peer_named(const char *name)
{
	for (unsigned kind = 0; kind < DOOR_KINDS; kind++)
		if (strcmp(door_kind_name((enum door_kind)kind), name) == 0)
			return kind;
	return PEER_INTERNAL;
}

static void replay_row(struct engine *engine, const struct store_cursor *q)
{
	bool refused = strstr(store_text(q, 6), "\"code\":\"refused\"") != NULL;
	const char *code;
	struct engine_result r;
	struct command c;
	char why[WHY_MAX];

	assert_int_equal(command_parse(&c, peer_named(store_text(q, 4)), json_loads(store_text(q, 5), 0, NULL),
				 store_text(q, 5), &code, why, sizeof(why)), 0);
	c.moment = (struct moment){ store_int(q, 1), store_int(q, 2), store_int(q, 3) };
	store_begin(engine->store);
	engine_apply(engine, &c, refused ? "refused by the test" : NULL, &r);
	assert_int_equal(store_commit(engine->store), 0);
	assert_int_equal(r.answer, ENGINE_DECIDED);
	assert_string_equal(r.text, store_text(q, 6));
	engine_result_fini(&r);
	command_fini(&c);
}

static void copy_all(struct store *from, struct store *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to->db, "main", from->db, "main");

	assert_non_null(b);
	assert_int_equal(sqlite3_backup_step(b, -1), SQLITE_DONE);
	assert_int_equal(sqlite3_backup_finish(b), SQLITE_OK);
}

int64_t play_seal(struct play *p)
{
	int64_t segment = p->engine.segment;
	uint8_t hash[HASH_BYTES];
	char last[HASH_HEX], state[HASH_HEX];

	store_close(p->sealed);
	assert_int_equal(store_open(":memory:", NULL, &p->sealed), 0);
	copy_all(p->store, p->sealed);
	text_hex(p->engine.hash, HASH_BYTES, last);
	expect(p, play_internal(p, "segment_seal",
		json_pack("{s:I, s:i, s:I, s:s, s:s}", "segment", (json_int_t)segment, "engine", ENGINE_VERSION, "last_seq",
			(json_int_t)p->engine.seq, "last_hash", last, "snapshot", "copy")), "closed");
	assert_int_equal(store_state_hash(p->sealed, hash), 0);
	text_hex(hash, HASH_BYTES, state);
	expect(p, play_internal(p, "segment_sealed",
		json_pack("{s:I, s:s}", "segment", (json_int_t)segment, "state_hash", state)), "sealed");
	return segment;
}

void play_days(struct play *p, int days)
{
	while (days-- > 0) {
		expect(p, play_internal(p, "day", json_object()), "day");
		play_continue(p);
	}
}

void play_replay(struct play *p)
{
	struct store_cursor q;
	struct engine engine;
	struct store *into;
	uint8_t want[HASH_BYTES], got[HASH_BYTES];

	open_store(&into, &engine);
	if (p->sealed) {
		copy_all(p->sealed, into);
		engine_load(&engine, into);
	}
	q = store_query(p->store, SQL_JOURNAL_AFTER, "i", engine.seq);
	while (store_next(&q))
		replay_row(&engine, &q);
	assert_int_equal(store_state_hash(p->store, want), 0);
	assert_int_equal(store_state_hash(into, got), 0);
	assert_memory_equal(got, want, HASH_BYTES);
	assert_memory_equal(engine.hash, p->engine.hash, HASH_BYTES);
	store_close(into);
}

/* Called by SQLite for each new connection. */
static int reverse_orders(sqlite3 *db, char **error, const struct sqlite3_api_routines *api)
{
	(void)error;
	(void)api;
	return sqlite3_exec(db, "PRAGMA reverse_unordered_selects=ON", NULL, NULL, NULL);
}

void play_close(struct play *p)
{
	if (p->unproven)
		goto done;
	play_audit(p);
	play_replay(p);
	/* Where a statement forgot its ORDER BY the second replay differs. */
	sqlite3_auto_extension((void (*)(void))reverse_orders);
	play_replay(p);
	sqlite3_cancel_auto_extension((void (*)(void))reverse_orders);
done:
	store_close(p->sealed);
	store_close(p->store);
	free(p->text);
}

static sqlite3_stmt *prepare(struct play *p, const char *format, va_list args)
{
	sqlite3_stmt *s = NULL;
	char *sql = sqlite3_vmprintf(format, args);

	if (sqlite3_prepare_v2(p->store->db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(p->store->db));
	sqlite3_free(sql);
	return s;
}

int64_t play_number(struct play *p, const char *format, ...)
{
	int64_t n = 0;
	sqlite3_stmt *s;
	va_list args;

	va_start(args, format);
	s = prepare(p, format, args);
	va_end(args);
	if (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

const char *play_words(struct play *p, const char *format, ...)
{
	static char out[4096];
	size_t len = 0;
	sqlite3_stmt *s;
	va_list args;

	va_start(args, format);
	s = prepare(p, format, args);
	va_end(args);
	out[0] = '\0';
	while (sqlite3_step(s) == SQLITE_ROW && len < sizeof(out)) {
		const char *word = (const char *)sqlite3_column_text(s, 0);

		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%s", len ? " " : "", word ? word : "NULL");
	}
	sqlite3_finalize(s);
	return out;
}

void play_check(struct play *p, const char *got, const char *wanted, const char *act, const char *file, int line)
{
	if (strcmp(got, wanted) == 0)
		return;
	print_error("%s\n\tgot %s (%s), wanted %s\n", act, got, p->say, wanted);
	_fail(file, line);
}
