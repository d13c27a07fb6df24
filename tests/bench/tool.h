/* What every bench stands on: one way to fail, samples with percentiles, results as JSON lines. */
#ifndef WHARF_BENCH_TOOL_H
#define WHARF_BENCH_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bench that cannot measure says why and ends; children die with it, its folder is removed. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What each program reads from its command line. */
struct bench_options {
	double seconds; /* of one measurement */
	int runs;       /* the median of so many is what counts */
	bool smoke;     /* only show that it works */
};

struct bench_options bench_options(int argc, char **argv, const char *name, const char *about);

/* Round trips in nanoseconds. */
struct samples {
	uint64_t *values;
	size_t n, room;
	bool sorted;
};

void samples_add(struct samples *s, int64_t ns);
double samples_ms(struct samples *s, double percentile); /* 0 where there is none */
void samples_fini(struct samples *s);

/* One figure of one run: {"bench","what","value","unit"} and, where `raw` > 0, "raw", "limit", "ratio". */
void report(const char *bench, const char *what, double value, const char *unit);
void report_ratio(const char *bench, const char *what, double value, const char *unit, double raw,
	const char *limit);

int64_t now_ns(void);
double seconds_since(int64_t start_ns);

/* Processor time of a process so far, and its proportional share of memory (Pss) in KiB. */
double cpu_seconds(int pid);
int64_t pss_kib(int pid);

#endif
