/* Rules for who connects from where: masquerade, source ranges and externalTrafficPolicy. */
#include "nft/policy.h"

#include <linux/netfilter.h>

#include "nft/pick.h"
#include "nft/rule.h"
#include "nft/sets.h"

/* ---- cluster, external: masquerade or not, then pick ---- */

/* Source ranges of the other family say nothing about this one. */
static enum detector detector(const struct build *b)
{
	const struct ruleset_config *s = b->config;

	for (size_t i = 0; i < s->pod_cidr_count; i++)
		if (s->pod_cidrs[i].addr.family == b->family)
			return s->detector;
	return s->detector == DETECT_POD_CIDRS ? DETECT_NONE : s->detector;
}

/*
 * Compared in the rule, not looked up in a set: an interval set costs every connection as much as all the rest of the
 * way to the choice of an endpoint.
 */
static void match_source(struct build *b, struct nftnl_rule *r, const struct cidr *range, bool equal)
{
	rule_saddr(r, b->family, REG(0u));
	rule_in_range(r, range, equal);
}

static void match_interface(struct build *b, struct nftnl_rule *r, bool equal)
{
	rule_input_interface(r, b->config->interface, detector(b) == DETECT_INTERFACE_PREFIX, equal);
}

/* Matches when the source is not local by the detector. */
static void match_not_local(struct build *b, struct nftnl_rule *r)
{
	const struct ruleset_config *s = b->config;

	if (detector(b) != DETECT_POD_CIDRS) {
		match_interface(b, r, false);
		return;
	}
	rule_family(r, b->family);
	for (size_t i = 0; i < s->pod_cidr_count; i++)
		if (s->pod_cidrs[i].addr.family == b->family)
			match_source(b, r, &s->pod_cidrs[i], false);
}

/* Connections from a local source follow SET_INTERNAL: a rule per range. */
static void put_local_sources(struct build *b)
{
	const struct ruleset_config *s = b->config;
	struct nftnl_rule *r;

	if (detector(b) == DETECT_INTERFACE || detector(b) == DETECT_INTERFACE_PREFIX) {
		r = build_rule(b);
		match_interface(b, r, true);
		rule_family(r, b->family);
		build_vmap(b, r, SET_INTERNAL);
	}
	for (size_t i = 0; detector(b) == DETECT_POD_CIDRS && i < s->pod_cidr_count; i++) {
		if (s->pod_cidrs[i].addr.family != b->family)
			continue;
		r = build_rule(b);
		rule_family(r, b->family);
		match_source(b, r, &s->pod_cidrs[i], true);
		build_vmap(b, r, SET_INTERNAL);
	}
}

static void build_masquerading(struct build *b, const struct verdict *v)
{
	bool always = v->kind == VERDICT_EXTERNAL || b->config->masquerade_all;
	struct verdict pick = *v;
	char name[NAME_BYTES];

	build_chain(b, names_chain(v, b->family, name));
	if (always || detector(b) != DETECT_NONE) {
		struct nftnl_rule *r = build_rule(b);

		if (!always)
			match_not_local(b, r);
		rule_add_mark(r, 1u << b->config->masquerade_bit);
	}
	pick.kind = VERDICT_PICK;
	pick_put(b, &pick);
}

/* ---- by source ---- */

/* See sets.h. */
static void load_source_key(struct build *b, struct nftnl_rule *r)
{
	const uint32_t addr = build_addr_regs(b);

	if (sets_ends_in_family(SET_ALLOWED_SOURCES, b->family)) {
		const uint32_t saddr = build_load_frontend(b, r, 0);

		rule_saddr(r, b->family, REG(saddr));
		rule_nfproto(r, REG(saddr + addr));
		return;
	}
	rule_daddr(r, b->family, REG(0u));
	rule_saddr(r, b->family, REG(addr));
	rule_dport(r, REG(2 * addr));
	rule_l4proto(r, REG(2 * addr + 1));
}

/* loadBalancerSourceRanges: drops whom they leave out. */
static void put_source_ranges(struct build *b)
{
	struct nftnl_rule *r = build_rule(b);
	char set[NAME_BYTES];

	rule_family(r, b->family);
	build_load_frontend(b, r, 0);
	rule_in_set(r, REG(0u), build_set_name(b, SET_RESTRICTED, set), false);
	load_source_key(b, r);
	rule_in_set(r, REG(0u), build_set_name(b, SET_ALLOWED_SOURCES, set), true);
	rule_verdict(r, NF_DROP, NULL);
	r = build_rule(b);
	rule_family(r, b->family);
	build_vmap(b, r, SET_SOURCE_RANGES);
}

/* externalTrafficPolicy Local: pods and the node itself reach all endpoints, others only local ones. */
static void put_local_policy(struct build *b)
{
	struct nftnl_rule *r;

	put_local_sources(b);
	r = build_rule(b);
	rule_from_node(r);
	rule_add_mark(r, 1u << b->config->masquerade_bit);
	rule_family(r, b->family);
	build_vmap(b, r, SET_INTERNAL);
	r = build_rule(b);
	rule_family(r, b->family);
	build_vmap(b, r, SET_LOCAL);
}

/*
 * For VERDICT_BY_SOURCE. Elements do not lead here: whenever a verdict is added the kernel checks all chains (6.1 still
 * does so anew for each way to a chain), and would walk the maps that are followed here once for every such element.
 */
static void build_by_source(struct build *b)
{
	char name[NAME_BYTES];

	build_chain(b, build_family_name(b, "by-source", name));
	put_source_ranges(b);
	put_local_policy(b);
	rule_verdict(build_rule(b), NF_DROP, NULL);
}

void policy_build(struct build *b)
{
	build_kind(b, VERDICT_CLUSTER, build_masquerading);
	build_kind(b, VERDICT_EXTERNAL, build_masquerading);
	build_by_source(b);
}
