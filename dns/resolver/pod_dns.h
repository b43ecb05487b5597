/*
 * The resolv.conf of a pod: what its dnsPolicy and dnsConfig and the node's own file make, as kubelet computes it.
 * Pure; the result lives in the arena and borrows the input's texts. Any thread.
 */
#ifndef DNS_RESOLVER_POD_DNS_H
#define DNS_RESOLVER_POD_DNS_H

#include "dns/resolver/resolv_conf.h"

enum dns_policy { POLICY_CLUSTER_FIRST, POLICY_CLUSTER_FIRST_HOST_NET, POLICY_DEFAULT, POLICY_NONE };

struct pod_dns_input { /* borrowed */
	enum dns_policy policy;
	bool host_network;
	const char *ns, *domain;
	struct text_list cluster_dns;	/* kubelet's clusterDNS */
	const struct resolv_conf *node; /* kubelet's resolvConf; NULL: it was set to "", which turns lookups off */
	bool node_ipv6;			/* with node NULL: the node has IPv6 addresses only */
	const struct resolv_conf *pod;	/* the pod's dnsConfig; NULL: none */
};

/* Warnings are kubelet's events, a line each. */
struct resolv_conf pod_dns_make(struct arena *a, const struct pod_dns_input *in, struct buf *warnings);

#endif
