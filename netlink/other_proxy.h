/*
 * Rules of kube-proxy in this network namespace, whatever its mode: they go on translating what they see first. Not
 * seen: iptables-legacy, which nf_tables does not list. Main thread.
 */
#ifndef NETLINK_OTHER_PROXY_H
#define NETLINK_OTHER_PROXY_H

struct buf;

enum other_proxy {
	OTHER_PROXY_NFTABLES = 1 << 0, /* a table kube-proxy */
	OTHER_PROXY_IPTABLES = 1 << 1, /* chains KUBE-SERVICES, KUBE-SVC-…, by iptables-nft */
	OTHER_PROXY_IPVS = 1 << 2,     /* the interface kube-ipvs0 */
};

/* Bits of enum other_proxy; 0 also where nf_tables cannot be read. */
unsigned other_proxy_find(void);
/* "nftables mode, IPVS mode". */
void other_proxy_format(struct buf *out, unsigned found);

#endif
