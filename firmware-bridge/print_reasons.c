#include "print_reasons.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* RFC 8011 section 5.4.12, the ones that stop a label printer, the worst first. A suffix -report,
 * -warning or -error is not looked at: an IPP queue reports empty media as media-empty-warning. */
static const struct {
	const char *keyword, *state;
} stopping[] = {
	{ "offline", "gone" },
	{ "timed-out", "gone" },
	{ "media-jam", "fault" },
	{ "cover-open", "fault" },
	{ "door-open", "fault" },
	{ "media-empty", "fault" },
	{ "media-needed", "fault" },
	{ "input-tray-missing", "fault" },
	{ "marker-supply-empty", "fault" },
	{ "spool-area-full", "fault" },
	{ "paused", "fault" },
};

static const char *const hints[] = { "media-low", "marker-supply-low", "marker-waste-almost-full" };

static bool reason_is(const char *word, size_t len, const char *keyword)
{
	static const char *const suffixes[] = { "", "-report", "-warning", "-error" };
	size_t n = strlen(keyword);

	if (len < n || strncmp(word, keyword, n) != 0)
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (len - n == strlen(suffixes[i]) && strncmp(word + n, suffixes[i], len - n) == 0)
			return true;
	return false;
}

static bool has_reason(const char *reasons, const char *keyword)
{
	for (const char *p = reasons; *p; p += strcspn(p, ","), p += *p == ',')
		if (reason_is(p, strcspn(p, ","), keyword))
			return true;
	return false;
}

static void set_state(struct printer_state *ret, const char *state, const char *reason)
{
	ret->state = state;
	snprintf(ret->reason, sizeof(ret->reason), "%s", reason);
}

static void read_reasons(const struct queue_printer *printer, struct printer_state *ret)
{
	for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
		if (has_reason(printer->reasons, stopping[i].keyword)) {
			set_state(ret, stopping[i].state, stopping[i].keyword);
			return;
		}
	if (printer->stopped) {
		set_state(ret, "fault", "stopped");
		return;
	}
	set_state(ret, "up", "");
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (has_reason(printer->reasons, hints[i]))
			set_state(ret, "up", hints[i]);
}

void printer_state_read(int error, const struct queue_printer *printer, struct printer_state *ret)
{
	if (error == -ENOENT)
		set_state(ret, "refused", "no such print queue");
	else if (error < 0)
		set_state(ret, "gone", "print server does not answer");
	else
		read_reasons(printer, ret);
}
