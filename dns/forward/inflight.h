/*
 * Questions that upstreams are being asked, and the queries that wait for them, as many as the quota lets in. The
 * forwarder's thread, an RCU writer.
 */
#ifndef DNS_FORWARD_INFLIGHT_H
#define DNS_FORWARD_INFLIGHT_H

#include <ev.h>

#include "dns/forward/counts.h"
#include "dns/forward/loop.h"
#include "dns/forward/quota.h"
#include "dns/forward/request.h"

struct inflight;

struct inflight *inflight_new(const struct forward_config *config, struct ev_loop *loop, struct cache *cache,
			      struct forward_counts *counts, struct loop_marks *marks, struct quota *quota);
void inflight_free(struct inflight *i); /* gives back what waits, without a reply */
void inflight_set_upstreams(struct inflight *i, const struct forward_server *to, size_t count); /* routes_set */
void inflight_set_searches(struct inflight *i, const struct search_domains *d);			/* copied */
/* Takes the request. prefetch: no reply is wanted. */
void inflight_ask(struct inflight *i, struct forward_request *request, bool prefetch);

#endif
