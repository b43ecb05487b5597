/* Makes and searches value trees. */
#include "watch/decode/value.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define FEW_KEYS 12 /* up to here comparing all pairs is cheaper */

struct value *value_new(struct arena *arena)
{
	return arena_packed(arena, sizeof(struct value), alignof(struct value));
}

const char *value_type_name(const struct value *v)
{
	static const char *const names[] = {"null", "boolean", "number", "string", "list", "map"};

	return v == NULL ? "null" : names[v->type];
}

const struct value *value_get(const struct value *v, const char *key)
{
	if (v == NULL || v->type != VALUE_MAP)
		return NULL;
	for (const struct value *c = v->first; c != NULL; c = c->next)
		if (strcmp(c->key, key) == 0)
			return c->type != VALUE_NULL ? c : NULL;
	return NULL;
}

void value_append(struct value *parent, struct value **last, struct value *child)
{
	if (*last != NULL)
		(*last)->next = child;
	else
		parent->first = child;
	*last = child;
	parent->count++;
}

struct place_of {
	const struct value *v;
	size_t index;
};

static int by_key(const void *a, const void *b)
{
	const struct place_of *x = a, *y = b;
	const int order = strcmp(x->v->key, y->v->key);

	return order != 0 ? order : x->index < y->index ? -1 : x->index > y->index;
}

/* Sorted: a hash map takes four times the memory, and keys may be a million. */
static const struct value *duplicate_of_many(const struct value *map)
{
	struct place_of *all = mem_array(map->count, sizeof *all);
	const struct place_of *first = NULL;
	const struct value *found;
	size_t n = 0;

	for (const struct value *c = map->first; c != NULL; c = c->next, n++)
		all[n] = (struct place_of){c, n};
	qsort(all, n, sizeof *all, by_key);
	for (size_t i = 1; i < n; i++)
		if (strcmp(all[i].v->key, all[i - 1].v->key) == 0 && (first == NULL || all[i].index < first->index))
			first = &all[i];
	found = first != NULL ? first->v : NULL;
	free(all);
	return found;
}

const struct value *value_duplicate(const struct value *map)
{
	if (map->count > FEW_KEYS)
		return duplicate_of_many(map);
	for (const struct value *c = map->first; c != NULL; c = c->next)
		for (const struct value *d = map->first; d != c; d = d->next)
			if (c->key[0] == d->key[0] && strcmp(c->key, d->key) == 0)
				return c;
	return NULL;
}

bool value_old_bool(const struct value *v, bool *b)
{
	static const char *const words[] = {"yes", "Yes", "YES", "y", "Y", "on",  "On",	 "ON",
					    "no",  "No",  "NO",	 "n", "N", "off", "Off", "OFF"};
	const size_t count = sizeof words / sizeof words[0];
	size_t i = 0;

	while (i < count && strcmp(v->text, words[i]) != 0)
		i++;
	*b = i < count / 2;
	return i < count;
}
