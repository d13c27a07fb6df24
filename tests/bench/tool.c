#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "options.h"

#define NS_PER_S INT64_C(1000000000)
#define SMOKE_SECONDS 0.3

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(EXIT_FAILURE);
}

struct bench_options bench_options(int argc, char **argv, const char *name, const char *about)
{
	const char *seconds = "5", *runs = "3";
	bool smoke = false;
	const struct option_row rows[] = {
		{ "seconds", 's', "S", "length of one measurement (default 5)", &seconds, NULL },
		{ "runs", 'r', "N", "measurements of each figure (default 3)", &runs, NULL },
		{ "smoke", 0, NULL, "one very short run: shows only that it works", NULL, &smoke },
	};
	const struct program_info info = { name, about, "[OPTIONS]", about, rows, array_len(rows) };
	struct bench_options o;

	options_parse(&info, argc, argv);
	o = (struct bench_options){ smoke ? SMOKE_SECONDS : atof(seconds), smoke ? 1 : atoi(runs), smoke };
	if (o.seconds <= 0 || o.runs < 1)
		die("seconds and runs must be above 0");
	setvbuf(stdout, NULL, _IOLBF, 0);
	return o;
}

void samples_add(struct samples *s, int64_t ns)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 4096;
		s->values = realloc(s->values, s->room * sizeof(*s->values));
		if (!s->values)
			die("out of memory");
	}
	s->values[s->n++] = (uint64_t)ns;
	s->sorted = false;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

double samples_ms(struct samples *s, double percentile)
{
	if (!s->n)
		return 0;
	if (!s->sorted)
		qsort(s->values, s->n, sizeof(*s->values), by_value);
	s->sorted = true;
	return (double)s->values[(size_t)((double)(s->n - 1) * percentile / 100)] / 1e6;
}

void samples_fini(struct samples *s)
{
	free(s->values);
	*s = (struct samples){ 0 };
}

void report(const char *bench, const char *what, double value, const char *unit)
{
	printf("{\"bench\":\"%s\",\"what\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}\n", bench, what, value, unit);
}

void report_ratio(const char *bench, const char *what, double value, const char *unit, double raw,
	const char *limit)
{
	printf("{\"bench\":\"%s\",\"what\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"raw\":%.3f,\"limit\":\"%s\","
	       "\"ratio\":%.3f}\n",
		bench, what, value, unit, raw, limit, raw > 0 ? value / raw : 0);
}

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

double seconds_since(int64_t start_ns)
{
	return (double)(now_ns() - start_ns) / 1e9;
}

double cpu_seconds(int pid)
{
	char path[64], line[1024];
	unsigned long user = 0, kernel = 0;
	const char *behind_name;
	_cleanup_file_ FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return 0;
	behind_name = strrchr(line, ')');
	if (!behind_name ||
		sscanf(behind_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
		return 0;
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

int64_t pss_kib(int pid)
{
	char path[64], line[256];
	long long kib = 0;
	_cleanup_file_ FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Pss: %lld kB", &kib) == 1)
			break;
	return kib;
}
