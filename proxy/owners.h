/*
 * Who owns an address: two Services may claim the same address, protocol and port (of any frontend kind), or the same
 * ClusterIP. The first by namespace, then name, owns it; the others wait, and take over when it leaves. O(1) per
 * frontend. Services are borrowed: every claims_replace must be told before prev is freed. Main thread.
 *
 * Also the index from what a client dials to the service that answers.
 */
#ifndef PROXY_OWNERS_H
#define PROXY_OWNERS_H

#include "service/service.h"

struct claims;

/* A ClusterIP as such (SET_CLUSTER_IPS) is claimed as a key with protocol 0 and port 0. */
static inline struct frontend_key claims_ip_key(const struct addr *cluster_ip)
{
	return (struct frontend_key){.addr = *cluster_ip};
}

/*
 * Told by claims_tell, once for every service that came to claim what another owns, however many keys they share: the
 * caller's one warning line. A key of claims_ip_key means that they share the address but no port so far.
 */
typedef void claims_contested_fn(void *ctx, const struct frontend_key *key, const struct service *winner,
				 const struct service *loser);
/* Ownership of a key passed between two services, one of which may be the one that claims_replace is about. */
typedef void claims_moved_fn(void *ctx, const struct frontend_key *key, const struct service *from,
			     const struct service *to);

struct claims *claims_new(claims_contested_fn *contested, void *ctx); /* contested may be NULL */
void claims_free(struct claims *c);				      /* NULL is fine */

/* NULL: nobody's. */
const struct service *claims_owner(const struct claims *c, const struct frontend_key *key);
/* The frontend that serves a key, with its owner; NULL when nobody's. */
const struct frontend *claims_frontend(const struct claims *c, const struct frontend_key *key,
				       const struct service **owner);

/* A service's version prev gives way to next; either may be NULL. Same namespace and name. */
void claims_replace(struct claims *c, const struct service *prev, const struct service *next, claims_moved_fn *moved,
		    void *ctx);
/*
 * The turn is over: those who came since the last time and still contest. Not earlier, for a Service that is renamed,
 * or gives way to another in the same write, may be replaced after its successor.
 */
void claims_tell(struct claims *c);

#endif
