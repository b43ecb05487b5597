/* Opens what the daemon needs of the kernel: nf_tables, its notifications, conntrack. */
#include "daemon/kernel.h"

#include "base/log.h"
#include "daemon/dispatch.h"
#include "daemon/bridges.h"
#include "netlink/other_proxy.h"

void kernel_open(struct daemon *d)
{
	const struct config *c = d->config;
	static const enum detector detectors[] = {[MODE_CLUSTER_CIDR] = DETECT_POD_CIDRS,
						  [MODE_NODE_CIDR] = DETECT_POD_CIDRS,
						  [MODE_BRIDGE_INTERFACE] = DETECT_INTERFACE,
						  [MODE_INTERFACE_PREFIX] = DETECT_INTERFACE_PREFIX};
	const char *error = "";
	size_t pod_cidr_count;
	const struct cidr *pod_cidrs = dispatch_pod_cidrs(d, &pod_cidr_count);
	const struct ruleset_config ruleset = {
		.table = c->table,
		.masquerade_bit = (unsigned)c->masquerade_bit,
		.masquerade_all = c->masquerade_all,
		.detector = detectors[c->detect_mode],
		.pod_cidrs = pod_cidrs,
		.pod_cidr_count = pod_cidr_count,
		.interface =
			c->detect_mode == MODE_BRIDGE_INTERFACE ? c->pod_bridge_interface : c->pod_interface_prefix,
		.counters = true,
	};

	if (c->no_proxy)
		return;
	d->nft = nft_open(&ruleset, &error);
	if (d->nft == NULL)
		fatalx("nftables: %s", error);
	int failed = nft_probe(d->nft);
	if (failed < 0 || nft_monitor_open(d->nft) < 0)
		fatalx("nftables: %s", nft_error(d->nft));
	d->conntrack = conntrack_open(&error);
	if (d->conntrack == NULL)
		log_warn("conntrack: %s; stale flows will only end by timeout", error);
}

/* Another proxy's rules go on translating what they see first, and are not kept up to date by it. */
void kernel_check_neighbours(const struct daemon *d)
{
	unsigned found = d->nft != NULL ? other_proxy_find() : 0;
	struct buf modes = {0};

	if (d->nft != NULL && d->config->manifests == NULL && bridges_bypass(BRIDGES_SYSCTL))
		log_notice("kernel: net.bridge.bridge-nf-call-iptables is 0: where pods hang on a Linux bridge, set it "
			   "to 1 "
			   "(docs/kubernetes.md)");
	if (found == 0)
		return;
	other_proxy_format(&modes, found);
	log_warn("kernel: rules of kube-proxy (%s) are here and translate what they see first; remove them with "
		 "kube-proxy --cleanup (docs/kubernetes.md)",
		 modes.data);
	buf_fini(&modes);
}
