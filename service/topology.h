/*
 * Which endpoints of a service port take new connections on this node (A.6 of the reference: readiness, hints of
 * EndpointSlices, traffic policies). A pure decision on the caller's candidates.
 */
#ifndef SERVICE_TOPOLOGY_H
#define SERVICE_TOPOLOGY_H

#include "service/service.h"
#include "watch/object.h"

struct candidate {
	struct target target;			/* flags hold the conditions and TARGET_ON_NODE */
	const struct endpoint_object *endpoint; /* hints and weight */
	uint32_t order;				/* as met: slices by name, then order inside */
};

struct topology_use {
	bool cluster; /* internalTrafficPolicy Cluster, or reachable from outside at all */
	bool local;   /* internalTrafficPolicy Local, or externalTrafficPolicy Local and reachable from outside */
};

/* Sets TARGET_IN_CLUSTER and TARGET_IN_LOCAL on candidates; node and zone may be NULL. Returns the hints followed. */
enum topology_mode topology_choose(struct candidate *candidates, size_t count, struct topology_use use,
				   const char *node, const char *zone);
/* kube-proxy's hasAnyEndpoints: false means refuse, true with an empty pool means drop. */
bool topology_any(const struct candidate *candidates, size_t count);

#endif
