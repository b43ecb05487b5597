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

void catalog_claim(struct catalog *c, struct document *d, struct object *o, uint32_t line)
{
	char key[CATALOG_KEY_BYTES];
	size_t key_bytes = catalog_key(key, object_kind_name(o->kind), o->ns, o->name);
	struct entry *e = map_get(&c->entries, key, key_bytes);
	struct claim *claim;

	assert(key_bytes != 0); /* the decoder bounds names */
	if (e == NULL)
		e = entry_new(c, key, key_bytes, o);
	claim = mem_alloc(sizeof *claim);
	*claim = (struct claim){
		.entry = e,
		.document = d,
		.next_in_document = d->claims,
		.next_in_entry = e->claims,
		.object = o,
		.digest = o->digest,
		.line = line >= d->line ? line - d->line : 0,
	};
	c->rivals += e->claims != NULL;
	d->claims = claim;
	e->claims = claim;
	catalog_touch(c, e);
}

void catalog_unclaim(struct catalog *c, struct claim *claim)
{
	struct entry *e = claim->entry;
	struct claim **at = &e->claims;

	while (*at != claim)
		at = &(*at)->next_in_entry;
	*at = claim->next_in_entry;
	c->rivals -= e->claims != NULL;
	if (e->shown == claim)
		e->shown = NULL;
	catalog_touch(c, e);
	object_free(claim->object);
	free(claim);
}

static void document_unlist(struct document *d, const struct claim *claim)
{
	struct claim **at = &d->claims;

	while (*at != claim)
		at = &(*at)->next_in_document;
	*at = claim->next_in_document;
}

void catalog_drop_stale(struct catalog *c, struct entry *e)
{
	struct claim *next;

	for (struct claim *claim = e->claims; claim != NULL; claim = next) {
		next = claim->next_in_entry;
		if (claim->document->length_bytes != 0 || claim == e->shown)
			continue;
		document_unlist(claim->document, claim);
		catalog_unclaim(c, claim);
	}
}

static bool before(const struct claim *a, const struct claim *b)
{
	int by_path =
		a->document->file != b->document->file ? strcmp(a->document->file->path, b->document->file->path) : 0;

	if (by_path != 0)
		return by_path < 0;
	return a->document->line + a->line < b->document->line + b->line;
}

struct claim *entry_winner(const struct entry *e)
{
	struct claim *best = e->claims;

	for (struct claim *c = best; c != NULL; c = c->next_in_entry)
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
	while (d->claims != NULL) {
		struct claim *claim = d->claims;
		d->claims = claim->next_in_document;
		catalog_unclaim(c, claim);
	}
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
	*c = (struct catalog){0};
}
