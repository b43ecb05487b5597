/* Grows, sorts and clears a list of elements. */
#include "nft/element_list.h"

#include <stdlib.h>

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

static int order(const void *a, const void *b)
{
	return element_compare(a, b);
}

void element_list_sort(struct element_list *l)
{
	if (l->count != 0)
		qsort(l->items, l->count, sizeof *l->items, order);
}

void element_list_unique(struct element_list *l)
{
	size_t unique = 0;

	for (size_t i = 0; i < l->count; i++)
		if (unique == 0 || !element_same_key(&l->items[unique - 1], &l->items[i]))
			l->items[unique++] = l->items[i];
	l->count = unique;
}
