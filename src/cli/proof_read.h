/* Feeds a proof from the programs and files that hold the facts. */
#ifndef WHARF_PROOF_READ_H
#define WHARF_PROOF_READ_H

#include <jansson.h>
#include <stddef.h>

struct proof;

/* Takes one fact: proof_edge, proof_hq or proof_label. */
typedef int proof_taker(struct proof *proof, const json_t *fact, char *why, size_t why_size);

/* Each line of `fd` is one JSON object for `take`. `name` is for messages. 0, or -EINVAL after
 * saying file and line. */
int proof_read_fd(struct proof *proof, int fd, const char *name, proof_taker *take);

/* The lines a program prints; it must end with 0. `argv` ends with NULL. */
int proof_read_program(struct proof *proof, const char *path, const char *const *argv,
	proof_taker *take);

int proof_read_file(struct proof *proof, const char *path, proof_taker *take);

#endif
