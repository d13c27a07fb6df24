#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain.h"
#include "cleanup.h"
#include "json.h"
#include "store_private.h"

#define BATCH_MAX 8

struct books {
	char folder[32];
	char path[64];
	struct store *store;
	int64_t head;
	uint8_t hash[HASH_BYTES];
};

static void open_store(struct books *b)
{
	assert_int_equal(store_open(b->path, &b->store), 0);
}

static int setup(void **state)
{
	struct books *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	strcpy(b->folder, "/tmp/wharf-hq-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->path, sizeof(b->path), "%s/hq.db", b->folder);
	open_store(b);
	assert_int_equal(store_site_add(b->store, "S1"), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"hq.db", "hq.db-wal", "hq.db-shm", "copy.db"};
	struct books *b = *state;
	char path[96];

	store_close(b->store);
	for (size_t i = 0; i < array_len(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->folder, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(b->folder), 0);
	free(b);
	return 0;
}

struct result {
	enum hub_result result;
	struct hub_cursor cursor;
	struct sync_bad bad[SYNC_BAD_MAX];
	size_t bad_n;
};

/* Events after `after` with hash `prev` before them. */
static struct result apply(struct books *b, int64_t after, const uint8_t *prev,
	const char *const *texts, size_t n, uint8_t *ret_hash)
{
	struct sync_part parts[BATCH_MAX];
	uint8_t hashes[BATCH_MAX][HASH_BYTES];
	struct sync_frame up = {
		.type = SYNC_UP, .first = after + 1, .bodies = parts, .bodies_n = n};
	struct result r = {.result = HUB_OK};

	memcpy(up.prev, prev, HASH_BYTES);
	for (size_t i = 0; i < n; i++) {
		parts[i] = (struct sync_part){texts[i], strlen(texts[i])};
		chain_next(i ? hashes[i - 1] : prev, (uint64_t)after + i + 1, texts[i],
			strlen(texts[i]), hashes[i]);
	}
	memcpy(up.hash, hashes[n - 1], HASH_BYTES);
	r.result = store_apply(b->store, "S1", &up, (const uint8_t(*)[HASH_BYTES])hashes, &r.cursor,
		r.bad, &r.bad_n);
	memcpy(ret_hash, up.hash, HASH_BYTES);
	return r;
}

static struct result apply_next(struct books *b, const char *const *texts, size_t n)
{
	struct result r = apply(b, b->head, b->hash, texts, n, b->hash);

	assert_int_equal(r.result, HUB_OK);
	b->head += (int64_t)n;
	assert_int_equal(r.cursor.up_n, b->head);
	return r;
}

static int64_t status(struct books *b, const char *key)
{
	_cleanup_json_ json_t *list = store_status(b->store);

	return json_int(json_array_get(list, 0), key);
}

#define SHIPMENT(id, number, order)                                                                \
	"{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/wharf/S1\",\"type\":"            \
	"\"wharf.shipment.confirmed\",\"subject\":\"" order "\",\"data\":{\"shipment\":\"" number  \
	"\",\"order\":\"" order "\",\"cartons\":[]}}"
#define EVENT(id, type, subject)                                                                   \
	"{\"id\":\"" id "\",\"type\":\"" type "\",\"subject\":\"" subject "\",\"data\":{}}"

static void a_shipment_reaches_the_books_once(void **state)
{
	struct books *b = *state;
	const char *const texts[] = {
		SHIPMENT("a:1/1", "S1-1-1", "O1"), SHIPMENT("a:2/1", "S1-1-2", "O2")};

	apply_next(b, texts, 2);
	assert_int_equal(status(b, "shipments"), 2);
	assert_int_equal(status(b, "duplicates"), 0);
	/* The business key holds even when the same shipment is told under a new number. */
	apply_next(b, texts, 1);
	assert_int_equal(status(b, "shipments"), 2);
	assert_int_equal(status(b, "duplicates"), 1);
}

static void H1_the_same_batch_twice_has_no_second_effect(void **state)
{
	struct books *b = *state;
	const char *const texts[] = {SHIPMENT("a:1/1", "S1-1-1", "O1")};
	uint8_t zero[HASH_BYTES] = {0}, hash[HASH_BYTES];
	struct result r;

	apply_next(b, texts, 1);
	r = apply(b, 0, zero, texts, 1, hash);
	assert_int_equal(r.result, HUB_MISMATCH);
	assert_int_equal(r.cursor.up_n, 1);
	assert_memory_equal(r.cursor.up_hash, b->hash, HASH_BYTES);
	assert_int_equal(status(b, "shipments"), 1);
	assert_int_equal(status(b, "duplicates"), 0);
	assert_int_equal(status(b, "up_n"), 1);
}

static void H1_a_gap_a_fork_and_a_blocked_site_write_nothing(void **state)
{
	struct books *b = *state;
	const char *const texts[] = {SHIPMENT("a:1/1", "S1-1-1", "O1")};
	uint8_t other[HASH_BYTES] = {1}, hash[HASH_BYTES];

	apply_next(b, texts, 1);
	assert_int_equal(apply(b, 2, b->hash, texts, 1, hash).result, HUB_MISMATCH);
	assert_int_equal(apply(b, 1, other, texts, 1, hash).result, HUB_MISMATCH);
	assert_int_equal(store_site_set(b->store, "S1", false), 0);
	assert_int_equal(apply(b, 1, b->hash, texts, 1, hash).result, HUB_REFUSED);
	assert_int_equal(status(b, "up_n"), 1);
	assert_int_equal(status(b, "duplicates"), 0);
	assert_int_equal(store_site_set(b->store, "S1", true), 0);
	assert_int_equal(apply(b, 1, b->hash, texts, 1, hash).result, HUB_OK);
}

static void a_poison_event_blocks_only_its_own_key(void **state)
{
	struct books *b = *state;
	const char *const texts[] = {
		"{\"id\":\"a:1/"
		"1\",\"type\":\"wharf.shipment.confirmed\",\"subject\":\"O1\",\"data\":{}}",
		SHIPMENT("a:2/1", "S1-1-2", "O2"),
		SHIPMENT("a:3/1", "S1-1-3", "O1"),
		"no JSON at all",
		SHIPMENT("a:4/1", "S1-1-4", "O4"),
	};
	struct result r = apply_next(b, texts, 5);

	assert_int_equal(r.bad_n, 3);
	assert_int_equal(r.bad[0].n, 1);
	assert_string_equal(r.bad[0].why, "a shipment without number or order");
	assert_int_equal(r.bad[1].n, 3);
	assert_string_equal(r.bad[1].why, "waits behind event 1");
	assert_int_equal(r.bad[2].n, 4);
	assert_int_equal(status(b, "shipments"), 2);
	assert_int_equal(status(b, "quarantined"), 3);
	assert_int_equal(status(b, "up_n"), 5);
}

static void an_unknown_type_is_stored_as_it_came(void **state)
{
	struct books *b = *state;
	const char *const texts[] = {EVENT("a:1/1", "wharf.something.new", "X")};

	assert_int_equal(apply_next(b, texts, 1).bad_n, 0);
	assert_int_equal(status(b, "quarantined"), 0);
}

static void what_is_committed_is_there_after_a_new_start(void **state)
{
	struct books *b = *state;
	const char *const texts[] = {SHIPMENT("a:1/1", "S1-1-1", "O1")};
	char gen[SYNC_GEN_MAX];
	int64_t n = 0;

	strcpy(gen, store_gen(b->store));
	apply_next(b, texts, 1);
	assert_int_equal(store_down_put(b->store, "S1", "order", "{}", &n), 0);
	store_close(b->store);
	open_store(b);
	assert_string_equal(gen, store_gen(b->store));
	assert_int_equal(status(b, "up_n"), 1);
	assert_int_equal(status(b, "down_head"), 1);
	apply_next(b, texts, 1);
}

static struct sync_frame hello(const char *incarnation, int64_t down_n)
{
	struct sync_frame f;

	sync_frame_init(&f, SYNC_HELLO, "e", "");
	strcpy(f.incarnation, incarnation);
	f.down_n = down_n;
	return f;
}

static void down_numbers_ascend_and_are_never_used_again(void **state)
{
	struct books *b = *state;
	struct hub_down downs[SYNC_DOWN_WINDOW];
	struct hub_cursor cursor;
	struct sync_frame f = hello("i1", 9), ack = {.type = SYNC_DOWNACK, .down_n = 2};
	int64_t n = 0;

	for (int i = 1; i <= 3; i++) {
		assert_int_equal(store_down_put(b->store, "S1", "order", "{\"a\":1}", &n), 0);
		assert_int_equal(n, i);
	}
	assert_int_equal(store_down_put(b->store, "S9", "order", "{}", &n), -ENOENT);
	assert_int_equal(store_downs(b->store, "S1", 1, 16, downs), 2);
	assert_int_equal(downs[0].n, 2);
	assert_string_equal(downs[0].body, "{\"a\":1}");
	assert_string_equal(downs[0].gen, store_gen(b->store));
	store_down_ack(b->store, "S1", &ack);
	assert_int_equal(status(b, "down_acked"), 2);
	/* A site that has seen number 9: this store was restored and must not give 4 to 9 again. */
	assert_int_equal(store_hello(b->store, "S1", &f, &cursor), HUB_OK);
	assert_int_equal(cursor.down_head, 9);
	assert_int_equal(store_down_put(b->store, "S1", "order", "{}", &n), 0);
	assert_int_equal(n, 10);
}

static void another_database_of_the_same_site_is_seen(void **state)
{
	struct books *b = *state;
	struct sync_frame first = hello("i1", 0), second = hello("i2", 0);
	struct hub_cursor cursor;

	assert_int_equal(store_hello(b->store, "S1", &first, &cursor), HUB_OK);
	assert_false(cursor.other_incarnation);
	assert_int_equal(store_hello(b->store, "S1", &second, &cursor), HUB_OK);
	assert_true(cursor.other_incarnation);
	assert_int_equal(store_hello(b->store, "S1", &first, &cursor), HUB_OK);
	assert_false(cursor.other_incarnation);
	assert_int_equal(store_hello(b->store, "S9", &first, &cursor), HUB_REFUSED);
}

static void a_block_asked_for_twice_is_one_block_and_no_two_sites_share_one(void **state)
{
	struct books *b = *state;
	const struct lease_terms terms = {"34012345", 100};
	struct sync_frame one = {0}, again = {0}, two = {0}, other = {0};

	assert_int_equal(store_site_add(b->store, "S2"), 0);
	assert_int_equal(store_lease(b->store, "S1", 0, &terms, &one), HUB_OK);
	assert_int_equal(store_lease(b->store, "S1", 0, &terms, &again), HUB_OK);
	assert_int_equal(one.lease_first, again.lease_first);
	assert_string_equal(one.block, again.block);
	assert_int_equal(store_lease(b->store, "S2", 0, &terms, &other), HUB_OK);
	assert_int_equal(store_lease(b->store, "S1", one.lease, &terms, &two), HUB_OK);
	assert_int_equal(other.lease_first, 100);
	assert_int_equal(two.lease_first, 200);
	assert_int_equal(two.lease, 2);
	assert_int_equal(two.epoch, 1);
}

static void the_last_serial_of_a_prefix_is_not_overrun(void **state)
{
	struct books *b = *state;
	const struct lease_terms terms = {"340123456789012", 60}; /* two digits of serial */
	struct sync_frame f = {0};

	assert_int_equal(store_lease(b->store, "S1", 0, &terms, &f), HUB_OK);
	assert_int_equal(store_lease(b->store, "S1", 1, &terms, &f), HUB_BUSY_STORE);
}

static void a_verified_backup_makes_its_events_safe_and_can_be_read(void **state)
{
	struct books *b = *state;
	const char *const texts[] = {SHIPMENT("a:1/1", "S1-1-1", "O1"), EVENT("a:2/1", "x", "")};
	struct store_backup *backup = NULL;
	char to[64], why[128] = "", line[512], hex[HASH_HEX];
	_cleanup_file_ FILE *facts = tmpfile();
	int r;

	apply_next(b, texts, 2);
	assert_int_equal(status(b, "safe"), 0);
	snprintf(to, sizeof(to), "%s/copy.db", b->folder);
	assert_int_equal(store_backup_start(b->store, to, &backup, why, sizeof(why)), 0);
	while ((r = store_backup_step(backup, why, sizeof(why))) > 0)
		;
	store_backup_end(backup);
	assert_string_equal(why, "");
	assert_int_equal(r, 0);
	assert_int_equal(status(b, "safe"), 2);
	assert_int_equal(store_facts(to, "S1", facts), 0);
	rewind(facts);
	assert_non_null(fgets(line, sizeof(line), facts));
	assert_non_null(
		strstr(line, "\"id\":\"a:1/1\",\"n\":1,\"type\":\"wharf.shipment.confirmed\""));
	assert_non_null(fgets(line, sizeof(line), facts));
	text_hex(b->hash, HASH_BYTES, hex);
	assert_non_null(strstr(line, hex));
	assert_null(fgets(line, sizeof(line), facts));
}

static void a_full_disk_is_said_writes_nothing_and_is_overcome(void **state)
{
	static char big[60000];
	const char *const texts[] = {big};
	struct books *b = *state;
	uint8_t hash[HASH_BYTES];

	snprintf(big, sizeof(big), "{\"id\":\"a:1/1\",\"type\":\"x\",\"data\":\"%050000d\"}", 0);
	apply_next(b, texts, 1);
	assert_int_equal(
		sqlite3_exec(b->store->db, "PRAGMA max_page_count = 1", NULL, NULL, NULL), 0);
	assert_int_equal(apply(b, 1, b->hash, texts, 1, hash).result, HUB_BUSY_STORE);
	assert_int_equal(sqlite3_get_autocommit(b->store->db), 1);
	assert_int_equal(status(b, "up_n"), 1);
	assert_int_equal(
		sqlite3_exec(b->store->db, "PRAGMA max_page_count = 100000", NULL, NULL, NULL), 0);
	apply_next(b, texts, 1);
}

/* In a child: files may not grow, so a write fails in the middle. What it was told is acknowledged
 * goes through the pipe. */
static void apply_until_it_ends(struct books *b, int out)
{
	const struct rlimit limit = {512 * 1024, 512 * 1024};
	const char *const texts[] = {EVENT("a:1/1", "x", "")};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 10000; i++) {
		struct result r = apply(b, b->head, b->hash, texts, 1, b->hash);

		if (r.result != HUB_OK)
			_exit(77);
		b->head++;
		if (write(out, &b->head, sizeof(b->head)) < 0)
			_exit(78);
	}
	_exit(79);
}

static void P2_an_io_error_ends_the_program_and_takes_back_nothing(void **state)
{
	struct books *b = *state;
	int64_t acked = 0;
	int pipes[2], code;
	pid_t pid;

	store_close(b->store);
	b->store = NULL;
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		open_store(b);
		apply_until_it_ends(b, pipes[1]);
	}
	close(pipes[1]);
	while (read(pipes[0], &acked, sizeof(acked)) == (ssize_t)sizeof(acked))
		;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_true(WIFEXITED(code));
	assert_int_equal(WEXITSTATUS(code), EXIT_FAILURE);
	assert_true(acked > 10);
	open_store(b);
	assert_int_equal(status(b, "up_n"), acked);
}

int main(void)
{
#define BOOKS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		BOOKS_TEST(a_shipment_reaches_the_books_once),
		BOOKS_TEST(H1_the_same_batch_twice_has_no_second_effect),
		BOOKS_TEST(H1_a_gap_a_fork_and_a_blocked_site_write_nothing),
		BOOKS_TEST(a_poison_event_blocks_only_its_own_key),
		BOOKS_TEST(an_unknown_type_is_stored_as_it_came),
		BOOKS_TEST(what_is_committed_is_there_after_a_new_start),
		BOOKS_TEST(down_numbers_ascend_and_are_never_used_again),
		BOOKS_TEST(another_database_of_the_same_site_is_seen),
		BOOKS_TEST(a_block_asked_for_twice_is_one_block_and_no_two_sites_share_one),
		BOOKS_TEST(the_last_serial_of_a_prefix_is_not_overrun),
		BOOKS_TEST(a_full_disk_is_said_writes_nothing_and_is_overcome),
		BOOKS_TEST(P2_an_io_error_ends_the_program_and_takes_back_nothing),
		BOOKS_TEST(a_verified_backup_makes_its_events_safe_and_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
