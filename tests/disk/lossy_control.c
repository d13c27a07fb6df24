/* What a test writes into the control file, a line at a time:
 *
 *   cut SEED [AFTER [NAME]]      the power goes, now or before the AFTERth change (of paths ending with NAME)
 *   on                           it is back: everything opened before stays dead
 *   fail OPERATION N ERROR [NAME]  the next N (-1: all) read, write, sync fail with EIO, ENOSPC
 *   space BYTES                  how much fits in
 *   slow MS                      each sync takes so long
 *   lie 0|1                      syncs say yes and do nothing
 *   strict 0|1                   only a folder's sync makes names durable */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lossy_disk.h"

#define WORDS_MAX 5
#define LINE_MAX_BYTES 200

static int number(const char *word, long *ret)
{
	char *end;

	if (!word)
		return -EINVAL;
	errno = 0;
	*ret = strtol(word, &end, 10);
	return errno || end == word || *end ? -EINVAL : 0;
}

static int control_cut(struct disk *disk, char **words)
{
	long seed = 0, after = 0;

	if (number(words[1], &seed) < 0 || (words[2] && number(words[2], &after) < 0) || after < 0)
		return -EINVAL;
	disk_cut(disk, (uint64_t)seed, after, words[2] && words[3] ? words[3] : "");
	return 0;
}

static int control_fail(struct disk *disk, char **words)
{
	static const char *const operations[DISK_OPERATIONS] = { "read", "write", "sync" };
	struct disk_fault fault = { 0 };

	if (!words[1] || number(words[2], &fault.left) < 0 || !words[3])
		return -EINVAL;
	fault.error = strcmp(words[3], "ENOSPC") == 0 ? ENOSPC : EIO;
	snprintf(fault.name, sizeof(fault.name), "%s", words[4] ? words[4] : "");
	for (int i = 0; i < DISK_OPERATIONS; i++)
		if (strcmp(operations[i], words[1]) == 0) {
			disk->faults[i] = fault;
			return 0;
		}
	return -EINVAL;
}

static int control_number(struct disk *disk, char **words)
{
	long value = 0;

	if (number(words[1], &value) < 0 || value < 0)
		return -EINVAL;
	if (strcmp(words[0], "space") == 0)
		disk->space = (size_t)value;
	else if (strcmp(words[0], "slow") == 0)
		disk->slow_ms = (unsigned)value;
	else if (strcmp(words[0], "lie") == 0)
		disk->lying = value;
	else if (strcmp(words[0], "strict") == 0)
		disk->strict = value;
	else
		return -EINVAL;
	return 0;
}

int disk_control(struct disk *disk, const char *line)
{
	char copy[LINE_MAX_BYTES], *words[WORDS_MAX + 1] = { 0 }, *rest = copy;
	size_t n = 0;

	if (strlen(line) >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, line, strlen(line) + 1);
	while (n < WORDS_MAX && (words[n] = strtok_r(rest, " \n", &rest)))
		n++;
	if (!n)
		return -EINVAL;
	if (strcmp(words[0], "cut") == 0)
		return control_cut(disk, words);
	if (strcmp(words[0], "fail") == 0)
		return control_fail(disk, words);
	if (strcmp(words[0], "on") != 0)
		return control_number(disk, words);
	disk_on(disk);
	return 0;
}

void disk_report(const struct disk *disk, FILE *out)
{
	fprintf(out, "{\"operations\":%llu,\"syncs\":%llu,\"cuts\":%llu,\"off\":%s,\"used\":%zu,\"space\":%zu}\n",
		(unsigned long long)disk->operations, (unsigned long long)disk->syncs, (unsigned long long)disk->cuts,
		disk->off ? "true" : "false", disk->used, disk->space);
}
