/*
 * Health check node ports: for every LoadBalancer Service with externalTrafficPolicy Local, a small HTTP server that
 * tells the cloud's load balancer whether this node has endpoints of it (KEP-3836). Bytes, codes and
 * headers are kube-proxy's. Ports open and close as services come and go. The requests thread answers from the health
 * state and a count that the main thread keeps up to date. Main thread.
 */
#ifndef OBSERVE_HEALTH_NODE_PORT_H
#define OBSERVE_HEALTH_NODE_PORT_H

#include <stddef.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/metrics.h"
#include "observe/health.h"
#include "service/service.h"

struct ev_loop;
struct healthnodeport;
struct requests;

/* health and metrics are borrowed (metrics may be NULL). Nothing is listened on until addresses are set. */
struct healthnodeport *healthnodeport_new(struct ev_loop *loop, struct requests *requests, struct health *health,
					  struct metrics *metrics);
void healthnodeport_free(struct healthnodeport *hn); /* closes every port; after requests_stop; NULL is fine */

/* A service changed; either may be NULL. Nothing of them is kept. */
void healthnodeport_update(struct healthnodeport *hn, const struct service *prev, const struct service *next);

/*
 * The node-port addresses, copied; 0.0.0.0 and :: stand for every address of their family. On one of a
 * family that the Service lacks, a check tells of the family that it has.
 */
void healthnodeport_addrs_set(struct healthnodeport *hn, const struct addr *addrs, size_t count);

/* What a load balancer reads; returns the status code. Any thread. */
unsigned healthnodeport_render(const char *ns, const char *name, unsigned local_endpoints, bool healthy,
			       struct buf *body);

#endif
