/* Replies that the forwarder's thread brings to the TCP thread: a queue and a wake-up of its loop. */
#ifndef DNS_SERVER_BROUGHT_H
#define DNS_SERVER_BROUGHT_H

#include <ev.h>
#include <pthread.h>

#include "base/buf.h"
#include "dns/forward/forward.h"

struct brought {
	pthread_mutex_t lock;
	struct forward_requests list;
	ev_async wake;
	struct ev_loop *loop;
	void (*take)(struct forward_request *r); /* in the loop's thread; the request is freed behind it */
};

void brought_start(struct brought *b, struct ev_loop *loop, void (*take)(struct forward_request *r));
void brought_stop(struct brought *b); /* takes what is left */
forward_deliver_fn brought_add;	      /* ctx: the struct brought; any thread */

/* Appends a message with its length in front (RFC 1035 4.2.2). */
void brought_message(struct buf *out, const uint8_t *message, size_t length);

#endif
