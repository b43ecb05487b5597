#include "nft/learn.h"

#include <stdlib.h>

#include "base/mem.h"
#include "nft/skeleton.h"

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
}

void learn_put_unused(struct nft *nft)
{
	size_t at = 0;
	struct learn *l;

	while ((l = map_next(&nft->learns, &at)) != NULL) {
		struct ruleset made = {0};

		if (!l->exists || wanted(l))
			continue;
		skeleton_build_learn(nft->table, (int)l->key.family, l->key.timeout_s, &made);
		batch_chain(&nft->batch, false, made.chains[0]);
		ruleset_fini(&made);
	}
}

void learn_settle(struct nft *nft, bool committed)
{
	size_t at = 0;
	struct learn *l;

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

	while ((l = map_next(&nft->learns, &at)) != NULL) {
		map_del(&nft->learns, &l->key, sizeof l->key);
		free(l);
	}
}

void learn_adopt(struct nft *nft)
{
	size_t at = 0;
	struct learn *l;

	while ((l = map_next(&nft->learns, &at)) != NULL) {
		l->users += l->change;
		l->change = 0;
	}
}
