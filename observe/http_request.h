/*
 * The head of an HTTP/1.x request, read as RFC 9112 and RFC 9110 demand of an origin server (docs/http-conformance.md).
 * What could be read in two ways is refused, since a proxy in front may read it the other way. Pure. Any thread.
 */
#ifndef OBSERVE_HTTP_REQUEST_H
#define OBSERVE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_BYTES_MAX 16384U /* of a request's head; a longer one: 414 or 431 */
#define HTTP_PATH_BYTES 256	   /* a longer path is cut; no page has one */
#define HTTP_HOST_BYTES 128	   /* a longer Host is cut */

enum http_body { HTTP_BODY_NONE, HTTP_BODY_COUNTED, HTTP_BODY_CHUNKED };

struct http_request {
	unsigned status;   /* 0: well-formed; else the answer is this status, and the connection ends */
	const char *why;   /* of a status; static */
	bool head;	   /* HEAD: the answer has no body */
	bool whole_server; /* OPTIONS * */
	bool http10;
	bool keep_alive; /* the client wants the connection to go on */
	bool expects_continue;
	enum http_body body;
	uint64_t body_bytes;	    /* HTTP_BODY_COUNTED */
	char path[HTTP_PATH_BYTES]; /* decoded, without query */
	char host[HTTP_HOST_BYTES]; /* as in Host; "" without */
};

/* How far the search for the end of a head has come; all zero at first. */
struct http_head {
	size_t scanned, line; /* bytes; where the line begins that has no end yet */
	bool begun;	      /* a line that is not empty came */
};

/*
 * How long the head at the start of the bytes is, up to and with its empty line; 0: it is not complete, ask again with
 * more bytes. Empty lines in front belong to it.
 */
size_t http_head_length(struct http_head *h, const char *bytes, size_t length);
/* Reads a whole head. r->status says what is wrong with it. */
void http_request_parse(struct http_request *r, const char *head, size_t length);
/* The status for a head that has no end within HTTP_HEAD_BYTES_MAX. */
void http_request_too_long(struct http_request *r, const char *bytes, size_t length);

/*
 * Is it an address, localhost, or a name that only a local network can have (one label, or below local, lan, internal,
 * home.arpa)? A site on the Internet that lets its own name lead here (DNS rebinding) has another one.
 */
bool http_host_is_private(const char *host);

int http_hex(char c); /* the value of a hexadecimal digit; -1: none */

#endif
