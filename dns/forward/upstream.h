/*
 * The upstream servers and which of them to ask. One that fails twice in a row is skipped for a short time, then
 * one question tries it again; when all are skipped, one is asked anyway. Pure but for the caller's clock and die.
 */
#ifndef DNS_FORWARD_UPSTREAM_H
#define DNS_FORWARD_UPSTREAM_H

#include "base/addr_port.h"

#define UPSTREAMS_MAX 15      /* as CoreDNS */
#define UPSTREAM_FAILS 2      /* in a row */
#define UPSTREAM_ASIDE_MS 500 /* until it is tried again */

struct upstream {
	struct addr_port to;
	unsigned fails;	      /* since the last reply */
	uint64_t retry_at_ms; /* while fails ≥ UPSTREAM_FAILS */
};

struct upstreams {
	size_t count;
	struct upstream items[UPSTREAMS_MAX];
};

/* tried: a bit for each that this question has tried. -1: none is left. random chooses among the good ones. */
int upstreams_pick(struct upstreams *u, unsigned tried, uint64_t now_ms, uint32_t random);
bool upstreams_all_aside(const struct upstreams *u);
void upstream_failed(struct upstream *u, uint64_t now_ms);
void upstream_replied(struct upstream *u);

#endif
