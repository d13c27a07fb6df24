#include "printer.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "net.h"
#include "text.h"

#define FILE_MAX (64 * 1024 * 1024)
/* Settings; no fault, no format waiting (words b, c, eee, f of string 1; o, p, u of string 2). */
#define STATUS_OK                                                                                  \
	"\x02" "030,0,0,1218,000,0,0,0,000,0,0,0\x03\r\n"                                              \
	"\x02" "000,0,0,0,0,2,4,0,00000000,1,000\x03\r\n"                                              \
	"\x02" "1234,0\x03\r\n"

static int remember(struct printer *p, const char *sscc)
{
	if (p->labels_n == PRINTER_LABELS_MAX)
		return -ENOSPC;
	if (p->labels_n == p->labels_size) {
		unsigned size = p->labels_size ? p->labels_size * 2 : 64;
		void *labels = realloc(p->labels, size * sizeof(*p->labels));

		if (!labels)
			return -ENOMEM;
		p->labels = labels;
		p->labels_size = size;
	}
	return text_copy(p->labels[p->labels_n++], SSCC_TEXT, sscc);
}

/* ZPL with ^CI28 is UTF-8; anything else is kept as hex so that the line stays JSON. */
static json_t *zpl_value(const char *bytes, size_t len)
{
	_cleanup_free_ char *hex = NULL;

	if (text_is_utf8(bytes, len) && !memchr(bytes, 0, len))
		return json_stringn(bytes, len);
	hex = malloc(len * 2 + 1);
	if (!hex)
		return NULL;
	text_hex(bytes, len, hex);
	return json_string(hex);
}

static int append_line(struct printer *p, json_t *line)
{
	_cleanup_free_ char *text = json_text(line);
	size_t len;

	if (!text)
		return -ENOMEM;
	len = strlen(text);
	text[len] = '\n'; /* in the NUL's place: write() takes a length */
	if (write(p->file, text, len + 1) != (ssize_t)len + 1)
		return -EIO;
	return fsync(p->file) < 0 ? -errno : 0;
}

static int record(struct printer *p, const char *bytes, size_t len, const char *sscc)
{
	_cleanup_json_ json_t *line = NULL;
	char at[CLOCK_TEXT_MAX];
	int r;

	clock_text(clock_real_us(), at);
	line = json_pack("{s:s, s:I, s:s, s:o}", "sscc", sscc, "bytes", (json_int_t)len, "at", at,
		"zpl", zpl_value(bytes, len));
	if (!line)
		return -ENOMEM;
	r = append_line(p, line);
	return r == 0 && *sscc ? remember(p, sscc) : r;
}

static void print_format(struct printer *p, const char *bytes, size_t len)
{
	char sscc[SSCC_TEXT] = "";
	int r;

	if (zpl_sscc(bytes, len, sscc) < 0)
		p->unread++;
	r = record(p, bytes, len, sscc);
	if (r < 0)
		log_error("label not recorded: %s sscc=%s", strerror(-r), sscc);
	else
		log_info("label printed sscc=%s bytes=%zu", sscc, len);
}

static void drop(struct printer_connection *c)
{
	loop_remove(c->printer->loop, c->fd);
	close(c->fd);
	c->fd = -1;
	zpl_reader_fini(&c->reader);
}

static int take_byte(struct printer_connection *c, char byte)
{
	switch (zpl_reader_take(&c->reader, (uint8_t)byte)) {
	case ZPL_NOTHING:
		return 0;
	case ZPL_FORMAT:
		print_format(c->printer, c->reader.bytes, c->reader.len);
		return 0;
	case ZPL_STATUS:
		return write(c->fd, STATUS_OK, strlen(STATUS_OK)) < 0 ? -errno : 0;
	case ZPL_TOO_LONG:
		log_warning("format of more than %d bytes dropped", ZPL_FORMAT_MAX);
		return 0;
	default:
		return -ENOMEM;
	}
}

static void on_bytes(void *user, short revents)
{
	struct printer_connection *c = user;
	char bytes[4096];
	ssize_t n;

	(void)revents;
	while ((n = read(c->fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (take_byte(c, bytes[i]) < 0) {
				drop(c);
				return;
			}
	if (n == 0 || errno != EAGAIN)
		drop(c);
}

static struct printer_connection *free_connection(struct printer *p)
{
	for (size_t i = 0; i < PRINTER_CONNECTIONS_MAX; i++)
		if (p->connections[i].fd < 0)
			return &p->connections[i];
	return NULL;
}

static void on_listener(void *user, short revents)
{
	struct printer *p = user;
	int fd = net_accept(p->listener);
	struct printer_connection *c = free_connection(p);

	(void)revents;
	if (fd < 0)
		return;
	if (!c || loop_add(p->loop, fd, p->out ? 0 : POLLIN, on_bytes, c) < 0) {
		close(fd);
		return;
	}
	c->fd = fd;
	zpl_reader_init(&c->reader);
}

static int read_earlier(struct printer *p, const char *path)
{
	_cleanup_free_ char *text = NULL;
	char *line, *rest;
	int r = text_read_file(path, FILE_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		_cleanup_json_ json_t *label = json_loads(line, 0, NULL);

		if (*json_str(label, "sscc"))
			r = remember(p, json_str(label, "sscc"));
	}
	return r;
}

int printer_open(struct printer *p, struct loop *loop, int port, const char *path)
{
	int r;

	*p = (struct printer){ .loop = loop, .listener = -1, .file = -1 };
	for (size_t i = 0; i < PRINTER_CONNECTIONS_MAX; i++)
		p->connections[i] = (struct printer_connection){ .printer = p, .fd = -1 };
	r = read_earlier(p, path);
	if (r < 0)
		return r;
	p->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (p->file < 0)
		return -errno;
	p->listener = net_listen(port);
	return p->listener < 0 ? p->listener : loop_add(loop, p->listener, POLLIN, on_listener, p);
}

void printer_close(struct printer *p)
{
	for (size_t i = 0; i < PRINTER_CONNECTIONS_MAX; i++)
		if (p->connections[i].printer && p->connections[i].fd >= 0)
			drop(&p->connections[i]);
	if (p->listener >= 0) {
		loop_remove(p->loop, p->listener);
		close(p->listener);
	}
	if (p->file >= 0)
		close(p->file);
	free(p->labels);
	p->labels = NULL;
}

unsigned printer_copies(const struct printer *p, const char *sscc)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->labels_n; i++)
		n += strcmp(p->labels[i], sscc) == 0;
	return n;
}

bool printer_take(struct printer *p, const char *sscc, int wait_ms)
{
	int64_t until_us = clock_boot_us() + wait_ms * US_PER_MS;
	bool there;

	pthread_mutex_lock(&p->loop->lock);
	while (!(there = (printer_copies(p, sscc) > 0)) && loop_wait(p->loop, until_us))
		;
	pthread_mutex_unlock(&p->loop->lock);
	return there;
}

void printer_set_out(struct printer *p, bool out)
{
	p->out = out;
	for (size_t i = 0; i < PRINTER_CONNECTIONS_MAX; i++)
		if (p->connections[i].fd >= 0)
			loop_want(p->loop, p->connections[i].fd, out ? 0 : POLLIN);
}
