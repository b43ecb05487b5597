/*
 * Objects to compiled service: everything that kube-proxy's nftables mode and the cluster DNS specification read from
 * one Service and its EndpointSlices, decided for this node. Pure: no clock, no I/O, no globals; equal input gives an
 * equal service. The result is one heap block that points at nothing outside.
 */
#ifndef SERVICE_COMPILE_H
#define SERVICE_COMPILE_H

#include "service/addresses.h"
#include "service/service.h"
#include "service/slot_restore.h"
#include "watch/object.h"

/*
 * Cluster DNS that this process answers past the rules while it lives (docs/dns.md, Steering): its Service's rules lead
 * to other endpoints where there are any.
 */
struct steered_dns {
	bool on;
	size_t count;
	const struct addr *addrs; /* ClusterIPs of the Service; none: it is kube-system/kube-dns */
	size_t local_count;
	const struct addr
		*local; /* --dns-local-address: leads to the same endpoints as its ClusterIPs; also when not `on` */
};

/* This node as services see it. Borrowed. A change of any of it means compiling every service again. */
struct node_facts {
	const char *name; /* endpoints with this nodeName are local; NULL: none is */
	const char *zone; /* topology.kubernetes.io/zone; NULL: zone hints never match */
	size_t ip_count;
	const struct addr *ips; /* node IPs: the source range that holds the first of a family is the node's (A.5) */
	size_t node_port_addr_count;
	const struct addr *node_port_addrs; /* from nodeports.h, both families */
	struct address_rules addresses;
	struct steered_dns steered;
};

struct compile_input {
	const struct service_object *object;
	size_t slice_count;
	const struct slice_object *const *slices; /* those of this service, in any order */
	const struct node_facts *node;
	const char *proxy_name;	    /* serve Services with this proxy-name label; NULL: those without the label */
	uint32_t maglev_fits;	    /* budget_maglev_size; 0: any size does */
	bool endpoint_pod_names;    /* DNS labels of endpoints without hostname: the pod's name */
	const struct service *prev; /* slots are kept as far as possible; NULL = none */
	const struct slot_restore *restore; /* asked when there is no prev; NULL = none */
};

/* `scratch` is emptied first; nothing in it is needed afterwards. Never NULL. */
struct service *service_compile(const struct compile_input *in, struct arena *scratch);

#endif
