/*
 * The servers for one domain and which of them to ask. One that fails twice in a row is down until a probe gets
 * a reply; when all are down, one is asked anyway. One that leads back to us is never asked. No clock.
 */
#ifndef DNS_FORWARD_UPSTREAM_H
#define DNS_FORWARD_UPSTREAM_H

#include "base/addr_port.h"
#include "dns/forward/cookie.h"
#include "dns/forward/plan.h"

#define UPSTREAM_FAILS 2 /* in a row */

struct upstream_counts;

struct upstream {
	struct forward_server to;
	struct stream *stream; /* NULL: none yet */
	struct upstream_counts *counts;
	struct cookie cookie;
	unsigned fails; /* since the last reply */
	bool loops;	/* leads back to us */
};

struct upstreams {
	unsigned users; /* pending questions and probes, and the route */
	enum forward_policy policy;
	bool tcp;
	unsigned next; /* FORWARD_ROUND_ROBIN */
	struct name zone;
	size_t count;
	struct upstream items[UPSTREAMS_MAX];
};

/* tried: a bit for each that this question has tried. -1: none is left. random chooses among the good ones. */
int upstreams_pick(struct upstreams *u, unsigned tried, uint32_t random);
bool upstreams_all_down(const struct upstreams *u);
bool upstream_is_down(const struct upstream *u);
void upstream_failed(struct upstream *u);
void upstream_replied(struct upstream *u);

struct upstreams *upstreams_hold(struct upstreams *u); /* one more user; returns u */
void upstreams_release(struct upstreams *u);	       /* the last user frees it; NULL is fine */

#endif
