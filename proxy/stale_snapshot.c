/* Frontends and their endpoints, copied for another thread. */
#include "proxy/stale_snapshot.h"

#include <string.h>

#include "base/mem.h"

#define ARENA_BYTES 4096

struct copy {
	const struct target *from; /* only compared: it may be freed by now */
	const struct target *targets;
};

/* A port has frontends at many addresses; its endpoints are copied once. */
static const struct target *targets_copy(struct stale_snapshot *s, const struct service_port *p)
{
	const size_t bytes = p->target_count * sizeof *p->targets;
	struct copy *c = map_get(&s->copies, &p->targets, sizeof p->targets);

	if (c != NULL || p->target_count == 0)
		return c != NULL ? c->targets : NULL;
	struct target *targets = arena_alloc(s->arena, bytes);
	memcpy(targets, p->targets, bytes);
	c = arena_alloc(s->arena, sizeof *c);
	*c = (struct copy){.from = p->targets, .targets = targets};
	map_put(&s->copies, &c->from, sizeof c->from, c);
	return targets;
}

void stale_snapshot_add(struct stale_snapshot *s, const struct owners *owners, const struct frontend_key *key)
{
	const struct service *owner;
	const struct frontend *frontend = owners_frontend(owners, key, &owner);

	if (stale_snapshot_find(s, key) != NULL)
		return;
	if (s->arena == NULL)
		s->arena = arena_new(ARENA_BYTES);
	struct stale_frontend *f = arena_alloc(s->arena, sizeof *f);
	*f = (struct stale_frontend){.key = *key, .owned = frontend != NULL};
	if (frontend != NULL) {
		const struct service_port *p = &owner->ports[frontend->service_port];
		f->target_count = p->target_count;
		f->targets = targets_copy(s, p);
	}
	map_put(&s->frontends, &f->key, sizeof f->key, f);
}

const struct stale_frontend *stale_snapshot_find(const struct stale_snapshot *s, const struct frontend_key *key)
{
	return map_get(&s->frontends, key, sizeof *key);
}

void stale_snapshot_fini(struct stale_snapshot *s)
{
	map_fini(&s->frontends);
	map_fini(&s->copies);
	arena_free(s->arena);
	*s = (struct stale_snapshot){0};
}
