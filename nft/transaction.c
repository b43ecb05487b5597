/* Transactions of elements on a loaded table. */

#include "base/mem.h"
#include "nft/kernel.h"
#include "nft/learn.h"

static void append(struct element **list, size_t *count, size_t *room, const struct element *e)
{
	if (*count == *room) {
		*room = *room * 2 + 16;
		*list = mem_resize(*list, *room * sizeof **list);
	}
	(*list)[(*count)++] = *e;
}

void nft_tx_del(struct nft *nft, const struct element *e)
{
	append(&nft->dels, &nft->del_count, &nft->del_room, e);
}

void nft_tx_add(struct nft *nft, const struct element *e)
{
	append(&nft->adds, &nft->add_count, &nft->add_room, e);
}

size_t nft_tx_count(const struct nft *nft)
{
	return nft->del_count + nft->add_count;
}

static void put_elements(struct nft *nft, bool add)
{
	const struct element *list = add ? nft->adds : nft->dels;
	size_t count = add ? nft->add_count : nft->del_count;

	for (size_t i = 0; i < count; i++)
		batch_element(&nft->batch, nft->table, add, &list[i], nft->skeleton.counters);
}

static void empty(struct nft *nft)
{
	nft->add_count = nft->del_count = 0;
}

int nft_tx_commit(struct nft *nft)
{
	int error;

	if (nft_tx_count(nft) == 0)
		return 0;
	for (size_t i = 0; i < nft->del_count; i++)
		learn_count(nft, &nft->dels[i], -1);
	for (size_t i = 0; i < nft->add_count; i++)
		learn_count(nft, &nft->adds[i], +1);
	kernel_begin(nft);
	learn_put_new(nft, nft->table);
	put_elements(nft, false);
	put_elements(nft, true);
	learn_put_unused(nft);
	error = kernel_commit(nft);
	learn_settle(nft, error == 0);
	empty(nft);
	return error;
}
