#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <ifaddrs.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "log.h"
#include "text.h"

#define PEM_MAX (64 * 1024)
#define DAY_S ((time_t)24 * 3600)
#define CA_DAYS 3650
#define SERVER_DAYS 820    /* phones refuse more than 825 days from a CA they were given */
#define RENEW_DAYS 30
#define CLOCK_SLACK_S DAY_S /* handhelds with a clock that is behind */
#define ADDRESSES_MAX 16
#define SERIAL_BYTES 16

struct pair {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
};

struct paths {
	const char *certificate, *key;
	char ca[PATH_MAX], ca_key[PATH_MAX];
};

static void pair_fini(struct pair *p)
{
	if (p->key)
		gnutls_x509_privkey_deinit(p->key);
	if (p->crt)
		gnutls_x509_crt_deinit(p->crt);
	*p = (struct pair){ 0 };
}

static int tls_error(const char *what, int code)
{
	log_error("%s: %s", what, gnutls_strerror(code));
	return -EIO;
}

static int pair_init(struct pair *p)
{
	int r = gnutls_x509_privkey_init(&p->key);

	if (r >= 0)
		r = gnutls_x509_crt_init(&p->crt);
	return r < 0 ? tls_error("TLS", r) : 0;
}

/* What a CA and a server certificate have in common. */
static int fill_common(struct pair *p, const char *name, int days)
{
	unsigned char serial[SERIAL_BYTES];
	time_t now = time(NULL);
	int r;

	randombytes_buf(serial, sizeof(serial));
	serial[0] &= 0x7f; /* positive, as X.509 wants it */
	r = gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
		GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (r >= 0)
		r = gnutls_x509_crt_set_version(p->crt, 3);
	if (r >= 0)
		r = gnutls_x509_crt_set_serial(p->crt, serial, sizeof(serial));
	if (r >= 0)
		r = gnutls_x509_crt_set_activation_time(p->crt, now - CLOCK_SLACK_S);
	if (r >= 0)
		r = gnutls_x509_crt_set_expiration_time(p->crt, now + days * DAY_S);
	if (r >= 0)
		r = gnutls_x509_crt_set_dn_by_oid(p->crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
			(unsigned)strlen(name));
	if (r >= 0)
		r = gnutls_x509_crt_set_key(p->crt, p->key);
	return r < 0 ? tls_error("certificate", r) : 0;
}

static int make_ca(struct pair *ca, const char *site)
{
	char name[64];
	int r;

	snprintf(name, sizeof(name), "wharf local CA %.40s", site);
	r = fill_common(ca, name, CA_DAYS);
	if (r < 0)
		return r;
	r = gnutls_x509_crt_set_basic_constraints(ca->crt, 1, 0);
	if (r >= 0)
		r = gnutls_x509_crt_set_key_usage(ca->crt,
			GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
	if (r >= 0)
		r = gnutls_x509_crt_sign2(ca->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0);
	return r < 0 ? tls_error("local CA", r) : 0;
}

static int add_dns(gnutls_x509_crt_t crt, const char *name)
{
	return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
		(unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static int add_ip(gnutls_x509_crt_t crt, const void *bytes, unsigned len)
{
	return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, bytes, len,
		GNUTLS_FSAN_APPEND);
}

/* The server listens everywhere: every address of the box is a name it may be called by. */
static int add_interfaces(gnutls_x509_crt_t crt)
{
	struct ifaddrs *list;
	int r = 0, n = 0;

	if (getifaddrs(&list) < 0)
		return 0;
	for (struct ifaddrs *i = list; i && r >= 0 && n < ADDRESSES_MAX; i = i->ifa_next) {
		if (!i->ifa_addr || (i->ifa_flags & IFF_LOOPBACK) ||
			i->ifa_addr->sa_family != AF_INET)
			continue;
		r = add_ip(crt, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, 4);
		n++;
	}
	freeifaddrs(list);
	return r;
}

static int add_address(gnutls_x509_crt_t crt, const char *address)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, address, bytes) == 1)
		return strcmp(address, "0.0.0.0") == 0 ? add_interfaces(crt) : add_ip(crt, bytes, 4);
	if (inet_pton(AF_INET6, address, bytes) == 1)
		return strcmp(address, "::") == 0 ? add_interfaces(crt) : add_ip(crt, bytes, 16);
	return add_dns(crt, address);
}

static int add_names(gnutls_x509_crt_t crt, const char *address)
{
	static const uint8_t loopback4[4] = { 127, 0, 0, 1 };
	static const uint8_t loopback6[16] = { [15] = 1 };
	char host[256] = "";
	int r = add_dns(crt, "localhost");

	if (r >= 0 && gethostname(host, sizeof(host) - 1) == 0 && strcmp(host, "localhost") != 0)
		r = add_dns(crt, host);
	if (r >= 0)
		r = add_ip(crt, loopback4, sizeof(loopback4));
	if (r >= 0)
		r = add_ip(crt, loopback6, sizeof(loopback6));
	if (r >= 0 && strcmp(address, "127.0.0.1") != 0 && strcmp(address, "::1") != 0)
		r = add_address(crt, address);
	return r;
}

static int make_server(struct pair *server, const struct pair *ca, const char *address)
{
	int r = fill_common(server, "wharf", SERVER_DAYS);

	if (r < 0)
		return r;
	r = add_names(server->crt, address);
	if (r >= 0)
		r = gnutls_x509_crt_set_key_usage(server->crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (r >= 0)
		r = gnutls_x509_crt_set_key_purpose_oid(server->crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (r >= 0)
		r = gnutls_x509_crt_set_basic_constraints(server->crt, 0, -1);
	if (r >= 0)
		r = gnutls_x509_crt_sign2(server->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0);
	return r < 0 ? tls_error("server certificate", r) : 0;
}

static int write_key(const char *path, gnutls_x509_privkey_t key)
{
	gnutls_datum_t pem;
	int r = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);

	if (r < 0)
		return tls_error("private key", r);
	r = text_write_file(path, pem.data, pem.size, 0600);
	sodium_memzero(pem.data, pem.size);
	gnutls_free(pem.data);
	return r;
}

/* `issuer` may be NULL; it is written behind the certificate, so the file is a whole chain. */
static int write_certificate(const char *path, gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
	_cleanup_free_ char *text = NULL;
	gnutls_datum_t first = { 0 }, second = { 0 };
	int r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &first);

	if (r >= 0 && issuer)
		r = gnutls_x509_crt_export2(issuer, GNUTLS_X509_FMT_PEM, &second);
	if (r < 0) {
		r = tls_error("certificate", r);
	} else {
		int n = asprintf(&text, "%.*s%.*s", (int)first.size, (char *)first.data,
			(int)second.size, second.data ? (char *)second.data : "");

		r = n < 0 ? -ENOMEM : text_write_file(path, text, (size_t)n, 0644);
	}
	gnutls_free(first.data);
	gnutls_free(second.data);
	return r;
}

static bool belong_together(const struct pair *p)
{
	unsigned char of_key[64], of_crt[64];
	size_t key_len = sizeof(of_key), crt_len = sizeof(of_crt);

	return gnutls_x509_privkey_get_key_id(p->key, 0, of_key, &key_len) >= 0 &&
		gnutls_x509_crt_get_key_id(p->crt, 0, of_crt, &crt_len) >= 0 && key_len == crt_len &&
		memcmp(of_key, of_crt, key_len) == 0;
}

static gnutls_datum_t datum_of(char *text)
{
	return (gnutls_datum_t){ (unsigned char *)text, (unsigned)strlen(text) };
}

/* Every handheld trusts the CA that is here: it is never replaced because it cannot be read. */
static int refuse_ca(const char *path, const char *why)
{
	log_error("the local CA cannot be used: %s; mend the file or put its backup back, or remove ca.pem and ca.key for a new "
		  "CA, which every device must then be given file=%s",
		why, path);
	return -EIO;
}

static int read_ca(struct pair *ca, const struct paths *paths, char *crt_text, char *key_text)
{
	gnutls_datum_t crt = datum_of(crt_text), key = datum_of(key_text);
	int r = gnutls_x509_crt_import(ca->crt, &crt, GNUTLS_X509_FMT_PEM);

	if (r < 0)
		return refuse_ca(paths->ca, gnutls_strerror(r));
	r = gnutls_x509_privkey_import(ca->key, &key, GNUTLS_X509_FMT_PEM);
	if (r < 0)
		return refuse_ca(paths->ca_key, gnutls_strerror(r));
	return belong_together(ca) ? 0 : refuse_ca(paths->ca_key, "it is not the key of ca.pem");
}

/* -ENOENT where there is none yet: the key is written first, so that one alone is left by a first start that was cut
 * off. */
static int load_ca(struct pair *ca, const struct paths *paths)
{
	_cleanup_free_ char *crt = NULL, *key = NULL;
	int r = text_read_file(paths->ca, PEM_MAX, &crt, NULL);

	if (r < 0)
		return r == -ENOENT ? r : refuse_ca(paths->ca, strerror(-r));
	r = text_read_file(paths->ca_key, PEM_MAX, &key, NULL);
	if (r < 0)
		return refuse_ca(paths->ca_key, strerror(-r));
	r = read_ca(ca, paths, crt, key);
	sodium_memzero(key, strlen(key));
	return r;
}

static int load_or_make_ca(struct pair *ca, const struct paths *paths, const char *site)
{
	int r = load_ca(ca, paths);

	if (r != -ENOENT)
		return r;
	r = make_ca(ca, site);
	if (r == 0)
		r = write_key(paths->ca_key, ca->key);
	if (r == 0)
		r = write_certificate(paths->ca, ca->crt, NULL);
	if (r == 0)
		log_info("made a local CA: file=%s", paths->ca);
	return r;
}

static int make_files(const struct paths *paths, const char *address, const char *site)
{
	struct pair ca = { 0 }, server = { 0 };
	char copy[PATH_MAX];
	int r = text_copy(copy, sizeof(copy), paths->certificate);

	if (r == 0)
		r = text_mkdirs(dirname(copy), 0750);
	if (r == 0)
		r = text_copy(copy, sizeof(copy), paths->key);
	if (r == 0)
		r = text_mkdirs(dirname(copy), 0750);
	if (r == 0)
		r = pair_init(&ca);
	if (r == 0)
		r = load_or_make_ca(&ca, paths, site);
	if (r == 0)
		r = pair_init(&server);
	if (r == 0)
		r = make_server(&server, &ca, address);
	if (r == 0)
		r = write_key(paths->key, server.key);
	if (r == 0)
		r = write_certificate(paths->certificate, server.crt, ca.crt);
	pair_fini(&server);
	pair_fini(&ca);
	if (r == 0)
		log_info("made a server certificate: file=%s", paths->certificate);
	return r;
}

/* Only what our own CA signed is renewed; the site's own certificate is its owner's business. */
static bool must_renew(const struct tls_files *files)
{
	struct pair server = { 0 }, ca = { 0 };
	gnutls_datum_t pem;
	bool renew = false;

	if (!files->ca || pair_init(&server) < 0 || pair_init(&ca) < 0)
		goto out;
	pem = (gnutls_datum_t){ (unsigned char *)files->certificate,
		(unsigned)strlen(files->certificate) };
	if (gnutls_x509_crt_import(server.crt, &pem, GNUTLS_X509_FMT_PEM) < 0)
		goto out;
	pem = (gnutls_datum_t){ (unsigned char *)files->ca, (unsigned)strlen(files->ca) };
	if (gnutls_x509_crt_import(ca.crt, &pem, GNUTLS_X509_FMT_PEM) < 0)
		goto out;
	renew = gnutls_x509_crt_check_issuer(server.crt, ca.crt) &&
		gnutls_x509_crt_get_expiration_time(server.crt) < time(NULL) + RENEW_DAYS * DAY_S;
out:
	pair_fini(&server);
	pair_fini(&ca);
	return renew;
}

static int read_files(const struct paths *paths, struct tls_files *ret)
{
	int r;

	tls_files_fini(ret);
	r = text_read_file(paths->certificate, PEM_MAX, &ret->certificate, NULL);
	if (r < 0) {
		log_error("certificate cannot be read: %s file=%s", strerror(-r), paths->certificate);
		return r;
	}
	r = text_read_file(paths->key, PEM_MAX, &ret->key, NULL);
	if (r < 0) {
		log_error("private key cannot be read: %s file=%s", strerror(-r), paths->key);
		return r;
	}
	r = text_read_file(paths->ca, PEM_MAX, &ret->ca, NULL);
	/* A site with its own certificate has none. */
	return r < 0 && r != -ENOENT ? refuse_ca(paths->ca, strerror(-r)) : 0;
}

/* A file that cannot be looked at is not missing. */
static bool missing(const char *path)
{
	return access(path, F_OK) < 0 && errno == ENOENT;
}

int tls_load(const char *certificate_path, const char *key_path, const char *address,
	const char *site, struct tls_files *ret)
{
	struct paths paths = { .certificate = certificate_path, .key = key_path };
	char copy[PATH_MAX];
	const char *folder = "";
	int r = text_copy(copy, sizeof(copy), certificate_path);

	if (r == 0) {
		folder = dirname(copy);
		r = text_format(paths.ca, sizeof(paths.ca), "%s/ca.pem", folder);
	}
	if (r == 0)
		r = text_format(paths.ca_key, sizeof(paths.ca_key), "%s/ca.key", folder);
	if (r == 0 && missing(certificate_path) && missing(key_path))
		r = make_files(&paths, address, site);
	if (r == 0)
		r = read_files(&paths, ret);
	if (r == 0 && must_renew(ret)) {
		r = make_files(&paths, address, site);
		if (r == 0)
			r = read_files(&paths, ret);
	}
	return r;
}

void tls_files_fini(struct tls_files *files)
{
	if (files->key)
		sodium_memzero(files->key, strlen(files->key));
	free(files->certificate);
	free(files->key);
	free(files->ca);
	*files = (struct tls_files){ 0 };
}
