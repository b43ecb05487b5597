/* Finds out what is to be removed and added. */
#include "netlink/reconcile.h"

#include <stdint.h>
#include <stdlib.h>

static const void *item(const struct reconcile *r, const void *list, size_t i)
{
	return (const uint8_t *)list + i * r->item_bytes;
}

static void sort(const struct reconcile *r, void *list, size_t count)
{
	if (count > 1)
		qsort(list, count, r->item_bytes, r->compare);
}

/* Acts on each item of the first list that the second one does not have; an item that stands twice, once. */
static int each_missing(const struct reconcile *r, const void *list, size_t count, const void *other,
			size_t other_count, reconcile_act_fn *act, size_t *done)
{
	size_t at = 0;
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		const void *one = item(r, list, i);
		if (i > 0 && r->compare(item(r, list, i - 1), one) == 0)
			continue;
		while (at < other_count && r->compare(item(r, other, at), one) < 0)
			at++;
		if (at < other_count && r->compare(item(r, other, at), one) == 0)
			continue;
		int error = act(r->ctx, one);
		if (error == 0)
			(*done)++;
		else if (first == 0)
			first = error;
	}
	return first;
}

int reconcile(const struct reconcile *r, size_t *removed)
{
	size_t gone = 0, added = 0;

	sort(r, r->wanted, r->wanted_count);
	sort(r, r->present, r->present_count);
	int first = each_missing(r, r->present, r->present_count, r->wanted, r->wanted_count, r->remove, &gone);
	int second = each_missing(r, r->wanted, r->wanted_count, r->present, r->present_count, r->add, &added);
	if (removed != NULL)
		*removed = gone;
	return first != 0 ? first : second;
}
