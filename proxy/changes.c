/* Nets the differences of one turn per key. */
#include <stdlib.h>

#include "base/mem.h"
#include "proxy/changes.h"

struct entry {
	struct element element;
	uint32_t at; /* order of happening */
	bool add;
};

struct changes {
	struct entry *entries;
	size_t count, room;
	struct element_list before, after; /* of one service; these lists are kept for their memory */
	struct element_list lost, won;	   /* of others, by what happens to that one */
};

struct changes *changes_new(void)
{
	return mem_alloc(sizeof(struct changes));
}

void changes_free(struct changes *c)
{
	if (c == NULL)
		return;
	element_list_fini(&c->before);
	element_list_fini(&c->after);
	element_list_fini(&c->lost);
	element_list_fini(&c->won);
	free(c->entries);
	free(c);
}

static void note(struct changes *c, const struct element *e, bool add)
{
	c->entries = mem_grow(c->entries, c->count, &c->room, sizeof *c->entries);
	c->entries[c->count] = (struct entry){.element = *e, .at = (uint32_t)c->count, .add = add};
	c->count++;
}

void changes_del(struct changes *c, const struct element *e)
{
	note(c, e, false);
}

void changes_add(struct changes *c, const struct element *e)
{
	note(c, e, true);
}

static void note_del(void *ctx, const struct element *e)
{
	note(ctx, e, false);
}

static void note_add(void *ctx, const struct element *e)
{
	note(ctx, e, true);
}

struct move {
	struct changes *changes;
	const struct service *prev, *next;
};

/* Only the other service's side: the own side is in the lists before and after. */
static void moved(void *ctx, const struct frontend_key *key, const struct service *from, const struct service *to)
{
	const struct move *m = ctx;

	if (from != m->prev && from != m->next)
		elements_collect_key(&m->changes->lost, from, key);
	if (to != m->prev && to != m->next)
		elements_collect_key(&m->changes->won, to, key);
}

static void note_list(struct changes *c, struct element_list *list, bool add)
{
	for (size_t i = 0; i < list->count; i++)
		note(c, &list->items[i], add);
	element_list_clear(list);
}

/* The service that loses a key is noted before the one that wins it: the order of entries says what was and what is. */
void changes_service(struct changes *c, struct owners *owners, const struct service *prev, const struct service *next)
{
	struct move m = {.changes = c, .prev = prev, .next = next};
	struct element_ops ops = {.ctx = c, .del = note_del, .add = note_add};

	element_list_clear(&c->before);
	element_list_clear(&c->after);
	if (prev != NULL)
		elements_collect(&c->before, prev, owners);
	owners_replace(owners, prev, next, moved, &m);
	if (next != NULL)
		elements_collect(&c->after, next, owners);
	note_list(c, &c->lost, false);
	elements_reconcile(&c->after, &c->before, &ops);
	note_list(c, &c->won, true);
}

/* By set, family and key, then as it happened. element_compare also orders by value, so equal keys are told apart. */
static int by_key_then_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (element_same_key(&x->element, &y->element))
		return (x->at > y->at) - (x->at < y->at);
	return element_compare(&x->element, &y->element);
}

/* The kernel still has what is to be deleted: nothing is sent before everything is handed out. */
static void send_add(const struct element *was, const struct element *is, const struct element_ops *ops)
{
	struct element e = *is, old;

	if (was != NULL && ops->count != NULL && elements_counter_stays(was)) {
		old = *was;
		if (ops->count(ops->ctx, &old)) {
			e.packets = old.packets;
			e.bytes = old.bytes;
		}
	}
	ops->add(ops->ctx, &e);
}

/* First and last of a key's entries say what was and what is; what lies between never was in the kernel. */
static size_t net(const struct entry *first, const struct entry *last, bool adds, const struct element_ops *ops)
{
	const struct element *was = first->add ? NULL : &first->element;
	const struct element *is = last->add ? &last->element : NULL;

	if (was != NULL && is != NULL && element_equal(was, is))
		return 0;
	if (!adds && was != NULL) {
		ops->del(ops->ctx, was);
		return 1;
	}
	if (adds && is != NULL) {
		send_add(was, is, ops);
		return 1;
	}
	return 0;
}

/* As with lists of elements, a large turn leaves no memory behind. */
static void entries_clear(struct changes *c)
{
	c->count = 0;
	if (c->room <= ELEMENT_LIST_KEPT)
		return;
	free(c->entries);
	c->entries = NULL;
	c->room = 0;
}

/* The differences of one service are. */
static bool sorted(const struct changes *c)
{
	for (size_t i = 1; i < c->count; i++)
		if (by_key_then_time(&c->entries[i - 1], &c->entries[i]) > 0)
			return false;
	return true;
}

size_t changes_count(const struct changes *c)
{
	return c->count;
}

size_t changes_flush(struct changes *c, const struct element_ops *ops)
{
	size_t operations = 0;

	if (!sorted(c))
		qsort(c->entries, c->count, sizeof *c->entries, by_key_then_time);
	for (int adds = 0; adds < 2; adds++)
		for (size_t i = 0, next; i < c->count; i = next) {
			for (next = i + 1; next < c->count; next++)
				if (!element_same_key(&c->entries[i].element, &c->entries[next].element))
					break;
			operations += net(&c->entries[i], &c->entries[next - 1], adds, ops);
		}
	entries_clear(c);
	return operations;
}
