/* Watches a directory of manifests. */
#include "watch/manifest/manifest.h"

#include <ev.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "watch/manifest/manifest_gone.h"
#include "watch/manifest/manifest_path.h"
#include "watch/manifest/manifest_private.h"
#include "watch/manifest/manifest_tree.h"

static void log_problem(void *ctx, const char *path, const struct decode_problem *p)
{
	struct manifest *m = ctx;
	char file[512], text[PROBLEM_TEXT_BYTES];

	if (told_note(&m->told, path, p))
		log_warn("%s", decode_problem_format(text, path_format(file, sizeof file, m->root, path), p));
}

static void tell_rest(struct manifest *m)
{
	told_end(&m->told, m->root);
}

/* ---- settling: what the sink is told ---- */

static void say_twice(struct manifest *m, struct entry *e, const struct definition *winner)
{
	const struct definition *other = e->definitions;
	char reason[600], file[512];

	if (e->definitions == NULL || e->definitions->next_in_entry == NULL) {
		e->warned = false;
		return;
	}
	if (e->warned)
		return;
	while (other == winner)
		other = other->next_in_entry;
	snprintf(reason, sizeof reason, "defined twice: %s:%u counts",
		 path_format(file, sizeof file, m->root, winner->document->file->path),
		 winner->document->line + winner->line);
	m->loader.counts.problems++;
	m->loader.report(m->loader.ctx, other->document->file->path,
			 &(struct decode_problem){.line = other->document->line + other->line,
						  .kind = object_kind_name(e->kind),
						  .ns = entry_ns(e),
						  .name = entry_name(e),
						  .field = "",
						  .reason = reason});
	e->warned = true;
}

static void show(struct manifest *m, struct entry *e, struct definition *winner)
{
	struct object *o = winner->object;

	winner->object = NULL;
	if (e->in_sink && e->digest == winner->digest) {
		e->shown = winner;
		object_free(o);
		return;
	}
	if (o == NULL)
		o = file_fetch(&m->loader, winner);
	if (o == NULL)
		return; /* its file has changed since: the event that says so brings it */
	e->shown = winner;
	e->digest = o->digest;
	e->in_sink = true;
	if (m->located != NULL)
		m->located(m->located_ctx, o, winner);
	else
		m->sink->upsert(m->sink->ctx, o);
}

static void entry_drop(struct manifest *m, struct entry *e)
{
	gone_settle(e, true);
	if (e->in_sink)
		m->sink->remove(m->sink->ctx, e->kind, entry_ns(e), entry_name(e));
	map_del(&m->catalog.entries, e->key, e->key_bytes);
	free(e);
}

static void entry_settle(struct manifest *m, struct entry *e)
{
	struct definition *winner = entry_winner(e);

	say_twice(m, e, winner);
	if (winner == NULL) {
		entry_drop(m, e);
		return;
	}
	gone_settle(e, false);
	if (winner != e->shown)
		show(m, e, winner);
	for (struct definition *c = e->definitions; c != NULL; c = c->next_in_entry) {
		object_free(c->object);
		c->object = NULL;
	}
	catalog_drop_stale(&m->catalog, e);
	e->dirty = false;
}

size_t manifest_settle(struct manifest *m)
{
	size_t count = 0;

	while (m->catalog.dirty != NULL) {
		struct entry *e = m->catalog.dirty;
		m->catalog.dirty = e->next_dirty;
		entry_settle(m, e);
		count++;
	}
	file_fetch_end(&m->loader);
	gone_tell(&m->loader);
	return count;
}

/* One line per kind, when it is first met. */
static void say_unknown(struct manifest *m)
{
	struct unknown_kind *others = &m->loader.unknown.others;

	for (struct unknown_kind *u = m->loader.unknown.all; u != NULL; u = u->next) {
		if (!u->said)
			log_info("manifests %s: %zu of kind %s skipped: not a kind that is used here", m->root,
				 u->count, u->text);
		u->said = true;
	}
	if (others->count != 0 && !others->said)
		log_info("manifests %s: %zu of other kinds skipped: not kinds that are used here", m->root,
			 others->count);
	others->said = others->count != 0;
}

/* ---- life ---- */

/* The timer runs while something could not be read or is not watched. */
static void watch_again(struct manifest *m)
{
	if (m->loop == NULL)
		return;
	if (tree_fd(m->tree) >= 0 && !ev_is_active(&m->io)) {
		ev_io_set(&m->io, tree_fd(m->tree), EV_READ);
		ev_io_start(m->loop, &m->io);
	}
	if (!retry_waits(&m->loader.retry))
		ev_timer_stop(m->loop, &m->retry);
	else if (!ev_is_active(&m->retry))
		ev_timer_again(m->loop, &m->retry);
}

static void turn_finish(struct manifest *m, uint64_t start_ns)
{
	const size_t count = manifest_settle(m);

	tell_rest(m);
	say_unknown(m);
	if (count != 0)
		log_verbose("manifests %s: %zu objects read in %.3f ms", m->root, count,
			    (double)(clock_ns() - start_ns) / 1e6);
	m->sink->turn_end(m->sink->ctx);
	tell_rest(m); /* of what the sink has reported */
	watch_again(m);
}

static void on_event(struct ev_loop *loop, ev_io *io, int events)
{
	const uint64_t start_ns = clock_ns();
	struct manifest *m = io->data;

	(void)loop;
	(void)events;
	if (tree_event(m->tree))
		turn_finish(m, start_ns);
}

/* What could not be fetched to be shown. */
static void unshown_mark(struct manifest *m)
{
	struct entry *e;
	size_t at = 0;

	while ((e = map_next(&m->catalog.entries, &at)) != NULL)
		if (entry_winner(e) != e->shown)
			catalog_touch(&m->catalog, e);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	const uint64_t start_ns = clock_ns();
	struct manifest *m = timer->data;

	(void)loop, (void)events;
	unshown_mark(m);
	tree_retry(m->tree);
	turn_finish(m, start_ns);
	if (!retry_waits(&m->loader.retry))
		log_info("manifests %s: what could not be read or watched works again", m->root);
}

void manifest_reload(struct manifest *m)
{
	const uint64_t start_ns = clock_ns();

	tree_reload(m->tree);
	turn_finish(m, start_ns);
}

struct manifest *manifest_alloc(const char *path, const struct sink *sink)
{
	struct manifest *m = mem_alloc(sizeof *m);
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	m->root = mem_alloc(n + 1);
	memcpy(m->root, path, n);
	m->sink = sink;
	m->loader = (struct loader){.catalog = &m->catalog, .root = m->root, .report = log_problem, .ctx = m};
	loader_init(&m->loader);
	return m;
}

void manifest_release(struct manifest *m)
{
	if (m->tree != NULL)
		tree_close(m->tree);
	tell_rest(m);
	retry_fini(&m->loader.retry);
	loader_fini(&m->loader);
	catalog_fini(&m->catalog);
	free(m->root);
	free(m);
}

static void tell_all(struct manifest *m)
{
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		m->sink->list_begin(m->sink->ctx, (enum object_kind)kind);
	manifest_settle(m);
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		m->sink->list_end(m->sink->ctx, (enum object_kind)kind);
	tell_rest(m);
	say_unknown(m);
	m->sink->complete(m->sink->ctx);
	m->sink->turn_end(m->sink->ctx);
	tell_rest(m);
}

struct manifest *manifest_open(const char *directory, const struct sink *sink)
{
	return manifest_alloc(directory, sink);
}

bool manifest_start(struct manifest *m, struct ev_loop *loop)
{
	struct manifest_counts counts;

	m->tree = tree_open(&m->loader, true);
	if (m->tree == NULL)
		return false;
	tell_all(m);
	malloc_trim(0); /* the files are read: most of what that took is not needed again */
	manifest_count(m, &counts);
	log_info("manifests %s: %zu objects from %zu documents in %zu files, %zu problems", m->root, counts.objects,
		 counts.documents, counts.files, counts.problems);
	m->loop = loop;
	ev_init(&m->io, on_event);
	ev_timer_init(&m->retry, on_retry, 0., manifest_retry_s);
	m->io.data = m->retry.data = m;
	watch_again(m);
	return true;
}

struct manifest *manifest_new(struct ev_loop *loop, const char *directory, const struct sink *sink)
{
	struct manifest *m = manifest_open(directory, sink);

	if (manifest_start(m, loop))
		return m;
	manifest_release(m);
	return NULL;
}

void manifest_report(struct manifest *m, enum object_kind kind, const struct decode_problem *p)
{
	char key[CATALOG_KEY_BYTES];
	const size_t n = catalog_key(key, object_kind_name(kind), p->ns, p->name);
	const struct entry *e = n != 0 ? map_get(&m->catalog.entries, key, n) : NULL;
	struct decode_problem located = *p;

	if (e == NULL || e->shown == NULL) {
		loader_problem(&m->loader, "", p);
		return;
	}
	located.line = e->shown->document->line + e->shown->line;
	loader_problem(&m->loader, e->shown->document->file->path, &located);
}

void manifest_free(struct manifest *m)
{
	if (m == NULL)
		return;
	if (m->loop != NULL) {
		ev_io_stop(m->loop, &m->io);
		ev_timer_stop(m->loop, &m->retry);
	}
	manifest_release(m);
}

void manifest_count(const struct manifest *m, struct manifest_counts *counts)
{
	*counts = m->loader.counts;
	counts->documents = m->catalog.documents;
	counts->files = tree_files(m->tree);
	counts->objects = map_count(&m->catalog.entries);
}
