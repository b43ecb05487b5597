/*
 * What the forwarder counts. Its thread writes; workers add to `rejects`, too; any thread reads.
 */
#ifndef DNS_FORWARD_COUNTS_H
#define DNS_FORWARD_COUNTS_H

#include "dns/answer/respond.h"
#include "dns/forward/upstream.h"

struct upstream_counts {
	_Atomic uint64_t failures; /* attempts without a usable reply */
	/* Replies by rcode (larger ones together): how many in each bucket of respond_counts.durations, and the sum. */
	_Atomic uint64_t replies[COUNT_RCODES + 1][COUNT_DURATIONS], replies_ns[COUNT_RCODES + 1];
};

struct forward_counts {
	struct respond_counts later; /* replies that the forwarder sent; no queries, for workers count them */
	_Atomic uint64_t waiting;    /* queries, now */
	_Atomic uint64_t rejects;    /* queries over a limit */
	_Atomic uint64_t all_aside;  /* questions for which no upstream was good */
	size_t upstream_count;
	struct addr_port upstreams_to[UPSTREAMS_MAX]; /* constant */
	struct upstream_counts upstreams[UPSTREAMS_MAX];
};

/* A reply of an upstream, ns after it was asked. */
void upstream_counts_reply(struct upstream_counts *c, unsigned rcode, uint64_t ns);

#endif
