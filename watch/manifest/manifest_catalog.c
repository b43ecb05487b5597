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

static void entry_link(struct entry *e, struct claim *claim)
{
	claim->entry = e;
	claim->next_in_entry = e->claims;
	claim->at_in_entry = &e->claims;
	if (e->claims != NULL)
		e->claims->at_in_entry = &claim->next_in_entry;
	e->claims = claim;
}

static void entry_unlink(struct claim *claim)
{
	*claim->at_in_entry = claim->next_in_entry;
	if (claim->next_in_entry != NULL)
		claim->next_in_entry->at_in_entry = claim->at_in_entry;
}

static void document_link(struct document *d, struct claim *claim)
{
	claim->document = d;
	claim->next_in_document = d->claims;
	claim->at_in_document = &d->claims;
	if (d->claims != NULL)
		d->claims->at_in_document = &claim->next_in_document;
	d->claims = claim;
}

static void document_unlink(struct claim *claim)
{
	*claim->at_in_document = claim->next_in_document;
	if (claim->next_in_document != NULL)
		claim->next_in_document->at_in_document = claim->at_in_document;
}

void claim_move(struct claim *claim, struct document *d)
{
	document_unlink(claim);
	document_link(d, claim);
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
		.object = o,
		.digest = o->digest,
		.line = line >= d->line ? line - d->line : 0,
	};
	c->rivals += e->claims != NULL;
	document_link(d, claim);
	entry_link(e, claim);
	catalog_touch(c, e);
}

void catalog_unclaim(struct catalog *c, struct claim *claim)
{
	struct entry *e = claim->entry;

	document_unlink(claim);
	entry_unlink(claim);
	c->rivals -= e->claims != NULL;
	if (e->shown == claim)
		e->shown = NULL;
	catalog_touch(c, e);
	object_free(claim->object);
	free(claim);
}

void catalog_drop_stale(struct catalog *c, struct entry *e)
{
	struct claim *next;

	for (struct claim *claim = e->claims; claim != NULL; claim = next) {
		next = claim->next_in_entry;
		if (claim->document->length_bytes != 0 || claim == e->shown)
			continue;
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
	while (d->claims != NULL)
		catalog_unclaim(c, d->claims);
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
