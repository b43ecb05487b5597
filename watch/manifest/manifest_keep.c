/* What becomes of the definitions of documents that are gone. */
#include "watch/manifest/manifest_keep.h"

#include <stdio.h>
#include <string.h>

#define ENDPOINTS_MARK ":endpoints-" /* in the names that the decoder gives slices made of Endpoints */

struct keeping {	     /* why a definition without a document may stay */
	bool unreadable;     /* some document of the file cannot be read: it may be the one */
	struct map refusals; /* by key */
};

static struct keeping keeping_of(const struct file *f)
{
	struct keeping k = {0};

	for (const struct document *d = f->documents; d != NULL; d = d->next) {
		k.unreadable = k.unreadable || d->unreadable;
		for (struct refusal *r = d->refusals; r != NULL; r = r->next)
			map_put(&k.refusals, r->key, r->key_bytes, r);
	}
	return k;
}

/* The key under which the object's document was refused: a slice made of Endpoints goes by their name. */
static bool is_refused(const struct keeping *k, const struct entry *e)
{
	char key[CATALOG_KEY_BYTES], name[CATALOG_KEY_BYTES];
	const char *mark = strstr(entry_name(e), ENDPOINTS_MARK);
	size_t n;

	if (map_count(&k->refusals) == 0)
		return false;
	if (mark == NULL)
		return map_get(&k->refusals, e->key, e->key_bytes) != NULL;
	snprintf(name, sizeof name, "%.*s", (int)(mark - entry_name(e)), entry_name(e));
	n = catalog_key(key, "Endpoints", entry_ns(e), name);
	return map_get(&k->refusals, key, n) != NULL;
}

static bool is_defined_again(const struct definition *gone)
{
	const struct definition *c = gone->entry->definitions;

	while (c != NULL && (c->document->file != gone->document->file || c->document->gone))
		c = c->next_in_entry;
	return c != NULL;
}

static void definition_hold(struct file *f, struct definition *definition)
{
	if (f->held == NULL)
		f->held = document_new(f);
	definition_move(definition, f->held);
	definition->line = 0;
}

static void document_settle(struct loader *l, struct document *gone, const struct keeping *k,
			    const struct gone_names *names)
{
	struct file *f = gone->file;

	while (gone->definitions != NULL) {
		struct definition *definition = gone->definitions;
		struct entry *e = definition->entry;
		if (e->shown == definition && !is_defined_again(definition) && (k->unreadable || is_refused(k, e)))
			definition_hold(f, definition);
		else {
			gone_note(l, names, e);
			catalog_undefine(l->catalog, definition);
		}
	}
	document_free(l->catalog, gone);
}

void keep_or_drop(struct loader *l, struct file *f, struct document *gone, const struct gone_names *names)
{
	struct keeping k = keeping_of(f);
	struct document *next;

	gone_begin(l, f);
	if (f->held != NULL) {
		f->held->gone = true;
		f->held->next = gone;
		gone = f->held;
		f->held = NULL;
	}
	for (; gone != NULL; gone = next) {
		next = gone->next;
		document_settle(l, gone, &k, names);
	}
	gone_end(l);
	map_fini(&k.refusals);
}
