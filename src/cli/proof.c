#include "proof.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"

#define KEY_MAX 32

struct proof {
	FILE *findings;
	int64_t findings_n;
	json_t *edge_events;  /* id -> {n, hash} */
	json_t *edge_by_n;    /* n -> id */
	json_t *hq_events;    /* id -> n */
	int64_t hq_last;
	int64_t forgotten;    /* the edge keeps no event up to this one */
	json_t *orders;       /* order -> bucket */
	json_t *cartons;      /* carton -> {sscc, labelled} */
	json_t *ssccs;        /* sscc -> carton */
	json_t *attempts;     /* sscc -> attempts of its label jobs */
	json_t *captured;     /* sscc -> times */
	struct proof_result result;
};

int proof_create(struct proof **ret, FILE *findings)
{
	struct proof *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->findings = findings;
	p->edge_events = json_object();
	p->edge_by_n = json_object();
	p->hq_events = json_object();
	p->orders = json_object();
	p->cartons = json_object();
	p->ssccs = json_object();
	p->attempts = json_object();
	p->captured = json_object();
	p->result.order_kept = true;
	*ret = p;
	return 0;
}

void proof_destroy(struct proof *p)
{
	if (!p)
		return;
	json_decref(p->edge_events);
	json_decref(p->edge_by_n);
	json_decref(p->hq_events);
	json_decref(p->orders);
	json_decref(p->cartons);
	json_decref(p->ssccs);
	json_decref(p->attempts);
	json_decref(p->captured);
	free(p);
}

static void find(struct proof *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void find(struct proof *p, const char *format, ...)
{
	va_list args;

	if (p->findings_n++ >= PROOF_FINDINGS_MAX || !p->findings)
		return;
	va_start(args, format);
	vfprintf(p->findings, format, args);
	va_end(args);
	fputc('\n', p->findings);
}

static const char *number_key(int64_t n, char *out)
{
	snprintf(out, KEY_MAX, "%lld", (long long)n);
	return out;
}

static int64_t add_to(json_t *counts, const char *key, int64_t n)
{
	int64_t sum = json_int(counts, key) + n;

	json_object_set_new(counts, key, json_integer(sum));
	return sum;
}

struct event {
	int64_t n;
	const char *id;
	const char *type;
	const char *hash;
};

static int read_event(const json_t *body, struct event *e, char *why, size_t why_size)
{
	const struct json_field fields[] = {
		{ "n", JSON_REQUIRED, JSON_INTEGER, &e->n, 1, INT64_MAX },
		{ "id", JSON_REQUIRED, JSON_STRING, &e->id, 1, 256 },
		{ "type", JSON_REQUIRED, JSON_STRING, &e->type, 1, 256 },
		{ "hash", JSON_REQUIRED, JSON_STRING, &e->hash, 1, 256 },
	};

	return json_fields(body, fields, array_len(fields), why, why_size);
}

static int edge_event(struct proof *p, const json_t *body, char *why, size_t why_size)
{
	struct event e;
	char key[KEY_MAX];

	if (read_event(body, &e, why, why_size) < 0)
		return -EINVAL;
	p->result.made++;
	if (json_object_get(p->edge_events, e.id) ||
		json_object_get(p->edge_by_n, number_key(e.n, key))) {
		p->result.twice++;
		find(p, "the edge has event %lld (%s) twice", (long long)e.n, e.id);
		return 0;
	}
	json_object_set_new(p->edge_by_n, key, json_string(e.id));
	json_object_set(p->edge_events, e.id, (json_t *)body);
	return 0;
}

/* HQ holds them in a backup, so the edge let them go. */
static int edge_forgotten(struct proof *p, const json_t *body, char *why, size_t why_size)
{
	const struct json_field fields[] = { { "n", JSON_REQUIRED, JSON_INTEGER, &p->forgotten, 1, INT64_MAX } };

	if (json_fields(body, fields, array_len(fields), why, why_size) < 0)
		return -EINVAL;
	p->result.made += p->forgotten;
	return 0;
}

static int edge_order(struct proof *p, const json_t *body, char *why, size_t why_size)
{
	const char *order, *state, *bucket;
	const struct json_field fields[] = {
		{ "order", JSON_REQUIRED, JSON_STRING, &order, 1, 256 },
		{ "state", JSON_REQUIRED, JSON_STRING, &state, 1, 64 },
		{ "bucket", JSON_REQUIRED, JSON_STRING, &bucket, 1, 64 },
	};
	struct proof_result *r = &p->result;

	if (json_fields(body, fields, array_len(fields), why, why_size) < 0)
		return -EINVAL;
	if (json_object_get(p->orders, order)) {
		snprintf(why, why_size, "order %.60s comes twice", order);
		return -EINVAL;
	}
	json_object_set_new(p->orders, order, json_string(bucket));
	if (strcmp(bucket, "shipped") == 0) {
		r->shipped++;
	} else if (strcmp(bucket, "short") == 0) {
		r->short_picked++;
	} else if (strcmp(bucket, "cancelled") == 0) {
		r->cancelled++;
	} else if (strcmp(bucket, "held") == 0) {
		r->held++;
	} else if (strcmp(bucket, "open") == 0) {
		find(p, "order %s is not accounted for: %s", order, state);
	} else {
		snprintf(why, why_size, "unknown bucket \"%.40s\"", bucket);
		return -EINVAL;
	}
	return 0;
}

/* An SSCC belongs to one carton for ever, a carton to one SSCC. */
static void take_sscc(struct proof *p, const char *carton, const char *sscc)
{
	const char *own = json_str(p->cartons, carton);
	const char *other = json_str(p->ssccs, sscc);

	if (own[0] && strcmp(own, sscc) != 0) {
		p->result.bad_cartons++;
		find(p, "carton %s has two SSCCs: %s and %s", carton, own, sscc);
	}
	if (other[0] && strcmp(other, carton) != 0) {
		p->result.bad_cartons++;
		find(p, "SSCC %s is on two cartons: %s and %s", sscc, other, carton);
		return;
	}
	json_object_set_new(p->cartons, carton, json_string(sscc));
	json_object_set_new(p->ssccs, sscc, json_string(carton));
}

static int edge_carton(struct proof *p, const json_t *body, char *why, size_t why_size)
{
	const char *carton, *order = "", *sscc = "", *state, *lane = "", *result;
	const struct json_field fields[] = {
		{ "carton", JSON_REQUIRED, JSON_STRING, &carton, 1, 256 },
		{ "order", JSON_OPTIONAL, JSON_STRING, &order, 0, 0 },
		{ "sscc", JSON_OPTIONAL, JSON_STRING, &sscc, 0, 0 },
		{ "state", JSON_REQUIRED, JSON_STRING, &state, 1, 64 },
		{ "lane", JSON_OPTIONAL, JSON_STRING, &lane, 0, 0 },
		{ "result", JSON_REQUIRED, JSON_STRING, &result, 1, 64 },
	};

	if (json_fields(body, fields, array_len(fields), why, why_size) < 0)
		return -EINVAL;
	p->result.diverted += strcmp(result, "diverted") == 0;
	p->result.default_lane += strcmp(result, "default") == 0;
	if (sscc[0]) {
		take_sscc(p, carton, sscc);
	} else if (strcmp(result, "none") != 0) {
		p->result.bad_cartons++;
		find(p, "carton %s went to a lane without an SSCC", carton);
	}
	return 0;
}

static int edge_label(struct proof *p, const json_t *body, char *why, size_t why_size)
{
	const char *job, *sscc, *state;
	int64_t attempt = 0;
	const struct json_field fields[] = {
		{ "job", JSON_REQUIRED, JSON_STRING, &job, 1, 256 },
		{ "sscc", JSON_REQUIRED, JSON_STRING, &sscc, 1, 64 },
		{ "state", JSON_REQUIRED, JSON_STRING, &state, 1, 64 },
		{ "attempt", JSON_REQUIRED, JSON_INTEGER, &attempt, 0, INT32_MAX },
	};

	if (json_fields(body, fields, array_len(fields), why, why_size) < 0)
		return -EINVAL;
	p->result.doubtful += strcmp(state, "doubtful") == 0;
	add_to(p->attempts, sscc, attempt);
	return 0;
}

int proof_edge(struct proof *p, const json_t *fact, char *why, size_t why_size)
{
	static const struct {
		const char *word;
		int (*read)(struct proof *p, const json_t *body, char *why, size_t why_size);
	} words[] = { { "event", edge_event }, { "order", edge_order }, { "carton", edge_carton },
		{ "label", edge_label }, { "forgotten", edge_forgotten } };

	for (size_t i = 0; i < array_len(words); i++) {
		const json_t *body = json_object_get(fact, words[i].word);

		if (body && json_object_size(fact) == 1)
			return words[i].read(p, body, why, why_size);
	}
	snprintf(why, why_size, "no fact of an edge");
	return -EINVAL;
}

int proof_hq(struct proof *p, const json_t *fact, char *why, size_t why_size)
{
	struct event e;
	const json_t *own;

	if (read_event(json_object_get(fact, "event"), &e, why, why_size) < 0)
		return -EINVAL;
	p->result.hq++;
	if (e.n != p->hq_last + 1) {
		p->result.order_kept = false;
		find(p, "HQ has event %lld after %lld", (long long)e.n, (long long)p->hq_last);
	}
	p->hq_last = e.n;
	if (json_object_get(p->hq_events, e.id)) {
		p->result.twice++;
		find(p, "HQ has event %lld (%s) twice", (long long)e.n, e.id);
		return 0;
	}
	json_object_set_new(p->hq_events, e.id, json_integer(e.n));
	own = json_object_get(p->edge_events, e.id);
	if (!own && e.n <= p->forgotten)
		return 0;
	if (!own) {
		p->result.missing++;
		find(p, "HQ has event %lld (%s), the edge has not", (long long)e.n, e.id);
	} else if (json_int(own, "n") != e.n || strcmp(json_str(own, "hash"), e.hash) != 0) {
		p->result.order_kept = false;
		find(p, "event %lld (%s) differs in number or hash", (long long)e.n, e.id);
	}
	return 0;
}

int proof_label(struct proof *p, const json_t *label, char *why, size_t why_size)
{
	const char *sscc = json_str(label, "sscc");

	if (!sscc[0]) {
		snprintf(why, why_size, "no \"sscc\"");
		return -EINVAL;
	}
	if (add_to(p->captured, sscc, 1) == 1)
		p->result.labels++;
	return 0;
}

static void find_missing(struct proof *p)
{
	const char *id;
	json_t *event;

	json_object_foreach(p->edge_events, id, event) {
		if (json_object_get(p->hq_events, id))
			continue;
		p->result.missing++;
		find(p, "HQ lacks event %lld (%s, %s)", (long long)json_int(event, "n"), id,
			json_str(event, "type"));
	}
}

/* What left the printer must be a carton's own label, and no more often than it was asked for. */
static void check_captured(struct proof *p)
{
	const char *sscc;
	json_t *times;

	json_object_foreach(p->captured, sscc, times) {
		if (!json_object_get(p->ssccs, sscc)) {
			p->result.bad_cartons++;
			find(p, "a label with SSCC %s was printed, no carton has it", sscc);
		} else if (json_integer_value(times) > json_int(p->attempts, sscc)) {
			p->result.bad_cartons++;
			find(p, "the label of SSCC %s was printed %lld times, asked for %lld times",
				sscc, (long long)json_integer_value(times),
				(long long)json_int(p->attempts, sscc));
		}
	}
}

static void check_labels(struct proof *p)
{
	const char *sscc;
	json_t *attempts;

	json_object_foreach(p->attempts, sscc, attempts)
		if (!json_object_get(p->ssccs, sscc)) {
			p->result.bad_cartons++;
			find(p, "a label job has SSCC %s, no carton has it", sscc);
		}
}

void proof_finish(struct proof *p, int64_t orders, struct proof_result *ret)
{
	struct proof_result *r = &p->result;

	find_missing(p);
	check_captured(p);
	check_labels(p);
	r->orders = orders > 0 ? orders : (int64_t)json_object_size(p->orders);
	r->accounted = r->shipped + r->short_picked + r->cancelled + r->held;
	r->ok = r->accounted == r->orders && r->missing == 0 && r->twice == 0 && r->order_kept &&
		r->bad_cartons == 0;
	if (p->findings_n > PROOF_FINDINGS_MAX && p->findings)
		fprintf(p->findings, "and %lld more\n",
			(long long)(p->findings_n - PROOF_FINDINGS_MAX));
	*ret = *r;
}

void proof_print(const struct proof_result *r, FILE *out)
{
	fprintf(out,
		"proof: orders=%lld accounted=%lld shipped=%lld short=%lld cancelled=%lld "
		"held=%lld made=%lld hq=%lld missing=%lld twice=%lld order=%s labels=%lld "
		"doubtful=%lld diverted=%lld default_lane=%lld\n",
		(long long)r->orders, (long long)r->accounted, (long long)r->shipped,
		(long long)r->short_picked, (long long)r->cancelled, (long long)r->held,
		(long long)r->made, (long long)r->hq, (long long)r->missing, (long long)r->twice,
		r->order_kept ? "kept" : "broken", (long long)r->labels, (long long)r->doubtful,
		(long long)r->diverted, (long long)r->default_lane);
}

json_t *proof_json(const struct proof_result *r)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, "
			 "s:I, s:I, s:b}",
		"orders", (json_int_t)r->orders, "accounted", (json_int_t)r->accounted, "shipped",
		(json_int_t)r->shipped, "short", (json_int_t)r->short_picked, "cancelled",
		(json_int_t)r->cancelled, "held", (json_int_t)r->held, "made", (json_int_t)r->made,
		"hq", (json_int_t)r->hq, "missing", (json_int_t)r->missing, "twice",
		(json_int_t)r->twice, "order", r->order_kept ? "kept" : "broken", "labels",
		(json_int_t)r->labels, "doubtful", (json_int_t)r->doubtful, "diverted",
		(json_int_t)r->diverted, "default_lane", (json_int_t)r->default_lane,
		"bad_cartons", (json_int_t)r->bad_cartons, "ok", r->ok);
}
