/* Counts what the forwarder does. */
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

struct upstream_counts *forward_counts_of(struct forward_counts *c, const struct addr_port *to)
{
	size_t i = 0, count = c->upstream_count;

	while (i < count && (c->upstreams_to[i].port != to->port || !addr_equal(&c->upstreams_to[i].addr, &to->addr)))
		i++;
	if (i == UPSTREAM_COUNTS_MAX)
		return &c->upstreams[UPSTREAM_COUNTS_MAX - 1];
	if (i == count) {
		c->upstreams_to[i] = *to;
		atomic_store_explicit(&c->upstream_count, count + 1, memory_order_release);
	}
	return &c->upstreams[i];
}
