/*
 * Localhost node ports, opt-in (--nodeport-addresses with localhost): 127.0.0.1:nodePort and [::1]:nodePort reach the
 * service, TCP and UDP. The kernel never forwards loopback addresses to other hosts unless route_localnet opens the
 * node's 127/8 to its neighbours, so a small relay does it, in a thread of its own: an image pulled through a node port
 * must not delay a sync.
 *
 * It connects to endpoints directly instead of to the service's ClusterIP: internalTrafficPolicy Local drops there what
 * a node port serves, a service may have no node-port address in the kernel at all, and a relay that needs no rule
 * works while the rules are being loaded. So session affinity is kept here too.
 *
 * Connections stay when their service changes or goes, as in the kernel; datagram sessions leave endpoints that serve
 * no more (A.7). A port in use by another program is left alone: one warning, and a retry every 5 s.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "base/metrics.h"
#include "service/service.h"

struct relay;

/* The service as it was last given to relay_update, NULL: gone. Asked for one that waits for a port that became free.
 */
typedef const struct service *relay_find_fn(void *ctx, const char *ns, const char *name);

/* Starts the thread. metrics may be NULL; else it is asked for metrics until relay_stop. Main thread. */
struct relay *relay_start(struct metrics *metrics, relay_find_fn *find, void *ctx);
void relay_stop(struct relay *r); /* closes everything; after the last page of metrics; NULL is fine */

/* A service changed; either may be NULL. Nothing of them is kept. Main thread, never waits for sockets. */
void relay_update(struct relay *r, const struct service *prev, const struct service *next);

#endif
