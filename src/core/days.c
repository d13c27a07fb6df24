/* Day marks: one per 20 h of uptime, over restarts and reboots. Retention counts them, so only the boot clock may make
 * one. The time since the last mark is kept in a file; a mark that is lost in a crash is better than one too many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "core.h"
#include "log.h"
#include "text.h"

#define DAY_UPTIME_US (INT64_C(20) * 3600 * US_PER_S)
/* A crash forgets at most so much. */
#define KEEP_EVERY_US (60 * US_PER_S)

static int keep_uptime(const struct core *core)
{
	char path[300], text[40];

	if (text_format(path, sizeof(path), "%s/uptime", core->state) < 0)
		return -1;
	snprintf(text, sizeof(text), "%lld\n", (long long)core->uptime_us);
	return text_write_file(path, text, strlen(text), 0600);
}

void days_open(struct core *core)
{
	_cleanup_free_ char *text = NULL;
	char path[300];

	core->uptime_at_us = core->uptime_kept_us = clock_boot_us();
	if (text_format(path, sizeof(path), "%s/uptime", core->state) < 0 || text_read_file(path, 40, &text, NULL) < 0)
		return;
	core->uptime_us = strtoll(text, NULL, 10);
	if (core->uptime_us < 0 || core->uptime_us > DAY_UPTIME_US)
		core->uptime_us = DAY_UPTIME_US;
}

static void mark_day(struct core *core)
{
	struct decided d;

	core->uptime_us = 0;
	/* First the file: were it written behind the mark, each crash in between would make another one. */
	if (keep_uptime(core) < 0) {
		log_warning("the uptime cannot be kept, no day mark is made");
		return;
	}
	if (turn_internal(core, "day", json_object(), &d) < 0)
		return;
	release_decided(core, &d);
	engine_result_fini(&d.result);
	turn_want(core);
}

void days_tick(struct core *core)
{
	int64_t now_us = clock_boot_us();

	core->uptime_us += now_us - core->uptime_at_us;
	core->uptime_at_us = now_us;
	if (core_closed(core) || !core->site_started)
		return;
	if (core->uptime_us >= DAY_UPTIME_US)
		mark_day(core);
	else if (now_us - core->uptime_kept_us < KEEP_EVERY_US || keep_uptime(core) < 0)
		return;
	core->uptime_kept_us = now_us;
}
