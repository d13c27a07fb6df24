/* The server's certificate: the site's own files, or a local CA and a certificate made at first start. */
#ifndef WHARF_WEB_TLS_H
#define WHARF_WEB_TLS_H

#include <stddef.h>

struct tls_files {
	char *certificate; /* PEM, chain included */
	char *key;         /* PEM */
	char *ca;          /* PEM of the local CA for enrolment; NULL where the site has its own */
};

/* Reads both files; makes them where both are missing (with ca.pem and ca.key beside the certificate)
 * and again where a certificate of the local CA ends within 30 days. `address` becomes a name of the
 * certificate. A new CA is made only where there is none: one that cannot be read is a refusal. What is wrong is logged.
 * 0 or -errno. */
int tls_load(const char *certificate_path, const char *key_path, const char *address,
	const char *site, struct tls_files *ret);
void tls_files_fini(struct tls_files *files);

#endif
