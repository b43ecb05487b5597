/*
 * This node: its name, addresses, zone, pod ranges and the addresses that take node ports, put together from flags, its
 * Node object and the addresses of the host. Rebuilt as a whole whenever one of these changes; what the services see
 * (facts) says through the returned bits what moved. Main thread.
 */
#ifndef SERVICE_NODE_H
#define SERVICE_NODE_H

#include "base/addr_port.h"
#include "service/compile.h"
#include "service/nodeports.h"
#include "watch/object.h"

struct node {
	struct node_facts facts;
	size_t pod_cidr_count;
	const struct cidr *pod_cidrs;
	size_t network_count;
	const struct cidr *networks;
	bool ports_inner; /* node ports are on the addresses of nodeports_inner */
	size_t moved_count;
	const struct addr *moved; /* host addresses that came or went with the last change */
	struct arena *arena;	  /* of everything above */
};

struct node_input {		     /* borrowed */
	const char *name;	     /* of the node, lower case */
	const struct addr_list *ips; /* --node-ip; empty: not given */
	const struct nodeports *nodeports;
	const struct node_object *object; /* our own; NULL while there is none */
	size_t host_count;
	const struct addr *host; /* every address of every interface */
	size_t inner_count;
	const struct addr *inner; /* for nodeports.inner, without a Node object; of families that the host forwards */
	size_t route_count;
	const struct addr *routes; /* source addresses of the default routes, one per family */
	size_t network_count;
	const struct cidr *networks; /* on the links of this host */
	/* What Services must keep away from; see service/addresses.h. `own` and `external` are constant. */
	const struct cidr_list *service_cidrs;
	size_t needed_count;
	const struct needed_addr *needed;
	size_t own_count;
	const struct own_socket *own;
	const struct external_ips *external;
	struct steered_dns steered; /* constant */
};

enum node_change {
	NODE_ZONE = 1 << 0,
	NODE_IPS = 1 << 1,
	NODE_PORT_ADDRS = 1 << 2,
	NODE_POD_CIDRS = 1 << 3,
	NODE_HOST = 1 << 4,   /* node.moved says which addresses */
	NODE_NEEDED = 1 << 5, /* service ranges or needed addresses */
	NODE_NETWORKS = 1 << 6,
};

/* Returns enum node_change bits; when they are 0, nothing that *n points at has moved. */
unsigned node_update(struct node *n, const struct node_input *in);
/* Of that family; family 0: it has none. */
struct addr node_ip(const struct node *n, int family);
void node_fini(struct node *n);

/* Can these changes, those of the last node_update, change what the service compiles to? */
bool node_matters(const struct node *n, unsigned changes, const struct service_object *service, size_t slice_count,
		  const struct slice_object *const *slices);

#endif
