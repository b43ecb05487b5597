/* Rules after the choice of an endpoint: masquerade, and the drop of addresses that no Service has. */
#include "nft/nat.h"

#include <linux/netfilter.h>

#include "nft/rule.h"

/*
 * Source and destination of a translated connection are equal byte by byte: a pod reached itself and must not see its
 * own address as the client's. The rules language compares no two registers (before Linux 6.13), but finds a pair of
 * bytes in a constant set of equal pairs. Lowest byte first: nearly every other connection stops there.
 */
static void masquerade_hairpin(struct build *b)
{
	uint32_t bytes = b->family == AF_INET ? 4 : 16, source = b->family == AF_INET ? 12 : 8;
	struct nftnl_rule *r = build_rule(b);

	for (uint32_t i = bytes; i-- > 0;) {
		rule_addr_byte(r, source + i, REG(0u));
		rule_addr_byte(r, source + bytes + i, REG(1u));
		rule_in_set(r, REG(0u), RULESET_SAME_BYTE, false);
	}
	rule_masquerade(r);
}

/* A client and an endpoint on one network: the endpoint would answer past this host. */
static void masquerade_neighbours(struct build *b)
{
	const struct ruleset_config *s = b->config;

	for (size_t i = 0; i < s->network_count; i++) {
		if (s->networks[i].addr.family != b->family)
			continue;
		struct nftnl_rule *r = build_rule(b);
		rule_family(r, b->family);
		rule_saddr(r, b->family, REG(0u));
		rule_in_range(r, &s->networks[i], true);
		rule_daddr(r, b->family, REG(0u));
		rule_in_range(r, &s->networks[i], true);
		rule_masquerade(r);
	}
}

void nat_build_translated(struct build *b)
{
	uint32_t bit = 1u << b->config->masquerade_bit;
	struct nftnl_rule *r;
	char name[NAME_BYTES];

	build_chain(b, build_family_name(b, "translated", name));
	r = build_rule(b);
	rule_mark_set(r, bit);
	rule_clear_mark(r, bit); /* else a VXLAN packet around this one is masqueraded too (k8s #92035) */
	rule_masquerade(r);
	masquerade_neighbours(b);
	masquerade_hairpin(b);
}

/*
 * A ClusterIP that no Service has is dropped where the packet would leave, as late as kube-proxy does: an address of
 * this host may lie in the range (a DNS cache on the cluster's DNS address), and what is for this host does not leave.
 */
void nat_build_untranslated(struct build *b)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct nftnl_rule *r;
	char set[NAME_BYTES];

	build_chain(b, "untranslated");
	for (int f = 0; f < 2; f++) {
		b->family = families[f];
		r = build_rule(b);
		rule_family(r, b->family);
		rule_daddr(r, b->family, REG(0u));
		rule_in_set(r, REG(0u), build_set_name(b, SET_SERVICE_CIDRS, set), false);
		rule_leaving(r);
		rule_verdict(r, NF_DROP, NULL);
	}
}
