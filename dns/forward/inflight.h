/*
 * Questions that upstreams are being asked, and the queries that wait for them. Bounded in all and per client. The
 * forwarder's thread, an RCU writer.
 */
#ifndef DNS_FORWARD_INFLIGHT_H
#define DNS_FORWARD_INFLIGHT_H

#include <ev.h>

#include "dns/forward/forward.h"
#include "dns/forward/loop.h"

struct inflight;

struct inflight *inflight_new(const struct forward_config *config, struct ev_loop *loop, struct cache *cache,
			      struct forward_counts *counts, struct loop_marks *marks);
void inflight_free(struct inflight *i); /* gives back what waits, without a reply */
void inflight_set_upstreams(struct inflight *i, const struct forward_server *to, size_t count); /* routes_set */
/* Takes the request. prefetch: no reply is wanted. */
void inflight_ask(struct inflight *i, struct forward_request *request, bool prefetch);

/* Sends a finished reply where the request says and frees the request (forward.c). */
void forward_send(struct forward_request *r, const uint8_t *reply, size_t length);

#endif
