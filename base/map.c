/* Hash map with open addressing. */
#include "base/map.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

static const char tomb; /* its address marks a removed slot */

static bool cell_live(const struct map_cell *s)
{
	return s->key != NULL && s->key != &tomb;
}

void map_fini(struct map *m)
{
	free(m->cells);
	*m = (struct map){0};
}

/* Half of it: a cell is smaller, and no map has more than some millions. */
static uint32_t hash_of(const void *key, size_t key_bytes)
{
	return (uint32_t)hash_key(key, key_bytes);
}

static struct map_cell *map_find(const struct map *m, const void *key, size_t key_bytes, uint32_t hash)
{
	if (m->size == 0)
		return NULL;
	for (size_t i = hash & (m->size - 1);; i = (i + 1) & (m->size - 1)) {
		struct map_cell *s = &m->cells[i];
		if (s->key == NULL)
			return NULL;
		if (s->key != &tomb && s->hash == hash && s->key_bytes == key_bytes &&
		    memcmp(s->key, key, key_bytes) == 0)
			return s;
	}
}

static void place(struct map *m, struct map_cell entry)
{
	size_t i = entry.hash & (m->size - 1);

	while (cell_live(&m->cells[i]))
		i = (i + 1) & (m->size - 1);
	if (m->cells[i].key == &tomb)
		m->tombs--;
	m->cells[i] = entry;
	m->used++;
}

/* At most 3/4 of the cells are live or tombs, so every probe ends. */
static void make_room(struct map *m)
{
	struct map old = *m;

	if ((m->used + m->tombs + 1) * 4 <= m->size * 3)
		return;
	m->size = old.size == 0 ? 16 : (old.used + 1) * 2 > old.size ? old.size * 2 : old.size;
	m->cells = mem_array(m->size, sizeof *m->cells);
	m->used = m->tombs = 0;
	for (size_t i = 0; i < old.size; i++)
		if (cell_live(&old.cells[i]))
			place(m, old.cells[i]);
	free(old.cells);
}

void *map_get(const struct map *m, const void *key, size_t key_bytes)
{
	struct map_cell *s = m->size == 0 ? NULL : map_find(m, key, key_bytes, hash_of(key, key_bytes));

	return s != NULL ? s->value : NULL;
}

void *map_put(struct map *m, const void *key, size_t key_bytes, void *value)
{
	const uint32_t hash = hash_of(key, key_bytes);
	struct map_cell *s = map_find(m, key, key_bytes, hash);

	assert(value != NULL && key != NULL && key_bytes <= UINT32_MAX);
	if (s != NULL) {
		void *old = s->value;
		s->key = key;
		s->value = value;
		return old;
	}
	make_room(m);
	place(m, (struct map_cell){key, value, (uint32_t)key_bytes, hash});
	return NULL;
}

void *map_del(struct map *m, const void *key, size_t key_bytes)
{
	struct map_cell *s = m->size == 0 ? NULL : map_find(m, key, key_bytes, hash_of(key, key_bytes));

	if (s == NULL)
		return NULL;
	void *old = s->value;
	*s = (struct map_cell){.key = &tomb};
	m->used--;
	m->tombs++;
	return old;
}

void *map_next(const struct map *m, size_t *at)
{
	while (*at < m->size) {
		const struct map_cell *s = &m->cells[(*at)++];
		if (cell_live(s))
			return s->value;
	}
	return NULL;
}

void *map_get_str(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}

void *map_put_str(struct map *m, const char *key, void *value)
{
	return map_put(m, key, strlen(key), value);
}

void *map_del_str(struct map *m, const char *key)
{
	return map_del(m, key, strlen(key));
}
