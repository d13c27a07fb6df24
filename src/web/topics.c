#include "topics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"

static const char prompt_prefix[] = "prompt/";
static const char event_prefix[] = "data: ";
static const char event_end[] = "\n\n";

static bool one_of(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static bool prompt_allowed(const char *place, const struct session *session,
	topic_is_station *is_station, const void *user)
{
	static const char *const all_places[] = { "supervisor", "admin", "maintenance" };
	static const char *const stations[] = { "packer", "loader" };

	if (!door_name_ok(place))
		return false;
	if (strcmp(place, session->device) == 0)
		return true;
	if (one_of(session->role, all_places, array_len(all_places)))
		return true;
	return one_of(session->role, stations, array_len(stations)) && is_station(user, place);
}

bool topic_allowed(const char *name, const struct session *session, topic_is_station *is_station,
	const void *user)
{
	static const char *const shared[] = { "devices", "orders", "cases", "status", "link" };
	size_t prefix = strlen(prompt_prefix);

	if (strncmp(name, prompt_prefix, prefix) == 0)
		return prompt_allowed(name + prefix, session, is_station, user);
	return one_of(name, shared, array_len(shared));
}

struct topic *topics_find(struct topics *topics, const char *name)
{
	for (size_t i = 0; i < TOPICS_MAX; i++)
		if (strcmp(topics->list[i].name, name) == 0)
			return *name ? &topics->list[i] : NULL;
	return NULL;
}

void topics_drop(struct topic *topic)
{
	free(topic->event);
	*topic = (struct topic){ 0 };
}

struct topic *topics_get(struct topics *topics, const char *name, char *ret_dropped)
{
	struct topic *topic = topics_find(topics, name), *unused = NULL;

	ret_dropped[0] = '\0';
	if (topic || strlen(name) >= TOPIC_NAME_MAX)
		return topic;
	for (size_t i = 0; i < TOPICS_MAX && !topic; i++) {
		if (!topics->list[i].name[0])
			topic = &topics->list[i];
		else if (!topics->list[i].listeners && !unused)
			unused = &topics->list[i];
	}
	if (!topic && unused) {
		topic = unused;
		text_copy(ret_dropped, TOPIC_NAME_MAX, topic->name);
		topics_drop(topic);
	}
	if (topic)
		text_copy(topic->name, sizeof(topic->name), name);
	return topic;
}

int topic_set(struct topics *topics, struct topic *topic, const char *json, size_t len)
{
	size_t prefix = strlen(event_prefix), end = strlen(event_end);
	char *event = malloc(prefix + len + end);

	if (!event)
		return -ENOMEM;
	memcpy(event, event_prefix, prefix);
	memcpy(event + prefix, json, len);
	memcpy(event + prefix + len, event_end, end);
	free(topic->event);
	topic->event = event;
	topic->event_len = prefix + len + end;
	topic->json = event + prefix;
	topic->json_len = len;
	topic->version = ++topics->last_version;
	return 0;
}

void topics_fini(struct topics *topics)
{
	for (size_t i = 0; i < TOPICS_MAX; i++)
		topics_drop(&topics->list[i]);
}
