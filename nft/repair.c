/*
 * Chains and rules put right under a table that is in use. Only chains whose rules differ are written anew: for each
 * chain that comes to use a verdict or endpoint map the kernel walks all of its elements, 8 ms for 100 000. So
 * those that packets can come to are right after one transaction, and pools of a size that no service has follow.
 */
#include <errno.h>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/mem.h"
#include "nft/chains.h"
#include "nft/table.h"
#include "nft/affinity.h"
#include "nft/compare.h"

struct mend {
	struct nft *nft;
	struct table_seen table;
	struct chains chains;
	struct ruleset body, hooks; /* hooks: with the chains that come and go (nft/affinity.h) */
};

static void mend_fini(struct mend *m)
{
	chains_fini(&m->chains);
	ruleset_fini(&m->body);
	ruleset_fini(&m->hooks);
}

static void want_all(struct mend *m)
{
	ruleset_build(&m->nft->config, m->nft->table, &m->body, &m->hooks);
	learn_build(m->nft, &m->hooks);
	chains_want(&m->chains, &m->body);
	chains_want(&m->chains, &m->hooks);
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
		batch_table_wake(&m->nft->session.batch, m->nft->table);
}

static void put_chains(struct mend *m, const struct ruleset *r)
{
	for (size_t i = 0; i < r->chain_count; i++)
		if (!chains_get(&m->chains, nftnl_chain_get_str(r->chains[i], NFTNL_CHAIN_NAME))->is.exists)
			batch_chain(&m->nft->session.batch, true, r->chains[i]);
}

static void put_reached(struct mend *m, const struct ruleset *r)
{
	for (size_t i = 0; i < r->rule_count; i++) {
		const struct chain *c = chain_of(m, r->rules[i]);

		if (c->reached && !chain_has_right_rules(c))
			batch_rule(&m->nft->session.batch, true, r->rules[i]);
	}
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
		batch_rule(&m->nft->session.batch, false, r);
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
		batch_chain(&m->nft->session.batch, false, chain);
		nftnl_chain_free(chain);
	}
}

/* All that packets can tell. */
static int mend_reached(struct mend *m, size_t *operations)
{
	session_begin(&m->nft->session);
	put_flags(m);
	put_chains(m, &m->body);
	put_chains(m, &m->hooks);
	drop_rules(m);
	put_reached(m, &m->body);
	put_reached(m, &m->hooks);
	drop_chains(m);
	*operations = m->nft->session.batch.messages;
	return *operations != 0 ? session_commit(&m->nft->session) : 0;
}

static int mend_rest(struct mend *m, size_t *operations)
{
	int error = 0;

	session_begin(&m->nft->session);
	for (size_t i = 0; i < m->body.rule_count && error == 0; i++) {
		const struct chain *c = chain_of(m, m->body.rules[i]);

		if (c->reached || chain_has_right_rules(c))
			continue;
		batch_rule(&m->nft->session.batch, true, m->body.rules[i]);
		++*operations;
		error = session_piece(&m->nft->session, false);
	}
	return error == 0 ? session_piece(&m->nft->session, true) : error;
}

int nft_mend_rules(struct nft *nft, size_t *operations)
{
	struct mend m = {.nft = nft};
	const char *what;
	int error;

	want_all(&m);
	error = find_all(&m);
	if (error == 0 && (what = unmendable(&m)) != NULL)
		error = session_fail(&nft->session, EBADMSG, "table %s: %s", nft->table, what);
	if (error == 0) {
		chains_reach(&m.chains, &m.body, &m.hooks);
		error = mend_reached(&m, operations);
	}
	if (error == 0)
		error = mend_rest(&m, operations);
	mend_fini(&m);
	return error;
}
