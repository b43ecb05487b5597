/* Transactions that are sent in parts, and the order of their elements. */
#include "nft/parts.h"

#include <stdlib.h>

#include "base/mem.h"
#include "nft/affinity.h"

enum phase { PHASE_NEW, PHASE_REPLACED, PHASE_GONE, PHASE_DONE };

struct nft_parts {
	struct element_list adds, dels; /* by rank, then in the order of elements */
	bool *replaces, *replaced;	/* of adds: there is a deletion under the same key; of dels: there is an add */
	size_t *predecessor;		/* of an add that replaces: the deletion */
	enum phase phase;
	size_t at; /* in the list of the phase */
	bool begun;
};

/* ---- one element ---- */

void parts_put_addition(struct nft *nft, const struct element *e)
{
	batch_element(&nft->session.batch, nft->table, BATCH_ADD, e, nft->config.counters);
}

/* What is there may be added again, so a kernel without "delete if it is there" is asked for that before. */
void parts_put_deletion(struct nft *nft, const struct element *e)
{
	const bool destroy = parts_may_be_gone(e) && nft->destroy_works;

	if (parts_may_be_gone(e) && !destroy)
		parts_put_addition(nft, e);
	batch_element(&nft->session.batch, nft->table, destroy ? BATCH_DESTROY : BATCH_DEL, e, nft->config.counters);
}

/* ---- the order ---- */

/* Later in this order: points at what is earlier. */
static const uint8_t rank[SET_COUNT] = {
	[SET_LOCAL] = 1, [SET_INTERNAL] = 1, [SET_AFFINITY_FRONTENDS] = 1, [SET_SOURCE_RANGES] = 2, [SET_DISPATCH] = 3};

static int compare_keys(const void *key, const void *member)
{
	const struct element *x = key, *y = member;

	if (rank[x->set] != rank[y->set])
		return rank[x->set] - rank[y->set];
	return element_same_key(x, y) ? 0 : element_compare(x, y);
}

static void sort(struct element_list *l)
{
	uint8_t group[SET_COUNT * 2];
	uint32_t starts[SET_COUNT * 2 + 1];

	for (size_t i = 0; i < SET_COUNT * 2; i++)
		group[i] = rank[i / 2];
	element_list_sort(l);
	element_list_group(l, group, starts);
}

/* The addition under the same key as a deletion: together they replace. */
static void pair(struct nft_parts *p)
{
	const struct element_list *adds = &p->adds, *dels = &p->dels;

	for (size_t i = 0; i < dels->count && adds->count != 0; i++) {
		const struct element *add =
			bsearch(&dels->items[i], adds->items, adds->count, sizeof *adds->items, compare_keys);
		if (add == NULL)
			continue;
		p->replaced[i] = p->replaces[add - adds->items] = true;
		p->predecessor[add - adds->items] = i;
	}
}

struct nft_parts *nft_tx_take(struct nft *nft)
{
	struct nft_parts *p = mem_alloc(sizeof *p);

	p->adds = nft->adds;
	p->dels = nft->dels;
	nft->adds = nft->dels = (struct element_list){0};
	p->replaces = mem_array(p->adds.count + 1, sizeof *p->replaces);
	p->replaced = mem_array(p->dels.count + 1, sizeof *p->replaced);
	p->predecessor = mem_array(p->adds.count + 1, sizeof *p->predecessor);
	sort(&p->adds);
	sort(&p->dels);
	pair(p);
	return p;
}

void nft_parts_free(struct nft_parts *p)
{
	if (p == NULL)
		return;
	element_list_fini(&p->adds);
	element_list_fini(&p->dels);
	free(p->replaces);
	free(p->replaced);
	free(p->predecessor);
	free(p);
}

size_t nft_parts_count(const struct nft_parts *p)
{
	return p->adds.count + p->dels.count;
}

/* ---- sending ---- */

/* Moves p->at to the next element of the phase. False: there is none left. */
static bool find_next(struct nft_parts *p)
{
	const bool gone = p->phase == PHASE_GONE, wanted = p->phase == PHASE_REPLACED;
	const bool *marks = gone ? p->replaced : p->replaces;
	const size_t count = gone ? p->dels.count : p->adds.count;

	while (p->at < count && marks[gone ? count - 1 - p->at : p->at] != wanted)
		p->at++;
	return p->at < count;
}

/* Deletions backwards: what points goes before what is pointed at. */
static void put_next(struct nft *nft, struct nft_parts *p)
{
	const size_t at = p->at++;

	if (p->phase == PHASE_GONE) {
		parts_put_deletion(nft, &p->dels.items[p->dels.count - 1 - at]);
		return;
	}
	if (p->phase == PHASE_REPLACED)
		parts_put_deletion(nft, &p->dels.items[p->predecessor[at]]);
	parts_put_addition(nft, &p->adds.items[at]);
}

int parts_send(struct nft *nft, struct nft_parts *p, size_t most)
{
	int error = 0;

	for (size_t sent = 0; error == 0 && sent < most && p->phase != PHASE_DONE;) {
		if (find_next(p)) {
			put_next(nft, p);
			sent++;
			error = session_piece(&nft->session, false);
		} else {
			p->phase++;
			p->at = 0;
			error = session_piece(&nft->session, true);
		}
	}
	return error == 0 ? session_piece(&nft->session, true) : error;
}

static void count_clients(struct nft *nft, const struct element_list *l, int by)
{
	for (size_t i = 0; i < l->count; i++)
		affinity_count(nft, &l->items[i], by);
}

/* The chains for affinity are there from before the first part until after the last one. */
int nft_parts_commit(struct nft *nft, struct nft_parts *p, size_t most)
{
	int error = 0;

	monitor_pause(nft);
	session_begin(&nft->session);
	if (!p->begun) {
		count_clients(nft, &p->adds, +1);
		error = affinity_put_new(nft, nft->table, true);
		affinity_put_hooks(nft, nft->table, true);
		p->begun = true;
	}
	if (error == 0)
		error = parts_send(nft, p, most);
	if (error == 0 && p->phase == PHASE_DONE) {
		count_clients(nft, &p->dels, -1);
		affinity_put_unused(nft);
		error = session_piece(&nft->session, true);
	}
	affinity_settle(nft, error == 0);
	monitor_resume(nft);
	return error == 0 ? p->phase != PHASE_DONE : error;
}
