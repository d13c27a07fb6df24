/* Handheld pages that scan as fast as they are answered: HTTPS, keep-alive, TLS 1.3. */
#ifndef WHARF_BENCH_TLS_LOAD_H
#define WHARF_BENCH_TLS_LOAD_H

#include "floor.h"
#include "tool.h"

struct tls_load {
	double warm_up, seconds; /* in; seconds is also out: how long it was */
	bool echo;               /* the other side answers anything: the answer is not looked at */
	size_t scans, all;       /* measured; with those of the warm-up */
	size_t answer_bytes;     /* of the last answer, with its headers */
	struct samples round_trips;
};

/* One connection for each of the `n` handhelds. Waits until the port is open. */
void tls_load_run(int port, struct handheld *h, size_t n, struct tls_load *load);

#endif
