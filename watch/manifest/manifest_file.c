/* Reads one manifest file into the catalog. */
#include "watch/manifest/manifest_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch/manifest/manifest_load.h"
#include "watch/manifest/manifest_loads.h"
#include "watch/manifest/manifest_path.h"

#define FILE_COST_BYTES 1024 /* of opening one */

struct file *file_new(const char *path)
{
	struct file *f = mem_alloc(sizeof *f);

	f->path = mem_strdup(path);
	return f;
}

void file_free(struct loader *l, struct file *f)
{
	struct document *next;

	if (f->load != NULL)
		loads_abandon(l, f->load);
	if (f->held != NULL)
		document_free(l->catalog, f->held);
	for (struct document *d = f->documents; d != NULL; d = next) {
		next = d->next;
		document_free(l->catalog, d);
	}
	free(f->path);
	free(f);
}

/* ---- at once ---- */

static void load_now(struct loader *l, struct file *f)
{
	struct load load;

	load_init(&load, l, f);
	reading_make(&load.job.reading);
	if (load_begin(l, &load)) {
		load_step(l, &load, load.job.reading.cuts.count, UINT64_MAX);
		load_finish(l, &load);
	}
	load_fini(&load);
}

/* What could not be read so far is tried at once, which tells at once whether that works. */
static bool is_for_later(struct loader *l, const struct file *f, const struct stat *st)
{
	if (l->reader == NULL || f->failed)
		return false;
	l->inline_bytes += (size_t)st->st_size + FILE_COST_BYTES;
	return l->inline_bytes > LOADER_INLINE_BYTES;
}

void file_load(struct loader *l, struct file *f, const struct stat *st)
{
	if (f->load != NULL)
		f->again = true;
	else if (is_for_later(l, f, st))
		loads_add(l, f, st);
	else
		load_now(l, f);
}

/* ---- one object again ---- */

struct fetch {
	const struct entry *entry;
	struct object *found;
};

static void fetch_object(void *ctx, struct object *o, uint32_t line)
{
	struct fetch *want = ctx;

	(void)line;
	if (want->found == NULL && o->kind == want->entry->kind && strcmp(o->ns, entry_ns(want->entry)) == 0 &&
	    strcmp(o->name, entry_name(want->entry)) == 0)
		want->found = o;
	else
		object_free(o);
}

void file_fetch_end(struct loader *l)
{
	free(l->fetched.bytes);
	l->fetched = (struct file_bytes){0};
}

/* One file is read once for all that is fetched from it in a row. */
static const struct file_bytes *fetch_bytes(struct loader *l, const struct file *f)
{
	char *path;
	struct stat st;
	int error;

	if (l->fetched.file == f)
		return &l->fetched;
	file_fetch_end(l);
	l->fetched.file = f;
	path = path_join(l->root, f->path);
	l->fetched.bytes = reading_bytes(path, &st, &l->fetched.length_bytes, &error);
	if (error != 0)
		loader_unread(l, f->path, error);
	free(path);
	return &l->fetched;
}

/* The document counts as new when its file is read the next time, which is soon. */
static void fetch_later(struct loader *l, struct document *d)
{
	d->hash = ~d->hash;
	if (d->file->load != NULL)
		d->file->again = true;
	else
		loads_add(l, d->file, NULL);
}

struct object *file_fetch(struct loader *l, const struct definition *definition)
{
	struct document *d = definition->document;
	struct fetch want = {.entry = definition->entry};
	const struct document_sink sink = {.ctx = &want, .object = fetch_object};
	const struct file_bytes *now;

	if (d->length_bytes == 0)
		return NULL;
	if (l->reader != NULL && (d->file->load != NULL || d->file->stamp[1] > LOADER_INLINE_BYTES)) {
		fetch_later(l, d);
		return NULL;
	}
	now = fetch_bytes(l, d->file);
	if (now->bytes == NULL || d->offset_bytes > now->length_bytes ||
	    d->length_bytes > now->length_bytes - d->offset_bytes)
		return NULL;
	const struct yaml_chunk chunk = {
		.text = now->bytes + d->offset_bytes, .length_bytes = d->length_bytes, .line = d->line};
	if (cut_hash(&chunk, d->item) == d->hash)
		manifest_parser_read(l->parser, &chunk, d->item, &sink);
	return want.found;
}
