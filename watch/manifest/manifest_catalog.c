/* Knows which file defines which object. */
#include "watch/manifest/manifest_catalog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

size_t catalog_key(char key[CATALOG_KEY_BYTES], const char *kind, const char *ns, const char *name)
{
	const char *parts[] = {kind, ns, name};
	size_t n = 0;

	for (size_t i = 0; i < 3; i++) {
		size_t bytes = strlen(parts[i]) + 1;
		if (bytes > CATALOG_KEY_BYTES - n)
			return 0;
		memcpy(key + n, parts[i], bytes);
		n += bytes;
	}
	return n;
}

static struct entry *entry_new(struct catalog *c, const char *key, size_t key_bytes, const struct object *o)
{
	struct entry *e = mem_alloc(sizeof *e + key_bytes);

	memcpy(e->key, key, key_bytes);
	e->kind = o->kind;
	e->key_bytes = (uint16_t)key_bytes;
	e->name_at = (uint16_t)(key_bytes - strlen(o->name) - 1);
	map_put(&c->entries, e->key, key_bytes, e);
	return e;
}

void catalog_touch(struct catalog *c, struct entry *e)
{
	if (e->dirty)
		return;
	e->dirty = true;
	e->next_dirty = NULL;
	if (c->dirty == NULL)
		c->dirty = e;
	else
		c->last_dirty->next_dirty = e;
	c->last_dirty = e;
}

void catalog_wait(struct catalog *c, struct entry *e, uint64_t number)
{
	c->waiting = mem_grow(c->waiting, c->waiting_count, &c->waiting_room, sizeof *c->waiting);
	c->waiting[c->waiting_count++] = (struct waiting){e, number};
	e->waiting = true;
	e->waited = false;
}

void catalog_wake(struct catalog *c, uint64_t done)
{
	if (c->waiting_count == 0)
		return;
	for (; c->waiting_first < c->waiting_count; c->waiting_first++) {
		const struct waiting *w = &c->waiting[c->waiting_first];
		if (w->number > done)
			break;
		w->entry->waiting = false;
		w->entry->waited = true;
		catalog_touch(c, w->entry);
	}
	if (c->waiting_first <= c->waiting_count / 2 && c->waiting_first != c->waiting_count)
		return;
	c->waiting_count -= c->waiting_first;
	memmove(c->waiting, c->waiting + c->waiting_first, c->waiting_count * sizeof *c->waiting);
	c->waiting_first = 0;
}

static void entry_link(struct entry *e, struct definition *definition)
{
	definition->entry = e;
	definition->next_in_entry = e->definitions;
	definition->at_in_entry = &e->definitions;
	if (e->definitions != NULL)
		e->definitions->at_in_entry = &definition->next_in_entry;
	e->definitions = definition;
}

static void entry_unlink(struct definition *definition)
{
	*definition->at_in_entry = definition->next_in_entry;
	if (definition->next_in_entry != NULL)
		definition->next_in_entry->at_in_entry = definition->at_in_entry;
}

static void document_link(struct document *d, struct definition *definition)
{
	definition->document = d;
	definition->next_in_document = d->definitions;
	definition->at_in_document = &d->definitions;
	if (d->definitions != NULL)
		d->definitions->at_in_document = &definition->next_in_document;
	d->definitions = definition;
}

static void document_unlink(struct definition *definition)
{
	*definition->at_in_document = definition->next_in_document;
	if (definition->next_in_document != NULL)
		definition->next_in_document->at_in_document = definition->at_in_document;
}

void definition_move(struct definition *definition, struct document *d)
{
	document_unlink(definition);
	document_link(d, definition);
}

void catalog_define(struct catalog *c, struct document *d, struct object *o, uint32_t line, bool touch)
{
	char key[CATALOG_KEY_BYTES];
	size_t key_bytes = catalog_key(key, object_kind_name(o->kind), o->ns, o->name);
	struct entry *e = map_get(&c->entries, key, key_bytes);
	struct definition *definition;

	assert(key_bytes != 0); /* the decoder bounds names */
	if (e == NULL)
		e = entry_new(c, key, key_bytes, o);
	definition = mem_alloc(sizeof *definition);
	*definition = (struct definition){
		.object = o,
		.digest = o->digest,
		.line = line >= d->line ? line - d->line : 0,
	};
	c->rivals += e->definitions != NULL;
	document_link(d, definition);
	entry_link(e, definition);
	if (touch)
		catalog_touch(c, e);
}

void catalog_touch_all(struct catalog *c, const struct document *d)
{
	for (const struct definition *definition = d->definitions; definition != NULL;
	     definition = definition->next_in_document)
		catalog_touch(c, definition->entry);
}

void catalog_undefine(struct catalog *c, struct definition *definition)
{
	struct entry *e = definition->entry;

	document_unlink(definition);
	entry_unlink(definition);
	c->rivals -= e->definitions != NULL;
	if (e->shown == definition)
		e->shown = NULL;
	catalog_touch(c, e);
	object_free(definition->object);
	free(definition);
}

void catalog_drop_stale(struct catalog *c, struct entry *e)
{
	struct definition *next;

	for (struct definition *definition = e->definitions; definition != NULL; definition = next) {
		next = definition->next_in_entry;
		if (definition->document->length_bytes != 0 || definition == e->shown)
			continue;
		catalog_undefine(c, definition);
	}
}

static bool before(const struct definition *a, const struct definition *b)
{
	if (a->document->gone != b->document->gone)
		return b->document->gone;
	int by_path =
		a->document->file != b->document->file ? strcmp(a->document->file->path, b->document->file->path) : 0;

	if (by_path != 0)
		return by_path < 0;
	return a->document->line + a->line < b->document->line + b->line;
}

struct definition *entry_winner(const struct entry *e)
{
	struct definition *best = e->definitions;

	for (struct definition *c = best; c != NULL; c = c->next_in_entry)
		if (before(c, best))
			best = c;
	return best;
}

struct document *document_new(struct file *f)
{
	struct document *d = mem_alloc(sizeof *d);

	d->file = f;
	return d;
}

void document_free(struct catalog *c, struct document *d)
{
	while (d->definitions != NULL)
		catalog_undefine(c, d->definitions);
	while (d->refusals != NULL) {
		struct refusal *r = d->refusals;
		d->refusals = r->next;
		free(r);
	}
	c->documents -= d->length_bytes != 0;
	free(d);
}

void catalog_fini(struct catalog *c)
{
	size_t at = 0;
	struct entry *e;

	while ((e = map_next(&c->entries, &at)) != NULL)
		free(e);
	map_fini(&c->entries);
	free(c->waiting);
	*c = (struct catalog){0};
}
