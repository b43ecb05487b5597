/*
 * What the forwarder counts. Its thread writes; workers add to `rejects`, too; any thread reads.
 */
#ifndef DNS_FORWARD_COUNTS_H
#define DNS_FORWARD_COUNTS_H

#include "dns/answer/respond_counts.h"
#include "dns/forward/upstream.h"

#define UPSTREAM_COUNTS_MAX 64

struct upstream_counts {
	_Atomic uint64_t failures; /* attempts without a usable reply */
	/* Replies by rcode (larger ones together): how many in each bucket of respond_counts.durations, and the sum. */
	_Atomic uint64_t replies[COUNT_RCODES + 1][COUNT_DURATIONS], replies_ns[COUNT_RCODES + 1];
};

struct forward_counts {
	struct respond_counts later; /* replies that the forwarder sent; no queries, for workers count them */
	_Atomic uint64_t waiting;    /* queries, now */
	_Atomic uint64_t rejects;    /* queries over a limit */
	_Atomic uint64_t all_down;   /* questions for which no upstream was good */
	_Atomic size_t upstream_count;
	struct addr_port upstreams_to[UPSTREAM_COUNTS_MAX]; /* each written before the count says that it is there */
	struct upstream_counts upstreams[UPSTREAM_COUNTS_MAX];
};

/* The counters of one upstream; when there are too many, the last ones share. The forwarder's thread. */
struct upstream_counts *forward_counts_of(struct forward_counts *c, const struct addr_port *to);

/* A reply of an upstream, ns after it was asked. */
void upstream_counts_reply(struct upstream_counts *c, unsigned rcode, uint64_t ns);

#endif
