#include "nft/affinity.h"

#include <stdlib.h>

#include <libnftnl/rule.h>

#include "base/mem.h"

static struct learn *get(struct nft *nft, int family, uint32_t timeout_s)
{
	struct learn probe = {.key = {.family = (uint32_t)family, .timeout_s = timeout_s}};
	struct learn *l = map_get(&nft->learns, &probe.key, sizeof probe.key);

	if (l == NULL) {
		l = mem_alloc(sizeof *l);
		l->key = probe.key;
		map_put(&nft->learns, &l->key, sizeof l->key, l);
	}
	return l;
}

void learn_count(struct nft *nft, const struct element *e, int by)
{
	if (e->set == SET_STICKY)
		get(nft, element_family(e), e->verdict.timeout_s)->change += by;
}

static bool wanted(const struct learn *l)
{
	return l->users + l->change > 0;
}

/* SET_STICKY will not be empty after the transaction. */
static bool any_wanted(const struct nft *nft)
{
	size_t at = 0;
	const struct learn *l;

	while ((l = map_next(&nft->learns, &at)) != NULL)
		if (wanted(l))
			return true;
	return false;
}

void learn_put_remember(struct nft *nft, const char *table, bool add)
{
	struct ruleset hooks = {0};

	if (nft->remembers == add || any_wanted(nft) != add)
		return;
	ruleset_build_remember(table, &hooks);
	if (add)
		batch_ruleset(&nft->session.batch, &hooks);
	for (size_t i = 0; !add && i < hooks.chain_count; i++)
		batch_chain(&nft->session.batch, false, hooks.chains[i]);
	ruleset_fini(&hooks);
}

int learn_put_new(struct nft *nft, const char *table, bool in_pieces)
{
	size_t at = 0;
	struct learn *l;
	int error = 0;

	while (error == 0 && (l = map_next(&nft->learns, &at)) != NULL) {
		struct ruleset made = {0};

		if (l->exists || !wanted(l))
			continue;
		ruleset_build_learn(table, (int)l->key.family, l->key.timeout_s, &made);
		batch_ruleset(&nft->session.batch, &made);
		ruleset_fini(&made);
		error = in_pieces ? session_piece(&nft->session, false) : 0;
	}
	return error;
}

void learn_put_unused(struct nft *nft)
{
	size_t at = 0;
	struct learn *l;

	learn_put_remember(nft, nft->table, false);
	while ((l = map_next(&nft->learns, &at)) != NULL) {
		struct ruleset made = {0};

		if (!l->exists || wanted(l))
			continue;
		ruleset_build_learn(nft->table, (int)l->key.family, l->key.timeout_s, &made);
		batch_chain(&nft->session.batch, false, made.chains[0]);
		ruleset_fini(&made);
	}
}

void learn_build(const struct nft *nft, struct ruleset *made)
{
	size_t at = 0;
	const struct learn *l;

	while ((l = map_next(&nft->learns, &at)) != NULL)
		if (l->exists)
			ruleset_build_learn(nft->table, (int)l->key.family, l->key.timeout_s, made);
	if (nft->remembers)
		ruleset_build_remember(nft->table, made);
}

void learn_settle(struct nft *nft, bool committed)
{
	size_t at = 0;
	struct learn *l;

	if (committed)
		nft->remembers = any_wanted(nft);
	while ((l = map_next(&nft->learns, &at)) != NULL) {
		if (committed) {
			l->users += l->change;
			l->exists = l->users > 0;
		}
		l->change = 0;
		if (!l->exists && l->users == 0) {
			map_del(&nft->learns, &l->key, sizeof l->key);
			free(l);
		}
	}
}

void learn_forget(struct nft *nft)
{
	size_t at = 0;
	struct learn *l;

	nft->remembers = false;
	while ((l = map_next(&nft->learns, &at)) != NULL) {
		map_del(&nft->learns, &l->key, sizeof l->key);
		free(l);
	}
}
