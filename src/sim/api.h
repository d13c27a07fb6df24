/* One person's HTTPS session: login by badge and PIN, prompts, queries, and commands that are sent
 * again under the same id until an answer comes. Blocking: each person is a thread. */
#ifndef WHARF_SIM_API_H
#define WHARF_SIM_API_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdint.h>

#include "door.h"
#include "loop.h"

#define API_URL_MAX 200
#define API_ANSWER_MAX (256 * 1024)
#define API_CSRF_MAX 256

struct api {
	CURL *curl;
	struct loop *loop;          /* its end ends all waiting */
	char base[API_URL_MAX];     /* https://127.0.0.1:8443 */
	char ca[API_URL_MAX];       /* file of the site's CA */
	char badge[DOOR_NAME_MAX], device[DOOR_NAME_MAX], pin[32];
	char csrf[API_CSRF_MAX];
	char origin[DOOR_ORIGIN_MAX];
	char heard[DOOR_ID_MAX];    /* last outcome shown */
	int64_t n;                  /* last number of this origin */
	char *answer;               /* of the request that runs */
	size_t answer_len;
	unsigned retries;           /* requests sent again after a failure */
};

struct api_person {
	const char *base, *ca, *badge, *pin, *device;
};

int api_open(struct api *api, struct loop *loop, const struct api_person *person);
void api_close(struct api *api);

/* Logs in, trying again until it works. 0; -EACCES where badge or PIN are wrong; -ECANCELED at the end. */
int api_login(struct api *api);

/* GET of a path; the object inside the answer's only key. Tries again while the server is away.
 * 0; -ENOENT where there is nothing (yet); -EPERM; -ECANCELED at the end. */
int api_get(struct api *api, const char *path, json_t **ret);

/* A new command. `args` is stolen; step < 0: none. *ret is the outcome. 0; -EAGAIN where it was not
 * taken or the session was lost meanwhile: look at the prompt again; -ECANCELED at the end. */
int api_command(struct api *api, const char *kind, json_t *args, int64_t step, json_t **ret);

/* For a person who delivers the same act twice on purpose: the last command's id again, answered
 * as before. */
int api_command_again(struct api *api, const char *kind, json_t *args, int64_t step, json_t **ret);

#endif
