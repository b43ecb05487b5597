/*
 * --nodeport-addresses: which addresses of this node take node ports. Keywords `primary`, `all`, `localhost` and
 * CIDRs, mixed freely (as kube-proxy 1.37). Pure; evaluate again whenever a host address or the node's IPs change.
 */
#ifndef SERVICE_NODEPORTS_H
#define SERVICE_NODEPORTS_H

#include "base/error.h"
#include "base/addr.h"

#define NODEPORTS_CIDRS_MAX 64

struct nodeports {	   /* zero = `all` without loopback, as kube-proxy's empty list */
	bool primary;	   /* the first node IP of each family */
	bool all;	   /* every address but loopback and link-local */
	bool localhost;	   /* loopback addresses: node ports from this node only, through the relay */
	bool inner;	   /* nothing was asked for, in a lab: see nodeports_inner */
	size_t cidr_count; /* an address stands for itself */
	struct cidr cidrs[NODEPORTS_CIDRS_MAX];
};

/* "primary,10.0.0.0/8": blanks around items are fine. False: `error` names the item; *n untouched. */
bool nodeports_parse(struct nodeports *n, const char *list, char error[ERROR_BYTES]);
/*
 * Writes the addresses, sorted and unique, to out (room for host_count) and returns their number. host: every address
 * of every interface; node_ips: the node's own, in order of preference; only those that are host addresses count.
 * Loopback addresses are never among them: they are the relay's (relay.h).
 * When there are only CIDRs and none of a family, that family takes all, as in kube-proxy.
 */
size_t nodeports_evaluate(const struct nodeports *n, const struct addr *host, size_t host_count,
			  const struct addr *node_ips, size_t node_ip_count, struct addr *out);
/*
 * The default of a lab's gateway, which has no Node object: a machine that forwards, with networks behind it and a way
 * out, serves node ports to the networks behind it, not to the world. Replaces the addresses of these families in `out`
 * (room for inner_count more), of which there are `count`; returns how many there are now, sorted. inner: of the
 * families that forward.
 */
size_t nodeports_inner(const struct addr *inner, size_t inner_count, struct addr *out, size_t count);
/* Every address of the family takes node ports, but loopback and link-local. */
bool nodeports_take_all(const struct nodeports *n, int family);
/* Node ports on loopback are wanted: the relay must run. */
bool nodeports_want_loopback(const struct nodeports *n);

#endif
