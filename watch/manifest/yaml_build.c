/* A value tree from what a YAML parser finds. */
#include "watch/manifest/yaml_build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "watch/manifest/yaml_scalar.h"

#define KEYS_SHARED_MAX 4096

bool build_fail(struct yaml_builder *b, uint32_t line, const char *fmt, ...)
{
	va_list ap;

	if (b->error->reason[0] != '\0')
		return false;
	va_start(ap, fmt);
	vsnprintf(b->error->reason, sizeof b->error->reason, fmt, ap);
	va_end(ap);
	b->error->line = line;
	return false;
}

static struct value *new_value(struct yaml_builder *b, enum value_type type, uint32_t line)
{
	struct value *v;

	if (b->values >= b->values_max) {
		build_fail(b, line, "more than %zu values in one document", b->values_max);
		return NULL;
	}
	v = value_new(b->arena);
	b->values++;
	v->type = (uint8_t)type;
	v->line = line;
	v->text = "";
	return v;
}

struct merge {
	struct value *map, *last;
	struct map keys;
};

/* "<<": the entries of another map that this map does not have itself (YAML 1.1 merge, as kubectl reads it). */
static bool merge_map(struct yaml_builder *b, struct merge *into, const struct value *from, uint32_t line)
{
	if (from->type != VALUE_MAP)
		return build_fail(b, line, "merge key <<: a map is expected, not a %s", value_type_name(from));
	for (const struct value *c = from->first; c != NULL; c = c->next) {
		struct value *copy;
		if (++b->alias_values > YAML_ALIAS_VALUES_MAX)
			return build_fail(b, line, "aliases expand to more than %d values", YAML_ALIAS_VALUES_MAX);
		if (map_get_str(&into->keys, c->key) != NULL)
			continue;
		if ((copy = new_value(b, VALUE_NULL, line)) == NULL)
			return false;
		*copy = *c;
		copy->next = NULL;
		value_append(into->map, &into->last, copy);
		map_put_str(&into->keys, copy->key, copy);
	}
	return true;
}

static bool merge_all(struct yaml_builder *b, struct merge *into, const struct value *merges)
{
	for (const struct value *m = merges; m != NULL; m = m->next) {
		if (m->type != VALUE_LIST && !merge_map(b, into, m, m->line))
			return false;
		for (const struct value *c = m->type == VALUE_LIST ? m->first : NULL; c != NULL; c = c->next)
			if (!merge_map(b, into, c, m->line))
				return false;
	}
	return true;
}

/* Takes the entries without a key, which wait to be merged, out of the map, and merges them. */
static bool map_merge(struct yaml_builder *b, struct value *map)
{
	struct value *entries = map->first, *merges = NULL, **tail = &merges, *next;
	struct merge into = {.map = map};
	bool ok;

	map->first = NULL;
	map->count = 0;
	for (struct value *c = entries; c != NULL; c = next) {
		next = c->next;
		c->next = NULL;
		if (c->key == NULL) {
			*tail = c;
			tail = &c->next;
		} else {
			value_append(map, &into.last, c);
			map_put_str(&into.keys, c->key, c);
		}
	}
	ok = merge_all(b, &into, merges);
	map_fini(&into.keys);
	return ok;
}

static bool map_finish(struct yaml_builder *b, struct open_collection *c)
{
	const struct value *twice;

	if (c->merges && !map_merge(b, c->value))
		return false;
	twice = value_duplicate(c->value);
	return twice == NULL || build_fail(b, twice->line, "key \"%.60s\" is there twice", twice->key);
}

/* Few keys are written again and again: one text for each. */
static const char *key_text(struct yaml_builder *b, const char *text)
{
	const char *known = map_get_str(&b->keys, text);

	if (known != NULL)
		return known;
	known = arena_strdup(b->arena, text);
	if (map_count(&b->keys) < KEYS_SHARED_MAX)
		map_put_str(&b->keys, known, (void *)(uintptr_t)known);
	else
		b->values++; /* one of many that differ: it costs as much as a value */
	return known;
}

static bool is_key_next(const struct yaml_builder *b)
{
	const struct open_collection *in = b->depth != 0 ? &b->open[b->depth - 1] : NULL;

	return in != NULL && in->value->type == VALUE_MAP && in->key == NULL;
}

static bool place_key(struct yaml_builder *b, const struct value *v)
{
	struct open_collection *in = &b->open[b->depth - 1];
	const char *text;

	if (v->type == VALUE_LIST || v->type == VALUE_MAP)
		return build_fail(b, v->line, "a %s cannot be a key", value_type_name(v));
	in->merge = v->plain && strcmp(v->text, "<<") == 0;
	in->merges = in->merges || in->merge;
	if ((text = yaml_key_text(v, b->arena)) == NULL)
		return build_fail(b, v->line, "null cannot be a key");
	in->key = key_text(b, text);
	return true;
}

/* Puts a finished or just opened value where it belongs. A key is the text of a scalar. */
static bool place(struct yaml_builder *b, struct value *v)
{
	struct open_collection *in;

	if (is_key_next(b))
		return place_key(b, v);
	if (b->depth == 0) {
		if (b->root != NULL)
			return build_fail(b, v->line, "a second document without a --- line");
		b->root = v;
		return true;
	}
	in = &b->open[b->depth - 1];
	if (in->value->type == VALUE_MAP) {
		v->key = in->merge ? NULL : in->key;
		in->key = NULL;
	}
	value_append(in->value, &in->last, v);
	return true;
}

static struct anchor *anchor_add(struct yaml_builder *b, const char *name)
{
	struct anchor *a;

	if (name == NULL)
		return NULL;
	a = arena_alloc(b->arena, sizeof *a);
	map_put_str(&b->anchors, arena_strdup(b->arena, name), a);
	return a;
}

bool build_scalar(struct yaml_builder *b, uint32_t line, const struct yaml_scalar *s)
{
	struct value key = {.type = VALUE_STRING, .line = line, .text = s->text};
	const bool is_key = is_key_next(b) && s->anchor == NULL; /* needs no value of its own */
	struct value *v = is_key ? &key : new_value(b, VALUE_STRING, line);
	struct anchor *a = anchor_add(b, s->anchor);
	const char *wrong;

	if (v == NULL)
		return false;
	if (memchr(s->text, '\0', s->length_bytes) != NULL)
		return build_fail(b, v->line, "NUL character in a text");
	if (!is_key && s->length_bytes != 0)
		v->text = arena_strndup(b->arena, s->text, s->length_bytes);
	wrong = yaml_scalar_resolve(v, s->tag, s->plain);
	if (wrong != NULL)
		return build_fail(b, v->line, "\"%.60s\" %s", v->text, wrong);
	if (a != NULL)
		*a = (struct anchor){v, 1};
	return place(b, v);
}

/* An alias shares the children of its anchor; what it stands for is counted as if copied. */
bool build_alias(struct yaml_builder *b, uint32_t line, const char *name)
{
	const struct anchor *a = map_get_str(&b->anchors, name);
	struct value *v;

	if (a == NULL)
		return build_fail(b, line, "alias *%.60s: no such anchor", name);
	if (a->value == NULL)
		return build_fail(b, line, "alias *%.60s: inside of its own anchor", name);
	b->alias_values += a->size;
	if (b->alias_values > YAML_ALIAS_VALUES_MAX)
		return build_fail(b, line, "aliases expand to more than %d values", YAML_ALIAS_VALUES_MAX);
	if ((v = new_value(b, VALUE_NULL, line)) == NULL)
		return false;
	*v = *a->value;
	v->next = NULL;
	v->key = NULL;
	return place(b, v);
}

bool build_open(struct yaml_builder *b, uint32_t line, enum value_type type, const char *anchor)
{
	const size_t before = b->values + b->alias_values;
	struct value *v = new_value(b, type, line);

	if (v == NULL)
		return false;
	if (b->depth == VALUE_DEPTH_MAX)
		return build_fail(b, v->line, "nested deeper than %d levels", VALUE_DEPTH_MAX);
	if (!place(b, v))
		return false;
	b->open[b->depth++] = (struct open_collection){.value = v, .anchor = anchor_add(b, anchor), .before = before};
	return true;
}

bool build_close(struct yaml_builder *b)
{
	struct open_collection *c = &b->open[--b->depth];

	if (c->value->type == VALUE_MAP && !map_finish(b, c))
		return false;
	if (c->anchor != NULL)
		*c->anchor = (struct anchor){c->value, b->values + b->alias_values - c->before};
	return true;
}

void build_end(struct yaml_builder *b)
{
	map_fini(&b->anchors);
	map_fini(&b->keys);
}
