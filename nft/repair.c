/* Repairs chains and rules of a live table. */
#include "nft/repair.h"

#include <stdlib.h>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/mem.h"
#include "nft/table.h"

static bool differs(const struct chain *c)
{
	return c->is.exists != c->should.exists || !chain_has_right_rules(c);
}

size_t repair_count(const struct repair *r)
{
	const struct chain *c;
	size_t at = 0, count = 0;

	if (r == NULL)
		return 0;
	while ((c = chains_next(&r->chains, &at)) != NULL)
		count += differs(c);
	return count + (r->flags != 0);
}

/* Another hook or policy, or an owner: the table is replaced. */
static bool is_other(const struct repair *r)
{
	const struct chain *c;
	size_t at = 0;

	if ((r->flags & ~(uint32_t)NFT_TABLE_F_DORMANT) != 0)
		return true;
	while ((c = chains_next(&r->chains, &at)) != NULL)
		if (c->is.exists && c->should.exists && !chain_has_right_hook(c))
			return true;
	return false;
}

int repair_find(struct nft *nft, uint32_t flags, struct ruleset *body, struct ruleset *hooks, struct repair **found,
		bool *other)
{
	struct repair *r = mem_alloc(sizeof *r);
	int error = chains_read(&r->chains, nft);

	*r = (struct repair){.flags = flags, .chains = r->chains, .body = *body, .hooks = *hooks};
	*body = *hooks = (struct ruleset){0};
	chains_want(&r->chains, &r->body);
	chains_want(&r->chains, &r->hooks);
	*other = is_other(r);
	*found = error == 0 && !*other && repair_count(r) != 0 ? r : NULL;
	if (*found == NULL)
		repair_free(r);
	return error;
}

void repair_free(struct repair *r)
{
	if (r == NULL)
		return;
	chains_fini(&r->chains);
	ruleset_fini(&r->body);
	ruleset_fini(&r->hooks);
	free(r);
}

/* ---- from one to the other ---- */

static const struct chain *chain_of(const struct repair *r, const char *name)
{
	return map_get_str(&r->chains.by_name, name);
}

static void put_chains(struct batch *b, const struct repair *r, const struct ruleset *wanted)
{
	for (size_t i = 0; i < wanted->chain_count; i++)
		if (!chain_of(r, nftnl_chain_get_str(wanted->chains[i], NFTNL_CHAIN_NAME))->is.exists)
			batch_chain(b, true, wanted->chains[i]);
}

static int put_rules(struct nft *nft, const struct repair *r, const struct ruleset *wanted, bool in_pieces)
{
	int error = 0;

	for (size_t i = 0; i < wanted->rule_count && error == 0; i++) {
		if (!differs(chain_of(r, nftnl_rule_get_str(wanted->rules[i], NFTNL_RULE_CHAIN))))
			continue;
		batch_rule(&nft->session.batch, true, wanted->rules[i]);
		error = in_pieces ? session_piece(&nft->session, false) : 0;
	}
	return error;
}

static void drop_rules_of(struct nft *nft, const char *chain)
{
	struct nftnl_rule *r = mem_made(nftnl_rule_alloc());

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, nft->table);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	batch_rule(&nft->session.batch, false, r);
	nftnl_rule_free(r);
}

static void drop_chain(struct nft *nft, const char *name)
{
	struct nftnl_chain *chain = mem_made(nftnl_chain_alloc());

	nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, nft->table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	batch_chain(&nft->session.batch, false, chain);
	nftnl_chain_free(chain);
}

int repair_put(struct nft *nft, const struct repair *r, bool in_pieces)
{
	struct batch *b = &nft->session.batch;
	const struct chain *c;
	int error;

	if (r->flags != 0) /* a dormant table has no hooks, whatever is in it */
		batch_table_wake(b, nft->table);
	put_chains(b, r, &r->body);
	put_chains(b, r, &r->hooks);
	/* Rules first everywhere: they may keep a chain that is to go. */
	for (size_t at = 0; (c = chains_next(&r->chains, &at)) != NULL;)
		if (c->is.rules.length_bytes != 0 && differs(c))
			drop_rules_of(nft, c->name);
	error = put_rules(nft, r, &r->body, in_pieces);
	if (error == 0)
		error = put_rules(nft, r, &r->hooks, in_pieces);
	for (size_t at = 0; error == 0 && (c = chains_next(&r->chains, &at)) != NULL;)
		if (c->is.exists && !c->should.exists)
			drop_chain(nft, c->name);
	return error;
}
