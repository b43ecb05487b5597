/* Reads chains and rules as text and compares them with the ruleset. */
#include "nft/chains.h"

#include <stdlib.h>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>

#include "base/mem.h"
#include "nft/message.h"
#include "nft/table.h"
#include "nft/rule.h"
#include "nft/rule_text.h"
#include "nft/ruleset_objects.h"

static void side_fini(struct chain_side *s)
{
	buf_fini(&s->chain);
	buf_fini(&s->rules);
}

void chains_fini(struct chains *c)
{
	struct chain *chain;
	size_t at = 0;

	while ((chain = chains_next(c, &at)) != NULL) {
		side_fini(&chain->is);
		side_fini(&chain->should);
		free(chain->name);
		free(chain);
	}
	map_fini(&c->by_name);
}

static struct chain *chains_get(struct chains *c, const char *name)
{
	struct chain *chain = map_get_str(&c->by_name, name);

	if (chain != NULL)
		return chain;
	chain = mem_alloc(sizeof *chain);
	chain->name = mem_strdup(name);
	map_put_str(&c->by_name, chain->name, chain);
	return chain;
}

struct chain *chains_next(const struct chains *c, size_t *at)
{
	return map_next(&c->by_name, at);
}

static void list_chain(struct chain_side *s, const struct nftnl_chain *c)
{
	s->exists = true;
	ruletext_chain(&s->chain, c);
}

static void list_rule(struct chain_side *s, struct nftnl_rule *r)
{
	ruletext_rule(&s->rules, r);
}

void chains_want(struct chains *c, const struct ruleset *r)
{
	for (size_t i = 0; i < r->chain_count; i++)
		list_chain(&chains_get(c, nftnl_chain_get_str(r->chains[i], NFTNL_CHAIN_NAME))->should, r->chains[i]);
	for (size_t i = 0; i < r->rule_count; i++)
		list_rule(&chains_get(c, nftnl_rule_get_str(r->rules[i], NFTNL_RULE_CHAIN))->should, r->rules[i]);
}

/* ---- as the kernel has them ---- */

struct reading {
	struct chains *chains;
	const char *table;
};

static int each_chain(const struct nlmsghdr *nlh, void *ctx)
{
	const struct reading *r = ctx;
	struct nftnl_chain *c = mem_made(nftnl_chain_alloc());

	/* The kernel lists the chains of every table. */
	if (message_is_of_table(nlh, r->table) && nftnl_chain_nlmsg_parse(nlh, c) == 0)
		list_chain(&chains_get(r->chains, nftnl_chain_get_str(c, NFTNL_CHAIN_NAME))->is, c);
	nftnl_chain_free(c);
	return MNL_CB_OK;
}

static int each_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct reading *r = ctx;
	struct nftnl_rule *rule = mem_made(nftnl_rule_alloc());

	if (nftnl_rule_nlmsg_parse(nlh, rule) == 0)
		list_rule(&chains_get(r->chains, nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN))->is, rule);
	nftnl_rule_free(rule);
	return MNL_CB_OK;
}

static void restart_chains(void *ctx)
{
	const struct reading *r = ctx;
	struct chain *c;
	size_t at = 0;

	while ((c = chains_next(r->chains, &at)) != NULL) {
		c->is.exists = false;
		buf_clear(&c->is.chain);
	}
}

static void restart_rules(void *ctx)
{
	const struct reading *r = ctx;
	struct chain *c;
	size_t at = 0;

	while ((c = chains_next(r->chains, &at)) != NULL)
		buf_clear(&c->is.rules);
}

int chains_read(struct chains *c, struct nft *nft)
{
	struct reading r = {c, nft->table};
	const struct session_dump chains = {.type = NFT_MSG_GETCHAIN,
					    .table = nft->table,
					    .each = each_chain,
					    .restart = restart_chains,
					    .ctx = &r};
	const struct session_dump rules = {.type = NFT_MSG_GETRULE,
					   .table = nft->table,
					   .each = each_rule,
					   .restart = restart_rules,
					   .ctx = &r,
					   .only_of_table = true};
	int error = session_dump(&nft->session, &chains);

	return error == 0 ? session_dump(&nft->session, &rules) : error;
}

/* ---- comparing ---- */

bool chain_has_right_hook(const struct chain *c)
{
	return buf_equal(&c->is.chain, &c->should.chain);
}

bool chain_has_right_rules(const struct chain *c)
{
	return buf_equal(&c->is.rules, &c->should.rules);
}
