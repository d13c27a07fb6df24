/* CURVE keys in files. A pair file has two lines, public and secret key in Z85, and is readable by
 * its owner only; a public key file has one line. */
#ifndef WHARF_SYNC_KEYS_H
#define WHARF_SYNC_KEYS_H

#define KEY_TEXT_MAX 41 /* 40 characters of Z85 */

struct key_pair {
	char public_key[KEY_TEXT_MAX];
	char secret_key[KEY_TEXT_MAX];
};

/* 0; -ENOENT; -EPERM where others may read the file; -EINVAL where it holds no key. */
int keys_load_pair(const char *path, struct key_pair *ret);
int keys_load_public(const char *path, char *ret /* KEY_TEXT_MAX */);

/* Loads the pair, or makes one (mode 0600) and its folder where there is none. *ret_made says
 * which. The public key is also written to `public_path`. 0 or -errno. */
int keys_ensure_pair(
	const char *path, const char *public_path, struct key_pair *ret, int *ret_made);

/* "DIR/site.key" -> "DIR/site.pub". 0 or -ENAMETOOLONG. */
int keys_public_path(const char *pair_path, char *out, unsigned size);

#endif
