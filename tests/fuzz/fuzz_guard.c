/* What the core finds in its folders after a crash: a poison file of any bytes and, behind a NUL, a witness. It must start in
 * any case; and it may only go on with a past when the witness names that past. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "core.h"
#include "json.h"
#include "log.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define POISON_MAX 4096
#define SEQ 7 /* of the database */

static struct core core;
static char folder[] = "/tmp/wharf-fuzz.XXXXXX";

static void remove_folder(void)
{
	static const char *const names[] = { "poison", "witness" };
	char path[64];

	for (size_t i = 0; i < array_len(names); i++)
		if (text_format(path, sizeof(path), "%s/%s", folder, names[i]) == 0)
			unlink(path);
	rmdir(folder);
}

static void start(void)
{
	struct config *config = NULL;
	char path[64];
	FILE *f;

	log_open("fuzz", -1);
	assert(mkdtemp(folder));
	atexit(remove_folder);
	text_format(path, sizeof(path), "%s/conf", folder);
	f = fopen(path, "we");
	assert(f && fputs("[core]\nballast_mib = 0\n", f) >= 0);
	fclose(f);
	assert(config_load(path, stderr, &config) == 0);
	unlink(path);
	core.config = config;
	text_copy(core.state, sizeof(core.state), folder);
	text_copy(core.run, sizeof(core.run), folder);
	assert(store_open(":memory:", NULL, &core.store) == 0);
	store_begin(core.store);
	store_set_meta(core.store, "incarnation", "i1");
	assert(store_commit(core.store) == 0);
	core.engine.seq = SEQ;
}

static void put_file(const char *name, const void *bytes, size_t len)
{
	char path[64];
	FILE *f;

	text_format(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	assert(f && fwrite(bytes, 1, len, f) == len);
	fclose(f);
}

/* A witness of the machine "this" becomes one of the machine this runs on. */
static char *of_this_machine(json_t *witness)
{
	_cleanup_free_ char *id = NULL;

	if (strcmp(json_str(witness, "machine"), "this") != 0 || text_read_file("/etc/machine-id", 64, &id, NULL) < 0)
		return NULL;
	id[strcspn(id, "\n")] = '\0';
	json_object_set_new(witness, "machine", json_string(id));
	return json_dumps(witness, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memrchr(data, '\0', size) : NULL;
	const uint8_t *text = end ? end + 1 : data;
	size_t len = size - (size_t)(text - data);
	_cleanup_json_ json_t *witness = json_loadb((const char *)text, len, 0, NULL);
	_cleanup_free_ char *ours = of_this_machine(witness);

	if (!core.config)
		start();
	put_file("poison", data, size - len < POISON_MAX ? size - len : POISON_MAX);
	put_file("witness", ours ? (const void *)ours : text, ours ? strlen(ours) : len);
	core.closed_reason[0] = core.poisoned_id[0] = '\0';
	assert(guard_open(&core) == 0);
	assert(memchr(core.poisoned_id, '\0', sizeof(core.poisoned_id)));
	guard_enter(&core, "a:1");
	guard_leave(&core);
	assert(!guard_poisoned(&core, "a:1") || strcmp(core.poisoned_id, "a:1") == 0);
	munmap(core.poison, sizeof(core.poisoned_id));
	assert(guard_check_witness(&core) == 0);
	if (!core.closed_reason[0])
		assert(strcmp(json_str(witness, "incarnation"), "i1") == 0 && json_int(witness, "seq") <= SEQ);
	return 0;
}
