/* OpenSSL for DNS over TLS. */
#include "dns/forward/tls.h"

#include <openssl/err.h>
#include <stdio.h>

static SSL_CTX *context; /* one thread */

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION **kept = SSL_get_app_data(ssl);

	SSL_SESSION_free(*kept);
	*kept = session;
	return 1; /* ours now */
}

static SSL_CTX *context_get(void)
{
	if (context != NULL)
		return context;
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_default_verify_paths(context) != 1) {
		SSL_CTX_free(context);
		context = NULL;
		return NULL;
	}
	/* Messages have their own length, so an end without close_notify is none that cuts; else no session survives
	 * it. */
	SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_session);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	return context;
}

static bool expect(SSL *ssl, const struct forward_server *to)
{
	static const unsigned char alpn[] = "\3dot"; /* RFC 7858 has none; registered for it */
	char text[ADDR_TEXT_BYTES];

	if (SSL_set_alpn_protos(ssl, alpn, sizeof alpn - 1) != 0)
		return false;
	if (to->name == NULL)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), addr_format(&to->at.addr, text)) == 1;
	return SSL_set_tlsext_host_name(ssl, to->name) == 1 && SSL_set1_host(ssl, to->name) == 1;
}

SSL *tls_new(int fd, const struct forward_server *to, SSL_SESSION **session)
{
	SSL_CTX *with = context_get();
	SSL *ssl = with != NULL ? SSL_new(with) : NULL;

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || !expect(ssl, to)) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_app_data(ssl, session);
	if (*session != NULL && SSL_SESSION_is_resumable(*session))
		SSL_set_session(ssl, *session);
	SSL_set_connect_state(ssl);
	return ssl;
}

const char *tls_error(const SSL *ssl)
{
	static char line[256];
	long verify = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;

	if (verify != X509_V_OK)
		return X509_verify_cert_error_string(verify);
	unsigned long e = ERR_peek_last_error();
	ERR_error_string_n(e, line, sizeof line);
	return e != 0 ? line : "connection closed";
}
