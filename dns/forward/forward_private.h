/*
 * Private to forward.c and forward_port.c: the rings between workers and the forwarder's thread.
 */
#ifndef DNS_FORWARD_FORWARD_PRIVATE_H
#define DNS_FORWARD_FORWARD_PRIVATE_H

#include <ev.h>
#include <pthread.h>

#include "dns/forward/forward.h"
#include "dns/forward/inflight.h"

#define FORWARD_PREFETCH ((uintptr_t)1) /* in the lowest bit of a ring's pointer: no reply is wanted */

/* One producer, one consumer. */
struct forward_port {
	struct forward *forward;
	forward_deliver_fn *deliver;
	void *ctx;
	struct forward_port *next;
	_Atomic unsigned head, tail; /* written by the worker; by the forwarder */
	uintptr_t ring[FORWARD_RING];
};

/* A call from another thread, which waits for its end. */
struct call {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool asked;
	const struct name *flush; /* NULL: all */
	size_t gone;
	bool set; /* instead: these are the upstreams */
	const struct forward_server *to;
	size_t count;
	const struct search_domains *searches; /* instead: these */
};

struct forward {
	struct forward_config config;
	struct cache *cache;
	struct inflight *inflight;
	struct quota quota;
	struct forward_counts counts;
	struct ev_loop *loop;
	ev_async wake, stop, called;
	struct call call;
	struct loop_marks marks;
	pthread_t thread;
	struct forward_port *ports;
};

#endif
