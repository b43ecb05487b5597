/*
 * Addresses that this host takes packets for without having them: routes of type local, over the loopback interface,
 * with a protocol number that marks them as ours. For IPv4 the kernel answers ARP for them, too. Programs that list
 * addresses do not see them, and what this host sends there leaves from the address that the route says. They stay when
 * the process ends. Main thread.
 */
#ifndef NETLINK_LOCAL_ROUTES_H
#define NETLINK_LOCAL_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

/* Whose they are. Numbers that are free in /etc/iproute2/rt_protos; ip route show table local proto 102 */
enum local_routes_protocol {
	LOCAL_ROUTES_STEERED = 102,
	LOCAL_ROUTES_ANNOUNCED = 103,
};

struct local_route {
	struct addr to;
	struct addr source; /* family 0: the kernel chooses */
};

struct local_routes;

struct local_routes *local_routes_open(enum local_routes_protocol protocol); /* NULL with errno set */
void local_routes_close(struct local_routes *r);			     /* NULL is fine */

/* Those of this protocol that are there; borrowed until the next call. 0 or -errno. */
int local_routes_list(struct local_routes *r, const struct local_route **list, size_t *count);
/*
 * The routes of this protocol are these and no others. What is an address of this host anyway is left alone. removed:
 * how many were there and are not wanted; may be NULL. 0 or -errno of the first that failed; the others are tried.
 */
int local_routes_set(struct local_routes *r, const struct local_route *wanted, size_t count, size_t *removed);
/* Packets to the address are this host's, now; by whichever route. */
bool local_routes_hold(struct local_routes *r, const struct addr *to);

#endif
