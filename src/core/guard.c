/* What keeps the core honest about its surroundings: clocks, commands that kill it, and a witness outside
 * the database that tells when the database is an old copy. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timex.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "core.h"
#include "json.h"
#include "log.h"
#include "text.h"

/* A wall clock that moved this much against the boot clock has jumped; records stay doubtful so long after. */
#define CLOCK_JUMP_US (2 * US_PER_S)
#define CLOCK_DOUBT_US (600 * US_PER_S)
#define POISON_STARTS 2

/* Lives in a file in the run folder: `id` is written before each command and cleared behind it. Commands of the start
 * itself are decided in between, so what was found there is kept apart until it comes again. */
struct poison {
	char id[DOOR_ID_MAX];
	char suspect[DOOR_ID_MAX];
	uint32_t starts; /* in a row that found the suspect at work */
};

const char *guard_poisoned(struct core *core, const char *id)
{
	return core->poisoned_id[0] && strcmp(core->poisoned_id, id) == 0 ?
		ENGINE_POISON_SAY : NULL;
}

void guard_enter(struct core *core, const char *id)
{
	text_copy(core->poison->id, sizeof(core->poison->id), id);
}

void guard_leave(struct core *core)
{
	/* Decided: it was not what killed us. */
	if (strcmp(core->poison->id, core->poison->suspect) == 0)
		core->poison->suspect[0] = '\0';
	core->poison->id[0] = '\0';
}

/* What the last run was at when it ended becomes the suspect, or is it again. */
static void find_suspect(struct core *core)
{
	struct poison *p = core->poison;

	p->id[sizeof(p->id) - 1] = p->suspect[sizeof(p->suspect) - 1] = '\0';
	if (!p->id[0] || strcmp(p->id, p->suspect) != 0)
		p->starts = 0;
	memcpy(p->suspect, p->id, sizeof(p->suspect));
	p->id[0] = '\0';
	if (!p->suspect[0])
		return;
	log_warning("wharfd died while deciding a command id=%s starts=%u", p->suspect, ++p->starts);
	if (p->starts >= POISON_STARTS)
		text_copy(core->poisoned_id, sizeof(core->poisoned_id), p->suspect);
}

static int open_poison(struct core *core)
{
	char path[300];
	_cleanup_fd_ int fd = -1;
	void *map;

	if (text_format(path, sizeof(path), "%s/poison", core->run) < 0)
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(struct poison)) < 0)
		return -errno;
	map = mmap(NULL, sizeof(struct poison), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	core->poison = map;
	find_suspect(core);
	return 0;
}

int guard_open(struct core *core)
{
	int r = open_poison(core);

	core->clock_offset_us = clock_real_us() - clock_boot_us();
	if (r == 0)
		disk_open(core);
	return r;
}

struct moment guard_moment(struct core *core)
{
	struct timex t = { 0 };
	struct moment m = { .now_us = clock_real_us(), .boot_us = clock_boot_us() };
	int64_t offset_us = m.now_us - m.boot_us, moved_us = offset_us - core->clock_offset_us;

	if (moved_us > CLOCK_JUMP_US || moved_us < -CLOCK_JUMP_US) {
		log_warning("wall clock jumped by %lld s: records are marked doubtful", (long long)(moved_us / US_PER_S));
		core->clock_doubtful_until_us = m.boot_us + CLOCK_DOUBT_US;
	}
	core->clock_offset_us = offset_us;
	m.doubtful = m.boot_us < core->clock_doubtful_until_us || m.now_us < core->engine.now_us ||
		adjtimex(&t) == TIME_ERROR;
	return m;
}

/* Once: a name that could not be read for a moment would make this box a copy of itself at its next start. */
static int read_machine_id(struct core *core)
{
	_cleanup_free_ char *text = NULL;
	int r = text_read_file("/etc/machine-id", 64, &text, NULL);

	if (r == -ENOENT)
		return text_copy(core->machine, sizeof(core->machine), "unknown");
	if (r < 0) {
		log_error("the machine's id cannot be read: %s path=/etc/machine-id", strerror(-r));
		return r;
	}
	text[strcspn(text, "\n")] = '\0';
	return text_copy(core->machine, sizeof(core->machine), text);
}

static int witness_path(const struct core *core, char *out, size_t size)
{
	return text_format(out, size, "%s/witness", core->state);
}

static int write_witness(struct core *core, const char *incarnation, int64_t seq)
{
	char path[300], text[300];

	if (witness_path(core, path, sizeof(path)) < 0)
		return -ENAMETOOLONG;
	snprintf(text, sizeof(text), "{\"incarnation\":\"%s\",\"machine\":\"%s\",\"seq\":%lld}\n", incarnation, core->machine,
		(long long)seq);
	return text_write_file(path, text, strlen(text), 0600);
}

static void keep_witness(struct core *core)
{
	char incarnation[64] = "";
	int r;

	if (core->closed_reason[0] || core->witnessed_seq == core->engine.seq)
		return;
	store_meta(core->store, "incarnation", incarnation, sizeof(incarnation));
	r = write_witness(core, incarnation, core->engine.seq);
	if (r == 0)
		core->witnessed_seq = core->engine.seq;
	else if (!core->witness_failed)
		log_warning("the witness file cannot be written: %s", strerror(-r));
	core->witness_failed = r < 0;
}

/* A new database: its witness is on disk before its first row, so a crash in between leaves nothing to doubt. */
static int first_witness(struct core *core)
{
	uint8_t random[16];

	randombytes_buf(random, sizeof(random));
	text_hex(random, sizeof(random), core->incarnation);
	return write_witness(core, core->incarnation, 0);
}

static const char *compare_witness(struct core *core, const json_t *witness)
{
	char incarnation[64] = "";

	store_meta(core->store, "incarnation", incarnation, sizeof(incarnation));
	if (strcmp(json_str(witness, "incarnation"), incarnation) != 0)
		return "the witness file belongs to another database";
	if (strcmp(json_str(witness, "machine"), core->machine) != 0)
		return "the witness file was written by another machine: this is a copy";
	if (json_int(witness, "seq") > core->engine.seq)
		return "the database is older than its witness: it was restored";
	return NULL;
}

int guard_check_witness(struct core *core)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *witness = NULL;
	const char *finding = NULL;
	char path[300];
	int r;

	if (witness_path(core, path, sizeof(path)) < 0)
		return -ENAMETOOLONG;
	r = read_machine_id(core);
	if (r < 0)
		return r;
	r = text_read_file(path, 1024, &text, NULL);
	/* Not readable for a moment is not missing: ended and started again, all is well. */
	if (r < 0 && r != -ENOENT) {
		log_error("the witness file cannot be read: %s path=%s", strerror(-r), path);
		return r;
	}
	if (r == 0)
		witness = json_loads(text, 0, NULL);
	if (core->engine.seq == 0 && json_int(witness, "seq") == 0)
		return first_witness(core);
	/* A database with a past but without its witness came from a backup or another box. */
	finding = witness ? compare_witness(core, witness) :
			    "the witness file is missing: the database was restored or copied";
	if (!finding)
		return 0;
	text_format(core->closed_reason, sizeof(core->closed_reason), "Closed until reconciled with HQ: %s", finding);
	log_error("%s", core->closed_reason);
	return 0;
}

void guard_tick(struct core *core)
{
	disk_watch(core);
	keep_witness(core);
}
