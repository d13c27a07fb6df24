/* SSCCs come from blocks HQ leased, in order, each number once for ever. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "gs1.h"
#include "json.h"

struct block {
	char block[64], prefix[16];
	int64_t serial;
};

static bool take_serial(struct engine *e, struct block *b)
{
	struct store_cursor q = store_query(e->store, SQL_BLOCK_OPEN, "");

	if (!store_first(&q))
		return false;
	text_copy(b->block, sizeof(b->block), store_text(&q, 0));
	text_copy(b->prefix, sizeof(b->prefix), store_text(&q, 1));
	b->serial = store_int(&q, 2) + store_int(&q, 3);
	store_end(&q);
	store_run(e->store, SQL_BLOCK_USE, "t", b->block);
	return true;
}

bool sscc_take(struct engine *e, struct command *c, struct outcome *o, int64_t carton, char ret_sscc[19])
{
	struct block b;

	if (!take_serial(e, &b) || gs1_sscc(b.prefix, b.serial, ret_sscc) < 0) {
		case_open(e, c, o, "no_sscc", ROLE_ADMIN, "sscc", "noted",
			"No SSCC is left: HQ must lease a new block before cartons can be labelled");
		return false;
	}
	store_run(e->store, SQL_SSCC_ADD, "tti", ret_sscc, b.block, carton);
	o->touched |= TOUCHED_LINK;
	return true;
}

void sscc_of_scan(const char *aim, const char *data, char ret_sscc[19])
{
	size_t len = strlen(data);

	(void)aim;
	ret_sscc[0] = '\0';
	if (len == 21 && data[20] == '\x1d')
		len--;
	if (len != 20 || strncmp(data, "00", 2) != 0)
		return;
	memcpy(ret_sscc, data + 2, 18);
	ret_sscc[18] = '\0';
	if (!gs1_check_ok(ret_sscc, 18))
		ret_sscc[0] = '\0';
}

/* A block is used without a look back: every number of it must be one, and nobody else's. */
static int check_block(const char *prefix, int64_t first, int64_t count, char *why)
{
	char sscc[GS1_SSCC_SIZE];

	if (gs1_sscc(prefix, first, sscc) == 0 && gs1_sscc(prefix, first + count - 1, sscc) == 0)
		return 0;
	snprintf(why, WHY_MAX, "\"prefix\", \"first\" and \"count\" must make SSCCs of 18 digits");
	return -EINVAL;
}

int on_sscc_lease(struct engine *e, struct command *c, struct outcome *o, char *why)
{
	const char *block = NULL, *prefix = NULL;
	int64_t first = 0, count = 0, epoch = 0;
	bool reserve = false;
	const struct json_field fields[] = {
		{ "block", JSON_REQUIRED, JSON_STRING, &block, 1, 60 },
		{ "prefix", JSON_REQUIRED, JSON_STRING, &prefix, 5, 13 },
		{ "first", JSON_REQUIRED, JSON_INTEGER, &first, 0, INT64_C(999999999999) },
		{ "count", JSON_REQUIRED, JSON_INTEGER, &count, 1, 1000000 },
		{ "epoch", JSON_REQUIRED, JSON_INTEGER, &epoch, 0, INT64_MAX },
		{ "reserve", JSON_OPTIONAL, JSON_TRUE, &reserve, 0, 0 },
	};

	if (READ_ARGS(fields) < 0 || check_block(prefix, first, count, why) < 0)
		return -EINVAL;
	if (store_number(e->store, 0, SQL_BLOCK_OVERLAP, "ttii", prefix, block, first, count)) {
		case_open(e, c, o, "sscc_overlap", ROLE_ADMIN, block, "noted",
			"HQ leased SSCC block %s, but some of its numbers are in another block", block);
		outcome_bad(o, "overlap", "some of these numbers are in another block");
		o->keep = true;
		return 0;
	}
	store_run(e->store, SQL_BLOCK_ADD, "ttiiiti", block, prefix, first, count, epoch,
		reserve ? "reserve" : "normal", c->seq);
	case_close(e, o, "no_sscc", "sscc", "leased");
	o->touched |= TOUCHED_LINK | TOUCHED_OUTBOX;
	outcome_quiet(o, "leased");
	return 0;
}
