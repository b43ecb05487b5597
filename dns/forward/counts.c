#include "dns/forward/counts.h"

static void more(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void upstream_counts_reply(struct upstream_counts *c, unsigned rcode, uint64_t ns)
{
	unsigned slot = rcode < COUNT_RCODES ? rcode : COUNT_RCODES;

	more(&c->replies[slot][respond_duration_slot(ns)], 1);
	more(&c->replies_ns[slot], ns);
}
