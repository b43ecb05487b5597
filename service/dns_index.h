/*
 * What keeps the work for one DNS query bounded by its reply, whatever a Service's size: ports by name, ports without
 * repeated numbers, endpoints by address. Pure: fills the arrays of a service that is being packed.
 */
#ifndef SERVICE_DNS_INDEX_H
#define SERVICE_DNS_INDEX_H

#include "service/service.h"

/* Room: as many `named` as s->dns_port_count, as many `by_addr` as s->dns_endpoint_count. `ports` are s's own. */
void dns_index_build(struct service *s, struct dns_port *ports, uint16_t *named, uint32_t *by_addr);

/* Order of ports in a block and of `named`. Compares name_bytes of `name` with the port's name, then the protocol. */
int dns_port_compare_name(const struct dns_port *p, const uint8_t *name, size_t name_bytes, uint8_t proto);

/* The named port, of any endpoint or of the Service itself; NULL: none. Any DNS worker. */
const struct dns_port *dns_index_named(const struct service *s, const uint8_t *name, size_t name_bytes, uint8_t proto);
/* Some named port of this protocol exists. */
bool dns_index_has_proto(const struct service *s, uint8_t proto);
/* First port of the block with this name and protocol, or the block's end. Those with the same stand behind it. */
size_t dns_index_find(const struct dns_port *block, size_t count, const uint8_t *name, size_t name_bytes,
		      uint8_t proto);
/* First place in dns_by_addr of an endpoint with this address, or dns_endpoint_count. */
size_t dns_index_addr(const struct service *s, const struct addr *addr);

#endif
