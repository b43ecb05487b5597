/*
 * Chains and rules put right under a table that is in use. Only chains whose rules differ are written anew: for each
 * chain that comes to use a verdict or endpoint map the kernel walks all of its elements.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>

#include "base/buf.h"
#include "base/mem.h"
#include "nft/kernel.h"
#include "nft/learn.h"
#include "nft/ruletext.h"

struct side { /* of a chain: as it is, or as it should be */
	bool exists;
	struct buf chain, rules;
};

struct chain {
	char *name;
	struct side is, should;
};

struct mend {
	struct nft *nft;
	struct map chains; /* by name: struct chain */
	struct ruleset body, hooks, learns;
};

static struct chain *chain_named(struct mend *m, const char *name)
{
	struct chain *c = map_get_str(&m->chains, name);

	if (c != NULL)
		return c;
	c = mem_alloc(sizeof *c);
	c->name = mem_strdup(name);
	map_put_str(&m->chains, c->name, c);
	return c;
}

static struct chain *chain_of(struct mend *m, const struct nftnl_rule *r)
{
	return chain_named(m, nftnl_rule_get_str(r, NFTNL_RULE_CHAIN));
}

static void side_fini(struct side *s)
{
	buf_fini(&s->chain);
	buf_fini(&s->rules);
}

static void mend_fini(struct mend *m)
{
	struct chain *c;
	size_t at = 0;

	while ((c = map_next(&m->chains, &at)) != NULL) {
		side_fini(&c->is);
		side_fini(&c->should);
		free(c->name);
		free(c);
	}
	map_fini(&m->chains);
	ruleset_fini(&m->body);
	ruleset_fini(&m->hooks);
	ruleset_fini(&m->learns);
}

/* ---- as it should be ---- */

static void want_ruleset(struct mend *m, const struct ruleset *r)
{
	for (size_t i = 0; i < r->chain_count; i++) {
		struct side *s = &chain_named(m, nftnl_chain_get_str(r->chains[i], NFTNL_CHAIN_NAME))->should;

		s->exists = true;
		ruletext_chain(&s->chain, r->chains[i]);
	}
	for (size_t i = 0; i < r->rule_count; i++)
		ruletext_rule(&chain_of(m, r->rules[i])->should.rules, r->rules[i]);
}

static void want_all(struct mend *m)
{
	skeleton_build(&m->nft->skeleton, m->nft->table, &m->body, &m->hooks);
	learn_build(m->nft, &m->learns);
	want_ruleset(m, &m->body);
	want_ruleset(m, &m->hooks);
	want_ruleset(m, &m->learns);
}

/* ---- as it is ---- */

static int each_chain(const struct nlmsghdr *nlh, void *ctx)
{
	struct mend *m = ctx;
	struct nftnl_chain *c = nftnl_chain_alloc();

	/* The kernel lists the chains of every table. */
	if (kernel_is_of_table(nlh, m->nft->table) && nftnl_chain_nlmsg_parse(nlh, c) == 0) {
		struct side *s = &chain_named(m, nftnl_chain_get_str(c, NFTNL_CHAIN_NAME))->is;

		s->exists = true;
		ruletext_chain(&s->chain, c);
	}
	nftnl_chain_free(c);
	return MNL_CB_OK;
}

static int each_rule(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_rule *r = nftnl_rule_alloc();

	if (nftnl_rule_nlmsg_parse(nlh, r) == 0)
		ruletext_rule(&chain_of(ctx, r)->is.rules, r);
	nftnl_rule_free(r);
	return MNL_CB_OK;
}

static void restart_chains(void *ctx)
{
	struct chain *c;
	size_t at = 0;

	while ((c = map_next(&((struct mend *)ctx)->chains, &at)) != NULL) {
		c->is.exists = false;
		buf_clear(&c->is.chain);
	}
}

static void restart_rules(void *ctx)
{
	struct chain *c;
	size_t at = 0;

	while ((c = map_next(&((struct mend *)ctx)->chains, &at)) != NULL)
		buf_clear(&c->is.rules);
}

static int find_all(struct mend *m)
{
	const char *table = m->nft->table;
	const struct kernel_dump chains = {
		.type = NFT_MSG_GETCHAIN, .table = table, .each = each_chain, .restart = restart_chains, .ctx = m};
	const struct kernel_dump rules = {
		.type = NFT_MSG_GETRULE, .table = table, .each = each_rule, .restart = restart_rules, .ctx = m};
	int error = kernel_dump(m->nft, &chains);

	return error == 0 ? kernel_dump(m->nft, &rules) : error;
}

/* ---- from one to the other ---- */

static bool same(const struct buf *a, const struct buf *b)
{
	return a->length_bytes == b->length_bytes &&
	       (a->length_bytes == 0 || memcmp(a->data, b->data, a->length_bytes) == 0);
}

static bool differs(const struct chain *c)
{
	return !same(&c->is.rules, &c->should.rules);
}

/* A hook or policy of somebody else's choice: not worth a way of its own. */
static const struct chain *unmendable(const struct mend *m)
{
	const struct chain *c;
	size_t at = 0;

	while ((c = map_next(&m->chains, &at)) != NULL)
		if (c->is.exists && c->should.exists && !same(&c->is.chain, &c->should.chain))
			return c;
	return NULL;
}

static void put_chains(struct mend *m, const struct ruleset *r)
{
	for (size_t i = 0; i < r->chain_count; i++)
		if (!chain_named(m, nftnl_chain_get_str(r->chains[i], NFTNL_CHAIN_NAME))->is.exists)
			batch_chain(&m->nft->batch, true, r->chains[i]);
}

static void put_rules(struct mend *m, const struct ruleset *r)
{
	for (size_t i = 0; i < r->rule_count; i++)
		if (differs(chain_of(m, r->rules[i])))
			batch_rule(&m->nft->batch, true, r->rules[i]);
}

/* Rules first everywhere: they may keep a chain that is to go. */
static void drop_rules(struct mend *m)
{
	const struct chain *c;
	size_t at = 0;

	while ((c = map_next(&m->chains, &at)) != NULL) {
		struct nftnl_rule *r;

		if (c->is.rules.length_bytes == 0 || !differs(c))
			continue;
		r = nftnl_rule_alloc();
		nftnl_rule_set_str(r, NFTNL_RULE_TABLE, m->nft->table);
		nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, c->name);
		batch_rule(&m->nft->batch, false, r);
		nftnl_rule_free(r);
	}
}

static void drop_chains(struct mend *m)
{
	const struct chain *c;
	size_t at = 0;

	while ((c = map_next(&m->chains, &at)) != NULL) {
		struct nftnl_chain *chain;

		if (c->should.exists || !c->is.exists)
			continue;
		chain = nftnl_chain_alloc();
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, m->nft->table);
		nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, c->name);
		batch_chain(&m->nft->batch, false, chain);
		nftnl_chain_free(chain);
	}
}

static int put_all(struct mend *m, size_t *operations)
{
	const struct ruleset *const sets[] = {&m->body, &m->learns, &m->hooks};

	kernel_begin(m->nft);
	for (size_t i = 0; i < 3; i++)
		put_chains(m, sets[i]);
	drop_rules(m);
	for (size_t i = 0; i < 3; i++)
		put_rules(m, sets[i]);
	drop_chains(m);
	*operations = m->nft->batch.messages;
	return *operations != 0 ? kernel_commit(m->nft) : 0;
}

int nft_mend_rules(struct nft *nft, size_t *operations)
{
	struct mend m = {.nft = nft};
	const struct chain *c;
	int error;

	want_all(&m);
	error = find_all(&m);
	if (error == 0 && (c = unmendable(&m)) != NULL)
		error = kernel_fail(nft, EBADMSG, "table %s: chain %s", nft->table, c->name);
	if (error == 0)
		error = put_all(&m, operations);
	mend_fini(&m);
	return error;
}
