#include "pages.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"
#include "web.h"

#define ETAG_BYTES 8

/* No script or style but our own files; nobody may frame the pages or be told where links came from. */
static const char *const page_headers[][2] = {
	{ "Content-Security-Policy",
		"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "X-Frame-Options", "DENY" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Strict-Transport-Security", "max-age=31536000" },
	{ "Cache-Control", "no-cache" }, /* with the ETag: asked for each time, sent once per release */
};

const struct page *page_find(const char *tail)
{
	char name[TAIL_MAX + 8];

	if (strcmp(tail, "favicon.ico") == 0)
		tail = "icon.svg";
	if (text_format(name, sizeof(name), "%s%s", *tail ? tail : "index",
		    strchr(tail, '.') ? "" : ".html") < 0)
		return NULL;
	for (size_t i = 0; i < pages_n; i++)
		if (strcmp(pages[i].path, name) == 0)
			return &pages[i];
	return NULL;
}

const char *page_type(const char *path)
{
	static const char *const types[][2] = { { ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
		{ ".svg", "image/svg+xml" }, { ".webmanifest", "application/manifest+json" } };
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < array_len(types); i++)
		if (strcmp(types[i][0], dot) == 0)
			return types[i][1];
	return "application/octet-stream";
}

static void make_etag(const struct page *page, char *out, size_t size)
{
	uint8_t hash[HASH_BYTES];
	char hex[ETAG_BYTES * 2 + 1];

	text_hash(page->bytes, page->len, NULL, 0, hash);
	text_hex(hash, ETAG_BYTES, hex);
	text_format(out, size, "\"%s\"", hex);
}

static struct MHD_Response *make_response(const char *bytes, size_t len, const char *type)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, (void *)bytes, MHD_RESPMEM_PERSISTENT);

	if (!response)
		abort();
	MHD_add_response_header(response, "Content-Type", type);
	for (size_t i = 0; i < array_len(page_headers); i++)
		MHD_add_response_header(response, page_headers[i][0], page_headers[i][1]);
	return response;
}

void pages_serve(struct request *request)
{
	const struct page *page = page_find(request->tail);
	struct MHD_Response *response;
	char etag[ETAG_BYTES * 2 + 3];
	bool same;

	if (!page) {
		request_refuse(request, MHD_HTTP_NOT_FOUND, "", "malformed", "No such page");
		return;
	}
	make_etag(page, etag, sizeof(etag));
	same = http_etag_matches(
		MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, "If-None-Match"), etag);
	response = make_response((const char *)page->bytes, same ? 0 : page->len,
		page_type(page->path));
	MHD_add_response_header(response, "ETag", etag);
	request_answer(request, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}

/* The local CA's certificate, for the enrolment of handhelds. */
void pages_ca(struct request *request)
{
	const char *ca = request->web->tls.ca;

	if (!ca) {
		request_refuse(request, MHD_HTTP_NOT_FOUND, "", "malformed",
			"This site has a certificate of its own");
		return;
	}
	request_answer(request, MHD_HTTP_OK, make_response(ca, strlen(ca), "application/x-pem-file"));
}
