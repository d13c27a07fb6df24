#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "serial.h"

static int read_settings(struct device *d, const struct config *config)
{
	static const char *const scanner_keys[] = { "prefix", "suffix", NULL };
	static const char *const scale_keys[] = { "unit", NULL };
	const char *const *keys = d->driver->family == DRIVER_SCALE ? scale_keys : scanner_keys;
	struct driver_settings settings;

	driver_settings_init(&settings);
	for (; *keys; keys++)
		if (driver_settings_set(&settings, *keys, config_text(config, d->section, *keys)) < 0)
			return -EINVAL;
	if (d->driver->family == DRIVER_SCANNER)
		settings.aim = config_bool(config, d->section, "aim");
	d->driver->init(&d->state, &settings);
	return 0;
}

int device_check(const struct config *config, const char *section)
{
	int baud = (int)config_int(config, section, "baud");

	if (!driver_find(config_text(config, section, "protocol"))) {
		log_error("[%s]: no driver for this protocol", section);
		return -EINVAL;
	}
	if (serial_check_baud(baud) < 0) {
		log_error("[%s]: baud %d is no speed of a tty", section, baud);
		return -EINVAL;
	}
	return 0;
}

int device_init(struct device *d, const struct device_kind *kind, const struct config *config,
	const char *section, json_t *hello_devices)
{
	d->kind = kind;
	d->section = section;
	d->name = config_name(section);
	d->station = config_text(config, section, "station");
	d->driver = driver_find(config_text(config, section, "protocol"));
	port_init(&d->port, config_text(config, section, "port"),
		(int)config_int(config, section, "baud"), d->driver ? d->driver->line : DRIVER_8N1);
	if (device_check(config, section) < 0 || read_settings(d, config) < 0)
		return -EINVAL;
	teller_init(&d->teller, d->name, hello_devices);
	return 0;
}

void device_fini(struct device *d)
{
	port_close(&d->port, 0);
	teller_fini(&d->teller);
}

static void lose(struct device *d, int error, int64_t now_us)
{
	port_close(&d->port, now_us);
	d->driver->reset(&d->state);
	d->in_n = 0;
	d->fed = false;
	teller_set(&d->teller, "gone", strerror(error));
}

static void try_open(struct device *d, int64_t now_us)
{
	int r = port_try(&d->port, now_us);

	if (r == -EBUSY)
		teller_set(&d->teller, "refused", "another program has it open");
	else if (r < 0 && r != -EAGAIN)
		teller_set(&d->teller, "gone", strerror(-r));
	else if (r == 0 && d->kind->opened)
		d->kind->opened(d);
}

static void feed(struct device *d)
{
	while (d->in_n && d->kind->wants(d)) {
		struct reading reading;
		size_t used = d->driver->take(&d->state, d->in + d->in_first, d->in_n, &reading);

		d->fed = true;
		d->in_first += used;
		d->in_n -= used;
		if (reading.kind != READING_NONE)
			d->kind->reading(d, &reading);
	}
}

static void drop_partial(struct device *d)
{
	size_t dropped = d->driver->reset(&d->state);

	d->fed = false;
	if (dropped)
		d->kind->partial(d, dropped);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void device_turn(struct device *d, int64_t now_us, int64_t *ret_due_us)
{
	int64_t due_us = INT64_MAX, kind_us = INT64_MAX;

	try_open(d, now_us);
	feed(d);
	if (d->fed && !d->in_n && now_us - d->byte_us >= DEVICE_PARTIAL_US)
		drop_partial(d);
	if (d->kind->turn)
		d->kind->turn(d, now_us, &kind_us);
	teller_send(&d->teller, d->door);
	if (d->port.fd < 0)
		due_us = d->port.retry_us;
	else if (d->fed && !d->in_n)
		due_us = d->byte_us + DEVICE_PARTIAL_US;
	*ret_due_us = sooner(due_us, kind_us);
}

int device_fd(const struct device *d)
{
	return d->port.fd;
}

short device_events(const struct device *d)
{
	return d->in_n || !d->kind->wants(d) ? 0 : POLLIN;
}

void device_ready(struct device *d, short revents, int64_t now_us)
{
	int r = 0;

	if (d->port.fd < 0 || !revents)
		return;
	if (revents & POLLIN && !d->in_n) {
		d->in_first = 0;
		r = port_read(&d->port, d->in, sizeof(d->in), &d->in_n);
		if (r == 0) {
			d->byte_us = now_us;
			feed(d);
			return;
		}
	} else if (revents & (POLLHUP | POLLERR | POLLNVAL)) {
		r = -ENODEV;
	}
	if (r < 0 && r != -EAGAIN)
		lose(d, -r, now_us);
}

int device_write(struct device *d, const uint8_t *bytes, size_t n)
{
	return port_write(&d->port, bytes, n);
}
