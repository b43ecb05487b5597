/*
 * Chains and rules put right under a table that is in use. Only chains whose rules differ are written anew: for each
 * chain that comes to use a verdict or endpoint map the kernel walks all of its elements.
 */
#include <errno.h>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>

#include "base/mem.h"
#include "nft/chains.h"
#include "nft/kernel.h"
#include "nft/learn.h"
#include "nft/state.h"

struct mend {
	struct nft *nft;
	struct table_seen table;
	struct chains chains;
	struct ruleset body, hooks, learns;
};

static void mend_fini(struct mend *m)
{
	chains_fini(&m->chains);
	ruleset_fini(&m->body);
	ruleset_fini(&m->hooks);
	ruleset_fini(&m->learns);
}

static void want_all(struct mend *m)
{
	skeleton_build(&m->nft->skeleton, m->nft->table, &m->body, &m->hooks);
	learn_build(m->nft, &m->learns);
	chains_want(&m->chains, &m->body);
	chains_want(&m->chains, &m->hooks);
	chains_want(&m->chains, &m->learns);
}

static int find_all(struct mend *m)
{
	int error = table_see(m->nft, &m->table);

	return error == 0 ? chains_read(&m->chains, m->nft) : error;
}

/* ---- from one to the other ---- */

static const struct chain *chain_of(struct mend *m, const struct nftnl_rule *r)
{
	return chains_get(&m->chains, nftnl_rule_get_str(r, NFTNL_RULE_CHAIN));
}

/* An owner, or a hook or policy of somebody else's choice: not worth a way of its own. */
static const char *unmendable(const struct mend *m)
{
	const struct chain *c;
	size_t at = 0;

	if (!m->table.ours || (m->table.flags & ~(uint32_t)NFT_TABLE_F_DORMANT) != 0)
		return "is another one";
	while ((c = chains_next(&m->chains, &at)) != NULL)
		if (c->is.exists && c->should.exists && !chain_has_right_hook(c))
			return c->name;
	return NULL;
}

/* A dormant table has no hooks, whatever is in it. */
static void put_flags(struct mend *m)
{
	if (m->table.flags & NFT_TABLE_F_DORMANT)
		batch_table_wake(&m->nft->batch, m->nft->table);
}

static void put_chains(struct mend *m, const struct ruleset *r)
{
	for (size_t i = 0; i < r->chain_count; i++)
		if (!chains_get(&m->chains, nftnl_chain_get_str(r->chains[i], NFTNL_CHAIN_NAME))->is.exists)
			batch_chain(&m->nft->batch, true, r->chains[i]);
}

static void put_rules(struct mend *m, const struct ruleset *r)
{
	for (size_t i = 0; i < r->rule_count; i++)
		if (!chain_has_right_rules(chain_of(m, r->rules[i])))
			batch_rule(&m->nft->batch, true, r->rules[i]);
}

/* Rules first everywhere: they may keep a chain that is to go. */
static void drop_rules(struct mend *m)
{
	const struct chain *c;
	size_t at = 0;

	while ((c = chains_next(&m->chains, &at)) != NULL) {
		struct nftnl_rule *r;

		if (c->is.rules.length_bytes == 0 || chain_has_right_rules(c))
			continue;
		r = mem_made(nftnl_rule_alloc());
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

	while ((c = chains_next(&m->chains, &at)) != NULL) {
		struct nftnl_chain *chain;

		if (c->should.exists || !c->is.exists)
			continue;
		chain = mem_made(nftnl_chain_alloc());
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
	put_flags(m);
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
	const char *what;
	int error;

	want_all(&m);
	error = find_all(&m);
	if (error == 0 && (what = unmendable(&m)) != NULL)
		error = kernel_fail(nft, EBADMSG, "table %s: %s", nft->table, what);
	if (error == 0)
		error = put_all(&m, operations);
	mend_fini(&m);
	return error;
}
