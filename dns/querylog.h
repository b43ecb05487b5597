/*
 * The query log, opt-in: a line for every query, with what CoreDNS's log plugin prints, on standard error. Lines of one
 * turn are written together; a reader that does not keep up loses lines, never time of the worker. One per thread.
 */
#ifndef DNS_QUERYLOG_H
#define DNS_QUERYLOG_H

#include "dns/respond.h"

#define QUERYLOG_LINE_BYTES 1400

struct querylog { /* zero = empty, ready to use */
	size_t used;
	unsigned count;
	char lines[4096]; /* PIPE_BUF: a pipe takes it whole or says that it is full */
};

/* Appends the line of one query; reply_bytes 0: it got no reply. Writes out when the lines are full. */
void querylog_add(struct querylog *l, struct responder *r, const struct packet *in, const uint8_t *reply,
		  size_t reply_bytes, uint64_t ns);
/* Writes what is there; what standard error cannot take at once is dropped and counted. */
void querylog_flush(struct querylog *l, struct responder *r);

/* The line itself, without date and newline; returns text. Pure. */
const char *querylog_format(const struct packet *in, const uint8_t *reply, size_t reply_bytes, uint64_t ns,
			    char text[QUERYLOG_LINE_BYTES]);

#endif
