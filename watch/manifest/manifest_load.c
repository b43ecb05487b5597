/* Takes what was read of a manifest file into the catalog. */
#include "watch/manifest/manifest_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "watch/decode/kinds.h"
#include "watch/manifest/manifest_keep.h"
#include "watch/manifest/manifest_path.h"
#include "watch/manifest/manifest_said.h"

#define CLOCK_EVERY 64 /* documents */
#define GIVE_BACK_BYTES ((size_t)256 << 10)

/* ---- what a document says ---- */

struct hearing {
	struct loader *loader;
	struct load *load;
	struct document *document;
};

/* Another thread has parsed it. */
static bool is_sliced(const struct load *load)
{
	return load->job.reading.said != NULL;
}

static void on_object(void *ctx, struct object *o, uint32_t line)
{
	struct hearing *now = ctx;

	catalog_define(now->loader->catalog, now->document, o, line, !is_sliced(now->load));
}

static void on_problem(void *ctx, const struct decode_problem *p)
{
	struct hearing *now = ctx;

	loader_problem(now->loader, now->document->file->path, p);
}

static void on_refused(void *ctx, const char *kind, const char *ns, const char *name)
{
	struct hearing *now = ctx;
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
	struct hearing *now = ctx;
	const char *meant;
	char reason[256];

	gone_unknown(&now->load->names, unknown->ns, unknown->name);
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

static void on_unreadable(void *ctx)
{
	struct hearing *now = ctx;

	now->document->unreadable = true;
}

static struct document *document_hear(struct loader *l, struct load *load, size_t at)
{
	struct reading *r = &load->job.reading;
	const struct cut *cut = &r->cuts.all[at];
	const struct yaml_chunk chunk = cut_chunk(cut);
	struct document *d = document_new(load->file);
	struct hearing now = {l, load, d};
	const struct document_sink sink = {&now, on_object, on_problem, on_refused, on_unknown, on_unreadable};

	d->hash = cut->hash;
	d->line = cut->line;
	d->item = cut->item;
	l->catalog->documents++;
	if (!is_sliced(load)) {
		manifest_parser_read(l->parser, &chunk, cut->item, &sink);
	} else {
		said_tell(r->said[at], &sink);
		r->said[at] = NULL;
	}
	return d;
}

/* ---- slices ---- */

static size_t documents_count(const struct file *f)
{
	size_t count = 0;

	for (const struct document *d = f->documents; d != NULL; d = d->next)
		count++;
	return count;
}

void load_init(struct load *load, const struct loader *l, struct file *f)
{
	struct reading *r = &load->job.reading;

	*load = (struct load){.file = f};
	r->path = path_join(l->root, f->path);
	r->hash_count = documents_count(f);
	r->hashes = mem_array(r->hash_count + 1, sizeof *r->hashes);
	load->before = mem_array(r->hash_count + 1, sizeof *load->before);
	r->hash_count = 0;
	for (struct document *d = f->documents; d != NULL; d = d->next) {
		load->before[r->hash_count] = d;
		r->hashes[r->hash_count++] = d->hash;
	}
}

/* Old documents that are not in the file any more. */
static void mark_gone(struct load *load)
{
	const struct reading *r = &load->job.reading;

	for (size_t i = 0; i < r->hash_count; i++)
		load->before[i]->gone = true;
	if (load->file->held != NULL)
		load->file->held->gone = true;
	for (size_t i = 0; i < r->cuts.count; i++)
		if (r->same[i] != READING_NEW)
			load->before[r->same[i]]->gone = false;
}

bool load_begin(struct loader *l, struct load *load)
{
	const struct reading *r = &load->job.reading;
	struct file *f = load->file;

	load->begun = true;
	load->readable = r->bytes != NULL;
	if (!load->readable)
		loader_unread(l, f->path, r->error);
	f->failed = !load->readable;
	reading_stamp(f->stamp, &r->st);
	f->stamp[0] ^= f->failed && retry_has(&l->retry, "read", f->path); /* else it would count as read */
	if (!load->readable)
		return false;
	load->last_new = &load->first_new;
	load->needed = r->bytes;
	mark_gone(load);
	return true;
}

/* Its place among other definitions on the same object may have changed. */
static void document_place(struct loader *l, struct document *d, const struct cut *cut, const char *bytes)
{
	if (d->line != cut->line && l->catalog->rivals != 0)
		for (struct definition *c = d->definitions; c != NULL; c = c->next_in_document)
			if (c->entry->definitions->next_in_entry != NULL)
				catalog_touch(l->catalog, c->entry);
	d->line = cut->line;
	d->offset_bytes = (uint32_t)(cut->text - bytes); /* MANIFEST_FILE_MAX_BYTES fits */
	d->length_bytes = (uint32_t)cut->length_bytes;
}

static struct document *new_add(struct load *load, struct document *d)
{
	*load->last_new = d;
	load->last_new = &d->next;
	return d;
}

/* What is done is not looked at again: with very small objects the text and its cuts are a fifth of all memory. */
static void give_back(struct load *load)
{
	const struct reading *r = &load->job.reading;
	const struct cut *cut = &r->cuts.all[load->at];

	if (is_sliced(load) || (size_t)(cut->text - load->needed) < GIVE_BACK_BYTES)
		return;
	mem_give_back(r->bytes, (size_t)(cut->text - r->bytes));
	mem_give_back(r->cuts.all, load->at * sizeof *cut);
	load->needed = cut->text;
}

void load_step(struct loader *l, struct load *load, size_t end, uint64_t until_ns)
{
	const struct reading *r = &load->job.reading;

	for (; load->at < end; load->at++) {
		if (load->at % CLOCK_EVERY == 0 && until_ns != UINT64_MAX && clock_ns() >= until_ns)
			return;
		give_back(load);
		struct document *d = r->same[load->at] != READING_NEW ? load->before[r->same[load->at]]
								      : new_add(load, document_hear(l, load, load->at));
		document_place(l, d, &r->cuts.all[load->at], r->bytes);
		if (l->document_done != NULL)
			l->document_done(l->ctx);
	}
}

/* Returns, linked by next in their order, the documents that are no more. */
static struct document *link_documents(struct load *load)
{
	struct document **tail = &load->file->documents, *fresh = load->first_new, *gone = NULL;
	const struct reading *r = &load->job.reading;

	for (size_t i = 0; i < load->at; i++) {
		struct document *d = r->same[i] != READING_NEW ? load->before[r->same[i]] : fresh;
		if (d == fresh)
			fresh = fresh->next;
		*tail = d;
		tail = &d->next;
	}
	*tail = NULL;
	load->first_new = NULL;
	for (size_t i = r->hash_count; i > 0; i--) {
		if (!load->before[i - 1]->gone)
			continue;
		load->before[i - 1]->next = gone;
		gone = load->before[i - 1];
	}
	return gone;
}

void load_finish(struct loader *l, struct load *load)
{
	for (const struct document *d = load->first_new; is_sliced(load) && d != NULL; d = d->next)
		catalog_touch_all(l->catalog, d);
	keep_or_drop(l, load->file, link_documents(load), &load->names);
}

/* Its old documents are the file's. */
void load_drop(struct loader *l, struct load *load)
{
	struct document *next;

	for (struct document *d = load->first_new; d != NULL; d = next) {
		next = d->next;
		document_free(l->catalog, d);
	}
	load->first_new = NULL;
	load->file = NULL;
}

void load_fini(struct load *load)
{
	gone_names_fini(&load->names);
	free(load->before);
	load->before = NULL;
	reading_fini(&load->job.reading);
}
