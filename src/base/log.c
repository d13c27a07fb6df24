#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static const char *log_program = "wharf";
static int log_priority_max = LOG_INFO;
static bool log_to_journal;

void log_open(const char *program, int priority_max)
{
	log_program = program;
	log_priority_max = priority_max;
	log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_write(int priority, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;
	int n;

	if (priority > log_priority_max)
		return;
	if (log_to_journal)
		n = snprintf(line, sizeof(line), "<%d>", priority);
	else
		n = snprintf(line, sizeof(line), "%s: %s", log_program,
			priority <= LOG_ERR ? "error: " :
			priority <= LOG_WARNING ? "warning: " : "");
	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	/* One write per line: lines of several programs on one terminal do not mix. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}
