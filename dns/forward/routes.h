/*
 * Which upstreams are asked for a name, kept healthy: those that are down are probed every half second, and one that
 * leads back to us is found at start, at each change and every minute, and left out. The forwarder's thread.
 */
#ifndef DNS_FORWARD_ROUTES_H
#define DNS_FORWARD_ROUTES_H

#include <ev.h>

#include "dns/forward/counts.h"
#include "dns/forward/loop.h"
#include "dns/forward/upstream.h"

struct routes;

/* All borrowed. */
struct routes *routes_new(const struct forward_plan *plan, struct ev_loop *loop, struct forward_counts *counts,
			  struct loop_marks *marks);
void routes_free(struct routes *r);

/* Never NULL, but it may have no upstream. Borrowed: hold it. */
struct upstreams *routes_find(const struct routes *r, const struct name *name);

/* The servers for all names but the stub domains', from now on. Questions under way keep theirs. */
void routes_set(struct routes *r, const struct forward_server *to, size_t count);

/* An attempt failed. */
void routes_failed(struct routes *r, struct upstream *u);

#endif
