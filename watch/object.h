/*
 * Objects: what a source last said about one Service, EndpointSlice, Node, …, cut down to the fields fairlead uses,
 * with the API server's defaults filled in. An object is built once by the decoder, then never edited: a change is
 * a new object. Each owns one arena that holds it and everything it points at, but for what it borrows from another
 * one, which it holds; object_free frees all of it.
 * Made, held and freed by the main thread; another one may read what is held for it.
 */
#ifndef WATCH_OBJECT_H
#define WATCH_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/mem.h"

enum object_kind {
	OBJECT_SERVICE,	  /* v1 Service */
	OBJECT_SLICE,	  /* discovery.k8s.io/v1 EndpointSlice; v1 Endpoints become slices, one per family and subset */
	OBJECT_NAMESPACE, /* v1 Namespace */
	OBJECT_NODE,	  /* v1 Node */
	OBJECT_POD,	  /* v1 Pod; of this node only, unless names of all pods are asked for */
	OBJECT_SERVICE_CIDR, /* networking.k8s.io/v1 ServiceCIDR */
	OBJECT_KINDS,	     /* those above are the store's; those below are of manifests only, for watch/lab/ */
	OBJECT_DEPLOYMENT = OBJECT_KINDS, /* apps/v1 */
	OBJECT_STATEFUL_SET,
	OBJECT_DAEMON_SET,
	OBJECT_JOB, /* batch/v1 */
	OBJECT_ALL_KINDS
};

/* First member of every kind's struct: cast by kind. */
struct object {
	enum object_kind kind;
	struct arena *arena;
	const char *ns; /* "" for cluster-scoped kinds */
	const char *name;
	/*
	 * Serial of content: hash of every decoded field below, so that an edit that changes nothing we use (a status,
	 * an annotation, a resourceVersion) compares equal and causes no work.
	 */
	uint64_t digest;
	unsigned holds;		   /* object_hold calls that object_free has not ended yet */
	const struct object *base; /* whose memory it borrows, held; NULL: none's */
};

enum service_type { SERVICE_CLUSTER_IP, SERVICE_NODE_PORT, SERVICE_LOAD_BALANCER, SERVICE_EXTERNAL_NAME };
enum traffic_policy { POLICY_CLUSTER, POLICY_LOCAL };
enum balance { BALANCE_RANDOM, BALANCE_MAGLEV }; /* annotation fairlead/lb */
enum family_policy { FAMILY_POLICY_NONE, FAMILY_SINGLE, FAMILY_PREFER_DUAL, FAMILY_REQUIRE_DUAL };

struct label_object {
	const char *key, *value;
};

struct port_object {
	const char *name; /* "" when unnamed */
	uint8_t proto;	  /* IPPROTO_TCP, _UDP, _SCTP */
	uint16_t port;
	uint16_t node_port;	 /* 0 = none */
	const char *target_port; /* as written ("8080", "http"); shown by tools, never used by the proxy (E.3) */
};

struct ingress_object {
	struct addr addr; /* family 0: hostname-only ingress */
	bool proxy_mode;  /* ipMode Proxy: no rules (KEP-1860) */
};

enum traffic_distribution { DISTRIBUTION_NONE, DISTRIBUTION_SAME_ZONE, DISTRIBUTION_SAME_NODE };

enum probe_action { PROBE_NONE, PROBE_HTTP, PROBE_HTTPS, PROBE_TCP, PROBE_GRPC, PROBE_EXEC };

/* Of an exec probe's command: texts, and bytes with the NUL of each. */
#define PROBE_COMMAND_MAX 128
#define PROBE_COMMAND_MAX_BYTES 16384
#define PROBE_NETNS_MAX_BYTES 64

struct probe_header {
	const char *name, *value;
};

/* A check of an endpoint, with Kubernetes' defaults filled in. */
struct probe_object {
	enum probe_action action; /* NONE: there is none, the rest is zero */
	struct addr host;	  /* family 0: the endpoint's own address */
	uint16_t port;		  /* 0: the endpoint's */
	const char *path;	  /* of HTTP, with its query; of gRPC the service; "" otherwise */
	size_t header_count;
	const struct probe_header *headers;
	size_t command_count; /* of exec: a program and its arguments */
	const char *const *command;
	const char *netns; /* of exec: where in /run/netns it runs; "" or NULL: where the daemon does */
	uint32_t initial_delay_ms, period_ms, timeout_ms;
	uint32_t success_threshold, failure_threshold;
};

enum probe_role { PROBE_STARTUP, PROBE_READINESS, PROBE_LIVENESS, PROBE_ROLES };

/* Of one container; of an endpoint of fairlead/endpoints only readiness. */
struct probe_set {
	const char *container; /* "" when unnamed */
	struct probe_object of[PROBE_ROLES];
};

/* One of the annotation fairlead/endpoints. */
struct given_endpoint {
	const char *port_name; /* of the Service's port; NULL: of all its ports */
	const char *host;      /* a name in lower case without a dot at its end; NULL: addr */
	struct addr addr;
	uint16_t port; /* 0: the targetPort */
};

/*
 * What a manifest asks of watch/lab: which fields to fill in, and which pods to select. All zero of an API server,
 * which has done both, and of what watch/lab has filled in.
 */
struct service_wishes {
	enum family_policy family_policy;
	enum traffic_distribution distribution;
	uint8_t families[2];	 /* ipFamilies: AF_INET, AF_INET6 */
	bool no_node_ports;	 /* allocateLoadBalancerNodePorts: false */
	bool other_balancer;	 /* a loadBalancerClass: another program gives it an address */
	bool all_when_all_fail;	 /* annotation fairlead/when-all-fail */
	struct addr balancer_ip; /* loadBalancerIP; family 0: none */
	size_t family_count;
	size_t selector_count; /* sorted by key */
	const struct label_object *selector;
	size_t given_count; /* what the selector would choose does not count then */
	const struct given_endpoint *given;
	size_t probe_count; /* 0 or 1: annotation fairlead/probe */
	const struct probe_set *probe;
};

struct service_object {
	struct object object;
	int64_t created_s; /* metadata.creationTimestamp, seconds since 1970; 0 = none */
	enum service_type type;
	bool headless;		 /* clusterIP None */
	size_t cluster_ip_count; /* 0…2, one per family, primary first */
	struct addr cluster_ips[2];
	size_t port_count;
	const struct port_object *ports;
	size_t external_ip_count;
	const struct addr *external_ips;
	size_t ingress_count;
	const struct ingress_object *ingress;
	size_t source_range_count; /* loadBalancerSourceRanges, blanks trimmed */
	const struct cidr *source_ranges;
	enum traffic_policy external_policy; /* as written; counts only where E.3 says so */
	enum traffic_policy internal_policy;
	bool client_ip_affinity;
	uint32_t affinity_timeout_s; /* 1…86400, default 10800 */
	uint16_t health_check_node_port;
	bool publish_not_ready;
	const char *external_name; /* without trailing dot; NULL unless ExternalName */
	const char *lan_names;	   /* annotation fairlead/hostname, lower case: "a.lan,b.lan"; NULL: none */
	const char *proxy_name;	   /* label service.kubernetes.io/service-proxy-name; NULL = none */
	bool headless_label; /* label service.kubernetes.io/headless: no proxy serves it, whatever its clusterIP */
	enum balance balance;
	bool source_ranges_everywhere;	     /* annotation fairlead/source-ranges: all frontends, not only LB VIPs */
	const struct service_wishes *wishes; /* NULL: all zero; see service_wishes() */
};

struct slice_port_object {
	const char *name; /* "" when unnamed */
	uint8_t proto;
	uint16_t port; /* never 0: ports without number are dropped with a log line (E.4) */
};

/* What few endpoints have. */
struct endpoint_extra {
	const char *hostname; /* NULL = none */
	const char *reason;   /* of watch/lab/: why it is not ready; NULL = the flags say all */
	size_t zone_hint_count, node_hint_count;
	const char *const *zone_hints;
	const char *const *node_hints;
	size_t more_addr_count; /* addresses[1…]: served by DNS only */
	const struct addr *more_addrs;
};

/* Conditions after API defaults: ready nil → true, serving nil → true, terminating nil → false (E.4). */
struct endpoint_object {
	struct addr addr; /* addresses[0]; the proxy uses only this one */
	bool ready, serving, terminating;
	uint16_t weight;		    /* annotation fairlead/weight, default 1 */
	const char *node_name;		    /* NULL = not known, hence not local */
	const char *pod_name;		    /* targetRef.name when targetRef.kind is Pod, else NULL */
	const char *zone;		    /* NULL = none */
	const struct endpoint_extra *extra; /* NULL: all zero; see endpoint_extra() */
};

struct slice_object {
	struct object object;
	const char *service_name; /* label kubernetes.io/service-name; "": it has none, and is only told of */
	int family;		  /* AF_INET or AF_INET6; FQDN slices are dropped with a line */
	bool headless_label;	  /* an API server's, label service.kubernetes.io/headless: for DNS only (E.1) */
	size_t port_count;
	const struct slice_port_object *ports;
	size_t endpoint_count;
	const struct endpoint_object *endpoints;
	int64_t trigger_ms; /* endpoints.kubernetes.io/last-change-trigger-time, wall clock; 0 = none; not in digest */
};

struct namespace_object {
	struct object object;
};

struct node_object {
	struct object object;
	size_t addr_count; /* InternalIPs in order, then ExternalIPs */
	const struct addr *addrs;
	size_t pod_cidr_count;
	const struct cidr *pod_cidrs;
	const char *zone;   /* label topology.kubernetes.io/zone; NULL = none */
	bool deleting;	    /* metadata.deletionTimestamp is set */
	bool to_be_deleted; /* taint ToBeDeletedByClusterAutoscaler */
};

struct container_port {
	const char *name; /* "" when unnamed */
	uint8_t proto;
	uint16_t port;
};

/* What watch/lab/ selects pods by. All zero of an API server, which has done that, and of what watch/lab/ passes on. */
struct pod_details {
	size_t label_count; /* sorted by key */
	const struct label_object *labels;
	const char *hostname, *subdomain; /* NULL = none */
	bool ready;			  /* as the kubelet's condition; without any status: true */
	bool terminating;		  /* metadata.deletionTimestamp is set */
	size_t port_count;		  /* of containers, then of init containers that go on running */
	const struct container_port *ports;
	size_t probe_count; /* of containers that have one */
	const struct probe_set *probes;
};

struct pod_object {
	struct object object;
	size_t addr_count;
	const struct addr *addrs;
	const char *node_name; /* NULL = none */
	bool host_network;
	bool own_search;     /* its resolv.conf has other search domains than dnsPolicy ClusterFirst gives */
	bool finished;	     /* phase Succeeded or Failed: its addresses are free */
	const char *trouble; /* why it is not ready, for people; NULL: it is, or the status does not say */
	struct pod_details details;
};

/* Makes pods; nothing does here. */
struct workload_object {
	struct object object;
	bool none; /* replicas: 0 */
	size_t label_count;
	const struct label_object *labels; /* that its pods have, sorted by key */
};

struct service_cidr_object {
	struct object object;
	size_t cidr_count;
	const struct cidr *cidrs;
};

/* Never NULL, both. */
const struct service_wishes *service_wishes(const struct service_object *s);
const struct endpoint_extra *endpoint_extra(const struct endpoint_object *e);
/* A copy in the arena; NULL: there is nothing in it. */
const struct endpoint_extra *endpoint_extra_keep(struct arena *a, const struct endpoint_extra *x);

/* One more object_free frees it; returns o. */
const struct object *object_hold(const struct object *o);
void object_free(struct object *o); /* NULL is fine */
/*
 * A copy of the struct of an object, of `bytes`, in an arena with `room_bytes` left for what is to be different. It
 * borrows the rest. The caller sets its digest.
 */
struct object *object_over(const struct object *base, size_t bytes, size_t room_bytes);
/* "Service", "EndpointSlice", … */
const char *object_kind_name(enum object_kind kind);

#endif
