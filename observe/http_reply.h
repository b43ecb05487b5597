/* What a page is: a handler fills in the reply. */
#ifndef OBSERVE_HTTP_REPLY_H
#define OBSERVE_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define HTTP_HEADERS_MAX 4

struct http_header {
	const char *name;  /* static */
	const char *point; /* the value; NULL: it is in `value` */
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
/* The same with a value that outlives the reply. */
void http_header_point(struct http_reply *reply, const char *name, const char *value);

/* path: decoded, without query. Must not block. False: not answered here. */
typedef bool http_handler_fn(void *ctx, const char *path, struct http_reply *reply);

#endif
