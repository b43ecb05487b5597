/*
 * TLS towards name servers (RFC 7858, 8310): the certificate is checked against the system's authorities
 * (SSL_CERT_FILE, SSL_CERT_DIR) and for the server's name, or for its address when it has none. One thread.
 */
#ifndef DNS_FORWARD_TLS_H
#define DNS_FORWARD_TLS_H

#include <openssl/ssl.h>

#include "dns/forward/plan.h"

/*
 * On a connected, non-blocking socket. *session: resumed, and replaced by what the server gives; owned by the caller.
 * NULL: no memory for it.
 */
SSL *tls_new(int fd, const struct forward_server *to, SSL_SESSION **session);

/* Why the last call failed, one line; static until the next call. ssl: NULL when there is none. */
const char *tls_error(const SSL *ssl);

#endif
