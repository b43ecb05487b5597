/* Grows, sorts and clears a list of elements. */
#include "nft/element_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void element_list_add(struct element_list *l, const struct element *e)
{
	l->items = mem_grow(l->items, l->count, &l->room, sizeof *l->items);
	l->items[l->count++] = *e;
}

void element_list_clear(struct element_list *l)
{
	if (l->room > ELEMENT_LIST_KEPT)
		element_list_fini(l);
	l->count = 0;
}

void element_list_fini(struct element_list *l)
{
	free(l->items);
	*l = (struct element_list){0};
}

static void swap_items(struct element_list *l, uint32_t *place, size_t a, size_t b)
{
	const struct element e = l->items[a];
	const uint32_t p = place[a];

	l->items[a] = l->items[b];
	l->items[b] = e;
	place[a] = place[b];
	place[b] = p;
}

void element_list_group(struct element_list *l, const uint8_t group[SET_COUNT * 2], uint32_t starts[SET_COUNT * 2 + 1])
{
	uint32_t *place = mem_array(l->count + 1, sizeof *place), next[SET_COUNT * 2];

	memset(starts, 0, (SET_COUNT * 2 + 1) * sizeof *starts);
	for (size_t i = 0; i < l->count; i++)
		starts[group[element_kind(&l->items[i])] + 1]++;
	for (size_t g = 0; g < SET_COUNT * 2; g++)
		starts[g + 1] += starts[g];
	memcpy(next, starts, sizeof next);
	for (size_t i = 0; i < l->count; i++)
		place[i] = next[group[element_kind(&l->items[i])]]++;
	for (size_t i = 0; i < l->count; i++)
		while (place[i] != i)
			swap_items(l, place, i, place[i]);
	free(place);
}

static int order(const void *a, const void *b)
{
	return element_compare(a, b);
}

static bool sorted(const struct element *items, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (element_compare(&items[i - 1], &items[i]) > 0)
			return false;
	return true;
}

/* By set and family first, in linear time: what a service asks for is in order then. */
void element_list_sort(struct element_list *l)
{
	uint8_t group[SET_COUNT * 2];
	uint32_t starts[SET_COUNT * 2 + 1];

	if (sorted(l->items, l->count))
		return;
	for (uint8_t i = 0; i < SET_COUNT * 2; i++)
		group[i] = i;
	element_list_group(l, group, starts);
	for (size_t g = 0; g < SET_COUNT * 2; g++) {
		struct element *items = l->items + starts[g];
		const size_t count = starts[g + 1] - starts[g];
		if (!sorted(items, count))
			qsort(items, count, sizeof *items, order);
	}
}

void element_list_unique(struct element_list *l)
{
	size_t unique = 0;

	for (size_t i = 0; i < l->count; i++)
		if (unique == 0 || !element_same_key(&l->items[unique - 1], &l->items[i]))
			l->items[unique++] = l->items[i];
	l->count = unique;
}
