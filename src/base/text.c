#include "text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

void text_hash(const void *a, size_t a_len, const void *b, size_t b_len, uint8_t *ret_hash)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, HASH_BYTES);
	crypto_generichash_update(&state, a, a_len);
	if (b_len)
		crypto_generichash_update(&state, b, b_len);
	crypto_generichash_final(&state, ret_hash, HASH_BYTES);
}

void text_hex(const void *bytes, size_t len, char *out)
{
	sodium_bin2hex(out, len * 2 + 1, bytes, len);
}

int text_unhex(const char *hex, void *ret_bytes, size_t len)
{
	size_t got;

	if (strlen(hex) != len * 2)
		return -EINVAL;
	if (sodium_hex2bin(ret_bytes, len, hex, len * 2, NULL, &got, NULL) != 0 || got != len)
		return -EINVAL;
	return 0;
}

void text_boot_id(char *out)
{
	uint8_t bytes[(BOOT_ID_MAX - 1) / 2];

	/* A program that cannot start its random source must not make ids at all. */
	if (sodium_init() < 0)
		abort();
	randombytes_buf(bytes, sizeof(bytes));
	text_hex(bytes, sizeof(bytes), out);
}

int text_copy(char *out, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(out, from, len + 1);
	return 0;
}

int text_format(char *out, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out, size, format, args);
	va_end(args);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* How many bytes the character that starts with `lead` has; 0 for none. */
static size_t utf8_length(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

static bool utf8_second_ok(uint8_t lead, uint8_t second)
{
	switch (lead) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed: /* surrogates are no characters */
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return (second & 0xc0) == 0x80;
	}
}

/* Length of the character that starts here, 0 where none does. */
static size_t utf8_character(const uint8_t *p, size_t len)
{
	size_t n = utf8_length(p[0]);

	if (!n || n > len || (n > 1 && !utf8_second_ok(p[0], p[1])))
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool text_is_utf8(const char *bytes, size_t len)
{
	const uint8_t *p = (const uint8_t *)bytes;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_character(p + i, len - i);

		if (!n)
			return false;
		i += n;
	}
	return true;
}

bool text_is_plain(const char *text)
{
	for (; *text; text++)
		if ((uint8_t)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

bool text_is_date(const char *text)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int n[3] = { 0 }, part = 0;

	if (strlen(text) != strlen("YYYY-MM-DD"))
		return false;
	for (int i = 0; text[i]; i++) {
		bool dash = i == 4 || i == 7;

		if (dash ? text[i] != '-' : text[i] < '0' || text[i] > '9')
			return false;
		if (dash)
			part++;
		else
			n[part] = n[part] * 10 + (text[i] - '0');
	}
	if (n[0] < 1900 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > days[n[1] - 1])
		return false;
	return n[1] != 2 || n[2] < 29 || (n[0] % 4 == 0 && (n[0] % 100 != 0 || n[0] % 400 == 0));
}

void text_make_utf8(char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len;) {
		size_t n = utf8_character((const uint8_t *)text + i, len - i);

		if (!n)
			text[i] = '?';
		i += n ? n : 1;
	}
}

int text_mkdirs(const char *path, unsigned mode)
{
	char part[PATH_MAX];

	if (text_copy(part, sizeof(part), path) < 0)
		return -ENAMETOOLONG;
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(part, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int text_read_file(const char *path, size_t max, char **ret_text, size_t *ret_len)
{
	_cleanup_file_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *text = NULL;
	size_t n;

	if (!f)
		return -errno;
	text = malloc(max + 2);
	if (!text)
		return -ENOMEM;
	n = fread(text, 1, max + 1, f);
	if (ferror(f))
		return -EIO;
	if (n > max)
		return -EFBIG;
	text[n] = '\0';
	if (ret_len)
		*ret_len = n;
	*ret_text = take_ptr(text);
	return 0;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int text_sync_folder_of(const char *path)
{
	char copy[PATH_MAX];
	_cleanup_fd_ int fd = -1;

	if (text_copy(copy, sizeof(copy), path) < 0)
		return -ENAMETOOLONG;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int text_write_file(const char *path, const void *bytes, size_t len, unsigned mode)
{
	_cleanup_fd_ int fd = -1;
	char temporary[PATH_MAX];
	int r;

	if (text_format(temporary, sizeof(temporary), "%s.new", path) < 0)
		return -ENAMETOOLONG;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		return r;
	}
	return text_sync_folder_of(path);
}
