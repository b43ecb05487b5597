/*
 * Addresses, links and default routes out of rtnetlink messages, of dumps and notifications alike. Pure; any thread.
 */
#ifndef NETLINK_ROUTE_MESSAGE_H
#define NETLINK_ROUTE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct nlmsghdr;

struct rt_address {
	struct addr addr;
	uint32_t interface;
	uint8_t prefix, scope;
	bool secondary; /* or deprecated, or temporary: not the one to be known by */
	bool tentative; /* the kernel still finds out whether another machine has it */
};

struct rt_link {
	uint32_t interface, master; /* 0: of no bridge, bond or VRF */
	bool up, carrier, ethernet;
	uint8_t mac[6]; /* zeros unless ethernet */
};

struct rt_default {
	uint8_t family;
	struct addr source, gateway; /* family 0: not said */
	uint32_t interface, metric;
};

/* False: it says nothing about an address of IPv4 or IPv6. */
bool rt_address_read(const struct nlmsghdr *nlh, struct rt_address *a);
/* False: it says nothing about an interface that is there. */
bool rt_link_read(const struct nlmsghdr *nlh, struct rt_link *l);
/* False: no default route of the main table. */
bool rt_default_read(const struct nlmsghdr *nlh, struct rt_default *r);

#endif
