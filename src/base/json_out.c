#include "json_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 256
#define NUMBER_MAX 24

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

static bool make_room(struct json_out *o, size_t more)
{
	size_t room = o->room ? o->room : ROOM_FIRST;
	char *text;

	if (o->failed)
		return false;
	if (o->len + more < o->room) /* one byte stays for the final NUL */
		return true;
	while (room <= o->len + more)
		room *= 2;
	text = realloc(o->text, room);
	if (!text) {
		o->failed = true;
		return false;
	}
	o->text = text;
	o->room = room;
	return true;
}

static void put(struct json_out *o, const char *bytes, size_t len)
{
	if (!make_room(o, len))
		return;
	memcpy(o->text + o->len, bytes, len);
	o->len += len;
}

static void put_comma(struct json_out *o)
{
	char last = o->len ? o->text[o->len - 1] : '{';

	if (last != '{' && last != '[')
		put(o, ",", 1);
}

static void put_key(struct json_out *o, const char *key)
{
	put_comma(o);
	if (!key)
		return;
	put(o, "\"", 1);
	put(o, key, strlen(key));
	put(o, "\":", 2);
}

/* Length of the UTF-8 sequence at `s`; 0 where it is none (RFC 3629: no surrogates, nothing overlong). */
static size_t sequence(const unsigned char *s)
{
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void put_escape(struct json_out *o, unsigned char c)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char text[8];

	for (size_t i = 0; i + 1 < sizeof(shorts); i += 2)
		if (shorts[i] == (char)c) {
			put(o, (char[]){ '\\', shorts[i + 1] }, 2);
			return;
		}
	snprintf(text, sizeof(text), "\\u%04X", c);
	put(o, text, 6);
}

static bool plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c < 0x80;
}

static void put_text(struct json_out *o, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	while (*s) {
		size_t n = 0;

		while (plain(s[n]))
			n++;
		put(o, (const char *)s, n);
		s += n;
		if (!*s)
			return;
		if (*s < 0x80) {
			put_escape(o, *s++);
			continue;
		}
		n = sequence(s);
		put(o, n ? (const char *)s : replacement, n ? n : sizeof(replacement) - 1);
		s += n ? n : 1;
	}
}

void json_out_open(struct json_out *o, const char *key, char bracket)
{
	put_key(o, key);
	put(o, &bracket, 1);
}

void json_out_close(struct json_out *o, char bracket)
{
	put(o, &bracket, 1);
}

void json_out_str(struct json_out *o, const char *key, const char *value)
{
	put_key(o, key);
	put(o, "\"", 1);
	put_text(o, value);
	put(o, "\"", 1);
}

void json_out_int(struct json_out *o, const char *key, int64_t value)
{
	char digits[NUMBER_MAX], *at = digits + sizeof(digits);
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--at = '-';
	put_key(o, key);
	put(o, at, (size_t)(digits + sizeof(digits) - at));
}

void json_out_raw(struct json_out *o, const char *key, const char *json)
{
	if (!json || !json[0])
		json = "null";
	put_key(o, key);
	put(o, json, strlen(json));
}

void json_out_bool(struct json_out *o, const char *key, bool value)
{
	json_out_raw(o, key, value ? "true" : "false");
}

void json_out_members(struct json_out *o, const struct json_out *from)
{
	o->failed |= from->failed;
	if (!from->len)
		return;
	put_comma(o);
	put(o, from->text, from->len);
}

char *json_out_take(struct json_out *o)
{
	char *text = NULL;

	if (!o->failed && make_room(o, 1)) {
		o->text[o->len] = '\0';
		text = o->text;
		o->text = NULL;
	}
	json_out_fini(o);
	return text;
}

void json_out_fini(struct json_out *o)
{
	free(o->text);
	*o = (struct json_out){ 0 };
}
