/*
 * Small HTTP pages for health checks and metrics: the only file that knows libmicrohttpd.
 *
 * Each listener answers any method on one address, as kube-proxy does; its handler runs on the main thread, inside the
 * libev loop, so it reads the daemon's state without locks and must not block. Connections per listener, their memory
 * and their idle time are bounded; of more clients than that the one connected for longest makes room. A port that
 * cannot be bound is warned about once and tried again every 5 s, as kube-proxy does without bindAddressHardFail.
 */
#ifndef OBSERVE_HTTP_H
#define OBSERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"

struct ev_loop;

#define HTTP_HEADERS_MAX 4

struct http_header {
	const char *name; /* static */
	char value[64];
};

/* What a handler fills in. It starts as 200, text/plain and empty. */
struct http_reply {
	unsigned status;
	const char *content_type; /* static */
	struct buf body;	  /* freed by the caller of the handler */
	size_t header_count;
	struct http_header headers[HTTP_HEADERS_MAX];
};

/* One more header, at most HTTP_HEADERS_MAX. name is static; a value that does not fit is cut. */
void http_header_set(struct http_reply *reply, const char *name, const char *value);

/* path: decoded, without query. */
typedef void http_handler_fn(void *ctx, const char *path, struct http_reply *reply);

/* Where to listen. any: both families, on every address (as Go reads 0.0.0.0 and [::]); addr then does not count. */
struct http_bind {
	bool any;
	struct addr addr;
	uint16_t port;
};

/* "1.2.3.4:80", "[::1]:80", "1.2.3.4", ":80", "0.0.0.0:80"; false for anything else, port 0 included. */
bool http_bind_parse(struct http_bind *bind, const char *text, uint16_t default_port);

struct http_config {
	struct ev_loop *loop;
	const char *what; /* subject of log lines; copied */
	struct http_bind bind;
	http_handler_fn *handler;
	void *ctx; /* outlives the listener */
};

struct http;

struct http *http_open(const struct http_config *config); /* never NULL: binds now or later */
bool http_bound(const struct http *http);
void http_retry(struct http *http); /* the port may have become free: if not bound, tries now */
void http_close(struct http *http); /* cuts its connections; not from a handler; NULL is fine */

#endif
