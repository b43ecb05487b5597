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

	s->image.state = TABLE_OURS;
	if (s->deps.nft == NULL || !table_parts_any(&s->must_read_back))
		return 0;
	if (s->large.service != NULL) { /* what is there of it is not asked for */
		sync_large_abandon(s, true);
		s->must_read_back = TABLE_PARTS_ALL;
	}
	error = adopt_read(&s->image, s->deps.nft, &s->must_read_back);
	if (error < 0)
		adopt_fini(&s->image);
	else if (!s->stats.done && s->image.state == TABLE_OURS) {
		restore_slots(s);
		s->quarantine.adopted = &s->image;
	}
	return error;
}

static bool is_read_back(const struct sync *s, const struct element *e)
{
	return (s->image.sets >> e->set & 1) != 0;
}

/* Filtered service by service: the full list takes 15 MB. */
static void keep_read_back(struct sync *s, size_t first)
{
	struct element_list *want = &s->image.want;
	size_t kept = first;

	for (size_t i = first; i < want->count; i++)
		if (is_read_back(s, &want->items[i]))
			want->items[kept++] = want->items[i];
	want->count = kept;
}

/* What should be in the sets that were read back. */
static void collect_wanted(struct sync *s)
{
	struct element_list *want = &s->image.want;
	const struct store_service *service;
	size_t at = 0;

	for (size_t i = 0; i < s->ranges.count; i++)
		element_list_add(want, &s->ranges.items[i]);
	keep_read_back(s, 0);
	while ((service = store_next_service(s->deps.store, &at)) != NULL) {
		const size_t first = want->count;
		if (sync_newest(service) != NULL)
			elements_collect(want, sync_newest(service), s->owners);
		keep_read_back(s, first);
	}
}

/* Own changes are differences; of a set that was read back they are in what it is compared with. */
static void change_del(void *ctx, const struct element *e)
{
	const struct sync *s = ctx;

	if (!is_read_back(s, e))
		adopt_del(s->deps.nft, e);
}

static void change_add(void *ctx, const struct element *e)
{
	const struct sync *s = ctx;

	if (!is_read_back(s, e))
		adopt_add(s->deps.nft, e);
}

static bool change_count(void *ctx, struct element *e)
{
	return nft_get(((const struct sync *)ctx)->deps.nft, e) == 0;
}

size_t sync_flush(struct sync *s, struct changes *changes)
{
	const struct element_ops ops = {.ctx = s, .del = change_del, .add = change_add, .count = change_count};

	return changes_flush(changes, &ops);
}

void sync_diff(struct sync *s)
{
	if (s->deps.nft == NULL)
		return;
	if (s->image.sets != 0) {
		collect_wanted(s);
		adopt_diff(&s->image, s->deps.nft);
	}
	sync_flush(s, s->changes);
	s->operations = adopt_operations(&s->image, s->deps.nft);
}

int sync_commit(struct sync *s)
{
	int error;

	if (s->deps.nft == NULL)
		return 0;
	error = adopt_commit(&s->image, s->deps.nft);
	s->loaded = s->image.state != TABLE_OURS;
	if (error == 0 && !s->stats.done)
		s->stats.start = s->image.state == TABLE_OURS ? START_ADOPTED : START_LOADED;
	s->quarantine.adopted = NULL;
	adopt_fini(&s->image);
	return error;
}
