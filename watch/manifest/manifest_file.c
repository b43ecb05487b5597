/* Reads one manifest file into the catalog. */
#include "watch/manifest/manifest_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watch/manifest/manifest_document.h"
#include "watch/manifest/manifest_gone.h"

#define ENDPOINTS_MARK ":endpoints-" /* in the names that the decoder gives slices made of Endpoints */

/* ---- what becomes of the definitions of gone documents ---- */

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

static void document_settle(struct loader *l, struct document *gone, const struct keeping *k)
{
	struct file *f = gone->file;

	while (gone->definitions != NULL) {
		struct definition *definition = gone->definitions;
		struct entry *e = definition->entry;
		if (e->shown == definition && !is_defined_again(definition) && (k->unreadable || is_refused(k, e)))
			definition_hold(f, definition);
		else {
			gone_note(l, e);
			catalog_undefine(l->catalog, definition);
		}
	}
	document_free(l->catalog, gone);
}

static void file_apply(struct loader *l, struct file *f, const char *bytes, size_t length_bytes)
{
	struct document *gone = documents_read(l, f, bytes, length_bytes), *next;
	struct keeping k = keeping_of(f);

	gone_begin(l, f);
	if (f->held != NULL) {
		f->held->gone = true;
		f->held->next = gone;
		gone = f->held;
		f->held = NULL;
	}
	for (; gone != NULL; gone = next) {
		next = gone->next;
		document_settle(l, gone, &k);
	}
	gone_end(l);
	map_fini(&k.refusals);
}

/* ---- reading ---- */

void file_stamp(uint64_t stamp[4], const struct stat *st)
{
	stamp[0] = (uint64_t)st->st_dev << 32 ^ st->st_ino;
	stamp[1] = (uint64_t)st->st_size;
	stamp[2] = (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec;
	stamp[3] = (uint64_t)st->st_ctim.tv_sec * 1000000000 + (uint64_t)st->st_ctim.tv_nsec;
}

static char *path_full(const struct loader *l, const char *path)
{
	size_t bytes = strlen(l->root) + strlen(path) + 2;
	char *full = mem_alloc(bytes);

	snprintf(full, bytes, "%s%s%s", l->root, path[0] != '\0' ? "/" : "", path);
	return full;
}

static bool read_all(int fd, char *bytes, size_t room, size_t *length_bytes)
{
	*length_bytes = 0;
	while (*length_bytes < room) {
		ssize_t n = read(fd, bytes + *length_bytes, room - *length_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		*length_bytes += (size_t)n;
	}
	return true;
}

/* The bytes as they are now; a file that grows while it is read is seen again by its close event. NULL: said why. */
static char *file_read(struct loader *l, const char *path, size_t *length_bytes, struct stat *st)
{
	char *full = path_full(l, path), *bytes = NULL;
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	free(full);
	if (fd < 0 || fstat(fd, st) != 0) {
		loader_unread(l, path, errno);
	} else if (!S_ISREG(st->st_mode)) {
		loader_report(l, path, "is not a regular file");
	} else if ((size_t)st->st_size > MANIFEST_FILE_MAX_BYTES) {
		loader_report(l, path, "is larger than %zu MiB", MANIFEST_FILE_MAX_BYTES >> 20);
	} else {
		bytes = mem_resize(NULL, (size_t)st->st_size); /* not zeroed: it may be large */
		if (!read_all(fd, bytes, (size_t)st->st_size, length_bytes)) {
			loader_unread(l, path, errno);
			free(bytes);
			bytes = NULL;
		} else {
			bytes = text_to_utf8(bytes, length_bytes);
		}
	}
	if (fd >= 0)
		close(fd);
	return bytes;
}

struct file *file_new(const char *path)
{
	struct file *f = mem_alloc(sizeof *f);

	f->path = mem_strdup(path);
	return f;
}

void file_free(struct loader *l, struct file *f)
{
	struct document *next;

	if (f->held != NULL)
		document_free(l->catalog, f->held);
	for (struct document *d = f->documents; d != NULL; d = next) {
		next = d->next;
		document_free(l->catalog, d);
	}
	free(f->path);
	free(f);
}

void file_load(struct loader *l, struct file *f)
{
	struct stat st = {0};
	size_t n;
	char *bytes = file_read(l, f->path, &n, &st);

	f->failed = bytes == NULL;
	file_stamp(f->stamp, &st);
	f->stamp[0] ^= bytes == NULL && retry_has(&l->retry, "read", f->path); /* else it would count as read */
	if (bytes != NULL)
		file_apply(l, f, bytes, n);
	free(bytes);
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

static void fetch_problem(void *ctx, const struct decode_problem *p)
{
	(void)ctx; /* reported when the document was new */
	(void)p;
}

void file_fetch_end(struct loader *l)
{
	free(l->fetched.bytes);
	l->fetched = (struct file_bytes){0};
}

/* One file is read once for all that is fetched from it in a row. */
static const struct file_bytes *fetch_bytes(struct loader *l, const struct file *f)
{
	struct stat st;

	if (l->fetched.file == f)
		return &l->fetched;
	file_fetch_end(l);
	l->fetched.file = f;
	l->fetched.bytes = file_read(l, f->path, &l->fetched.length_bytes, &st);
	return &l->fetched;
}

struct object *file_fetch(struct loader *l, const struct definition *definition)
{
	const struct document *d = definition->document;
	struct fetch want = {.entry = definition->entry};
	struct decode_sink sink = {.ctx = &want, .object = fetch_object, .problem = fetch_problem};
	const struct file_bytes *now = fetch_bytes(l, d->file);

	if (now->bytes != NULL && d->length_bytes != 0 && d->offset_bytes <= now->length_bytes &&
	    d->length_bytes <= now->length_bytes - d->offset_bytes)
		document_parse(l, d, now->bytes, &sink);
	return want.found;
}
