/* Rules that record which endpoint a client of a frontend with session affinity reached. */
#include "nft/affinity_rules.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include "nft/rule.h"

/* A new connection to a frontend in SET_AFFINITY_FRONTENDS is noted; see affinity_rules_hooks for who comes
 * here. */
void affinity_rules_build(struct build *b)
{
	struct nftnl_rule *r;
	char name[NAME_BYTES], set[NAME_BYTES];

	build_chain(b, build_family_name(b, "affinity-record", name));
	r = build_rule(b);
	build_load_original_frontend(b, r, 0);
	rule_lookup(r, REG(0u), build_set_name(b, SET_AFFINITY_FRONTENDS, set), REG_VERDICT);
}

void affinity_rules_record(const char *table, int family, uint32_t timeout_s, struct ruleset *out)
{
	struct verdict v = {.kind = VERDICT_AFFINITY_RECORD, .timeout_s = timeout_s};
	struct build b = {.table = table, .out = out, .family = family};
	char name[NAME_BYTES], set[NAME_BYTES];
	struct nftnl_rule *r;
	uint32_t data;

	build_chain(&b, names_chain(&v, family, name));
	r = build_rule(&b);
	rule_family(r, family);
	rule_saddr(r, family, REG(0u));
	data = build_load_original_frontend(&b, r, build_addr_regs(&b));
	rule_daddr(r, family, REG(data));
	rule_dport(r, REG(data + build_addr_regs(&b)));
	rule_update(r, build_set_name(&b, SET_AFFINITY, set), REG(0u), REG(data), (uint64_t)timeout_s * 1000);
}

void affinity_rules_hooks(const char *table, struct ruleset *out)
{
	struct build b = {.table = table, .out = out};

	/* Before "postrouting", where a masquerade would be the end of the way. */
	build_base_chain(&b, "affinity-forwarded", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 1);
	build_unless_translated(&b, NFT_RETURN, NULL);
	build_goto_by_family(&b, "affinity-record");
	/* Connections from outside to an endpoint on this host never see postrouting. */
	build_base_chain(&b, "affinity-input", NF_INET_LOCAL_IN, NF_IP_PRI_NAT_SRC);
	build_unless_translated(&b, NFT_RETURN, NULL);
	build_goto_by_family(&b, "affinity-record");
}
