/* Adds and removes the chains that session affinity needs. */
#include "nft/affinity.h"

#include <stdlib.h>

#include <libnftnl/rule.h>

#include "base/mem.h"
#include "nft/affinity_rules.h"

static struct affinity_record *record_get(struct nft *nft, int family, uint32_t timeout_s)
{
	struct affinity_record probe = {.key = {.family = (uint32_t)family, .timeout_s = timeout_s}};
	struct affinity_record *l = map_get(&nft->affinity_records, &probe.key, sizeof probe.key);

	if (l == NULL) {
		l = mem_alloc(sizeof *l);
		l->key = probe.key;
		map_put(&nft->affinity_records, &l->key, sizeof l->key, l);
	}
	return l;
}

void affinity_count(struct nft *nft, const struct element *e, int by)
{
	if (e->set == SET_AFFINITY_FRONTENDS)
		record_get(nft, element_family(e), e->verdict.timeout_s)->change += by;
}

static bool wanted(const struct affinity_record *l)
{
	return l->users + l->change > 0;
}

/* SET_AFFINITY_FRONTENDS will not be empty after the transaction. */
static bool any_wanted(const struct nft *nft)
{
	size_t at = 0;
	const struct affinity_record *l;

	while ((l = map_next(&nft->affinity_records, &at)) != NULL)
		if (wanted(l))
			return true;
	return false;
}

void affinity_put_hooks(struct nft *nft, const char *table, bool add)
{
	struct ruleset hooks = {0};

	if (nft->affinity_hooks == add || any_wanted(nft) != add)
		return;
	affinity_rules_hooks(table, &hooks);
	if (add)
		batch_ruleset(&nft->session.batch, &hooks);
	for (size_t i = 0; !add && i < hooks.chain_count; i++)
		batch_chain(&nft->session.batch, false, hooks.chains[i]);
	ruleset_fini(&hooks);
}

int affinity_put_new(struct nft *nft, const char *table, bool in_pieces)
{
	size_t at = 0;
	struct affinity_record *l;
	int error = 0;

	while (error == 0 && (l = map_next(&nft->affinity_records, &at)) != NULL) {
		struct ruleset made = {0};

		if (l->exists || !wanted(l))
			continue;
		affinity_rules_record(table, (int)l->key.family, l->key.timeout_s, &made);
		batch_ruleset(&nft->session.batch, &made);
		ruleset_fini(&made);
		error = in_pieces ? session_piece(&nft->session, false) : 0;
	}
	return error;
}

void affinity_put_unused(struct nft *nft)
{
	size_t at = 0;
	struct affinity_record *l;

	affinity_put_hooks(nft, nft->table, false);
	while ((l = map_next(&nft->affinity_records, &at)) != NULL) {
		struct ruleset made = {0};

		if (!l->exists || wanted(l))
			continue;
		affinity_rules_record(nft->table, (int)l->key.family, l->key.timeout_s, &made);
		batch_chain(&nft->session.batch, false, made.chains[0]);
		ruleset_fini(&made);
	}
}

void affinity_build(const struct nft *nft, struct ruleset *made)
{
	size_t at = 0;
	const struct affinity_record *l;

	while ((l = map_next(&nft->affinity_records, &at)) != NULL)
		if (l->exists)
			affinity_rules_record(nft->table, (int)l->key.family, l->key.timeout_s, made);
	if (nft->affinity_hooks)
		affinity_rules_hooks(nft->table, made);
}

void affinity_settle(struct nft *nft, bool committed)
{
	size_t at = 0;
	struct affinity_record *l;

	if (committed)
		nft->affinity_hooks = any_wanted(nft);
	while ((l = map_next(&nft->affinity_records, &at)) != NULL) {
		if (committed) {
			l->users += l->change;
			l->exists = l->users > 0;
		}
		l->change = 0;
		if (!l->exists && l->users == 0) {
			map_del(&nft->affinity_records, &l->key, sizeof l->key);
			free(l);
		}
	}
}

void affinity_forget(struct nft *nft)
{
	size_t at = 0;
	struct affinity_record *l;

	nft->affinity_hooks = false;
	while ((l = map_next(&nft->affinity_records, &at)) != NULL) {
		map_del(&nft->affinity_records, &l->key, sizeof l->key);
		free(l);
	}
}
