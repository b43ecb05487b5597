/*
 * One server over TCP or TLS (RFC 7766, 7858): a connection that is made when there is something to ask, shared by all
 * queries, which go out without waiting for each other's replies, and closed when it was idle for a while. The
 * forwarder's thread.
 */
#ifndef DNS_FORWARD_STREAM_H
#define DNS_FORWARD_STREAM_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dns/forward/plan.h"

struct stream;
struct stream_query;

/*
 * The reply came, with its id set back to what the query had: true when it is one. NULL: the connection failed, or
 * cannot be made. The query does not wait any more, and may be asked again.
 */
typedef bool stream_fn(struct stream_query *q, const uint8_t *message, size_t length);

struct stream_query {
	TAILQ_ENTRY(stream_query) link;
	struct stream *stream; /* NULL: it does not wait */
	const uint8_t *out;    /* length and message; borrowed until it is sent */
	size_t out_bytes;
	stream_fn *done;
	uint16_t id;	 /* on the connection */
	uint64_t number; /* bytes that had come on it when this went out */
	uint64_t end;	 /* bytes that have gone out on it when this has */
	bool again;	 /* on a second connection: the server had closed the first one */
};

struct stream *stream_new(struct ev_loop *loop, const struct forward_server *to); /* to: borrowed */
void stream_free(struct stream *s);						  /* nothing waits; NULL is fine */

/* out, out_bytes and done are set. False: no socket (errno). */
bool stream_ask(struct stream *s, struct stream_query *q);
/* It took too long. A connection on which nothing came meanwhile, or that does not take what is sent, is given up. */
void stream_drop(struct stream_query *q);

#endif
