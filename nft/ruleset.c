/* The constant ruleset: what every packet meets, and the order in which the parts are built. */
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
#include "nft/affinity_rules.h"
#include "nft/nat.h"
#include "nft/pick.h"
#include "nft/policy.h"
#include "nft/rule.h"
#include "nft/sets.h"

/* ---- the single chains ---- */

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
	pick_build(b);
	policy_build(b);
	build_services(b);
	nat_build_translated(b);
	affinity_rules_build(b);
}

/* ---- base chains ---- */

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

	build_base_chain(b, "prerouting", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST);
	put_services(b);
	build_base_chain(b, "output", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST);
	r = build_rule(b);
	rule_mark_is(r, SOCK_OWN_MARK);
	rule_verdict(r, NFT_JUMP, "own");
	put_services(b);
	build_base_chain(b, "postrouting", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	build_unless_translated(b, NFT_GOTO, "untranslated");
	build_goto_by_family(b, "translated");
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
	nat_build_untranslated(b);
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
