#include "people.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "text.h"

/* Badges and PINs of the demo floor; they open nothing else. docs/demo.md tells them. */
struct job {
	const char *badge, *pin, *device;
	void (*work)(struct person *person);
};

static const struct job pickers[] = {
	{ "picker1", "1111", "hh-sim-1", picker_work },
	{ "picker2", "2222", "hh-sim-2", picker_work },
	{ "picker3", "3333", "hh-sim-3", picker_work },
	{ "picker4", "4444", "hh-sim-4", picker_work },
};

static const struct job others[] = {
	{ "packer1", "5555", NULL, packer_work }, /* at the packing station */
	{ "loader1", "6666", "hh-sim-dock", loader_work },
	{ "super1", "7777", "desk-sim", supervisor_work },
	{ "", "", "induct", inductor_work },      /* a belt: needs no badge */
};

static void *run(void *user)
{
	struct person *p = user;

	if (!p->api.badge[0] || api_login(&p->api) == 0)
		p->work(p);
	return NULL;
}

static int hire(struct people *people, struct world *world, const struct job *job)
{
	struct person *p = &people->list[people->n];
	struct api_person who = { .base = world->url, .ca = world->ca, .badge = job->badge,
		.pin = job->pin, .device = job->device ? job->device : world->pack_station };
	int r;

	if (people->n == PEOPLE_MAX)
		return -ENOSPC;
	*p = (struct person){ .world = world, .work = job->work };
	chance_seed(&p->chance, world->options.seed, job->badge[0] ? job->badge : "induct");
	r = api_open(&p->api, &world->loop, &who);
	if (r < 0)
		return r;
	people->n++;
	r = -pthread_create(&p->thread, NULL, run, p);
	p->started = r == 0;
	return r;
}

int people_start(struct people *people, struct world *world)
{
	int r = 0;

	people->n = 0;
	for (size_t i = 0; r == 0 && i < (size_t)world->options.pickers && i < array_len(pickers); i++)
		r = hire(people, world, &pickers[i]);
	for (size_t i = 0; r == 0 && i < array_len(others); i++)
		r = hire(people, world, &others[i]);
	return r;
}

void people_stop(struct people *people)
{
	for (size_t i = 0; i < people->n; i++) {
		struct person *p = &people->list[i];

		if (p->started)
			pthread_join(p->thread, NULL);
		json_decref(p->prompt);
		api_close(&p->api);
	}
	people->n = 0;
}

bool person_pause(struct person *p)
{
	int64_t pace_ms = p->world->options.pace_ms;

	return loop_pause(&p->world->loop, chance_range(&p->chance, pace_ms / 2, pace_ms * 3 / 2));
}

static void see(struct person *p, json_t *take_prompt)
{
	json_decref(p->prompt);
	p->prompt = take_prompt;
}

bool person_look(struct person *p)
{
	json_t *prompt = NULL;

	if (api_get(&p->api, "/api/prompt", &prompt) < 0)
		return false;
	see(p, prompt);
	/* Signed off at this place (the session was ended elsewhere): sign on again. */
	return strcmp(person_expects(p), "login") != 0 || api_login(&p->api) == 0;
}

const char *person_expects(const struct person *p)
{
	return json_str(p->prompt, "expect");
}

const char *person_sees(const struct person *p, const char *key)
{
	return json_str(json_object_get(p->prompt, "data"), key);
}

int person_act(struct person *p, const char *kind, json_t *args, json_t **ret)
{
	_cleanup_json_ json_t *outcome = NULL;
	json_t *prompt;
	int r = api_command(&p->api, kind, args, json_int(p->prompt, "step"), &outcome);

	if (r < 0)
		return r;
	prompt = json_object_get(outcome, "prompt");
	if (prompt)
		see(p, json_incref(prompt));
	if (ret)
		*ret = take_ptr(outcome);
	return 0;
}

int person_scan(struct person *p, const char *aim, const char *data, json_t **ret)
{
	return person_act(p, "scan", json_pack("{s:s, s:s}", "aim", aim, "data", data), ret);
}

int person_key(struct person *p, const char *key)
{
	return person_act(p, "key", json_pack("{s:s}", "key", key), NULL);
}

int person_order(struct person *p, const char *kind, json_t *args, json_t **ret)
{
	return api_command(&p->api, kind, args, -1, ret);
}
