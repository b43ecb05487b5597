/* Indexes over the ports and endpoints of a service, for DNS. */
#include "service/dns_index.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define PORT_NUMBERS 65536
#define WORD_BITS 64

static unsigned proto_bit(uint8_t proto)
{
	return proto == IPPROTO_TCP ? 1U : proto == IPPROTO_UDP ? 2U : 4U;
}

int dns_port_compare_name(const struct dns_port *p, const uint8_t *name, size_t name_bytes, uint8_t proto)
{
	size_t length = strlen(p->name);
	int order = memcmp(p->name, name, length < name_bytes ? length : name_bytes);

	if (order == 0)
		order = (length > name_bytes) - (length < name_bytes);
	return order != 0 ? order : (p->proto > proto) - (p->proto < proto);
}

/* ---- building ---- */

/* In one block: from each port to the next whose number was not seen before it. */
static void link_numbers(struct dns_port *block, size_t count)
{
	uint64_t seen[PORT_NUMBERS / WORD_BITS] = {0};
	size_t last = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t bit = UINT64_C(1) << block[i].port % WORD_BITS, *word = &seen[block[i].port / WORD_BITS];
		if (i > 0 && (*word & bit) == 0) {
			block[last].next = (uint16_t)(i - last);
			last = i;
		}
		*word |= bit;
	}
}

static int by_name(const void *a, const void *b, void *ports)
{
	const struct dns_port *x = (const struct dns_port *)ports + *(const uint16_t *)a;
	const struct dns_port *y = (const struct dns_port *)ports + *(const uint16_t *)b;

	return dns_port_compare_name(x, (const uint8_t *)y->name, strlen(y->name), y->proto);
}

static size_t add_names(struct service *s, uint16_t *named, size_t at, size_t from, size_t count)
{
	for (size_t i = from; i < from + count; i++)
		if (s->dns_ports[i].name[0] != '\0' &&
		    (i == from ||
		     by_name(&(uint16_t){(uint16_t)i}, &(uint16_t){(uint16_t)(i - 1)}, (void *)s->dns_ports) != 0)) {
			named[at++] = (uint16_t)i;
			s->dns_protos |= (uint8_t)proto_bit(s->dns_ports[i].proto);
		}
	return at;
}

static size_t drop_repeats(const struct service *s, uint16_t *named, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || by_name(&named[kept - 1], &named[i], (void *)s->dns_ports) != 0)
			named[kept++] = named[i];
	return kept;
}

/* Each block of the endpoints once: a block is known by its first port. */
static size_t endpoint_blocks(struct service *s, struct dns_port *ports, uint16_t *named, size_t at)
{
	uint8_t *done = calloc(s->dns_port_count + 1, 1);

	for (size_t i = 0; done != NULL && i < s->dns_endpoint_count; i++) {
		const struct dns_endpoint *e = &s->dns_endpoints[i];
		if (e->port_count == 0 || done[e->ports_at])
			continue;
		done[e->ports_at] = 1;
		if (e->ports_at >= s->dns_service_ports)
			link_numbers(ports + e->ports_at, e->port_count);
		if (s->dns_kind == DNS_HEADLESS)
			at = add_names(s, named, at, e->ports_at, e->port_count);
	}
	free(done);
	return at;
}

static int by_addr_order(const void *a, const void *b, void *endpoints)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct dns_endpoint *x = (const struct dns_endpoint *)endpoints + i;
	const struct dns_endpoint *y = (const struct dns_endpoint *)endpoints + k;
	int order = addr_compare(&x->addr, &y->addr);

	return order != 0 ? order : (i > k) - (i < k);
}

void dns_index_build(struct service *s, struct dns_port *ports, uint16_t *named, uint32_t *by_addr)
{
	size_t count = 0;

	s->dns_ports = ports;
	link_numbers(ports, s->dns_service_ports);
	if (s->dns_kind == DNS_CLUSTER_IP)
		count = add_names(s, named, 0, 0, s->dns_service_ports);
	count = endpoint_blocks(s, ports, named, count);
	qsort_r(named, count, sizeof *named, by_name, ports);
	s->dns_named = named;
	s->dns_named_count = (uint32_t)drop_repeats(s, named, count);
	for (uint32_t i = 0; i < s->dns_endpoint_count; i++)
		by_addr[i] = i;
	qsort_r(by_addr, s->dns_endpoint_count, sizeof *by_addr, by_addr_order, (void *)s->dns_endpoints);
	s->dns_by_addr = by_addr;
}

/* ---- looking up ---- */

const struct dns_port *dns_index_named(const struct service *s, const uint8_t *name, size_t name_bytes, uint8_t proto)
{
	size_t low = 0, high = s->dns_named_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct dns_port *p = &s->dns_ports[s->dns_named[middle]];
		int order = dns_port_compare_name(p, name, name_bytes, proto);
		if (order == 0)
			return p;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool dns_index_has_proto(const struct service *s, uint8_t proto)
{
	return (s->dns_protos & proto_bit(proto)) != 0;
}

size_t dns_index_find(const struct dns_port *block, size_t count, const uint8_t *name, size_t name_bytes, uint8_t proto)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (dns_port_compare_name(&block[middle], name, name_bytes, proto) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && dns_port_compare_name(&block[low], name, name_bytes, proto) == 0 ? low : count;
}

size_t dns_index_addr(const struct service *s, const struct addr *addr)
{
	size_t low = 0, high = s->dns_endpoint_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (addr_compare(&s->dns_endpoints[s->dns_by_addr[middle]].addr, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
