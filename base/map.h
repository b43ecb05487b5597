/*
 * Hash map from a byte string to a pointer: open addressing, base/hash.h. Keys are borrowed: they must live
 * (usually inside the value) as long as the entry. One thread. Not for what DNS workers read: that is liburcu's.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_cell {
	const void *key; /* NULL: never used; map.c has a mark for removed */
	void *value;
	uint32_t key_bytes, hash; /* its lower half */
};

struct map { /* all zero = empty, ready to use */
	struct map_cell *cells;
	size_t size, used, tombs; /* size is a power of two or 0 */
};

void map_fini(struct map *m);					       /* frees the table, not the values */
void *map_get(const struct map *m, const void *key, size_t key_bytes); /* NULL: absent */
/* Stores value (not NULL) under key, replacing key and value; returns the old value or NULL. */
void *map_put(struct map *m, const void *key, size_t key_bytes, void *value);
void *map_del(struct map *m, const void *key, size_t key_bytes); /* returns the old value or NULL */
static inline size_t map_count(const struct map *m)
{
	return m->used;
}
/*
 * Iteration: size_t at = 0; while ((v = map_next(&m, &at))) … ; deleting the value just returned is allowed,
 * inserting is not. Order is arbitrary.
 */
void *map_next(const struct map *m, size_t *at);

void *map_get_str(const struct map *m, const char *key);
void *map_put_str(struct map *m, const char *key, void *value);
void *map_del_str(struct map *m, const char *key);

#endif
