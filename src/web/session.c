#include "session.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "text.h"

static const char csrf_purpose[] = "wharf csrf 1";

void session_new_token(char *ret_token)
{
	uint8_t bytes[TOKEN_BYTES];

	randombytes_buf(bytes, sizeof(bytes));
	text_hex(bytes, sizeof(bytes), ret_token);
	sodium_memzero(bytes, sizeof(bytes));
}

int session_ids(const char *token, char *ret_id, char *ret_csrf)
{
	uint8_t bytes[TOKEN_BYTES], hash[SESSION_ID_BYTES];

	if (text_unhex(token, bytes, sizeof(bytes)) < 0)
		return -EINVAL;
	crypto_generichash(hash, sizeof(hash), bytes, sizeof(bytes), NULL, 0);
	text_hex(hash, sizeof(hash), ret_id);
	if (ret_csrf) {
		crypto_generichash(hash, sizeof(hash), (const uint8_t *)csrf_purpose,
			sizeof(csrf_purpose), bytes, sizeof(bytes));
		text_hex(hash, sizeof(hash), ret_csrf);
	}
	sodium_memzero(bytes, sizeof(bytes));
	return 0;
}

bool session_csrf_ok(const char *expected, const char *given)
{
	size_t len = strlen(expected);

	return given && strlen(given) == len && sodium_memcmp(expected, given, len) == 0;
}

/* The id is a hash already: its first digits pick the set. */
static struct session *set_of(struct sessions *sessions, const char *id)
{
	uint8_t first = 0;

	if (strlen(id) != SESSION_ID_HEX - 1)
		return NULL;
	sodium_hex2bin(&first, 1, id, 2, NULL, NULL, NULL);
	return sessions->entries[first];
}

static struct session *find(struct sessions *sessions, const char *id)
{
	struct session *set = set_of(sessions, id);

	for (size_t i = 0; set && i < SESSION_WAYS; i++)
		if (strcmp(set[i].id, id) == 0)
			return &set[i];
	return NULL;
}

const struct session *sessions_find(struct sessions *sessions, const char *id, int64_t now_us)
{
	struct session *s = find(sessions, id);

	if (!s || s->changes != sessions->changes || now_us - s->checked_us > SESSION_FRESH_US)
		return NULL;
	s->used_us = now_us;
	return s;
}

void sessions_changed(struct sessions *sessions)
{
	sessions->changes++;
}

void sessions_put(struct sessions *sessions, const struct session *session, int64_t now_us)
{
	struct session *entry = find(sessions, session->id);
	struct session *set = set_of(sessions, session->id);

	if (!set)
		return;
	for (size_t i = 0; !entry && i < SESSION_WAYS; i++)
		if (!set[i].id[0])
			entry = &set[i];
	if (!entry) {
		entry = &set[0];
		for (size_t i = 1; i < SESSION_WAYS; i++)
			if (set[i].used_us < entry->used_us)
				entry = &set[i];
	}
	*entry = *session;
	entry->checked_us = entry->used_us = now_us;
	entry->changes = sessions->changes;
}

void sessions_drop(struct sessions *sessions, const char *id)
{
	struct session *s = find(sessions, id);

	if (s)
		*s = (struct session){ 0 };
}
