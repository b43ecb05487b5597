/*
 * Services as HTML: a table of all, and one with everything about it. Names and texts are escaped, lists are bounded.
 * Main thread.
 */
#ifndef OBSERVE_PAGE_SERVICES_H
#define OBSERVE_PAGE_SERVICES_H

#include "base/buf.h"
#include "proxy/store.h"

struct services_count {
	size_t services, endpoints, unused; /* unused: endpoints that get no connections */
	size_t without;			    /* services that have frontends and no endpoint in use */
	size_t held;			    /* at an older version */
};

/* Sorted by namespace and name. */
struct services_count services_table(struct buf *out, const struct store *store);
/* One row of a Service that has a `current`; public for tests. */
void services_row(struct buf *out, const struct store_service *service, struct services_count *count);
/* What is known about one, with every endpoint. */
void services_one(struct buf *out, const struct store *store, const struct store_service *service);
/* Endpoints of all ports and families that get connections, and all. */
void services_endpoints(const struct service *s, size_t *used, size_t *all);

#endif
