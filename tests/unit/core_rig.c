#include "core_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "internal.h"
#include "text.h"

static void load_config(struct core_rig *rig)
{
	char path[96], text[512];

	text_format(path, sizeof(path), "%s/wharf.conf", rig->folder);
	text_format(text, sizeof(text),
		"[paths]\nstate = %s\nrun = %s\n[core]\nballast_mib = 0\nwarn_free_mib = 3\nintake_free_mib = 2\n"
		"closed_free_mib = 1\n",
		rig->folder, rig->folder);
	assert_int_equal(text_write_file(path, text, strlen(text), 0600), 0);
	assert_int_equal(config_load(path, stderr, &rig->config), 0);
}

static int never(sd_event_source *source, uint64_t usec, void *user)
{
	(void)source;
	(void)usec;
	(void)user;
	return 0;
}

/* Turns come when the test says so: their source is there, and never dispatched. */
static int no_turn(sd_event_source *source, void *user)
{
	(void)source;
	(void)user;
	return 0;
}

static void open_sources(struct core *core)
{
	assert_true(sd_event_new(&core->event) >= 0);
	assert_true(sd_event_add_defer(core->event, &core->turn_source, no_turn, core) >= 0);
	assert_true(sd_event_add_time(core->event, &core->deadline_source, CLOCK_BOOTTIME, UINT64_MAX, 0, never, core) >= 0);
}

void core_rig_open(struct core_rig *rig)
{
	assert_true(sodium_init() >= 0);
	*rig = (struct core_rig){ .folder = "/tmp/wharf-core.XXXXXX" };
	assert_non_null(mkdtemp(rig->folder));
	load_config(rig);
	core_rig_start(rig);
}

void core_rig_start(struct core_rig *rig)
{
	struct core *core = calloc(1, sizeof(*core));
	char path[96];

	assert_non_null(core);
	rig->core = core;
	core->config = rig->config;
	text_copy(core->state, sizeof(core->state), rig->folder);
	text_copy(core->run, sizeof(core->run), rig->folder);
	dialogue_register();
	open_sources(core);
	text_format(path, sizeof(path), "%s/wharf.db", rig->folder);
	assert_int_equal(store_open(path, NULL, &core->store), 0);
	store_begin(core->store);
	engine_load(&core->engine, core->store);
	assert_int_equal(store_commit(core->store), 0);
	assert_int_equal(guard_open(core), 0);
	assert_int_equal(guard_check_witness(core), 0);
	assert_int_equal(login_open(core), 0);
	assert_int_equal(core_start_site(core), 0);
	assert_int_equal(peers_listen(core), 0);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *where)
{
	(void)s;
	(void)type;
	(void)where;
	return remove(path);
}

/* What was said and never decided. */
static void drop_queue(struct core *core)
{
	for (int i = 0; i < PRIORITIES; i++)
		for (struct pending *p = core->queue_first[i], *next; p; p = next) {
			next = p->next;
			pending_free(p);
		}
}

void core_rig_close(struct core_rig *rig)
{
	struct core *core = rig->core;

	peers_destroy(core);
	drop_queue(core);
	for (size_t i = 0; i < rig->fds_n; i++)
		close(rig->fds[i]);
	sd_event_source_disable_unref(core->turn_source);
	sd_event_source_disable_unref(core->deadline_source);
	sd_event_unref(core->event);
	store_close(core->store);
	config_destroy(rig->config);
	free(core);
	nftw(rig->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void rig_connect(struct core_rig *rig, enum door_kind kind, const char *boot, struct rig_peer *ret)
{
	char path[300];
	size_t before = rig->core->peers_n;

	assert_int_equal(door_path(rig->folder, kind, path, sizeof(path)), 0);
	*ret = (struct rig_peer){ .rig = rig, .fd = door_connect(path) };
	assert_true(ret->fd >= 0 && rig->fds_n < RIG_PEERS_MAX);
	rig->fds[rig->fds_n++] = ret->fd;
	while (rig->core->peers_n == before)
		assert_true(sd_event_run(rig->core->event, 1000000) >= 0);
	ret->serial = rig->core->peers[before]->serial;
	rig_say(ret, "{\"hello\":{\"peer\":\"%s\",\"version\":1,\"boot\":\"%s\"}}", door_kind_name(kind), boot);
	assert_non_null(strstr(rig_hear(ret), "welcome"));
}

void rig_say(struct rig_peer *peer, const char *format, ...)
{
	struct peer *there = peer_find(peer->rig->core, peer->serial);
	char *text = NULL;
	va_list args;

	va_start(args, format);
	assert_true(vasprintf(&text, format, args) > 0);
	va_end(args);
	assert_non_null(there);
	message_take(there, text, strlen(text));
	free(text);
}

void rig_turn(struct core_rig *rig)
{
	assert_int_equal(on_turn(NULL, rig->core), 0);
}

const char *rig_hear(struct rig_peer *peer)
{
	size_t len = 0;

	peer->in[0] = '\0';
	if (door_recv(peer->fd, peer->in, &len) <= 0)
		peer->in[0] = '\0';
	return peer->in;
}

int64_t rig_number(struct core_rig *rig, const char *sql)
{
	return strtoll(rig_words(rig, sql), NULL, 10);
}

const char *rig_words(struct core_rig *rig, const char *sql)
{
	static char out[8192];
	sqlite3_stmt *s = NULL;
	size_t len = 0;

	if (sqlite3_prepare_v2(rig->core->store->db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(rig->core->store->db));
	out[0] = '\0';
	while (sqlite3_step(s) == SQLITE_ROW && len < sizeof(out)) {
		const char *word = (const char *)sqlite3_column_text(s, 0);

		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%s", len ? " " : "", word ? word : "NULL");
	}
	sqlite3_finalize(s);
	return out;
}
