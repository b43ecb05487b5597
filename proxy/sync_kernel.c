/* Services to the kernel: what it has, what it should have, and the one transaction between them. */
#include "proxy/sync_private.h"

/* The first compilation gives endpoints the slots that they have in the kernel already. */
static void restore_slots(struct sync *s)
{
	s->restore = slot_restore_new();
	for (size_t i = 0; i < s->image.elements.count; i++)
		slot_restore_add(s->restore, &s->image.elements.items[i]);
}

int sync_read_back(struct sync *s)
{
	int error;

	if (s->deps.nft == NULL || !s->must_read_back)
		return 0;
	error = adopt_read(&s->image, s->deps.nft);
	if (error < 0)
		adopt_fini(&s->image);
	else if (!s->stats.done && s->image.state == TABLE_OURS)
		restore_slots(s);
	return error;
}

static void collect_everything(struct sync *s, struct element_list *want)
{
	const struct store_service *service;
	size_t at = 0;

	for (size_t i = 0; i < s->ranges.count; i++)
		element_list_add(want, &s->ranges.items[i]);
	while ((service = store_next_service(s->deps.store, &at)) != NULL)
		if (sync_newest(service) != NULL)
			elements_collect(want, sync_newest(service), s->owners);
}

void sync_diff(struct sync *s)
{
	if (s->deps.nft == NULL)
		return;
	if (s->must_read_back) {
		collect_everything(s, &s->image.want);
		s->operations = adopt_diff(&s->image, s->deps.nft);
	} else {
		const struct element_ops ops = adopt_transaction(s->deps.nft);
		s->operations = changes_flush(s->changes, &ops);
	}
}

int sync_commit(struct sync *s)
{
	int error;

	if (s->deps.nft == NULL)
		return 0;
	error = s->must_read_back ? adopt_commit(&s->image, s->deps.nft) : nft_tx_commit(s->deps.nft);
	if (error == 0 && !s->stats.done)
		s->stats.start = s->image.state == TABLE_OURS ? START_ADOPTED : START_LOADED;
	adopt_fini(&s->image);
	return error;
}
