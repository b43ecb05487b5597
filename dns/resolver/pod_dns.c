/* The resolv.conf that kubelet makes for a pod. */
#include "dns/resolver/pod_dns.h"

/* ClusterFirst means Default in the host's network. */
static bool wants_cluster(const struct pod_dns_input *in)
{
	return in->policy == POLICY_CLUSTER_FIRST_HOST_NET || (in->policy == POLICY_CLUSTER_FIRST && !in->host_network);
}

static struct resolv_conf of_cluster(struct arena *a, const struct pod_dns_input *in)
{
	struct resolv_conf c = {0};
	struct text_list cluster = {0};

	text_list_add(a, &cluster, arena_printf(a, "%s.svc.%s", in->ns, in->domain));
	text_list_add(a, &cluster, arena_printf(a, "svc.%s", in->domain));
	text_list_add(a, &cluster, in->domain);
	text_list_merge(a, &c.searches, &cluster);
	if (in->node != NULL)
		text_list_merge(a, &c.searches, &in->node->searches);
	text_list_merge(a, &c.nameservers, &in->cluster_dns);
	text_list_add(a, &c.options, "ndots:5");
	return c;
}

static struct resolv_conf of_host(struct arena *a, const struct pod_dns_input *in)
{
	struct resolv_conf c = {0};

	if (in->node == NULL) {
		text_list_add(a, &c.nameservers, in->node_ipv6 ? "::1" : "127.0.0.1");
		text_list_add(a, &c.searches, ".");
		return c;
	}
	for (size_t i = 0; i < in->node->nameservers.count; i++)
		text_list_add(a, &c.nameservers, in->node->nameservers.items[i]);
	for (size_t i = 0; i < in->node->searches.count; i++)
		text_list_add(a, &c.searches, in->node->searches.items[i]);
	resolv_options_merge(a, &c.options, &in->node->options);
	return c;
}

static struct resolv_conf of_policy(struct arena *a, const struct pod_dns_input *in, struct buf *warnings)
{
	if (in->policy == POLICY_NONE)
		return (struct resolv_conf){0};
	if (!wants_cluster(in))
		return of_host(a, in);
	if (in->cluster_dns.count != 0)
		return of_cluster(a, in);
	buf_puts(warnings,
		 "kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" "
		 "policy. Falling back to \"Default\" policy.\n");
	return of_host(a, in);
}

struct resolv_conf pod_dns_make(struct arena *a, const struct pod_dns_input *in, struct buf *warnings)
{
	struct resolv_conf c = of_policy(a, in, warnings);

	if (in->pod != NULL) {
		text_list_merge(a, &c.nameservers, &in->pod->nameservers);
		text_list_merge(a, &c.searches, &in->pod->searches);
		resolv_options_merge(a, &c.options, &in->pod->options);
	}
	resolv_conf_limit(&c, warnings);
	return c;
}
