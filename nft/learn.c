#include "nft/learn.h"

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

void learn_seen(struct nft *nft, int family, uint32_t timeout_s)
{
	get(nft, family, timeout_s)->exists = true;
}

static bool wanted(const struct learn *l)
{
	return l->users + l->change > 0;
}

static int family_at(int f)
{
	return f == 0 ? AF_INET : AF_INET6;
}

/* Somebody of that family is in SET_STICKY after the transaction. */
static bool family_wanted(const struct nft *nft, int family)
{
	size_t at = 0;
	const struct learn *l;

	while ((l = map_next(&nft->learns, &at)) != NULL)
		if (l->key.family == (uint32_t)family && wanted(l))
			return true;
	return false;
}

/* Adds (after new learn chains) or removes (before old ones go) the rules that follow SET_STICKY. */
static void put_remembers(struct nft *nft, const char *table, bool add)
{
	for (int f = 0; f < 2; f++) {
		struct nftnl_rule *r;

		if (nft->remembers[f] == add || family_wanted(nft, family_at(f)) != add)
			continue;
		r = skeleton_build_remember(table, family_at(f));
		batch_rule(&nft->batch, add, r);
		nftnl_rule_free(r);
	}
}

void learn_put_new(struct nft *nft, const char *table)
{
	size_t at = 0;
	struct learn *l;

	while ((l = map_next(&nft->learns, &at)) != NULL) {
		struct ruleset made = {0};

		if (l->exists || !wanted(l))
			continue;
		skeleton_build_learn(table, (int)l->key.family, l->key.timeout_s, &made);
		batch_ruleset(&nft->batch, &made);
		ruleset_fini(&made);
	}
	put_remembers(nft, table, true);
}

void learn_put_unused(struct nft *nft)
{
	size_t at = 0;
	struct learn *l;

	put_remembers(nft, nft->table, false);
	while ((l = map_next(&nft->learns, &at)) != NULL) {
		struct ruleset made = {0};

		if (!l->exists || wanted(l))
			continue;
		skeleton_build_learn(nft->table, (int)l->key.family, l->key.timeout_s, &made);
		batch_chain(&nft->batch, false, made.chains[0]);
		ruleset_fini(&made);
	}
}

void learn_build(const struct nft *nft, struct ruleset *chains, struct nftnl_rule *remembers[2])
{
	size_t at = 0;
	const struct learn *l;

	while ((l = map_next(&nft->learns, &at)) != NULL)
		if (l->exists)
			skeleton_build_learn(nft->table, (int)l->key.family, l->key.timeout_s, chains);
	for (int f = 0; f < 2; f++)
		remembers[f] = nft->remembers[f] ? skeleton_build_remember(nft->table, family_at(f)) : NULL;
}

void learn_settle(struct nft *nft, bool committed)
{
	size_t at = 0;
	struct learn *l;

	for (int f = 0; f < 2 && committed; f++)
		nft->remembers[f] = family_wanted(nft, family_at(f));
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

	nft->remembers[0] = nft->remembers[1] = false;
	while ((l = map_next(&nft->learns, &at)) != NULL) {
		map_del(&nft->learns, &l->key, sizeof l->key);
		free(l);
	}
}

void learn_uncount(struct nft *nft)
{
	size_t at = 0;
	struct learn *l;

	while ((l = map_next(&nft->learns, &at)) != NULL)
		l->users = l->change = 0;
}

void learn_seen_remember(struct nft *nft, int family)
{
	nft->remembers[family == AF_INET6] = true;
}

bool learn_adopt(struct nft *nft)
{
	size_t at = 0;
	struct learn *l;

	while ((l = map_next(&nft->learns, &at)) != NULL) {
		l->users += l->change;
		l->change = 0;
	}
	for (int f = 0; f < 2; f++)
		if (family_wanted(nft, family_at(f)) && !nft->remembers[f])
			return false;
	return true;
}
