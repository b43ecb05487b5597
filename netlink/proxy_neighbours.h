/*
 * IPv6 addresses that the kernel answers neighbour solicitations for on an interface without having them: proxy
 * neighbour entries, marked as ours by their protocol number. The kernel uses them where the interface forwards and
 * proxy_ndp is on. They stay when the process ends, and go with their interface. Main thread.
 */
#ifndef NETLINK_PROXY_NEIGHBOURS_H
#define NETLINK_PROXY_NEIGHBOURS_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define PROXY_NEIGHBOURS_PROTOCOL 103 /* ip -6 neigh show proxy */

struct mnl_socket;

struct proxy_neighbour {
	uint32_t interface;
	struct addr addr;
};

/*
 * Our entries are these and no others, of all interfaces. socket: of NETLINK_ROUTE. removed: how many were there and
 * are not wanted; may be NULL. 0 or -errno of the first that failed; the others are tried.
 */
int proxy_neighbours_set(struct mnl_socket *socket, const struct proxy_neighbour *wanted, size_t count,
			 size_t *removed);
/*
 * The kernel answers at once for such entries, and not after up to 0.8 s: right where nothing else answers, too. 0 or
 * -errno.
 */
int proxy_neighbours_hurry(struct mnl_socket *socket, uint32_t interface);

#endif
