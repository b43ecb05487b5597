/*
 * What `fairlead explain` knows before it judges: plain values, filled by gather_*.c, read by verdict_*.c. Everything
 * lives in the command's arena; lists are arrays with a count. Main thread.
 */
#ifndef CLI_EXPLAIN_FACTS_H
#define CLI_EXPLAIN_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr_port.h"
#include "base/mem.h"
#include "dns/resolver/search.h"

struct facts_asked {
	const char *text; /* as typed */
	const char *name; /* a domain name as typed; NULL: an address was asked */
	struct addr addr; /* family 0 with a name */
	uint16_t port;	  /* 0: any */
	uint8_t proto;	  /* 0: any */
};

struct facts_client {
	const char *ns;	  /* its search list is of this namespace */
	const char *pod;  /* NULL: no pod that the daemon knows */
	struct addr addr; /* family 0: not said */
	bool on_host;	  /* the address is one of this host */
};

/* ---- names ---- */

struct facts_step { /* one question */
	const char *name, *type, *server;
	const char *status; /* "NXDOMAIN", "no reply" */
	enum outcome outcome;
	bool server_is_ours;
	int ede_code;	 /* -1: none */
	const char *ede; /* "0 (Other): no Service x in namespace y"; NULL: none */
};

struct facts_names {
	enum resolver resolver;
	unsigned ndots;
	const char *warning; /* of the resolver about its file; NULL: none */
	const char *told;    /* the last surprise on the way (search.why); NULL: none */
	size_t step_count;
	struct facts_step *steps;
	enum search_result result;
	const char *found, *error; /* one of them NULL */
	size_t name_count;	   /* that the resolver would try at most */
	struct addr_list addrs;
	/* What was meant, or found: a Service, in `service` and `ns`; service NULL: nothing in the cluster domain */
	const char *service, *ns;
};

/* ---- the daemon ---- */

struct facts_daemon {
	const char *domain, *table, *server; /* server: of the API; NULL with manifests */
	bool complete, in_sync, reachable, proxy, dns;
	const char *problem;  /* of the source; "": none */
	int64_t heard_ms_ago; /* -1: not known */
	int64_t negative_ttl_s;
	bool masquerade_all;
	struct addr_port_list dns_listen;
	struct addr_list cluster_dns, node_port_addrs;
	struct cidr_list service_cidrs, pod_cidrs, networks;
};

/* ---- Services ---- */

struct facts_frontend {
	const char *kind;   /* "cluster-ip", "load-balancer", "external-ip", "node-port" */
	const char *action; /* "balance", "reject", "drop", "split" */
	const char *port_name;
	struct addr addr;
	uint16_t port;
	uint8_t proto;
	bool restricted;
	int64_t slots, internal_slots; /* internal: of a split one */
	const char *owner;	       /* "NS/NAME"; NULL: the Service itself */
	const char *announcement;      /* "announced on eth0", or why not; NULL: it is not to be */
	bool announced;
};

struct facts_endpoint {
	struct addr addr;
	uint16_t port;
	const char *state; /* "used", "not ready", … */
	bool ready, serving, terminating, on_node;
	int64_t slots, local_slots;
};

struct facts_port {
	const char *name, *target_port; /* target_port: "" when not known */
	uint16_t port, node_port;
	uint8_t proto, family;
	size_t endpoint_count;
	struct facts_endpoint *endpoints;
};

struct facts_unused { /* an endpoint of a slice that no port leads to */
	const char *address, *slice, *ns, *reason;
};

struct facts_trouble { /* of a pod behind an endpoint that is not ready */
	const char *address, *pod, *reason;
};

struct facts_element {
	struct addr addr;
	uint8_t set, proto;
	uint16_t port;
	uint32_t slot;
	const char *text;
};

struct facts_service {
	const char *ns, *name, *type;
	const char *external_name, *refusal; /* NULL: none */
	bool headless, proxied, external_local, internal_local;
	int64_t appeared_ms_ago; /* its name in DNS; -1: since the daemon began */
	int64_t slices, slice_endpoints, dns_not_ready, dns_ready;
	size_t frontend_count, port_count, unused_count, element_count, note_count, trouble_count;
	struct facts_frontend *frontends;
	struct facts_port *ports;  /* as programmed: by family */
	struct facts_port *wanted; /* as the object says; no endpoints, family 0 */
	size_t wanted_count;
	struct facts_unused *unused;
	struct facts_trouble *troubles;
	struct facts_element *elements;
	struct addr_list cluster_ips;
	struct cidr_list allowed;
	const char **notes; /* addresses that are not served as asked */
};

/* ---- the kernel ---- */

struct facts_flow {		       /* an entry of conntrack to a frontend in question */
	struct addr from, to, answers; /* answers: who replies */
	uint16_t from_port, to_port, answers_port;
	uint8_t proto;
	bool unreplied, translated;
};

struct facts_drop {	   /* a rule or policy of another table that drops */
	const char *where; /* "table ip filter, chain forward (hook forward)" */
	const char *what;  /* the rule */
	bool certain;	   /* it matches what was asked; else it may */
};

struct facts_route { /* to an address, from this host */
	struct addr to;
	bool found;
	const char *interface; /* NULL: none */
	bool local, direct;    /* the host itself; on the link */
};

struct facts_kernel {
	bool known;		   /* the kernel could be read */
	int forwarding[2];	   /* IPv4, IPv6: 1, 0; -1: not known */
	struct addr_list host;	   /* addresses of this host */
	struct cidr_list networks; /* on its links */
	size_t wrong_count, compared;
	const char **wrong; /* elements that the kernel has not, or otherwise */
	size_t flow_count, flows_more;
	struct facts_flow *flows;
	size_t drop_count;
	struct facts_drop *drops;
	size_t route_count;
	struct facts_route *routes;
	bool bridge_filtered;	     /* the client is on a bridge of this host, and bridged packets pass the rules */
	const char *rp_filter;	     /* the interface on which a strict check drops the client's packets; NULL: none */
	const char *rp_filter_route; /* where the route to the client leads instead */
};

struct facts {
	struct arena *arena;
	struct facts_asked asked;
	struct facts_client client;
	struct facts_names names;
	struct facts_daemon daemon;
	size_t service_count;
	struct facts_service
		*services; /* what the question is about; the first one is it, others have its address too */
	size_t namesake_count;
	const char **namesakes; /* other namespaces with a Service of that name */
	struct facts_kernel kernel;
};

/* The frontends in question: of the first Service, by address, port and protocol. `at` starts at 0; NULL: no more. */
const struct facts_frontend *facts_next_frontend(const struct facts *f, size_t *at);
/* The programmed port that a frontend belongs to; NULL: none. */
const struct facts_port *facts_port_of(const struct facts_service *s, const struct facts_frontend *f);
bool facts_is_host(const struct facts *f, const struct addr *a);
/* The client is a pod or this host: the rules tell it from others by the same ranges. */
bool facts_client_inside(const struct facts *f);
bool facts_in(const struct cidr_list *list, const struct addr *a);
/* "10.96.0.1:80/TCP" */
const char *facts_address(struct arena *a, const struct addr *addr, uint16_t port, uint8_t proto);

#endif
