/* Walks the chains of other tables as a packet does. */
#include "nft/other_tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/mem.h"
#include "base/text.h"
#include "nft/session.h"

#define DEPTH_MAX 16 /* the kernel's own limit of jumps (NFT_JUMP_STACK_SIZE) */
#define TRANSLATION_PRIORITY (-100)
#define TEXT_BYTES 400

struct reading {
	const struct other_question *q;
	struct nftnl_chain **chains;
	size_t chain_count, chain_room;
	struct nftnl_rule **rules; /* in the kernel's order: by table, chain, place */
	size_t rule_count, rule_room;
	/* while walking */
	other_drop_fn *each;
	void *ctx;
	const struct nftnl_chain *base;
	const struct match_packet *packet;
	unsigned visits; /* chains, in all: jumps may branch */
};

#define VISITS_MAX 1000u

/* ---- reading ---- */

static int each_chain(const struct nlmsghdr *nlh, void *ctx)
{
	struct reading *r = ctx;
	struct nftnl_chain *c = mem_made(nftnl_chain_alloc());

	if (nftnl_chain_nlmsg_parse(nlh, c) != 0 ||
	    strcmp(nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE), r->q->ours) == 0) {
		nftnl_chain_free(c);
		return MNL_CB_OK;
	}
	r->chains = mem_grow(r->chains, r->chain_count, &r->chain_room, sizeof *r->chains);
	r->chains[r->chain_count++] = c;
	return MNL_CB_OK;
}

static int each_rule(const struct nlmsghdr *nlh, void *ctx)
{
	struct reading *r = ctx;

	if (r->rule_count == OTHER_RULES_MAX)
		return MNL_CB_OK;
	struct nftnl_rule *rule = mem_made(nftnl_rule_alloc());
	if (nftnl_rule_nlmsg_parse(nlh, rule) != 0 ||
	    strcmp(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE), r->q->ours) == 0) {
		nftnl_rule_free(rule);
		return MNL_CB_OK;
	}
	r->rules = mem_grow(r->rules, r->rule_count, &r->rule_room, sizeof *r->rules);
	r->rules[r->rule_count++] = rule;
	return MNL_CB_OK;
}

static void forget_chains(void *ctx)
{
	struct reading *r = ctx;

	for (size_t i = 0; i < r->chain_count; i++)
		nftnl_chain_free(r->chains[i]);
	r->chain_count = 0;
}

static void forget_rules(void *ctx)
{
	struct reading *r = ctx;

	for (size_t i = 0; i < r->rule_count; i++)
		nftnl_rule_free(r->rules[i]);
	r->rule_count = 0;
}

static int read_all(struct reading *r)
{
	const struct session_dump chains = {
		.type = NFT_MSG_GETCHAIN, .each = each_chain, .restart = forget_chains, .ctx = r, .all_families = true};
	const struct session_dump rules = {
		.type = NFT_MSG_GETRULE, .each = each_rule, .restart = forget_rules, .ctx = r, .all_families = true};
	struct session session;
	const char *error;

	if (session_open(&session, "other", &error) < 0)
		return -EIO;
	int failed = session_dump(&session, &chains);
	if (failed == 0 && r->chain_count != 0)
		failed = session_dump(&session, &rules);
	session_close(&session);
	return failed;
}

/* ---- walking ---- */

static const char *family_name(uint32_t family)
{
	return family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV4 ? "ip" : "ip6";
}

static void tell(struct reading *r, const char *rule, bool certain)
{
	static const char *const hooks[] = {"prerouting", "input", "forward", "output", "postrouting"};
	const struct nftnl_chain *c = r->base;
	char where[TEXT_BYTES], escaped[TEXT_BYTES];

	snprintf(where, sizeof where, "table %s %s, chain %s (hook %s)",
		 family_name(nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY)), nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE),
		 nftnl_chain_get_str(c, NFTNL_CHAIN_NAME), hooks[nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM)]);
	text_escape(escaped, sizeof escaped, where, strlen(where));
	r->each(r->ctx, escaped, rule, certain);
}

static void tell_rule(struct reading *r, const struct nftnl_rule *rule, bool certain)
{
	char text[TEXT_BYTES];

	snprintf(text, sizeof text, "a rule of chain %s drops or rejects (handle %llu)",
		 nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN),
		 (unsigned long long)nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE));
	tell(r, text, certain);
}

static bool is_of(const struct nftnl_rule *rule, const struct nftnl_chain *base, const char *chain)
{
	return nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY) == nftnl_chain_get_u32(base, NFTNL_CHAIN_FAMILY) &&
	       strcmp(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE), nftnl_chain_get_str(base, NFTNL_CHAIN_TABLE)) == 0 &&
	       strcmp(nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN), chain) == 0;
}

/* How far the packet gets: MATCH_NO: it certainly ends here (accepted or dropped), MATCH_MAYBE, MATCH_YES: it goes on.
 */
static enum match walk(struct reading *r, const char *chain, enum match reached, unsigned depth);

static enum match follow(struct reading *r, const struct match_result *m, enum match reached, enum match match,
			 unsigned depth)
{
	enum match after = m->chain != NULL ? walk(r, m->chain, match, depth + 1) : MATCH_MAYBE;

	if (match == MATCH_MAYBE)
		return MATCH_MAYBE;
	return after < reached ? after : reached;
}

static enum match walk(struct reading *r, const char *chain, enum match reached, unsigned depth)
{
	if (depth > DEPTH_MAX || r->visits++ > VISITS_MAX)
		return MATCH_MAYBE;
	for (size_t i = 0; i < r->rule_count && reached != MATCH_NO; i++) {
		if (!is_of(r->rules[i], r->base, chain))
			continue;
		const struct match_result m = rule_match(r->rules[i], r->packet);
		const enum match match = m.match < reached ? m.match : reached;
		if (match == MATCH_NO || m.verdict == MATCH_CONTINUE)
			continue;
		if (m.verdict == MATCH_RETURN) {
			if (match == MATCH_YES)
				return reached;
			reached = MATCH_MAYBE;
			continue;
		}
		if (m.verdict == MATCH_DROP)
			tell_rule(r, r->rules[i], match == MATCH_YES);
		if (m.verdict == MATCH_GOTO && match == MATCH_YES)
			return follow(r, &m, reached, match, depth);
		if (m.verdict == MATCH_JUMP || m.verdict == MATCH_GOTO)
			reached = follow(r, &m, reached, match, depth);
		else
			reached = match == MATCH_YES ? MATCH_NO : MATCH_MAYBE;
	}
	return reached;
}

static bool is_passed(const struct other_question *q, const struct nftnl_chain *c)
{
	uint32_t family = nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY);
	uint32_t mine = q->before.to.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	return nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM) && (family == NFPROTO_INET || family == mine) &&
	       nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM) <= NF_INET_POST_ROUTING &&
	       (q->hooks & 1u << nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM)) != 0;
}

/* Chains of prerouting and output that come before ours see the packet as the client sent it. */
static const struct match_packet *seen_by(const struct other_question *q, const struct nftnl_chain *c)
{
	uint32_t hook = nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM);
	bool early = (hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT) &&
		     (int32_t)nftnl_chain_get_u32(c, NFTNL_CHAIN_PRIO) <= TRANSLATION_PRIORITY;

	return early ? &q->before : &q->after;
}

static void walk_base(struct reading *r, const struct nftnl_chain *c)
{
	enum match left;

	r->base = c;
	r->packet = seen_by(r->q, c);
	r->visits = 0;
	left = walk(r, nftnl_chain_get_str(c, NFTNL_CHAIN_NAME), MATCH_YES, 0);
	if (left != MATCH_NO && nftnl_chain_is_set(c, NFTNL_CHAIN_POLICY) &&
	    nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) == NF_DROP)
		tell(r, "its policy is drop, and no rule of it accepts", left == MATCH_YES);
}

int other_tables_drops(const struct other_question *q, other_drop_fn *each, void *ctx)
{
	struct reading r = {.q = q, .each = each, .ctx = ctx};
	int failed = read_all(&r);

	for (size_t i = 0; failed == 0 && i < r.chain_count; i++)
		if (is_passed(q, r.chains[i]))
			walk_base(&r, r.chains[i]);
	forget_chains(&r);
	forget_rules(&r);
	free(r.chains);
	free(r.rules);
	return failed;
}
