/* Nets the differences of one turn per key. */
#include <stdlib.h>

#include "base/mem.h"
#include "proxy/changes.h"

struct entry {
	struct element element;
	uint32_t at; /* order of happening */
	bool add;
};

/* Ownership passed from one service to another, one of which may be the one that changes. */
struct move {
	struct frontend_key key;
	const struct service *from, *to;
};

struct changes {
	struct entry *entries;
	size_t count, room;
	struct element_list before, after; /* of some keys; these lists are kept for their memory */
	const struct owners *owners;
	struct owners_keys keys; /* of the service that changes */
	struct move *moves;	 /* of its keys, in their order */
	size_t move_count, move_room, move_at;
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
	free(c->moves);
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

static void moved(void *ctx, const struct frontend_key *key, const struct service *from, const struct service *to)
{
	struct changes *c = ctx;

	c->moves = mem_grow(c->moves, c->move_count, &c->move_room, sizeof *c->moves);
	c->moves[c->move_count++] = (struct move){*key, from, to};
}

void changes_begin(struct changes *c, struct owners *owners, const struct service *prev, const struct service *next)
{
	c->owners = owners;
	c->keys = (struct owners_keys){.prev = prev, .next = next};
	owners_replace(owners, prev, next, moved, c);
}

/* The move of this key; NULL: it was, and is, the changing service's, another's, or nothing's. */
static const struct move *next_move(struct changes *c, const struct frontend_key *key)
{
	if (c->move_at == c->move_count || frontend_key_compare(&c->moves[c->move_at].key, key) != 0)
		return NULL;
	return &c->moves[c->move_at++];
}

static void moves_clear(struct changes *c)
{
	c->move_count = c->move_at = 0;
	if (c->move_room <= ELEMENT_LIST_KEPT)
		return;
	free(c->moves);
	c->moves = NULL;
	c->move_room = 0;
}

/* What stood under a key, and what stands there now, of whichever service. */
static void collect(struct changes *c, const struct frontend_key *key)
{
	const struct service *prev = c->keys.prev, *next = c->keys.next;
	const struct service *was = prev, *is = owners_find(c->owners, key);
	const struct move *move = next_move(c, key);

	if (move != NULL)
		was = move->from != next ? move->from : prev; /* "from next": it would have been its, and was prev's */
	else if (is != NULL && is != next)
		return;
	if (was != NULL)
		elements_collect_key(&c->before, was, key);
	if (is != NULL)
		elements_collect_key(&c->after, is, key);
}

bool changes_some(struct changes *c, size_t most)
{
	const struct element_ops ops = {.ctx = c, .del = note_del, .add = note_add};
	struct frontend_key key;
	size_t keys = 0;
	bool more = true;

	element_list_clear(&c->before);
	element_list_clear(&c->after);
	while (keys++ < most && c->before.count + c->after.count < most && (more = owners_next_key(&c->keys, &key)))
		collect(c, &key);
	element_list_sort(&c->after);
	elements_reconcile(&c->after, &c->before, &ops);
	if (!more)
		moves_clear(c);
	return more;
}

void changes_service(struct changes *c, struct owners *owners, const struct service *prev, const struct service *next)
{
	changes_begin(c, owners, prev, next);
	changes_some(c, SIZE_MAX);
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
