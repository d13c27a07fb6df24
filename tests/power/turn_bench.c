#include "turn_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "crash_vfs.h"
#include "internal.h"
#include "json.h"
#include "play.h"
#include "text.h"

#define VFS_BENCH "turn-bench"
#define TURNS_MAX 200
#define SANITIZER_CODE "exitcode=99" /* its own word is EXIT_FAILURE, as the core's */

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return SANITIZER_CODE;
}

const char *__ubsan_default_options(void)
{
	return SANITIZER_CODE;
}

enum pause { GOES_ON, TURN, TURN_AND_CHECKPOINT, TURN_AND_TRUNCATE };

struct step {
	enum door_kind peer;
	enum pause pause; /* behind it */
	const char *body;
};

#define LINE(n, item, qty) "{\"line\":" #n ",\"item\":\"" item "\",\"qty\":" #qty "}"
#define FIVE_LINES(n) LINE(n##1, "TEA", 1) "," LINE(n##2, "MUG", 1) "," LINE(n##3, "TEA", 2) "," LINE(n##4, "MUG", 2) "," \
	LINE(n##5, "TEA", 1)
#define STOCK(bin, item, qty) \
	"\"kind\":\"stock_adjust\",\"args\":{\"location\":\"" bin "\",\"item\":\"" item "\",\"lot\":\"L1\",\"qty\":" #qty \
	",\"reason\":\"received\"}"
#define DOWN(n, type, body) "\"kind\":\"hq_down\",\"args\":{\"n\":" #n ",\"type\":\"" type "\",\"body\":{" body "}}"
#define ORDER(order, lines) \
	"\"order\":\"" order "\",\"customer\":\"Café\",\"customer_po\":\"PO-7\",\"carrier\":\"NORTH\",\"ship_to\":{\"name\":\"Café\"}," \
	"\"lines\":[" lines "]"

static const struct step steps[] = {
	{ DOOR_CTL, GOES_ON, "\"kind\":\"item_put\",\"args\":{\"item\":\"TEA\",\"title\":\"Tea\",\"barcode\":\"4012345000016\",\"weight_g\":540}" },
	{ DOOR_CTL, GOES_ON, "\"kind\":\"item_put\",\"args\":{\"item\":\"MUG\",\"title\":\"Mug\",\"barcode\":\"4012345000023\",\"weight_g\":300}" },
	{ DOOR_CTL, GOES_ON, "\"kind\":\"location_put\",\"args\":{\"location\":\"A1\",\"walk\":10}" },
	{ DOOR_CTL, TURN, "\"kind\":\"location_put\",\"args\":{\"location\":\"B1\",\"walk\":20}" },
	{ DOOR_CTL, GOES_ON, STOCK("A1", "TEA", 40) },
	{ DOOR_CTL, GOES_ON, STOCK("B1", "MUG", 30) },
	{ DOOR_PLC, TURN_AND_CHECKPOINT, "\"kind\":\"plc_state\",\"device\":\"conveyor1\",\"args\":{\"mode\":1,\"faults\":0}" },
	{ DOOR_SYNC, GOES_ON, "\"kind\":\"hq_link\",\"args\":{\"state\":\"up\"}" },
	{ DOOR_SYNC, TURN, DOWN(1, "order", ORDER("O1", LINE(1, "TEA", 2) "," LINE(2, "MUG", 1))) },
	/* More lines than a turn allocates: the rest is a continuation. */
	{ DOOR_SYNC, TURN_AND_CHECKPOINT, DOWN(2, "order", ORDER("O2", FIVE_LINES(1) "," FIVE_LINES(2) "," FIVE_LINES(3) "," \
		FIVE_LINES(4) "," FIVE_LINES(5))) },
	{ DOOR_CTL, GOES_ON, "\"kind\":\"order_hold\",\"args\":{\"order\":\"O1\"}" },
	{ DOOR_PLC, GOES_ON, "\"kind\":\"divert_request\",\"device\":\"conveyor1\",\"args\":{\"seq\":1,\"tracking\":701,\"point\":1,\"read\":0,\"code\":\"\"}" },
	{ DOOR_SYNC, TURN, DOWN(3, "order.cancel", "\"order\":\"O2\"") },
	/* Refused, and journalled all the same. */
	{ DOOR_CTL, GOES_ON, "\"kind\":\"order_cancel\",\"args\":{\"order\":\"NONE\"}" },
	{ DOOR_CTL, TURN_AND_TRUNCATE, "\"kind\":\"order_release\",\"args\":{\"order\":\"O1\"}" },
	{ DOOR_CTL, GOES_ON, "\"kind\":\"order_cancel\",\"args\":{\"order\":\"O1\"}" },
	{ DOOR_SYNC, TURN_AND_CHECKPOINT, "\"kind\":\"hq_acked\",\"args\":{\"cum\":2,\"safe\":1,\"hub_gen\":\"g\",\"hash\":\"\"}" },
	{ DOOR_CTL, TURN, STOCK("A1", "TEA", 1) },
};

size_t bench_commands(void)
{
	return array_len(steps);
}

static const char *const origins[DOOR_KINDS] = { [DOOR_CTL] = "me", [DOOR_SYNC] = "link", [DOOR_PLC] = "plc" };

static struct rig_peer *peer_of(struct bench *b, enum door_kind kind)
{
	return kind == DOOR_CTL ? &b->ctl : kind == DOOR_SYNC ? &b->sync : &b->plc;
}

/* Numbers of an origin follow each other. */
static void name_step(size_t step, char *out, size_t size)
{
	int n = 0;

	for (size_t i = 0; i <= step; i++)
		n += steps[i].peer == steps[step].peer;
	snprintf(out, size, "%s:%d", origins[steps[step].peer], n);
}

/* ---- what is heard ---- */

static void note_answer(struct ledger *ledger, const char *id, enum heard heard, const char *text)
{
	char name[DOOR_ID_MAX];

	for (size_t i = 0; i < array_len(steps); i++) {
		name_step(i, name, sizeof(name));
		if (strcmp(name, id) != 0)
			continue;
		assert_true(strlen(text) < BENCH_TEXT_MAX);
		/* Once said it stays, byte for byte. */
		if (ledger->heard[i] == HEARD_OUTCOME)
			assert_string_equal(text, ledger->text[i]);
		ledger->heard[i] = heard;
		snprintf(ledger->text[i], BENCH_TEXT_MAX, "%s", text);
		return;
	}
	fail_msg("an answer to nothing: %s", text);
}

static void note_message(struct ledger *ledger, const char *text)
{
	_cleanup_json_ json_t *message = json_loads(text, 0, NULL);
	const json_t *outcome = json_object_get(message, "outcome"), *refused = json_object_get(message, "refused");
	int64_t head = json_int(json_object_get(message, "push"), "head");

	if (outcome)
		note_answer(ledger, json_str(outcome, "id"), HEARD_OUTCOME, text);
	if (refused) {
		assert_string_equal(json_str(refused, "why"), "disk_full");
		note_answer(ledger, json_str(refused, "id"), HEARD_FULL, text);
	}
	if (head > ledger->head_heard)
		ledger->head_heard = head;
}

void bench_hear(struct bench *b)
{
	for (int kind = 0; kind < DOOR_KINDS; kind++)
		while (origins[kind] && rig_hear(peer_of(b, (enum door_kind)kind))[0])
			note_message(b->ledger, peer_of(b, (enum door_kind)kind)->in);
}

/* ---- the play ---- */

static bool at_work(const struct core *core)
{
	for (int i = 0; i < PRIORITIES; i++)
		if (core->queue_first[i])
			return true;
	return core->more && !core_closed(core);
}

static void note_commit(struct bench *b)
{
	/* What failed half-way was thrown away whole: the engine knows of no more than the disk. */
	if (!b->ledger->commits)
		assert_int_equal(b->rig.core->engine.seq, b->ledger->committed_seq);
	else if (!core_closed(b->rig.core))
		b->ledger->committed_seq = b->ledger->tried_seq;
	assert_int_equal(b->rig.core->engine.seq, b->ledger->committed_seq);
}

static void turns(struct bench *b)
{
	int n = 0;

	do {
		b->ledger->commits = 0;
		rig_turn(&b->rig);
		assert_in_range(b->ledger->commits, 0, 1);
		note_commit(b);
		bench_hear(b);
		assert_true(++n < TURNS_MAX);
	} while (at_work(b->rig.core));
}

void bench_play(struct bench *b)
{
	char id[DOOR_ID_MAX];

	for (size_t i = 0; i < array_len(steps); i++) {
		name_step(i, id, sizeof(id));
		rig_say(peer_of(b, steps[i].peer), "{\"command\":{\"id\":\"%s\",%s}}", id, steps[i].body);
		if (steps[i].pause == GOES_ON)
			continue;
		turns(b);
		if (steps[i].pause != TURN)
			core_checkpoint(b->rig.core, steps[i].pause == TURN_AND_TRUNCATE);
	}
}

/* ---- opening, running, proving ---- */

/* SQLite calls it as the first thing of a commit that wrote something. */
static int on_commit(void *user)
{
	struct bench *b = user;

	b->ledger->tried_seq = b->rig.core->engine.seq;
	b->ledger->commits++;
	return 0;
}

void bench_join(struct bench *b)
{
	b->rig.fds_n = 0;
	rig_connect(&b->rig, DOOR_CTL, "me", &b->ctl);
	rig_connect(&b->rig, DOOR_SYNC, "link", &b->sync);
	rig_connect(&b->rig, DOOR_PLC, "plc", &b->plc);
	rig_say(&b->sync, "{\"subscribe\":{\"topic\":\"outbox\"}}");
	/* What the start left over. */
	rig_turn(&b->rig);
	b->ledger->committed_seq = b->rig.core->engine.seq;
	sqlite3_commit_hook(b->rig.core->store->db, on_commit, b);
}

void bench_open(struct bench *b, int cache_pages)
{
	char ballast[96];

	*b = (struct bench){ .disk = disk_create(), .image = disk_create() };
	b->ledger = mmap(NULL, sizeof(*b->ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(b->ledger, MAP_FAILED);
	b->disk->cache_pages = cache_pages;
	crash_vfs_register(VFS_BENCH, b->disk, true);
	core_rig_open(&b->rig);
	bench_join(b);
	/* With a ballast to give, a full disk empties the log at once. */
	text_format(ballast, sizeof(ballast), "%s/ballast", b->rig.folder);
	assert_int_equal(text_write_file(ballast, "", 0, 0600), 0);
	text_format(b->poison_path, sizeof(b->poison_path), "%s/poison", b->rig.folder);
	b->first_seq = b->rig.core->engine.seq;
	disk_copy(b->image, b->disk);
}

void bench_close(struct bench *b)
{
	sqlite3_commit_hook(b->rig.core->store->db, NULL, NULL);
	disk_copy(b->disk, b->image);
	core_rig_close(&b->rig);
	crash_vfs_unregister(VFS_BENCH);
	munmap(b->ledger, sizeof(*b->ledger));
	disk_destroy(b->disk);
	disk_destroy(b->image);
}

/* The file stays, for the first core has it mapped. */
static void forget_deaths(const struct bench *b)
{
	struct stat s;

	assert_int_equal(stat(b->poison_path, &s), 0);
	assert_int_equal(truncate(b->poison_path, 0), 0);
	assert_int_equal(truncate(b->poison_path, s.st_size), 0);
}

void bench_reset(struct bench *b)
{
	disk_copy(b->disk, b->image);
	*b->ledger = (struct ledger){ .committed_seq = b->first_seq, .tried_seq = b->first_seq };
	forget_deaths(b);
}

int bench_fork(struct bench *b, void (*act)(struct bench *b, void *user), void *user)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		/* A failed assertion must not go on with the tests of whoever forked. */
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		act(b, user);
		_exit(EXIT_SUCCESS);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || (WEXITSTATUS(status) != EXIT_SUCCESS && WEXITSTATUS(status) != BENCH_ENDED))
		fail_msg("a run ended with status 0x%x", (unsigned)status);
	return WEXITSTATUS(status);
}

void bench_prove(struct bench *b)
{
	struct play p = { .store = b->rig.core->store, .engine = b->rig.core->engine };
	char why[160];

	assert_int_equal(store_integrity(p.store, why, sizeof(why)), 0);
	play_audit(&p);
	assert_int_equal(rig_number(&b->rig, "SELECT count(*) FROM journal WHERE peer <> 'core'"), bench_commands());
	assert_int_equal(rig_number(&b->rig, "SELECT count(DISTINCT json_extract(outcome, '$.id')) FROM journal WHERE peer <> 'core'"),
		bench_commands());
}

void bench_replay(struct bench *b)
{
	struct play p = { .store = b->rig.core->store, .engine = b->rig.core->engine };

	play_replay(&p);
}
