/*
 * An address with a port, and plain lists of addresses, ranges and both. A list's items belong to its holder. Any
 * thread.
 */
#ifndef BASE_ADDR_PORT_H
#define BASE_ADDR_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define DNS_PORT 53 /* of an address without one */

struct addr_port {
	struct addr addr;
	uint16_t port;
};

struct addr_list {
	size_t count;
	struct addr *items;
};

struct cidr_list {
	size_t count;
	struct cidr *items;
};

struct addr_port_list {
	size_t count;
	struct addr_port *items;
};

#endif
