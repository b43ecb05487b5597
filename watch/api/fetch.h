/*
 * HTTP GET over libcurl on the libev loop (watch/curl_loop.h). All requests of one client share its
 * connections, over one HTTP/2 connection where the server offers that. Bodies are streamed to the caller; nothing is
 * followed, nothing retried here. Main thread.
 */
#ifndef WATCH_API_FETCH_H
#define WATCH_API_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ev_loop;
struct fetch;
struct fetch_request;

/* Copied by fetch_new. A PEM text wins over the file of the same thing; NULL = none (CA: the system's). */
struct fetch_settings {
	const char *ca_file, *ca_pem;
	const char *cert_file, *cert_pem;
	const char *key_file, *key_pem;
	bool insecure; /* no check of the server's certificate and name */
};

/* NULL when it can be fetched from; else a static text: why not. */
const char *fetch_url_fault(const char *url);

/* NULL and *error filled: libcurl cannot be used. */
struct fetch *fetch_new(struct ev_loop *loop, const struct fetch_settings *settings, char error[ERROR_BYTES]);
void fetch_free(struct fetch *f); /* ends every request without a call; NULL is fine */

/* How a request ended. */
struct fetch_end {
	int status;		 /* 0: no response */
	bool whole;		 /* the body ended in good order */
	bool silent;		 /* ended here: no byte for quiet_limit_ms */
	bool excess;		 /* ended here: headers without an end */
	uint32_t retry_after_ms; /* 0 = not asked */
	const char *error;	 /* "" when whole; borrowed for the call */
};

struct fetch_handler {
	void *ctx;
	/* The headers of the answer are here; may be NULL. No request may be made or cancelled from here. */
	void (*answered)(void *ctx, int status);
	/* Bytes of the body. False ends the request (as not whole). No request may be made or cancelled from here. */
	bool (*data)(void *ctx, int status, const char *bytes, size_t length_bytes);
	void (*end)(void *ctx, const struct fetch_end *end); /* last call; requests may be made from here */
};

struct fetch_options {
	const char *token;	   /* bearer token; NULL = none */
	uint32_t quiet_limit_ms;   /* 0 = none */
	uint32_t connect_limit_ms; /* for name, connection and TLS */
	bool fresh;		   /* on a connection of its own: the shared one is under suspicion */
};

/* The texts are copied. */
struct fetch_request *fetch_get(struct fetch *f, const char *url, const struct fetch_options *options,
				const struct fetch_handler *handler);
/* Another limit from now on. */
void fetch_quiet_limit(struct fetch_request *r, uint32_t quiet_limit_ms);
void fetch_cancel(struct fetch_request *r); /* no further call; not from within data */

#endif
