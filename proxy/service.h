/*
 * A compiled service: one Service with its EndpointSlices as this node serves it, for the proxy and for DNS.
 * Immutable; a new version replaces the old. One heap block (everything it points at is inside): service_free frees
 * it. Made by the main thread, read by it and by the DNS workers (which reach it only through dns/zone.h's RCU
 * publication), freed when no reader can see it any more. No pointer into objects: sources may drop theirs.
 */
#ifndef PROXY_SERVICE_H
#define PROXY_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* ---- proxy half ---- */

/* Where a connection can be sent. */
struct target {
	struct addr addr;
	uint16_t port;
	bool gone; /* only in pools kept for a turn; never in a published service */
};

/*
 * Slots in kernel order. slots[0…count-1] are filled; size S is the smallest power of two ≥ count, but may stay
 * one step larger after shrinking (hysteresis: changing S costs a verdict). A weight n target fills n slots. A
 * Maglev pool is always full: count = size. count 0 = no endpoint, then size is 0.
 */
struct pool {
	uint32_t size, count;
	const struct target *slots;
};

enum frontend_kind { FRONTEND_CLUSTER_IP, FRONTEND_NODE_PORT, FRONTEND_EXTERNAL_IP, FRONTEND_LOAD_BALANCER };
enum frontend_action { ACTION_BALANCE, ACTION_REJECT, ACTION_DROP };

struct frontend {
	enum frontend_kind kind;
	enum frontend_action action; /* for ordinary sources; of a split frontend: for sources outside */
	struct addr addr;	     /* node ports: one frontend per node-port address */
	uint8_t proto;
	uint16_t port;	       /* what clients dial: the service port or the node port */
	uint16_t service_port; /* index into service.ports */
	bool split;	       /* externalTrafficPolicy Local: `internal` serves pods and the node */
	enum frontend_action internal_action;
	const struct pool *pool;     /* NULL unless action is ACTION_BALANCE */
	const struct pool *internal; /* NULL unless split and internal_action is ACTION_BALANCE */
	bool fenced;		     /* only service.source_ranges of this family may connect */
};

/* One port of the Service in one family that the Service has. */
struct service_port {
	const char *name; /* "" when unnamed */
	uint8_t proto;
	uint16_t port, node_port;
	int family;
	struct pool cluster;				       /* clusterEndpoints of A.6 */
	struct pool local;				       /* local endpoints, when a Local policy needs them */
	uint32_t total, ready, serving_terminating, not_ready; /* endpoint counts, for people and metrics */
	/* Every serving endpoint address of this port, sorted, whatever policy and topology: conntrack fix-up (A.7). */
	uint32_t serving_count;
	const struct target *serving;
};

/* ---- DNS half ---- */

enum dns_kind { DNS_NONE /* not in DNS */, DNS_CLUSTER_IP, DNS_HEADLESS, DNS_EXTERNAL_NAME };

/* A named or unnamed port for SRV. */
struct dns_port {
	const char *name; /* lower case; "" when unnamed: no SRV (2.3.2) */
	uint8_t proto;
	uint16_t port;
};

/* A ready endpoint address. Endpoints are sorted by label, then address; equal labels stand together. */
struct dns_endpoint {
	struct addr addr;
	const char *label; /* host label in lower case: hostname, or pod name (option), or dashed address */
	uint16_t ports_at; /* index of its slice's first port in dns_ports; slices with equal ports share them */
	uint16_t port_count;
};

struct service {
	const char *ns, *name; /* lower case */
	/* proxy */
	size_t port_count;
	const struct service_port *ports; /* all ports of the first family, then of the second */
	size_t frontend_count;
	const struct frontend *frontends; /* sorted by addr, proto, port: unique */
	size_t cluster_ip_count;
	struct addr cluster_ips[2];
	size_t source_range_count;
	const struct cidr *source_ranges;
	bool sticky;
	uint32_t sticky_timeout_s;
	bool maglev;
	uint16_t health_check_node_port; /* 0 unless LoadBalancer with eTP Local */
	uint32_t local_ready_addrs;	 /* distinct ready local IPs, for the health check (A.5) */
	/* DNS */
	enum dns_kind dns_kind;
	const char *external_name;
	size_t dns_port_count; /* ClusterIP: the Service's ports; headless: ports of all slices, deduped */
	const struct dns_port *dns_ports;
	size_t dns_service_ports; /* the first n of dns_ports are the Service's own (ClusterIP SRV) */
	size_t dns_endpoint_count;
	const struct dns_endpoint *dns_endpoints;
	uint32_t dns_not_ready; /* for EDE: "0 of n endpoints ready" */
	uint64_t dns_digest;	/* equal digest = nothing visible in DNS changed (SOA serial) */
};

void service_free(struct service *s); /* NULL is fine */

#endif
