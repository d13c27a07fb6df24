#include "api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "text.h"

#define TIMEOUT_MS 5000L
#define RETRY_FIRST_MS 50
#define RETRY_LAST_MS 1000
#define LOGIN_RETRY_MS 1000

static size_t on_bytes(char *bytes, size_t size, size_t n, void *user)
{
	struct api *api = user;
	size_t len = size * n;
	char *answer;

	if (api->answer_len + len > API_ANSWER_MAX)
		return 0;
	answer = realloc(api->answer, api->answer_len + len + 1);
	if (!answer)
		return 0;
	api->answer = answer;
	memcpy(answer + api->answer_len, bytes, len);
	api->answer_len += len;
	return len;
}

static void set_options(struct api *api)
{
	curl_easy_setopt(api->curl, CURLOPT_COOKIEFILE, ""); /* cookies in memory */
	curl_easy_setopt(api->curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(api->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(api->curl, CURLOPT_CAINFO, api->ca);
	curl_easy_setopt(api->curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(api->curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(api->curl, CURLOPT_WRITEDATA, api);
}

int api_open(struct api *api, struct loop *loop, const struct api_person *person)
{
	*api = (struct api){ .loop = loop };
	if (text_copy(api->base, sizeof(api->base), person->base) < 0 ||
		text_copy(api->ca, sizeof(api->ca), person->ca) < 0 ||
		text_copy(api->badge, sizeof(api->badge), person->badge) < 0 ||
		text_copy(api->pin, sizeof(api->pin), person->pin) < 0 ||
		text_copy(api->device, sizeof(api->device), person->device) < 0)
		return -ENAMETOOLONG;
	api->curl = curl_easy_init();
	if (!api->curl)
		return -ENOMEM;
	set_options(api);
	return 0;
}

void api_close(struct api *api)
{
	curl_easy_cleanup(api->curl);
	free(api->answer);
	*api = (struct api){ 0 };
}

static struct curl_slist *headers_of(const struct api *api, bool post)
{
	char csrf[API_CSRF_MAX + 16];
	struct curl_slist *list = NULL;

	if (!post)
		return NULL;
	list = curl_slist_append(list, "Content-Type: application/json");
	text_format(csrf, sizeof(csrf), "X-Wharf: %s", api->csrf);
	return api->csrf[0] ? curl_slist_append(list, csrf) : list;
}

/* One request. HTTP status, or 0 where no whole answer came. `body` NULL: GET. */
static long request_once(struct api *api, const char *path, const char *body)
{
	char url[API_URL_MAX * 2];
	struct curl_slist *headers = headers_of(api, body != NULL);
	CURLcode code;
	long status = 0;

	api->answer_len = 0;
	if (text_format(url, sizeof(url), "%s%s", api->base, path) < 0)
		return 0;
	curl_easy_setopt(api->curl, CURLOPT_URL, url);
	curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, headers);
	if (body)
		curl_easy_setopt(api->curl, CURLOPT_COPYPOSTFIELDS, body);
	else
		curl_easy_setopt(api->curl, CURLOPT_HTTPGET, 1L);
	code = curl_easy_perform(api->curl);
	if (code == CURLE_OK)
		curl_easy_getinfo(api->curl, CURLINFO_RESPONSE_CODE, &status);
	else
		log_debug("%s: %s badge=%s", path, curl_easy_strerror(code), api->badge);
	curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return status;
}

/* Until something answers that is not merely away. Status, or 0 at the end. */
static long request(struct api *api, const char *path, const char *body)
{
	int wait_ms = RETRY_FIRST_MS;
	long status;

	while ((status = request_once(api, path, body)) == 0 || status >= 500) {
		api->retries++;
		if (!loop_pause(api->loop, wait_ms))
			return 0;
		wait_ms = wait_ms * 2 < RETRY_LAST_MS ? wait_ms * 2 : RETRY_LAST_MS;
	}
	return status;
}

/* The object behind the answer's only key, or the whole object. */
static json_t *answer_object(const struct api *api)
{
	json_t *whole = json_loadb(api->answer ? api->answer : "", api->answer_len, 0, NULL), *inner;

	if (json_object_size(whole) != 1)
		return whole;
	inner = json_incref(json_object_iter_value(json_object_iter(whole)));
	json_decref(whole);
	return inner;
}

static int login_once(struct api *api)
{
	_cleanup_json_ json_t *body = json_pack("{s:s, s:s, s:s}", "badge", api->badge, "pin", api->pin,
		"device", api->device);
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_free_ char *text = json_text(body);
	long status;

	api->csrf[0] = '\0';
	status = request(api, "/api/login", text);
	if (!status)
		return -ECANCELED;
	answer = answer_object(api);
	if (status != 200 || !json_is_true(json_object_get(answer, "ok"))) {
		log_warning("login refused: %s badge=%s", json_str(answer, "say"), api->badge);
		return -EACCES;
	}
	return text_copy(api->csrf, sizeof(api->csrf), json_str(answer, "csrf"));
}

/* A session is a new origin: an id of the old one would be another actor's. */
int api_login(struct api *api)
{
	int r;

	while ((r = login_once(api)) == -EACCES)
		if (!loop_pause(api->loop, LOGIN_RETRY_MS))
			return -ECANCELED;
	text_boot_id(api->origin);
	api->n = 0;
	api->heard[0] = '\0';
	if (r == 0)
		log_info("signed on badge=%s device=%s", api->badge, api->device);
	return r;
}

int api_get(struct api *api, const char *path, json_t **ret)
{
	long status;

	while ((status = request(api, path, NULL)) == 401)
		if (api_login(api) < 0)
			return -ECANCELED;
	if (!status)
		return -ECANCELED;
	if (status == 404)
		return -ENOENT;
	if (status != 200)
		return -EPERM;
	*ret = answer_object(api);
	return *ret ? 0 : -ENOENT;
}

static json_t *command_object(const struct api *api, const char *kind, json_t *args, int64_t step)
{
	char id[DOOR_ID_MAX], at[CLOCK_TEXT_MAX];
	json_t *command;

	text_format(id, sizeof(id), "%s:%lld", api->origin, (long long)api->n);
	clock_text(clock_real_us(), at);
	command = json_pack("{s:s, s:s, s:s, s:o}", "id", id, "kind", kind, "at", at, "args", args);
	if (step >= 0)
		json_object_set_new(command, "step", json_integer(step));
	if (api->heard[0])
		json_object_set_new(command, "heard", json_string(api->heard));
	return command;
}

static int take_answer(struct api *api, long status, json_t **ret)
{
	_cleanup_json_ json_t *answer = answer_object(api);

	if (status == 401)
		return api_login(api) < 0 ? -ECANCELED : -EAGAIN;
	if (status != 200) {
		log_warning("not taken: %s badge=%s", json_str(answer, "say"), api->badge);
		return -EAGAIN;
	}
	text_copy(api->heard, sizeof(api->heard), json_str(answer, "id"));
	*ret = take_ptr(answer);
	return 0;
}

static int send_command(struct api *api, const char *kind, json_t *args, int64_t step, json_t **ret)
{
	_cleanup_json_ json_t *command = command_object(api, kind, args, step);
	_cleanup_free_ char *text = json_text(command);
	long status = text ? request(api, "/api/command", text) : 0;

	return status ? take_answer(api, status, ret) : -ECANCELED;
}

int api_command(struct api *api, const char *kind, json_t *args, int64_t step, json_t **ret)
{
	api->n++;
	return send_command(api, kind, args, step, ret);
}

int api_command_again(struct api *api, const char *kind, json_t *args, int64_t step, json_t **ret)
{
	return send_command(api, kind, args, step, ret);
}
