/* Fills a zone for the DNS benches. */
#include "bench/dns/zonefill.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#define ENDPOINTS 10
#define NAMESPACES 50

static struct addr four(unsigned first, unsigned number)
{
	return (struct addr){AF_INET,
			     {(uint8_t)first, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

static struct service *pack(struct service *draft, const char *kind, unsigned number)
{
	char ns[16], name[16];
	static const struct dns_port port = {.name = "http", .proto = IPPROTO_TCP, .port = 80};

	snprintf(ns, sizeof ns, "ns-%u", number % NAMESPACES);
	snprintf(name, sizeof name, "%s-%u", kind, number);
	draft->ns = ns;
	draft->name = name;
	draft->dns_ports = &port;
	draft->dns_port_count = 1;
	return service_pack(draft);
}

struct service *zonefill_cluster_ip(unsigned number)
{
	struct service draft = {.dns_kind = DNS_CLUSTER_IP, .cluster_ip_count = 1, .dns_service_ports = 1};

	draft.cluster_ips[0] = four(11, number + 1);
	return pack(&draft, "svc", number);
}

struct service *zonefill_headless(unsigned number, unsigned version)
{
	struct dns_endpoint endpoints[ENDPOINTS] = {0};
	char labels[ENDPOINTS][24];
	struct service draft = {.dns_kind = DNS_HEADLESS, .dns_endpoint_count = ENDPOINTS, .dns_endpoints = endpoints};

	for (unsigned i = 0; i < ENDPOINTS; i++) {
		snprintf(labels[i], sizeof labels[i], "hl-%u-%u", number, i);
		endpoints[i] = (struct dns_endpoint){.label = labels[i], .port_count = 1};
		endpoints[i].addr = four(i == ENDPOINTS - 1 ? 12 + version % 2 : 12, number * ENDPOINTS + i);
	}
	draft.dns_digest = version;
	return pack(&draft, "hl", number);
}
