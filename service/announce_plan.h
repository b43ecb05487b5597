/*
 * Which addresses of Services the machines on a network can reach without a route, because this machine answers for
 * them there: load balancer and external addresses that lie in one of the network's own prefixes. Pure. Any thread.
 */
#ifndef SERVICE_ANNOUNCE_PLAN_H
#define SERVICE_ANNOUNCE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "service/service.h"

#define ANNOUNCE_MAX 1024u /* addresses; the first ones in their order */

enum announce_fault {
	ANNOUNCE_FINE,
	ANNOUNCE_NO_NETWORK, /* not in a network of the interface: machines send it to their router */
	ANNOUNCE_SUBNET,     /* the network's own first address, or IPv4's last: broadcast */
	ANNOUNCE_HOST,	     /* this machine has it anyway */
	ANNOUNCE_ROUTER,     /* a default route leads there */
	ANNOUNCE_UNABLE,     /* the kernel would not answer for this family */
	ANNOUNCE_TOO_MANY,
};

struct announce_wish {
	struct addr addr;
	uint8_t fault; /* enum announce_fault */
};

struct announce_input { /* borrowed */
	const struct service **services;
	size_t service_count;
	const struct cidr *networks; /* of the interface */
	size_t network_count;
	const struct addr *host; /* every address of this machine, sorted */
	size_t host_count;
	const struct addr *routers; /* of default routes */
	size_t router_count;
	bool unable[2]; /* IPv4, IPv6 */
};

/* All load balancer and external addresses, sorted, each once. The caller frees; *count 0: none. */
struct announce_wish *announce_plan(const struct announce_input *in, size_t *count);
const char *announce_fault_text(enum announce_fault fault);
/* Equal: the Service has the same such addresses. 0: it has none, or is NULL. */
uint64_t announce_digest(const struct service *s);

#endif
