/*
 * A question that upstreams are being asked, and the queries that wait for its answer. The forwarder's thread.
 */
#ifndef DNS_FORWARD_PENDING_H
#define DNS_FORWARD_PENDING_H

#include <ev.h>

#include "base/map.h"
#include "dns/forward/exchange.h"
#include "dns/forward/quota.h"
#include "dns/forward/waiters.h"

struct routes;

/* All of them, and what they share. */
struct pendings {
	struct ev_loop *loop;
	struct cache *cache;
	struct forward_counts *counts;
	struct routes *routes;
	struct quota *quota;
	uint32_t timeout_ms;
	struct map map; /* by cache_key */
	struct waiters waiters;
	struct message message;
	void (*answered)(void *ctx); /* queries may have been: waiters.onward is to be looked after */
	void *ctx;
};

struct pending {
	struct exchange x;
	struct pendings *all;
	struct cache_key key;
	struct question asked;
	struct ev_timer timer;
	struct forward_requests waiters;
	int place; /* in the quota: no query waits any more; QUOTA_NONE: one does */
	uint64_t end_ms;
	struct upstreams *of;
	struct upstream *upstream; /* asked last; NULL: none yet */
	uint64_t asked_ns;	   /* since */
	unsigned tried, tries;
	bool no_edns, tcp, case_lost, cookie_lost, cookie_renewed;
};

/* Asks, and r waits. `answered` is not called from here. */
void pending_ask(struct pendings *i, const struct cache_key *key, const struct name *name, const struct query *q,
		 struct forward_request *r);
/* Asks for the cache. The question takes over the place in the quota. */
void pending_prefetch(struct pendings *i, const struct cache_key *key, const struct name *name, const struct query *q,
		      int place);
/* What the cache knew, to all who wait. False: nothing. */
bool pending_reply_stale(struct pending *p);
void pending_free(struct pending *p); /* no query waits */

#endif
