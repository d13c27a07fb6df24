#include "web.h"

#include <string.h>

#include "cleanup.h"

static const struct route routes[] = {
	{ "POST", "/api/command", ROUTE_SESSION | ROUTE_CSRF | ROUTE_JSON, api_command },
	{ "GET", "/api/prompt", ROUTE_SESSION | ROUTE_BARRIER, api_prompt },
	{ "GET", "/api/query/", ROUTE_SESSION, api_query },
	{ "GET", "/api/events", ROUTE_SESSION, events_open },
	{ "GET", "/api/me", ROUTE_SESSION, api_me },
	{ "GET", "/api/places", 0, api_places },
	{ "POST", "/api/login", ROUTE_JSON, auth_login },
	{ "GET", "/ca.pem", 0, pages_ca },
	{ "GET", "/", 0, pages_serve },
};

static bool path_matches(const struct route *route, const char *path)
{
	size_t len = strlen(route->path);

	if (len == 1 && strncmp(path, "/api/", 5) == 0)
		return false; /* pages do not hide a wrong method of the API */
	if (route->path[len - 1] == '/')
		return strncmp(route->path, path, len) == 0;
	return strcmp(route->path, path) == 0;
}

const struct route *route_find(const char *method, const char *path, unsigned *ret_status)
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET"; /* libmicrohttpd leaves the body out */
	*ret_status = MHD_HTTP_NOT_FOUND;
	for (size_t i = 0; i < array_len(routes); i++) {
		if (!path_matches(&routes[i], path))
			continue;
		if (strcmp(routes[i].method, method) == 0)
			return &routes[i];
		*ret_status = MHD_HTTP_METHOD_NOT_ALLOWED;
	}
	return NULL;
}
