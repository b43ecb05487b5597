/* A set of frontend keys. */
#include "proxy/frontend_set.h"

#include <stdlib.h>

#include "base/mem.h"

bool frontend_set_has(const struct frontend_set *k, const struct frontend_key *key)
{
	return map_get(&k->keys, key, sizeof *key) != NULL;
}

void frontend_set_add(struct frontend_set *k, const struct frontend_key *key)
{
	if (frontend_set_has(k, key))
		return;
	struct frontend_key *copy = mem_alloc(sizeof *copy);
	*copy = *key;
	map_put(&k->keys, copy, sizeof *copy, copy);
}

void frontend_set_add_gone(struct frontend_set *k, const struct service *prev, const struct service *next)
{
	for (size_t i = 0; prev != NULL && i < prev->frontend_count; i++) {
		const struct frontend_key *key = &prev->frontends[i].key;
		if (next == NULL || service_frontend(next, key) == NULL)
			frontend_set_add(k, key);
	}
}

/* An endpoint that served all clients serves pods and the node only: it is another node's now. */
static bool lost_local(const struct service_port *prev, const struct service_port *next)
{
	for (uint32_t i = 0; i < prev->target_count; i++) {
		const struct target *t = &prev->targets[i];
		if ((t->flags & TARGET_IN_LOCAL) == 0)
			continue;
		uint32_t at = service_port_find(next, &t->addr, t->port);
		if (at < next->target_count && target_compare(&next->targets[at], t) == 0 &&
		    (next->targets[at].flags & TARGET_IN_LOCAL) == 0)
			return true;
	}
	return false;
}

void frontend_set_add_narrowed(struct frontend_set *k, const struct service *prev, const struct service *next)
{
	for (size_t i = 0; next != NULL && i < next->frontend_count; i++) {
		const struct frontend *f = &next->frontends[i];
		const struct frontend *before = prev != NULL ? service_frontend(prev, &f->key) : NULL;
		if (f->split && (before == NULL || !before->split ||
				 lost_local(&prev->ports[before->service_port], &next->ports[f->service_port])))
			frontend_set_add(k, &f->key);
	}
}

void frontend_set_fini(struct frontend_set *k)
{
	size_t at = 0;
	void *key;

	while ((key = map_next(&k->keys, &at)) != NULL)
		free(key);
	map_fini(&k->keys);
	*k = (struct frontend_set){0};
}
