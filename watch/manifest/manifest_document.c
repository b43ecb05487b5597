/* Decodes the new documents of one manifest file. */
#include "watch/manifest/manifest_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch/manifest/manifest_cut.h"
#include "watch/manifest/manifest_gone.h"
#include "watch/manifest/manifest_kind.h"
#include "watch/decode/kinds.h"
#include "watch/decode/problems.h"

/* ---- decoding ---- */

/* What the decoder says goes to this document. */
struct decoding {
	struct loader *loader;
	struct document *document;
	struct problems problems; /* of the object at hand */
};

static void on_object(void *ctx, struct object *o, uint32_t line)
{
	struct decoding *now = ctx;

	catalog_define(now->loader->catalog, now->document, o, line);
}

static void on_problem(void *ctx, const struct decode_problem *p)
{
	struct decoding *now = ctx;

	problems_add(&now->problems, p);
}

static void report_problem(void *ctx, const struct decode_problem *p)
{
	struct decoding *now = ctx;

	loader_problem(now->loader, now->document->file->path, p);
}

static void on_end(void *ctx)
{
	struct decoding *now = ctx;

	problems_tell(&now->problems, report_problem, now);
}

static void on_refused(void *ctx, const char *kind, const char *ns, const char *name)
{
	struct decoding *now = ctx;
	char key[CATALOG_KEY_BYTES];
	size_t n = catalog_key(key, kind, ns, name);
	struct refusal *r;

	if (n == 0 || name[0] == '\0') { /* whatever it meant to define */
		now->document->unreadable = true;
		return;
	}
	r = mem_alloc(sizeof *r + n);
	r->key_bytes = n;
	memcpy(r->key, key, n);
	r->next = now->document->refusals;
	now->document->refusals = r;
}

static void count_unknown(struct unknown_kinds *known, const struct decode_unknown *unknown)
{
	char text[sizeof known->others.text];
	struct unknown_kind *u;

	snprintf(text, sizeof text, "%.60s %.60s", unknown->api_version, unknown->kind);
	u = map_get_str(&known->by_text, text);
	if (u == NULL && map_count(&known->by_text) == UNKNOWN_KINDS_MAX)
		u = &known->others;
	if (u == NULL) {
		u = mem_alloc(sizeof *u);
		memcpy(u->text, text, sizeof text);
		u->next = known->all;
		known->all = u;
		map_put_str(&known->by_text, u->text, u);
	}
	u->count++;
}

/* Another program's is counted; what was probably meant to be one of ours gets a line. */
static void on_unknown(void *ctx, const struct decode_unknown *unknown)
{
	const struct decoding *now = ctx;
	const char *meant;
	char reason[256];

	gone_unknown(now->loader, unknown->ns, unknown->name);
	switch (kind_match(unknown->api_version, unknown->kind, &meant)) {
	case KIND_MISTYPED:
		snprintf(reason, sizeof reason, "unknown kind, not read; did you mean %s?", meant);
		break;
	case KIND_VERSION_MISTYPED:
		snprintf(reason, sizeof reason, "\"%.80s\" is not read; did you mean %s?", unknown->api_version, meant);
		break;
	default:
		count_unknown(&now->loader->unknown, unknown);
		return;
	}
	loader_problem(now->loader, now->document->file->path,
		       &(struct decode_problem){.line = unknown->line,
						.kind = unknown->kind,
						.ns = unknown->ns,
						.name = unknown->name,
						.field = "",
						.reason = reason});
}

/* False: not YAML, *error says why. */
static bool chunk_decode(struct loader *l, const struct yaml_chunk *chunk, bool item, const struct decode_sink *sink,
			 struct yaml_error *error)
{
	const struct value *v;
	bool ok = yaml_parse(l->yaml, chunk, l->arena, &v, error);

	if (ok && item && v != NULL) /* of a YAML list: a sequence of one */
		decode_item(l->decoder, NULL, NULL, v->type == VALUE_LIST ? v->first : v, sink);
	else if (ok)
		decode_document(l->decoder, v, sink);
	loader_arena_reset(l);
	return ok;
}

static struct document *document_decode(struct loader *l, struct file *f, const struct cut *cut)
{
	struct document *d = document_new(f);
	struct decoding now = {.loader = l, .document = d};
	struct decode_sink sink = {.ctx = &now,
				   .object = on_object,
				   .problem = on_problem,
				   .refused = on_refused,
				   .unknown = on_unknown,
				   .end = on_end};
	const struct yaml_chunk chunk = cut_chunk(cut);
	struct yaml_error error;

	d->hash = cut->hash;
	d->line = cut->line;
	d->item = cut->item;
	l->catalog->documents++;
	const bool readable = chunk_decode(l, &chunk, cut->item, &sink, &error);
	problems_fini(&now.problems);
	if (readable)
		return d;
	d->unreadable = !text_shows_foreign_kind(&chunk, cut->item);
	loader_problem(l, f->path,
		       &(struct decode_problem){.line = error.line,
						.kind = "",
						.ns = "",
						.name = "",
						.field = "",
						.reason = error.reason,
						.refused = true});
	return d;
}

bool document_parse(struct loader *l, const struct document *d, const char *file_bytes, const struct decode_sink *sink)
{
	struct yaml_chunk chunk = {file_bytes + d->offset_bytes, d->length_bytes, d->line};
	struct yaml_error error;

	return cut_hash(&chunk, d->item) == d->hash && chunk_decode(l, &chunk, d->item, sink, &error);
}

/* ---- comparing with what was there before ---- */

struct old_documents {
	struct document **all;
	size_t count;
	size_t head, tail; /* as many at the start and at the end are unchanged */
	struct map others; /* by hash: those between */
};

static void others_put(struct old_documents *old, struct document *d)
{
	d->gone = true;
	d->next_same = map_get(&old->others, &d->hash, sizeof d->hash);
	map_put(&old->others, &d->hash, sizeof d->hash, d);
}

static struct document *others_take(struct old_documents *old, uint64_t hash)
{
	struct document *d = map_get(&old->others, &hash, sizeof hash);

	if (d == NULL)
		return NULL;
	if (d->next_same != NULL)
		map_put(&old->others, &d->next_same->hash, sizeof hash, d->next_same);
	else
		map_del(&old->others, &hash, sizeof hash);
	return d;
}

static struct old_documents old_compare(const struct file *f, const struct cuts *cuts)
{
	struct old_documents old = {0};
	size_t most;

	for (struct document *d = f->documents; d != NULL; d = d->next)
		old.count++;
	old.all = mem_array(old.count, sizeof(struct document *));
	old.count = 0;
	for (struct document *d = f->documents; d != NULL; d = d->next)
		old.all[old.count++] = d;
	most = old.count < cuts->count ? old.count : cuts->count;
	while (old.head < most && old.all[old.head]->hash == cuts->all[old.head].hash)
		old.head++;
	while (old.tail < most - old.head &&
	       old.all[old.count - 1 - old.tail]->hash == cuts->all[cuts->count - 1 - old.tail].hash)
		old.tail++;
	for (size_t i = old.head; i < old.count - old.tail; i++)
		others_put(&old, old.all[i]);
	return old;
}

/* Takes what is left out of the comparison, in the order of the file, and frees it. */
static struct document *old_gone(struct old_documents *old)
{
	struct document *all = NULL;

	for (size_t i = old->count - old->tail; i > old->head; i--) {
		struct document *d = old->all[i - 1];
		if (!d->gone)
			continue;
		d->next = all;
		all = d;
	}
	map_fini(&old->others);
	free(old->all);
	return all;
}

static struct document *document_for(struct loader *l, struct file *f, struct old_documents *old,
				     const struct cuts *cuts, size_t i)
{
	struct document *d;

	if (i < old->head)
		return old->all[i];
	if (i >= cuts->count - old->tail)
		return old->all[old->count - (cuts->count - i)];
	d = others_take(old, cuts->all[i].hash);
	return d != NULL ? d : document_decode(l, f, &cuts->all[i]);
}

/* Its place among other definitions on the same object may have changed. */
static void document_place(struct loader *l, struct document *d, const struct cut *cut, const char *bytes)
{
	if (d->line != cut->line && l->catalog->rivals != 0)
		for (struct definition *c = d->definitions; c != NULL; c = c->next_in_document)
			if (c->entry->definitions->next_in_entry != NULL)
				catalog_touch(l->catalog, c->entry);
	d->line = cut->line;
	d->gone = false;
	d->offset_bytes = (uint32_t)(cut->text - bytes); /* MANIFEST_FILE_MAX_BYTES fits */
	d->length_bytes = (uint32_t)cut->length_bytes;
}

struct document *documents_read(struct loader *l, struct file *f, const char *bytes, size_t length_bytes)
{
	struct cuts cuts = cuts_of(bytes, length_bytes);
	struct old_documents old = old_compare(f, &cuts);
	struct document **tail = &f->documents;

	for (size_t i = 0; i < cuts.count; i++) {
		struct document *d = document_for(l, f, &old, &cuts, i);
		document_place(l, d, &cuts.all[i], bytes);
		if (l->document_done != NULL)
			l->document_done(l->ctx);
		*tail = d;
		tail = &d->next;
	}
	*tail = NULL;
	cuts_fini(&cuts);
	return old_gone(&old);
}
