#include "pick_load.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define SCAN_TEXT_MAX 1024

struct station {
	struct talk web;
	struct handheld *handhelds;
	int64_t *sent_ns;
	size_t n;
	struct pick_load *load;
};

static void send_scan(struct station *s, size_t i)
{
	char scan[SCAN_TEXT_MAX], text[SCAN_TEXT_MAX + 16];
	int r;

	floor_scan_text(&s->handhelds[i], false, scan, sizeof(scan));
	text_format(text, sizeof(text), "{\"command\":%s}", scan);
	s->sent_ns[i] = now_ns();
	r = door_send(s->web.fd, text, strlen(text));
	if (r < 0)
		die("scan not sent: %s", strerror(-r));
}

/* Origins end with the handheld's number: hh-NUMBER. */
static size_t handheld_of(const struct station *s, const char *text)
{
	const char *id = strstr(text, "\"id\":\""), *number = id ? strstr(id, "-hh-") : NULL;
	size_t i = number ? (size_t)atol(number + 4) : s->n;

	if (i >= s->n)
		die("not an answer to a scan: %.300s", text);
	return i;
}

/* Reads one outcome; false where none is there yet. */
static bool read_outcome(struct station *s, size_t *ret_i)
{
	size_t len;
	int r = door_recv(s->web.fd, s->web.in, &len);

	if (r == -EAGAIN)
		return false;
	if (r <= 0)
		die("the door was closed");
	*ret_i = handheld_of(s, s->web.in);
	if (!floor_scan_answer(&s->handhelds[*ret_i], s->web.in))
		die("not counted: %.300s", s->web.in);
	samples_add(&s->load->round_trips, now_ns() - s->sent_ns[*ret_i]);
	s->load->picks++;
	return true;
}

static void work(struct station *s)
{
	int64_t start = now_ns();
	size_t open = s->n;

	for (size_t i = 0; i < s->n; i++)
		send_scan(s, i);
	while (open) {
		struct pollfd p = { .fd = s->web.fd, .events = POLLIN };
		bool more = seconds_since(start) < s->load->seconds;
		size_t i;

		if (!read_outcome(s, &i))
			poll(&p, 1, -1);
		else if (more)
			send_scan(s, i);
		else
			open--;
	}
	s->load->seconds = seconds_since(start);
}

void pick_load_run(const struct floor *f, struct handheld *h, size_t n, struct pick_load *load)
{
	struct station s = { .handhelds = h, .n = n, .load = load };

	s.sent_ns = calloc(n, sizeof(*s.sent_ns));
	if (!s.sent_ns)
		die("out of memory");
	talk_open(&s.web, f->folder, DOOR_WEB);
	work(&s);
	talk_close(&s.web);
	free(s.sent_ns);
}
