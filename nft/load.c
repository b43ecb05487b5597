/*
 * The first load, the replacement of an unknown or outdated table, and the end of the table.
 *
 * A big load does not fit into one transaction: the socket's buffer limits its length (EMSGSIZE where SO_SNDBUFFORCE
 * is not allowed), and the kernel keeps a notification per element until the commit. So everything that packets reach
 * only through base chains goes first, in small transactions, and the base chains go last, in one.
 *
 * A table in use is replaced without a moment without rules and without two tables translating at once: the new one
 * is built under a second name; one transaction gives it base chains and deletes the old one; then the same is
 * done again under the right name. Whatever step we die in, exactly one of the two tables has base chains.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <linux/netfilter/nf_tables.h>

#include "base/mem.h"
#include "nft/message.h"
#include "nft/table.h"
#include "nft/affinity.h"
#include "nft/repair.h"
#include "nft/ruleset.h"

struct load {
	struct nft *nft;
	const char *table;
	const struct element *elements;
	uint32_t *order; /* indices grouped by set and family, so that neighbours share messages */
	size_t count;
};

static size_t group_of(const struct element *e)
{
	return e->set * 2u + (element_family(e) == AF_INET6);
}

static uint32_t *group(const struct element *elements, size_t count)
{
	uint32_t starts[SET_COUNT * 2 + 1] = {0};
	uint32_t *order = mem_array(count + 1, sizeof *order);

	for (size_t i = 0; i < count; i++)
		starts[group_of(&elements[i]) + 1]++;
	for (size_t g = 1; g <= SET_COUNT * 2; g++)
		starts[g] += starts[g - 1];
	for (size_t i = 0; i < count; i++)
		order[starts[group_of(&elements[i])]++] = (uint32_t)i;
	return order;
}

static int put_body(struct load *l, const struct ruleset *body)
{
	char text[RULESET_TEXT_BYTES];
	struct batch *b = &l->nft->session.batch;
	int error = 0;

	batch_table(b, true, l->table, ruleset_text(&l->nft->config, text));
	for (size_t i = 0; i < body->set_count && error == 0; i++)
		batch_set(b, body->sets[i]), error = session_piece(&l->nft->session, false);
	for (size_t i = 0; i < body->chain_count && error == 0; i++)
		batch_chain(b, true, body->chains[i]), error = session_piece(&l->nft->session, false);
	for (size_t i = 0; i < body->rule_count && error == 0; i++)
		batch_rule(b, true, body->rules[i]), error = session_piece(&l->nft->session, false);
	return error;
}

static int put_elements(struct load *l)
{
	int error = affinity_put_new(l->nft, l->table, true);

	for (size_t i = 0; i < l->count && error == 0; i++) {
		batch_element(&l->nft->session.batch, l->table, BATCH_ADD, &l->elements[l->order[i]],
			      l->nft->config.counters);
		error = session_piece(&l->nft->session, false);
	}
	return error;
}

/* Builds l->table from nothing and, in the transaction that makes packets reach it, deletes `old` (NULL: none). */
static int load_build(struct load *l, const char *old)
{
	struct ruleset body = {0}, hooks = {0};
	struct nft *nft = l->nft;
	int error;

	affinity_forget(nft);
	repair_free(nft->repair);
	nft->repair = NULL;
	for (size_t i = 0; i < l->count; i++)
		affinity_count(nft, &l->elements[i], +1);
	ruleset_build(&nft->config, l->table, &body, &hooks);
	session_begin(&nft->session);
	error = put_body(l, &body);
	if (error == 0)
		error = put_elements(l);
	if (error == 0)
		error = session_piece(&nft->session, true);
	if (error == 0) {
		if (old != NULL)
			batch_table(&nft->session.batch, false, old, NULL);
		batch_ruleset(&nft->session.batch, &hooks);
		affinity_put_hooks(nft, l->table, true);
		error = session_commit(&nft->session);
	}
	affinity_settle(nft, error == 0);
	ruleset_fini(&body);
	ruleset_fini(&hooks);
	return error;
}

/* ---- which tables there are ---- */

struct presence {
	const char *table;
	bool exists, hooked;
};

static int see_table(const struct nlmsghdr *nlh, void *ctx)
{
	struct presence *p = ctx;

	p->exists = p->exists || message_is_of_table(nlh, p->table);
	return MNL_CB_OK;
}

static int see_chain(const struct nlmsghdr *nlh, void *ctx)
{
	struct presence *p = ctx;
	struct nftnl_chain *c = mem_made(nftnl_chain_alloc());

	if (message_is_of_table(nlh, p->table) && nftnl_chain_nlmsg_parse(nlh, c) == 0)
		p->hooked = p->hooked || nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM);
	nftnl_chain_free(c);
	return MNL_CB_OK;
}

static int load_look(struct nft *nft, const char *table, struct presence *p)
{
	struct session_dump tables = {.type = NFT_MSG_GETTABLE, .each = see_table, .ctx = p};
	struct session_dump chains = {.type = NFT_MSG_GETCHAIN, .each = see_chain, .ctx = p};
	int error;

	*p = (struct presence){.table = table};
	error = session_dump(&nft->session, &tables);
	return error != 0 || !p->exists ? error : session_dump(&nft->session, &chains);
}

static int load_drop(struct nft *nft, const char *table)
{
	int error;

	session_begin(&nft->session);
	batch_table(&nft->session.batch, false, table, NULL);
	error = session_commit(&nft->session);
	return error == -ENOENT ? 0 : error;
}

static const char *next_name(const struct nft *nft, char name[TABLE_NAME_BYTES + 8])
{
	snprintf(name, TABLE_NAME_BYTES + 8, "%s-next", nft->table);
	return name;
}

/* ---- the public side ---- */

static int replace(struct load *l, const char *next)
{
	int error;

	l->table = next;
	error = load_build(l, l->nft->table);
	if (error != 0)
		return error;
	l->table = l->nft->table;
	return load_build(l, next);
}

int nft_load(struct nft *nft, const struct element *elements, size_t count)
{
	struct load l = {.nft = nft, .table = nft->table, .elements = elements, .count = count};
	struct presence ours, next;
	char name[TABLE_NAME_BYTES + 8];
	int error = load_look(nft, nft->table, &ours);

	if (error == 0)
		error = load_look(nft, next_name(nft, name), &next);
	if (error == 0 && ours.exists && !ours.hooked)
		error = load_drop(nft, nft->table); /* half built: nothing goes through it */
	if (error == 0 && next.exists && (ours.hooked || !next.hooked))
		error = load_drop(nft, name);
	if (error != 0)
		return error;
	l.order = group(elements, count);
	monitor_pause(nft);
	if (ours.hooked)
		error = replace(&l, name);
	else
		error = load_build(&l, next.hooked ? name : NULL);
	monitor_resume(nft);
	free(l.order);
	return error;
}

int nft_cleanup(struct nft *nft)
{
	char name[TABLE_NAME_BYTES + 8];
	int error = load_drop(nft, nft->table);

	if (error == 0)
		error = load_drop(nft, next_name(nft, name));
	if (error == 0)
		affinity_forget(nft);
	return error;
}
