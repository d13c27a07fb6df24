/* The proof that both books agree: facts of the edge's copy, facts of HQ's copy and the labels that
 * a printer really got. Pure: lines in, findings out. */
#ifndef WHARF_PROOF_H
#define WHARF_PROOF_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Findings are printed up to this many; all are counted. */
#define PROOF_FINDINGS_MAX 50

struct proof;

struct proof_result {
	int64_t orders;
	int64_t accounted;    /* shipped + short + cancelled + held */
	int64_t shipped, short_picked, cancelled, held;
	int64_t made;         /* events on the edge */
	int64_t hq;           /* events at HQ */
	int64_t missing;      /* in one book and not in the other */
	int64_t twice;        /* more than once in one book */
	bool order_kept;      /* HQ has 1..n one after the other, each with the edge's id and hash */
	int64_t labels;       /* distinct SSCCs captured */
	int64_t doubtful;     /* labels nobody knows the end of */
	int64_t diverted, default_lane;
	int64_t bad_cartons;  /* without, or not with exactly one SSCC of their own */
	bool ok;
};

/* `findings` gets a line for each thing that is wrong. */
int proof_create(struct proof **ret, FILE *findings);
void proof_destroy(struct proof *proof);

/* One fact each. 0, or -EINVAL with the reason in `why`: the files are then no basis for a proof. */
int proof_edge(struct proof *proof, const json_t *fact, char *why, size_t why_size);
int proof_hq(struct proof *proof, const json_t *fact, char *why, size_t why_size);
int proof_label(struct proof *proof, const json_t *label, char *why, size_t why_size);

/* Compares. `orders` > 0: so many orders were sent; else those the edge knows. */
void proof_finish(struct proof *proof, int64_t orders, struct proof_result *ret);

/* "proof: orders=40 accounted=40 …", the line the demo ends with. */
void proof_print(const struct proof_result *result, FILE *out);
json_t *proof_json(const struct proof_result *result);

#endif
