#include "proxy/frontendkeys.h"

#include <stdlib.h>

#include "base/mem.h"

bool frontend_keys_has(const struct frontend_keys *k, const struct frontend_key *key)
{
	return map_get(&k->keys, key, sizeof *key) != NULL;
}

void frontend_keys_add(struct frontend_keys *k, const struct frontend_key *key)
{
	if (frontend_keys_has(k, key))
		return;
	struct frontend_key *copy = mem_alloc(sizeof *copy);
	*copy = *key;
	map_put(&k->keys, copy, sizeof *copy, copy);
}

void frontend_keys_add_gone(struct frontend_keys *k, const struct service *prev, const struct service *next)
{
	for (size_t i = 0; prev != NULL && i < prev->frontend_count; i++) {
		const struct frontend_key *key = &prev->frontends[i].key;
		if (next == NULL || service_frontend(next, key) == NULL)
			frontend_keys_add(k, key);
	}
}

void frontend_keys_add_split(struct frontend_keys *k, const struct service *prev, const struct service *next)
{
	for (size_t i = 0; next != NULL && i < next->frontend_count; i++) {
		const struct frontend *f = &next->frontends[i];
		const struct frontend *before = prev != NULL ? service_frontend(prev, &f->key) : NULL;
		if (f->split && (before == NULL || !before->split))
			frontend_keys_add(k, &f->key);
	}
}

void frontend_keys_fini(struct frontend_keys *k)
{
	size_t at = 0;
	void *key;

	while ((key = map_next(&k->keys, &at)) != NULL)
		free(key);
	map_fini(&k->keys);
	*k = (struct frontend_keys){0};
}
