/*
 * One interface by its name, as its network sees it: hardware address, networks, and a notice when that may have
 * changed. Main thread.
 */
#ifndef NETLINK_LAN_INTERFACE_H
#define NETLINK_LAN_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "netlink/route_message.h"

#define LAN_NETWORKS_MAX 32

struct mnl_socket;

struct lan_interface { /* zero: not there */
	struct rt_link link;
	size_t network_count; /* of global addresses that are in use; single addresses are none */
	struct cidr networks[LAN_NETWORKS_MAX];
};

/* asking: a socket of NETLINK_ROUTE. 0, also when there is no such interface, or -errno. */
int lan_interface_read(struct mnl_socket *asking, const char *name, struct lan_interface *i);

/* A socket that hears of changes of interfaces and addresses, to be polled. NULL with errno set. */
struct mnl_socket *lan_interface_listen(void);
/* Takes what came in. True: something may have changed. */
bool lan_interface_heard(struct mnl_socket *listening);

#endif
