/* Makes and searches value trees. */
#include "watch/decode/value.h"

#include <string.h>

#include "base/map.h"

#define FEW_KEYS 12 /* up to here comparing all pairs is cheaper than a hash map */

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

void value_append(struct value *parent, struct value *child)
{
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
}

static const struct value *duplicate_of_many(const struct value *map)
{
	struct map seen = {0};
	const struct value *c = map->first;

	while (c != NULL && map_put_str(&seen, c->key, (void *)(uintptr_t)c) == NULL)
		c = c->next;
	map_fini(&seen);
	return c;
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
