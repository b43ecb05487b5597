/*
 * Who owns an address. Two Services may claim the same address, protocol and port, or the same ClusterIP. What the API
 * server allocates wins over what a tenant writes: first ClusterIPs, then node ports, then load balancer status, then
 * external addresses; among equals the older creationTimestamp (one without counts as the youngest), then namespace
 * and name. The others wait, and take over when the owner leaves (k8s #97110, CVE-2020-8554). O(log n) per frontend,
 * n being the services that claim its key. Services are borrowed: every owners_replace must be told before prev is
 * freed. Main thread.
 *
 * Also the index from what a client dials to the service that answers.
 */
#ifndef PROXY_OWNERS_H
#define PROXY_OWNERS_H

#include "proxy/conflicts.h"
#include "service/service.h"

struct owners;

/* A ClusterIP as such (SET_CLUSTER_IPS) is claimed as a key with protocol 0 and port 0. */
static inline struct frontend_key owners_ip_key(const struct addr *cluster_ip)
{
	return (struct frontend_key){.addr = *cluster_ip};
}

/* Ownership of a key passed between two services, one of which may be the one that owners_replace is about. */
typedef void owners_moved_fn(void *ctx, const struct frontend_key *key, const struct service *from,
			     const struct service *to);

struct owners *owners_new(owners_conflict_fn *conflict, void *ctx); /* conflict may be NULL */
void owners_free(struct owners *o);				    /* NULL is fine */

/* NULL: no service claims it. */
const struct service *owners_find(const struct owners *o, const struct frontend_key *key);
/* The frontend that serves a key, with its owner; NULL when no service claims it. */
const struct frontend *owners_frontend(const struct owners *o, const struct frontend_key *key,
				       const struct service **owner);

/* A service's version prev gives way to next; either may be NULL. Same namespace and name. */
void owners_replace(struct owners *o, const struct service *prev, const struct service *next, owners_moved_fn *moved,
		    void *ctx);
/* Goes through the keys that either version claims, each once, in the order in which owners_replace does. */
struct owners_keys {
	const struct service *prev, *next; /* either may be NULL */
	size_t at;			   /* zero at first */
	bool of_next;
};
bool owners_next_key(struct owners_keys *keys, struct frontend_key *key); /* false: there is none left */

struct service_change {
	const struct service *prev, *next; /* either may be NULL */
};
/*
 * The first change was told to owners_replace, and what it means for the kernel is still being compared. True: the
 * second one, of another Service, may be told meanwhile: no key passes between the two by either change, so that
 * neither looks at what the other one is about.
 */
bool owners_apart(const struct owners *o, const struct service_change *first, const struct service_change *second);

/*
 * End of the turn: reports conflicts that are new since the last call and still unresolved. Not earlier, for a Service
 * that is renamed, or gives way to another in the same write, may be replaced after its successor.
 */
void owners_report_conflicts(struct owners *o);

#endif
