/*
 * A compiled service: one Service with its EndpointSlices as this node serves it, for the proxy and for DNS.
 * Immutable; a new version replaces the old. One heap block (everything it points at is inside): service_free frees
 * it. Made by the main thread, read by it and by the DNS workers (which reach it only through dns/zone/zone.h's RCU
 * publication), freed when no reader can see it any more. No pointer into objects: sources may drop theirs.
 *
 * Made small on purpose: a cluster of 10 000 services with 10 endpoints each is held in 15 MB.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* ---- proxy half ---- */

enum target_flag {
	TARGET_READY = 1 << 0,
	TARGET_SERVING = 1 << 1, /* conntrack entries that point here are kept (A.7) */
	TARGET_TERMINATING = 1 << 2,
	TARGET_ON_NODE = 1 << 3,    /* nodeName is this node */
	TARGET_IN_CLUSTER = 1 << 4, /* chosen for the cluster pool (A.6) */
	TARGET_IN_LOCAL = 1 << 5,   /* chosen for the local pool */
	TARGET_OURSELVES = 1 << 6,  /* of the cluster DNS: this process, which is asked past the rules while it lives */
};

/* One endpoint of one service port. */
struct target {
	struct addr addr;
	uint8_t flags; /* enum target_flag */
	uint16_t port;
};

#define TARGETS_MAX 65536u /* of one service port in one family; further ones are left out, and counted */

/*
 * Slots in kernel order: indices into the targets of the service port. slots[0…count-1] are filled; size S is a
 * slot_size ≥ count with some room, more if the pool has shrunk (pool.h: changing S costs a verdict). A target of
 * weight n fills n slots. A Maglev pool is always full: count = size. count 0 = no endpoint, then size is 0.
 */
struct pool {
	uint32_t size, count;
	const uint16_t *slots;
};

/* Why endpoints were left out of the cluster pool: hints of EndpointSlices (A.6). */
enum topology_mode { TOPOLOGY_NONE, TOPOLOGY_SAME_ZONE, TOPOLOGY_SAME_NODE };

/* One port of the Service in one family that the Service has. */
struct service_port {
	const char *name; /* "" when unnamed */
	uint16_t port, node_port;
	uint8_t proto;
	uint8_t family;		      /* AF_INET, AF_INET6 */
	uint8_t topology;	      /* enum topology_mode */
	uint32_t target_count;	      /* every endpoint, also the ones that get nothing */
	uint32_t left_out;	      /* endpoints beyond TARGETS_MAX */
	const struct target *targets; /* sorted by address, port; unique */
	struct pool cluster;	      /* clusterEndpoints of A.6 */
	struct pool local;	      /* local endpoints, when a Local policy needs them */
};

enum frontend_kind { FRONTEND_CLUSTER_IP, FRONTEND_LOAD_BALANCER, FRONTEND_EXTERNAL_IP, FRONTEND_NODE_PORT };
enum frontend_action { ACTION_BALANCE, ACTION_REJECT, ACTION_DROP };

/* What clients dial. 20 bytes without padding, so that it is a map key as it stands. */
struct frontend_key {
	struct addr addr;
	uint8_t proto;
	uint16_t port;
};

struct frontend {
	struct frontend_key key;     /* node ports: one frontend per node-port address */
	uint16_t service_port;	     /* index into service.ports */
	uint8_t kind;		     /* enum frontend_kind */
	uint8_t action;		     /* enum frontend_action; of a split frontend: for sources outside */
	bool split;		     /* externalTrafficPolicy Local: `internal` serves pods and the node */
	bool restricted;	     /* only service.source_ranges of this family may connect */
	const struct pool *pool;     /* one of the service port's; NULL unless action is ACTION_BALANCE */
	const struct pool *internal; /* never NULL when split (no endpoint at all is a plain reject), else NULL */
};

/* What became of an address that a Service asks for (service/addresses.h). */
enum address_fault {
	ADDRESS_FINE,
	ADDRESS_SHARED, /* not refused: a ClusterIP that is an address of this node, too */
	ADDRESS_SPECIAL,
	ADDRESS_SERVICE_RANGE,
	ADDRESS_NODE,
	ADDRESS_API_SERVER,
	ADDRESS_NAME_SERVER,
	ADDRESS_NOT_ALLOWED, /* by --external-ips */
	ADDRESS_OWN_SOCKET,  /* one port of it */
};

/* An address, or one port of it, that is not served as asked. No padding. */
struct address_note {
	struct addr addr;
	uint8_t kind;  /* enum frontend_kind */
	uint8_t fault; /* enum address_fault */
	uint8_t proto; /* 0: the address as such */
	uint16_t port;
};

/* ---- DNS half ---- */

enum dns_kind { DNS_NONE /* not in DNS */, DNS_CLUSTER_IP, DNS_HEADLESS, DNS_EXTERNAL_NAME };

/* A named or unnamed port for SRV. Those of one slice, or of the Service, are a block: sorted by name, protocol, port.
 */
struct dns_port {
	const char *name; /* lower case; "" when unnamed: no SRV (2.3.2) */
	uint8_t proto;
	uint16_t port;
	uint16_t next; /* steps to the next port of the block whose number is not that of an earlier one; 0 = none */
};

/*
 * A ready endpoint address. Sorted by label (bytes), then address, then ports_at; no two are equal in all of these.
 * The same label and address stand twice when two slices give them different ports; the same address can have two
 * labels. So a list of addresses must drop repeats.
 */
struct dns_endpoint {
	struct addr addr;
	uint16_t ports_at; /* index of its slice's first port in dns_ports; slices with equal ports share them */
	uint16_t port_count;
	const char *label; /* host label in lower case: hostname, or pod name (option), or dashed address; 1…63 bytes */
};

#define DNS_WAITING_MAX 1000u

struct service {
	const char *ns, *name; /* lower case */
	int64_t created_s;     /* metadata.creationTimestamp, seconds since 1970; 0 = not known */
	/* proxy */
	uint32_t port_count, frontend_count;
	uint32_t target_count;		  /* of all ports; filled by service_pack */
	const struct service_port *ports; /* all ports of the first family, then of the second */
	const struct frontend *frontends; /* sorted by key: unique */
	uint32_t cluster_ip_count;
	struct addr cluster_ips[2];
	bool shared[2]; /* by ClusterIP: an address of this node, whose other ports are not refused */
	bool proxied;	/* false: no frontends: headless, ExternalName, no ClusterIP, no port, or another proxy's */
	bool affinity;
	bool maglev;
	uint32_t maglev_slots;		 /* of the tables; more where a port has more endpoints (maglev_size) */
	uint16_t health_check_node_port; /* 0 unless LoadBalancer with eTP Local */
	uint32_t affinity_timeout_s;
	uint32_t local_ready_addrs[2]; /* distinct ready IPs on this node, IPv4 and IPv6, for the health check (A.5) */
	uint32_t source_range_count, note_count;
	const struct cidr *source_ranges; /* sorted, none inside another; the LB addresses too where A.5 adds them */
	const struct address_note *notes; /* in the order of the Service's fields */
	/* DNS */
	enum dns_kind dns_kind;
	const char *external_name; /* lower case, no trailing dot; NULL unless DNS_EXTERNAL_NAME */
	const char *lan_names;	   /* annotation fairlead/hostname: "a.lan,b.lan"; NULL: none */
	uint32_t dns_port_count; /* first the Service's own (ClusterIP only), then those of slices, shared when equal */
	uint32_t dns_service_ports; /* the first n of dns_ports are the Service's own (ClusterIP SRV) */
	const struct dns_port *dns_ports;
	uint32_t dns_endpoint_count;
	uint8_t dns_protos;			  /* of dns_named, a bit each; with dns_named */
	const struct dns_endpoint *dns_endpoints; /* of ClusterIP services too: <label>.<service> exists there (B.4) */
	/* filled by service_pack (dns_index.h) */
	uint32_t dns_named_count;
	const uint16_t *dns_named;   /* of dns_ports, by name and protocol: the named ports that SRV can be asked for */
	const uint32_t *dns_by_addr; /* of dns_endpoints, by address, then as there */
	uint32_t dns_not_ready;	     /* for EDE: "0 of n endpoints ready" */
	uint32_t dns_waiting_count;  /* at most DNS_WAITING_MAX of those */
	const char *const *dns_waiting; /* their labels, sorted: "endpoint db-2 exists, not ready" */
	uint64_t dns_digest;		/* equal digest = nothing visible in DNS changed (SOA serial) */
};

/* Deep copy into one heap block. The draft may point anywhere; pool pointers of its frontends are into its ports. */
struct service *service_pack(const struct service *draft);
void service_free(struct service *s); /* NULL is fine */

char *service_key(const char *ns, const char *name); /* "ns/name"; the caller frees it */

/* The endpoint that a slot of a frontend's pool stands for. */
static inline const struct target *service_target(const struct service *s, const struct frontend *f,
						  const struct pool *pool, uint32_t slot)
{
	return &s->ports[f->service_port].targets[pool->slots[slot]];
}
const struct frontend *service_frontend(const struct service *s, const struct frontend_key *key); /* NULL: absent */
int service_name_compare(const struct service *a, const struct service *b); /* by namespace, then name */
/*
 * Who comes first where two services claim the same in the same way: the older one (one of unknown age is the
 * youngest), then by namespace and name. < 0: a. 0 only for versions of the same Service.
 */
int service_precedence(const struct service *a, const struct service *b);
struct element;
/* The frontend of an element that has one: every set but cluster-ips and service-cidrs. */
struct frontend_key frontend_key_of(const struct element *e);
int frontend_key_compare(const struct frontend_key *a, const struct frontend_key *b);
/* By address, then port; flags do not count. */
int target_compare(const struct target *a, const struct target *b);
/* Why an endpoint gets connections or not: "used", "not ready", "other zone", … A static string. */
const char *service_target_state(const struct service_port *p, const struct target *t);
static inline bool service_target_used(const struct target *t)
{
	return (t->flags & (TARGET_IN_CLUSTER | TARGET_IN_LOCAL)) != 0;
}
/* First target at or behind addr, port; target_count when none. Binary search. */
uint32_t service_port_find(const struct service_port *p, const struct addr *addr, uint16_t port);

#endif
