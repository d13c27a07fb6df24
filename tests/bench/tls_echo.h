/* The limit of TLS on this machine: a server that only reads a record and sends one of fixed size. */
#ifndef WHARF_BENCH_TLS_ECHO_H
#define WHARF_BENCH_TLS_ECHO_H

#include <stddef.h>
#include <sys/types.h>

/* A process of its own; it ends by a signal, or with this one. `answer_bytes` with the headers. */
pid_t tls_echo_start(int port, const char *certificate, const char *key, size_t answer_bytes);

#endif
