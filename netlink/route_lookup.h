/*
 * Where the kernel would send a packet, and whether it would take one in: rtnetlink's answer to one question. Any
 * thread; a socket belongs to one.
 */
#ifndef NETLINK_ROUTE_LOOKUP_H
#define NETLINK_ROUTE_LOOKUP_H

#include <stdbool.h>

#include "base/addr.h"

struct mnl_socket;

struct route_question {
	struct addr to;
	struct addr from;    /* family 0: not said */
	uint32_t came_in_on; /* interface: asks as if the packet had come from there; 0: the host itself sends it */
};

struct route_answer {
	uint32_t interface; /* it leaves by */
	bool local;	    /* to this host itself */
	bool gateway;	    /* by another router */
};

/* socket: of NETLINK_ROUTE. 0 or -errno: -ENETUNREACH, -EHOSTUNREACH no route; -EXDEV, -EINVAL (since
 * Linux 6.14): the host would not take it in (rp_filter). */
int route_lookup(struct mnl_socket *socket, const struct route_question *q, struct route_answer *a);

#endif
