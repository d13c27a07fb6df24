#include "keys.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "cleanup.h"
#include "text.h"

#define KEY_CHARS (KEY_TEXT_MAX - 1)
#define KEY_BYTES 32
#define FILE_MAX 256

static int take_line(const char **at, char *out)
{
	uint8_t bytes[KEY_BYTES];
	size_t len = strcspn(*at, "\r\n");

	if (len != KEY_CHARS)
		return -EINVAL;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len + strspn(*at + len, "\r\n");
	return zmq_z85_decode(bytes, out) ? 0 : -EINVAL;
}

int keys_load_public(const char *path, char *ret)
{
	_cleanup_free_ char *text = NULL;
	char key[KEY_TEXT_MAX];
	const char *at;
	int r = text_read_file(path, FILE_MAX, &text, NULL);

	if (r < 0)
		return r;
	at = text;
	if (take_line(&at, key) < 0)
		return -EINVAL;
	memcpy(ret, key, sizeof(key));
	return 0;
}

int keys_load_pair(const char *path, struct key_pair *ret)
{
	_cleanup_free_ char *text = NULL;
	struct key_pair pair;
	struct stat st;
	const char *at;
	int r;

	if (stat(path, &st) < 0)
		return -errno;
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return -EPERM;
	r = text_read_file(path, FILE_MAX, &text, NULL);
	if (r < 0)
		return r;
	at = text;
	if (take_line(&at, pair.public_key) < 0 || take_line(&at, pair.secret_key) < 0)
		r = -EINVAL;
	else
		*ret = pair;
	explicit_bzero(text, strlen(text));
	explicit_bzero(&pair, sizeof(pair));
	return r;
}

static int make_folder_of(const char *path)
{
	char copy[PATH_MAX];

	if (text_copy(copy, sizeof(copy), path) < 0)
		return -ENAMETOOLONG;
	return text_mkdirs(dirname(copy), 0750);
}

static int make_pair(const char *path, struct key_pair *ret)
{
	char text[2 * KEY_TEXT_MAX + 1];
	struct key_pair pair;
	int r = make_folder_of(path);

	if (r < 0)
		return r;
	if (zmq_curve_keypair(pair.public_key, pair.secret_key) < 0)
		return -errno;
	snprintf(text, sizeof(text), "%s\n%s\n", pair.public_key, pair.secret_key);
	r = text_write_file(path, text, strlen(text), 0600);
	if (r == 0)
		*ret = pair;
	explicit_bzero(text, sizeof(text));
	explicit_bzero(&pair, sizeof(pair));
	return r;
}

/* Written again only when it differs: the file may lie where somebody watches it. */
static int save_public(const char *path, const char *key)
{
	char text[KEY_TEXT_MAX + 1], old[KEY_TEXT_MAX];
	int r;

	if (keys_load_public(path, old) == 0 && strcmp(old, key) == 0)
		return 0;
	r = make_folder_of(path);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%s\n", key);
	return text_write_file(path, text, strlen(text), 0644);
}

int keys_ensure_pair(const char *path, const char *public_path, struct key_pair *ret, int *ret_made)
{
	struct key_pair pair;
	int made = 0, r = keys_load_pair(path, &pair);

	if (r == -ENOENT) {
		r = make_pair(path, &pair);
		made = 1;
	}
	if (r == 0)
		r = save_public(public_path, pair.public_key);
	if (r == 0) {
		*ret = pair;
		*ret_made = made;
	}
	explicit_bzero(&pair, sizeof(pair));
	return r;
}

int keys_public_path(const char *pair_path, char *out, unsigned size)
{
	size_t len = strlen(pair_path);

	if (len > 4 && strcmp(pair_path + len - 4, ".key") == 0)
		len -= 4;
	return text_format(out, size, "%.*s.pub", (int)len, pair_path);
}
