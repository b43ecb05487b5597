/* Headers of a reply. */
#include "observe/http_reply.h"

#include <assert.h>
#include <stdio.h>

void http_header_set(struct http_reply *reply, const char *name, const char *value)
{
	assert(reply->header_count < HTTP_HEADERS_MAX);
	struct http_header *h = &reply->headers[reply->header_count++];
	h->name = name;
	snprintf(h->value, sizeof h->value, "%s", value);
}

void http_header_point(struct http_reply *reply, const char *name, const char *value)
{
	assert(reply->header_count < HTTP_HEADERS_MAX);
	reply->headers[reply->header_count++] = (struct http_header){.name = name, .point = value};
}
