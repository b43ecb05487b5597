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

/* No padding: a map key as it stands. */
struct addr_port {
	struct addr addr;
	uint8_t zero;
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
