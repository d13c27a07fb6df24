/* The certificates of the pages: made once, never replaced because something could not be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"
#include "tls.h"

#define FILE_MAX (64 * 1024)

static char folder[64];

static const char *in_folder(const char *name)
{
	static char path[4][128];
	static unsigned at;
	char *out = path[at++ % array_len(path)];

	snprintf(out, sizeof(path[0]), "%s/%s", folder, name);
	return out;
}

static int open_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/wharf-tls.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *where)
{
	(void)s;
	(void)type;
	(void)where;
	return remove(path);
}

static int close_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int load(struct tls_files *ret)
{
	*ret = (struct tls_files){ 0 };
	return tls_load(in_folder("server.pem"), in_folder("server.key"), "127.0.0.1", "hall", ret);
}

static void make_all(void)
{
	struct tls_files files;

	assert_int_equal(load(&files), 0);
	assert_non_null(files.ca);
	tls_files_fini(&files);
}

static char *content(const char *name)
{
	char *text = NULL;

	assert_int_equal(text_read_file(in_folder(name), FILE_MAX, &text, NULL), 0);
	return text;
}

/* What is said while it is refused; a buffer that is used again. */
static const char *refusal(void)
{
	static char said[4096];
	struct tls_files files;
	int err = dup(STDERR_FILENO);
	size_t n;
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_true(err >= 0 && dup2(fileno(f), STDERR_FILENO) >= 0);
	assert_true(load(&files) < 0);
	assert_true(dup2(err, STDERR_FILENO) >= 0);
	close(err);
	tls_files_fini(&files);
	rewind(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	fclose(f);
	return said;
}

/* The server's own files are gone, so a CA is needed; it is not replaced, and nothing is made with another. */
static void refuse_and_keep(const char *broken, const char *kept)
{
	_cleanup_free_ char *before = content(kept), *after = NULL;
	const char *said;

	unlink(in_folder("server.pem"));
	unlink(in_folder("server.key"));
	said = refusal();
	assert_non_null(strstr(said, in_folder(broken)));
	assert_non_null(strstr(said, "put its backup back"));
	after = content(kept);
	assert_string_equal(after, before);
	assert_int_not_equal(access(in_folder("server.pem"), F_OK), 0);
}

static void what_was_made_once_stays(void **state)
{
	static const char *const names[] = { "ca.pem", "ca.key", "server.pem", "server.key" };
	char *before[array_len(names)];

	(void)state;
	make_all();
	for (size_t i = 0; i < array_len(names); i++)
		before[i] = content(names[i]);
	make_all();
	for (size_t i = 0; i < array_len(names); i++) {
		_cleanup_free_ char *after = content(names[i]);

		assert_string_equal(after, before[i]);
		free(before[i]);
	}
}

static void a_new_server_certificate_is_of_the_same_ca(void **state)
{
	_cleanup_free_ char *before = NULL, *after = NULL;

	(void)state;
	make_all();
	before = content("ca.pem");
	unlink(in_folder("server.pem"));
	unlink(in_folder("server.key"));
	make_all();
	after = content("ca.pem");
	assert_string_equal(after, before);
}

/* A link to itself: an error that root gets, too. */
static void make_unreadable(const char *name)
{
	unlink(in_folder(name));
	assert_int_equal(symlink(in_folder(name), in_folder(name)), 0);
}

static void a_ca_that_cannot_be_read_is_not_replaced(void **state)
{
	(void)state;
	make_all();
	make_unreadable("ca.key");
	refuse_and_keep("ca.key", "ca.pem");
	unlink(in_folder("ca.key"));
	refuse_and_keep("ca.key", "ca.pem");
	make_unreadable("ca.pem");
	assert_int_equal(text_write_file(in_folder("ca.key"), "key", 3, 0600), 0);
	refuse_and_keep("ca.pem", "ca.key");
}

static void tear(const char *name)
{
	_cleanup_free_ char *text = content(name);

	assert_int_equal(truncate(in_folder(name), (off_t)strlen(text) / 2), 0);
}

static void a_torn_ca_is_not_replaced(void **state)
{
	(void)state;
	make_all();
	tear("ca.key");
	refuse_and_keep("ca.key", "ca.pem");
	tear("ca.pem");
	refuse_and_keep("ca.pem", "ca.key");
}

static void a_key_of_another_ca_is_refused(void **state)
{
	_cleanup_free_ char *other = NULL;

	(void)state;
	make_all();
	other = content("server.key");
	assert_int_equal(text_write_file(in_folder("ca.key"), other, strlen(other), 0600), 0);
	refuse_and_keep("ca.key", "ca.pem");
}

static void a_first_start_that_was_cut_off_is_made_up_for(void **state)
{
	(void)state;
	make_all();
	unlink(in_folder("ca.pem"));
	unlink(in_folder("server.pem"));
	unlink(in_folder("server.key"));
	make_all();
}

static void a_certificate_that_cannot_be_looked_at_is_not_missing(void **state)
{
	(void)state;
	make_unreadable("server.pem");
	make_unreadable("server.key");
	assert_non_null(strstr(refusal(), in_folder("server.pem")));
	assert_int_not_equal(access(in_folder("ca.pem"), F_OK), 0);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TLS_TEST(what_was_made_once_stays),
		TLS_TEST(a_new_server_certificate_is_of_the_same_ca),
		TLS_TEST(a_ca_that_cannot_be_read_is_not_replaced),
		TLS_TEST(a_torn_ca_is_not_replaced),
		TLS_TEST(a_key_of_another_ca_is_refused),
		TLS_TEST(a_first_start_that_was_cut_off_is_made_up_for),
		TLS_TEST(a_certificate_that_cannot_be_looked_at_is_not_missing),
	};

	if (sodium_init() < 0)
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
