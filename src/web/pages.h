/* The files of pages/, built into the program. */
#ifndef WHARF_WEB_PAGES_H
#define WHARF_WEB_PAGES_H

#include <stddef.h>

struct page {
	const char *path; /* "h.html" */
	const unsigned char *bytes;
	size_t len;
};

extern const struct page pages[];
extern const size_t pages_n;

/* By what is behind the '/' of the URL: "" is the start page, "h" is "h.html". NULL: none. */
const struct page *page_find(const char *tail);
const char *page_type(const char *path);

#endif
