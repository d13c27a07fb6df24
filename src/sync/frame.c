#include "frame.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "cleanup.h"
#include "json.h"

#define INT_LAST (INT64_C(1) << 53) /* what every JSON reader keeps exactly */

static const char *const type_names[SYNC_TYPES] = {
	[SYNC_OTHER] = "",
	[SYNC_UNKNOWN] = "UNKNOWN",
	[SYNC_HELLO] = "HELLO",
	[SYNC_WELCOME] = "WELCOME",
	[SYNC_UP] = "UP",
	[SYNC_UPACK] = "UPACK",
	[SYNC_UPNAK] = "UPNAK",
	[SYNC_DOWN] = "DOWN",
	[SYNC_DOWNACK] = "DOWNACK",
	[SYNC_LEASE_REQ] = "LEASE_REQ",
	[SYNC_LEASE] = "LEASE",
	[SYNC_PING] = "PING",
	[SYNC_PONG] = "PONG",
	[SYNC_BUSY] = "BUSY",
	[SYNC_RESET] = "RESET",
	[SYNC_BYE] = "BYE",
	[SYNC_RESYNC] = "RESYNC",
	[SYNC_HIST] = "HIST",
	[SYNC_SNAP_REQ] = "SNAP_REQ",
	[SYNC_SNAP] = "SNAP",
	[SYNC_KEYROLL] = "KEYROLL",
};

enum field_sort { FIELD_TEXT, FIELD_INT, FIELD_HASH, FIELD_BAD };

struct field {
	const char *key;
	enum field_sort sort;
	size_t offset, size;
	uint32_t types; /* that carry it */
};

#define IN(type) (1U << SYNC_##type)
#define TEXT(key, member, types)                                                                   \
	{                                                                                          \
		key, FIELD_TEXT, offsetof(struct sync_frame, member),                              \
			sizeof(((struct sync_frame *)0)->member), types                            \
	}
#define NUMBER(key, member, types)                                                                 \
	{                                                                                          \
		key, FIELD_INT, offsetof(struct sync_frame, member), sizeof(int64_t), types        \
	}
#define HASH(key, member, types)                                                                   \
	{                                                                                          \
		key, FIELD_HASH, offsetof(struct sync_frame, member), HASH_BYTES, types            \
	}

static const struct field fields[] = {
	TEXT("of", of, IN(UNKNOWN)),
	TEXT("build", build, IN(HELLO) | IN(WELCOME)),
	TEXT("incarnation", incarnation, IN(HELLO)),
	TEXT("state", state, IN(PING)),
	NUMBER("clock_us", clock_us, IN(HELLO) | IN(WELCOME)),

	NUMBER("up_n", up_n, IN(HELLO) | IN(WELCOME) | IN(UPACK) | IN(UPNAK) | IN(PING) | IN(PONG)),
	HASH("up_hash", up_hash, IN(HELLO) | IN(WELCOME) | IN(UPACK) | IN(UPNAK)),
	NUMBER("oldest", oldest, IN(HELLO)),
	NUMBER("safe", safe, IN(WELCOME) | IN(UPACK) | IN(PONG)),
	NUMBER("first", first, IN(UP)),
	HASH("prev", prev, IN(UP)),
	HASH("hash", hash, IN(UP)),
	NUMBER("credit_events", credit_events, IN(WELCOME)),
	NUMBER("credit_bytes", credit_bytes, IN(WELCOME)),
	NUMBER("depth", depth, IN(PING)),
	NUMBER("age_s", age_s, IN(PING)),

	NUMBER("down_n", down_n,
		IN(HELLO) | IN(WELCOME) | IN(DOWN) | IN(DOWNACK) | IN(PING) | IN(PONG)),
	TEXT("kind", kind, IN(DOWN)),
	TEXT("hub_gen", gen, IN(HELLO) | IN(WELCOME) | IN(DOWN) | IN(LEASE)),
	NUMBER("epoch", epoch, IN(HELLO) | IN(WELCOME) | IN(LEASE)),

	NUMBER("lease", lease, IN(LEASE_REQ) | IN(LEASE) | IN(HELLO)),
	TEXT("block", block, IN(LEASE)),
	TEXT("prefix", prefix, IN(LEASE)),
	NUMBER("lease_first", lease_first, IN(LEASE)),
	NUMBER("lease_count", lease_count, IN(LEASE)),
	NUMBER("reserve", reserve, IN(LEASE)),

	NUMBER("retry_ms", retry_ms, IN(BUSY)),
	TEXT("why", why, IN(UNKNOWN) | IN(UPNAK) | IN(BUSY) | IN(RESET) | IN(BYE)),
	TEXT("refused", refused, IN(WELCOME)),
	{"bad", FIELD_BAD, offsetof(struct sync_frame, bad), 0, IN(UPACK) | IN(DOWNACK)},
};

const char *sync_type_name(enum sync_type type)
{
	return type_names[type];
}

static enum sync_type type_of(const char *name)
{
	for (int i = SYNC_UNKNOWN; i < SYNC_TYPES; i++)
		if (strcmp(type_names[i], name) == 0)
			return (enum sync_type)i;
	return SYNC_OTHER;
}

void sync_frame_init(
	struct sync_frame *frame, enum sync_type type, const char *esid, const char *hsid)
{
	memset(frame, 0, sizeof(*frame));
	frame->type = type;
	snprintf(frame->esid, sizeof(frame->esid), "%s", esid);
	snprintf(frame->hsid, sizeof(frame->hsid), "%s", hsid);
}

/* Reasons may quote what came from outside: made harmless, so that no header outgrows its limit. */
static json_t *clean_text(const char *text)
{
	char copy[SYNC_WHY_MAX];
	bool utf8 = text_is_utf8(text, strlen(text));

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *p = copy; *p; p++)
		if (iscntrl((unsigned char)*p) || strchr("\"\\", *p) || (*p < 0 && !utf8))
			*p = '\'';
	return json_string(copy);
}

static json_t *bad_list(const struct sync_frame *frame)
{
	json_t *list = json_array();

	for (size_t i = 0; i < frame->bad_n; i++)
		json_array_append_new(list, json_pack("{s:I,s:o}", "n", (json_int_t)frame->bad[i].n,
						    "why", clean_text(frame->bad[i].why)));
	return list;
}

static json_t *field_value(const struct sync_frame *frame, const struct field *f)
{
	const char *at = (const char *)frame + f->offset;
	char hex[HASH_HEX];

	switch (f->sort) {
	case FIELD_TEXT:
		return clean_text(at);
	case FIELD_INT:
		return json_integer(*(const int64_t *)(const void *)at);
	case FIELD_HASH:
		text_hex(at, HASH_BYTES, hex);
		return json_string(hex);
	case FIELD_BAD:
		return bad_list(frame);
	}
	return NULL;
}

size_t sync_encode(const struct sync_frame *frame, char *out)
{
	_cleanup_json_ json_t *header = json_pack("{s:i,s:s,s:s,s:s}", "v", SYNC_VERSION, "type",
		type_names[frame->type], "esid", frame->esid, "hsid", frame->hsid);
	size_t len;

	for (size_t i = 0; i < array_len(fields); i++)
		if (fields[i].types & (1U << frame->type))
			json_object_set_new(header, fields[i].key, field_value(frame, &fields[i]));
	len = json_dumpb(header, out, SYNC_HEADER_MAX, JSON_COMPACT);
	assert(len > 0 && len < SYNC_HEADER_MAX);
	out[len] = '\0';
	return len;
}

static int fail(char *why, const char *key, const char *what)
{
	snprintf(why, SYNC_WHY_MAX, "\"%s\" %s", key, what);
	return -EINVAL;
}

static int read_text(const json_t *value, const char *key, char *out, size_t size, char *why)
{
	const char *text = json_string_value(value);

	if (!text)
		return fail(why, key, "must be a string");
	if (strlen(text) != json_string_length(value))
		return fail(why, key, "must not hold a NUL");
	if (text_copy(out, size, text) < 0)
		return fail(why, key, "is too long");
	return 0;
}

static int read_int(const json_t *value, const char *key, int64_t *out, char *why)
{
	if (!json_is_integer(value))
		return fail(why, key, "must be a whole number");
	if (json_integer_value(value) < 0 || json_integer_value(value) > INT_LAST)
		return fail(why, key, "is out of range");
	*out = json_integer_value(value);
	return 0;
}

static int read_hash(const json_t *value, const char *key, uint8_t *out, char *why)
{
	const char *text = json_string_value(value);

	if (!text || text_unhex(text, out, HASH_BYTES) < 0)
		return fail(why, key, "must be 64 hex digits");
	return 0;
}

static int read_bad(const json_t *value, struct sync_frame *ret, char *why)
{
	if (!json_is_array(value) || json_array_size(value) > SYNC_BAD_MAX)
		return fail(why, "bad", "must be a short list");
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *row = json_array_get(value, i);
		struct sync_bad *bad = &ret->bad[i];

		if (read_int(json_object_get(row, "n"), "n", &bad->n, why) < 0 ||
			read_text(json_object_get(row, "why"), "why", bad->why, sizeof(bad->why),
				why) < 0)
			return -EINVAL;
	}
	ret->bad_n = json_array_size(value);
	return 0;
}

static int read_field(
	const json_t *header, const struct field *f, struct sync_frame *ret, char *why)
{
	const json_t *value = json_object_get(header, f->key);
	char *at = (char *)ret + f->offset;

	if (!value)
		return fail(why, f->key, "is missing");
	switch (f->sort) {
	case FIELD_TEXT:
		return read_text(value, f->key, at, f->size, why);
	case FIELD_INT:
		return read_int(value, f->key, (int64_t *)(void *)at, why);
	case FIELD_HASH:
		return read_hash(value, f->key, (uint8_t *)at, why);
	case FIELD_BAD:
		return read_bad(value, ret, why);
	}
	return -EINVAL;
}

static int check_size(const struct sync_part *parts, size_t parts_n, char *why)
{
	size_t total = 0;

	if (parts_n < 1 || parts[0].len > SYNC_HEADER_MAX) {
		snprintf(why, SYNC_WHY_MAX, "header of more than %d bytes", SYNC_HEADER_MAX);
		return -EMSGSIZE;
	}
	for (size_t i = 0; i < parts_n; i++)
		total += parts[i].len;
	if (total > SYNC_MESSAGE_MAX || parts_n > SYNC_CREDIT_EVENTS + 1) {
		snprintf(why, SYNC_WHY_MAX, "message of more than %d bytes or %d parts",
			SYNC_MESSAGE_MAX, SYNC_CREDIT_EVENTS + 1);
		return -EMSGSIZE;
	}
	return 0;
}

/* A frame of another protocol version is as good as an unknown type: it is answered, not fatal. */
static int read_type(const json_t *header, struct sync_frame *ret, char *why)
{
	char name[SYNC_NAME_MAX];
	int64_t version;

	if (read_int(json_object_get(header, "v"), "v", &version, why) < 0 ||
		read_text(json_object_get(header, "type"), "type", name, sizeof(name), why) < 0 ||
		read_text(json_object_get(header, "esid"), "esid", ret->esid, sizeof(ret->esid),
			why) < 0 ||
		read_text(json_object_get(header, "hsid"), "hsid", ret->hsid, sizeof(ret->hsid),
			why) < 0)
		return -EINVAL;
	ret->type = version == SYNC_VERSION ? type_of(name) : SYNC_OTHER;
	if (ret->type == SYNC_OTHER)
		memcpy(ret->of, name, sizeof(name));
	return 0;
}

int sync_decode(const struct sync_part *parts, size_t parts_n, struct sync_frame *ret, char *why)
{
	_cleanup_json_ json_t *header = NULL;
	struct sync_frame frame = {.bodies = parts + 1, .bodies_n = parts_n - 1};

	if (check_size(parts, parts_n, why) < 0)
		return -EMSGSIZE;
	header = json_parse(parts[0].bytes, parts[0].len, why, SYNC_WHY_MAX);
	if (!header)
		return -EINVAL;
	if (read_type(header, &frame, why) < 0)
		return -EINVAL;
	for (size_t i = 0; frame.type != SYNC_OTHER && i < array_len(fields); i++)
		if (fields[i].types & (1U << frame.type))
			if (read_field(header, &fields[i], &frame, why) < 0)
				return -EINVAL;
	*ret = frame;
	return 0;
}

bool sync_chain_ok(const struct sync_frame *up, uint8_t (*ret_hashes)[HASH_BYTES])
{
	const uint8_t *previous = up->prev;

	for (size_t i = 0; i < up->bodies_n; i++) {
		chain_next(previous, (uint64_t)(up->first + (int64_t)i), up->bodies[i].bytes,
			up->bodies[i].len, ret_hashes[i]);
		previous = ret_hashes[i];
	}
	return memcmp(previous, up->hash, HASH_BYTES) == 0;
}
