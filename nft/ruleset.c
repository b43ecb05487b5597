#include "nft/ruleset.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include "base/own_mark.h"
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

static void build_balancing(struct build *b)
{
	pick_build(b);
	build_kind(b, VERDICT_CLUSTER, build_masquerading);
	build_kind(b, VERDICT_EXTERNAL, build_masquerading);
}

/* ---- the single chains ---- */

/* loadBalancerSourceRanges: drops whom they leave out. */
static void put_source_ranges(struct build *b)
{
	struct nftnl_rule *r = build_rule(b);
	char set[NAME_BYTES];
	uint32_t source;

	rule_family(r, b->family);
	source = build_load_frontend(b, r, 0);
	rule_in_set(r, REG(0u), build_set_name(b, SET_RESTRICTED, set), false);
	rule_saddr(r, b->family, REG(source));
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

static void build_translated(struct build *b)
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

/* A new connection to a frontend in SET_AFFINITY_FRONTENDS is noted; see ruleset_build_affinity_hooks for who comes
 * here. */
static void build_affinity_record(struct build *b)
{
	struct nftnl_rule *r;
	char name[NAME_BYTES], set[NAME_BYTES];

	build_chain(b, build_family_name(b, "affinity-record", name));
	r = build_rule(b);
	build_load_original_frontend(b, r, 0);
	rule_lookup(r, REG(0u), build_set_name(b, SET_AFFINITY_FRONTENDS, set), REG_VERDICT);
}

/* What every new connection meets first. */
static void build_services(struct build *b)
{
	struct nftnl_rule *r;
	char name[NAME_BYTES], set[NAME_BYTES];

	build_chain(b, build_family_name(b, "services", name));
	r = build_rule(b);
	rule_family(r, b->family);
	build_vmap(b, r, SET_DISPATCH);
	r = build_rule(b); /* another port of a live ClusterIP */
	rule_family(r, b->family);
	rule_daddr(r, b->family, REG(0u));
	rule_in_set(r, REG(0u), build_set_name(b, SET_CLUSTER_IPS, set), false);
	rule_verdict(r, NFT_GOTO, "refuse");
	rule_verdict(build_rule(b), NF_ACCEPT, NULL);
}

static void build_family(struct build *b, int family)
{
	b->family = family;
	build_balancing(b);
	build_by_source(b);
	build_services(b);
	build_translated(b);
	build_affinity_record(b);
}

/* ---- base chains ---- */

static void add_base_chain(struct build *b, const char *name, uint32_t hook, int32_t priority)
{
	struct nftnl_chain *c = build_chain(b, name);

	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "nat");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
}

static void go_by_family(struct build *b, const char *kind)
{
	struct nftnl_rule *r = build_rule(b);
	char name[NAME_BYTES];

	b->family = AF_INET;
	rule_family(r, AF_INET);
	rule_verdict(r, NFT_GOTO, build_family_name(b, kind, name));
	b->family = AF_INET6;
	build_goto(b, build_family_name(b, kind, name));
}

static void unless_translated(struct build *b, int verdict, const char *chain)
{
	struct nftnl_rule *r = build_rule(b);

	rule_not_translated(r);
	rule_verdict(r, verdict, chain);
}

/*
 * A ClusterIP that no Service has is dropped where the packet would leave, as late as kube-proxy does: an address of
 * this host may lie in the range (a DNS cache on the cluster's DNS address), and what is for this host does not leave.
 */
static void build_untranslated(struct build *b)
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

/* Elements with VERDICT_BY_SOURCE come back here; what is no frontend does not. */
static void put_services(struct build *b)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct nftnl_rule *r;
	char name[NAME_BYTES];

	for (int f = 0; f < 2; f++) {
		b->family = families[f];
		r = build_rule(b);
		rule_family(r, b->family);
		rule_verdict(r, NFT_JUMP, build_family_name(b, "services", name));
		r = build_rule(b);
		rule_family(r, b->family);
		rule_verdict(r, NFT_GOTO, build_family_name(b, "by-source", name));
	}
}

static void build_hooks(struct build *b)
{
	struct nftnl_rule *r;

	add_base_chain(b, "prerouting", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST);
	put_services(b);
	add_base_chain(b, "output", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST);
	r = build_rule(b);
	rule_mark_is(r, SOCK_OWN_MARK);
	rule_verdict(r, NFT_JUMP, "own");
	put_services(b);
	add_base_chain(b, "postrouting", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	unless_translated(b, NFT_GOTO, "untranslated");
	go_by_family(b, "translated");
}

/*
 * ICMP errors are limited to some a second per client, and TCP would wait for the next one: it gets a reset. Where this
 * host holds a refused address, the reset itself comes through here, as a packet of the connection that it answers.
 */
static void build_refuse(struct build *b)
{
	struct nftnl_rule *r;

	build_chain(b, "refuse");
	r = build_rule(b);
	rule_known_flow(r);
	rule_verdict(r, NF_ACCEPT, NULL);
	rule_reset_tcp(build_rule(b));
	rule_refuse(build_rule(b));
}

/*
 * Connections of the daemon itself pass untranslated, so that it always hears that a bad Service is gone; but for
 * ClusterIPs, which no tenant can claim: the API server may be known by one.
 */
static void build_own(struct build *b)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct nftnl_rule *r;
	char set[NAME_BYTES];

	build_chain(b, "own");
	for (int f = 0; f < 2; f++) {
		b->family = families[f];
		r = build_rule(b);
		rule_family(r, b->family);
		rule_daddr(r, b->family, REG(0u));
		rule_in_set(r, REG(0u), build_set_name(b, SET_CLUSTER_IPS, set), false);
		rule_verdict(r, NFT_RETURN, NULL);
	}
	rule_verdict(build_rule(b), NF_ACCEPT, NULL);
}

static void build_all(struct build *b, struct ruleset *body, struct ruleset *hooks)
{
	assert(b->config->masquerade_bit < 32);
	b->out = body;
	sets_build(b->config, b->table, body);
	build_refuse(b);
	build_own(b);
	build_family(b, AF_INET);
	build_family(b, AF_INET6);
	build_untranslated(b);
	b->out = hooks;
	build_hooks(b);
}

void ruleset_build(const struct ruleset_config *s, const char *table, struct ruleset *body, struct ruleset *hooks)
{
	struct build b = {.config = s, .table = table, .largest = SLOT_MAX_SIZE};

	build_all(&b, body, hooks);
}

void ruleset_build_sample(const struct ruleset_config *s, const char *table, struct ruleset *body,
			  struct ruleset *hooks)
{
	struct build b = {.config = s, .table = table, .largest = 2};

	build_all(&b, body, hooks);
}

void ruleset_build_affinity_record(const char *table, int family, uint32_t timeout_s, struct ruleset *out)
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

void ruleset_build_affinity_hooks(const char *table, struct ruleset *out)
{
	struct build b = {.table = table, .out = out};

	/* Before "postrouting", where a masquerade would be the end of the way. */
	add_base_chain(&b, RULESET_AFFINITY_HOOKS "forwarded", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 1);
	unless_translated(&b, NFT_RETURN, NULL);
	go_by_family(&b, "affinity-record");
	/* Connections from outside to an endpoint on this host never see postrouting. */
	add_base_chain(&b, RULESET_AFFINITY_HOOKS "input", NF_INET_LOCAL_IN, NF_IP_PRI_NAT_SRC);
	unless_translated(&b, NFT_RETURN, NULL);
	go_by_family(&b, "affinity-record");
}

void ruleset_fini(struct ruleset *r)
{
	for (size_t i = 0; i < r->set_count; i++)
		nftnl_set_free(r->sets[i]);
	for (size_t i = 0; i < r->chain_count; i++)
		nftnl_chain_free(r->chains[i]);
	for (size_t i = 0; i < r->rule_count; i++)
		nftnl_rule_free(r->rules[i]);
	free(r->sets);
	free(r->chains);
	free(r->rules);
	*r = (struct ruleset){0};
}

static const char *detector_text(enum detector d)
{
	static const char *const texts[] = {"none", "pod CIDRs", "interface", "prefix"};

	return texts[d];
}

const char *ruleset_text(const struct ruleset_config *s, char text[RULESET_TEXT_BYTES])
{
	snprintf(text, RULESET_TEXT_BYTES, "fairlead rules %d: bit %u, local %s%s%s%s%s", RULESET_VERSION,
		 s->masquerade_bit, detector_text(s->detector), s->interface != NULL ? " " : "",
		 s->interface != NULL ? s->interface : "", s->masquerade_all ? ", masquerade all" : "",
		 s->counters ? ", counters" : "");
	return text;
}
