/*
 * Addresses and default routes out of rtnetlink messages, of dumps and notifications alike. Pure; any thread.
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
};

struct rt_default {
	uint8_t family;
	struct addr source, gateway; /* family 0: not said */
	uint32_t interface, metric;
};

/* False: it says nothing about an address of IPv4 or IPv6. */
bool rt_address_read(const struct nlmsghdr *nlh, struct rt_address *a);
/* False: no default route of the main table. */
bool rt_default_read(const struct nlmsghdr *nlh, struct rt_default *r);

#endif
