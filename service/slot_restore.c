/* Finds the slots that endpoints have in the kernel. */
#include "service/slot_restore.h"

#include <stdlib.h>

#include "base/map.h"

struct slots {
	struct target *targets;
	uint32_t count, room, size;
};

struct kernel_slots {
	struct frontend_key key;
	struct slots pools[2]; /* SET_ENDPOINTS, SET_INTERNAL_ENDPOINTS */
};

struct slot_restore {
	struct map frontends; /* by key */
};

struct slot_restore *slot_restore_new(void)
{
	return mem_alloc(sizeof(struct slot_restore));
}

void slot_restore_free(struct slot_restore *m)
{
	struct kernel_slots *h;
	size_t at = 0;

	if (m == NULL)
		return;
	while ((h = map_next(&m->frontends, &at)) != NULL) {
		free(h->pools[0].targets);
		free(h->pools[1].targets);
		free(h);
	}
	map_fini(&m->frontends);
	free(m);
}

static struct kernel_slots *slots_of(struct slot_restore *m, const struct element *e)
{
	struct frontend_key key = frontend_key_of(e);
	struct kernel_slots *h = map_get(&m->frontends, &key, sizeof key);

	if (h != NULL)
		return h;
	h = mem_alloc(sizeof *h);
	h->key = key;
	map_put(&m->frontends, &h->key, sizeof h->key, h);
	return h;
}

static void slot_set(struct slots *s, uint32_t slot, const struct element *e)
{
	if (slot >= SLOT_MAX_SIZE)
		return; /* not ours: reconciling removes it */
	if (slot >= s->room) {
		uint32_t room = s->room != 0 ? s->room : 4;
		while (room <= slot)
			room *= 2;
		s->targets = mem_resize(s->targets, room * sizeof *s->targets);
		for (uint32_t i = s->room; i < room; i++)
			s->targets[i] = (struct target){0};
		s->room = room;
	}
	s->targets[slot] = (struct target){.addr = e->to, .port = e->to_port};
	if (slot >= s->count)
		s->count = slot + 1;
}

static void size_set(struct slot_restore *m, const struct element *e)
{
	uint32_t size = e->verdict.size;
	bool internal = e->verdict.kind == VERDICT_PICK_INTERNAL;

	if (e->verdict.kind != VERDICT_CLUSTER && e->verdict.kind != VERDICT_EXTERNAL &&
	    e->verdict.kind != VERDICT_PICK && !internal)
		return;
	if (size != 0 && size <= SLOT_MAX_SIZE && slot_size(size) == size)
		slots_of(m, e)->pools[internal].size = size;
}

void slot_restore_add(struct slot_restore *m, const struct element *e)
{
	switch (e->set) {
	case SET_ENDPOINTS:
	case SET_INTERNAL_ENDPOINTS:
		slot_set(&slots_of(m, e)->pools[e->set == SET_INTERNAL_ENDPOINTS], e->slot, e);
		break;
	case SET_DISPATCH:
	case SET_SOURCE_RANGES:
	case SET_LOCAL:
	case SET_INTERNAL:
		size_set(m, e);
		break;
	default:
		break;
	}
}

struct pool_previous slot_restore_previous(const struct slot_restore *m, const struct frontend_key *key, bool internal)
{
	const struct kernel_slots *h = map_get(&m->frontends, key, sizeof *key);

	if (h == NULL)
		return (struct pool_previous){0};
	const struct slots *s = &h->pools[internal];
	return (struct pool_previous){.size = s->size, .count = s->count, .slots = s->targets};
}
