/*
 * Dispatches a changed object or host address to the modules that care: which services are compiled again, which
 * ranges and rules are checked again, what DNS knows of namespaces and pods. Main thread.
 */
#ifndef DAEMON_DISPATCH_H
#define DAEMON_DISPATCH_H

#include "daemon/daemon_private.h"

/* The store's listener; ctx is a struct daemon. Services and slices are marked by the store itself. */
void dispatch_changed(void *ctx, const struct object *prev, const struct object *next);
/* Something about this node may have changed: services that can tell are compiled again. */
void dispatch_node(struct daemon *d);
/* The source has said everything for the first time: tells where node ports are, as every later change of it does. */
void dispatch_complete(struct daemon *d);
/*
 * The ranges of the detectors ClusterCIDR and NodeCIDR, as many as the rules take; borrowed until the node changes. In
 * a family without any, nothing is masqueraded, as in kube-proxy.
 */
const struct cidr *dispatch_pod_cidrs(const struct daemon *d, size_t *count);
/*
 * A gateway in front of plain hosts, which is not told what is local: where a client and an endpoint are on one network
 * the replies must come back through here. NULL: this is no such gateway. Borrowed until the node changes.
 */
const struct cidr *dispatch_networks(const struct daemon *d, size_t *count);

#endif
