/*
 * What one localhost node port does: a copy of the few facts of a compiled service that the relay's thread needs, and
 * the choice of an endpoint from them. Pure: no sockets, clock or randomness of its own.
 */
#ifndef RELAY_RELAY_PLAN_H
#define RELAY_RELAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/service.h"

struct relay_plan {
	struct frontend_key key; /* 127.0.0.1 or ::1, protocol, node port */
	char *what;		 /* "ns/name", for log lines */
	bool affinity, maglev;
	uint32_t affinity_timeout_s;
	uint32_t slot_count, target_count;
	uint16_t *slots;
	struct target *targets;
};

/* The last choice of a service with session affinity. All clients here have one address, so there is one per port. */
struct relay_choice {
	struct target target; /* addr.family 0: none yet */
	uint64_t until_ms;
};

/*
 * Where port number `port` of the service listens. False: nowhere, for it has no node port, is SCTP, or has no endpoint
 * (then a client is refused, as by the kernel's rules on the node's addresses).
 */
bool relay_plan_key(const struct service *s, size_t port, struct frontend_key *key);
struct relay_plan *relay_plan_new(const struct service *s, size_t port); /* of one that listens */
void relay_plan_free(struct relay_plan *p);				 /* NULL is fine */

/*
 * The endpoint of a new connection, from the cluster pool whatever the traffic policies: externalTrafficPolicy Local
 * does not bind the node itself, and internalTrafficPolicy is about ClusterIPs (A.5). random: any number.
 */
const struct target *relay_plan_pick(const struct relay_plan *p, struct relay_choice *choice, uint64_t now_ms,
				     uint32_t random);

/* False: datagrams to this endpoint must find another one (A.7). */
bool relay_plan_serves(const struct relay_plan *p, const struct target *target);

#endif
