/* Transactions of elements on a loaded table, the first load, and the end of the table. */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nft/kernel.h"
#include "nft/learn.h"
#include "nft/skeleton.h"

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
	learn_put_new(nft);
	put_elements(nft, false);
	put_elements(nft, true);
	learn_put_unused(nft);
	error = kernel_commit(nft);
	learn_settle(nft, error == 0);
	empty(nft);
	return error;
}

/* ---- load ---- */

/* Indices of `elements` grouped by set and family, so that neighbours share messages. */
static uint32_t *group(const struct element *elements, size_t count)
{
	uint32_t starts[SET_COUNT * 2 + 1] = {0};
	uint32_t *order = mem_array(count + 1, sizeof *order);

	for (size_t i = 0; i < count; i++)
		starts[elements[i].set * 2 + (element_family(&elements[i]) == AF_INET6) + 1]++;
	for (size_t g = 1; g <= SET_COUNT * 2; g++)
		starts[g] += starts[g - 1];
	for (size_t i = 0; i < count; i++)
		order[starts[elements[i].set * 2 + (element_family(&elements[i]) == AF_INET6)]++] = (uint32_t)i;
	return order;
}

static int load(struct nft *nft, const struct element *elements, size_t count, bool replace)
{
	struct ruleset body = {0}, hooks = {0};
	char text[SKELETON_TEXT_BYTES];
	uint32_t *order = group(elements, count);
	int error;

	skeleton_build(&nft->skeleton, nft->table, &body, &hooks);
	learn_forget(nft);
	for (size_t i = 0; i < count; i++)
		learn_count(nft, &elements[i], +1);
	kernel_begin(nft);
	if (replace)
		batch_table(&nft->batch, false, nft->table, NULL);
	batch_table(&nft->batch, true, nft->table, skeleton_text(&nft->skeleton, text));
	batch_ruleset(&nft->batch, &body);
	learn_put_new(nft);
	for (size_t i = 0; i < count; i++)
		batch_element(&nft->batch, nft->table, true, &elements[order[i]], nft->skeleton.counters);
	batch_ruleset(&nft->batch, &hooks);
	error = kernel_commit(nft);
	learn_settle(nft, error == 0);
	ruleset_fini(&body);
	ruleset_fini(&hooks);
	free(order);
	return error;
}

int nft_load(struct nft *nft, const struct element *elements, size_t count)
{
	enum table_state state;
	int error = nft_table_state(nft, &state);

	return error != 0 ? error : load(nft, elements, count, state != TABLE_ABSENT);
}

int nft_cleanup(struct nft *nft)
{
	int error;

	kernel_begin(nft);
	batch_table(&nft->batch, false, nft->table, NULL);
	error = kernel_commit(nft);
	if (error == 0)
		learn_forget(nft);
	return error == -ENOENT ? 0 : error;
}
