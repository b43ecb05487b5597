/*
 * Which pod has an address: usually one, two for a moment where a new pod got it before the old one was reported gone.
 * Costs the same however many pods there are. Pods are borrowed from the store, which tells of each change before it
 * frees the old version. Main thread.
 */
#ifndef PROXY_POD_ADDRESSES_H
#define PROXY_POD_ADDRESSES_H

#include "base/map.h"
#include "watch/object.h"

struct pod_addrs { /* all zero = empty */
	struct map holders;
};

/* prev gives way to next; either may be NULL. Pods on the host's network and those that have ended hold no address. */
void pod_addrs_change(struct pod_addrs *p, const struct pod_object *prev, const struct pod_object *next);
/* The pod that got it last; NULL: none has it. */
const struct pod_object *pod_addrs_find(const struct pod_addrs *p, const struct addr *addr);
void pod_addrs_fini(struct pod_addrs *p);

#endif
