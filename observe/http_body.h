/*
 * The content of an HTTP/1.x request, which no page reads: finds its end (RFC 9112 6 and 7.1). Pure. Any thread.
 */
#ifndef OBSERVE_HTTP_BODY_H
#define OBSERVE_HTTP_BODY_H

#include <stddef.h>

#include "observe/http_request.h"

#define HTTP_BODY_BYTES_MAX 65536U /* with the lines between chunks; a larger one: 413 */

enum http_body_state {
	HTTP_BODY_END, /* the next byte is the next request's */
	HTTP_BODY_BYTES,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_BLANK, /* behind the size */
	HTTP_CHUNK_EXTENSION,
	HTTP_CHUNK_SIZE_END, /* its LF */
	HTTP_CHUNK_BYTES,
	HTTP_CHUNK_END, /* CR behind the bytes */
	HTTP_CHUNK_END_LF,
	HTTP_TRAILER, /* start of a line */
	HTTP_TRAILER_LINE,
	HTTP_TRAILER_LINE_LF,
	HTTP_TRAILER_END_LF
};

struct http_body_reader {
	enum http_body_state state;
	unsigned status;   /* 0: fine so far; else as in struct http_request */
	size_t seen;	   /* bytes in all */
	size_t left_bytes; /* of the content or chunk */
	unsigned digits;   /* of the chunk's size */
};

/* For a request whose head is well-formed. */
struct http_body_reader http_body_start(const struct http_request *r);
/* Takes in bytes until the end, or until something is wrong. Returns how many. */
size_t http_body_read(struct http_body_reader *b, const char *bytes, size_t length);

#endif
