/* Watches a directory of manifests. */
#include "watch/manifest/manifest.h"

#include <ev.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "watch/manifest/manifest_gone.h"
#include "watch/manifest/manifest_loads.h"
#include "watch/manifest/manifest_path.h"
#include "watch/manifest/manifest_private.h"
#include "watch/manifest/manifest_reader.h"
#include "watch/manifest/manifest_tree.h"

#define TURN_ENTRIES 2000 /* settled in one turn of the loop: others wait no longer */

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

/* Time is measured from where nothing was going on. */
static void turn_forget(struct manifest *m)
{
	if (m->loader.loads == NULL && m->catalog.dirty == NULL)
		m->start_ns = 0;
}

/* Not in the midst of a file, of whose problems there is one summary. */
static bool is_quiet(const struct manifest *m)
{
	return m->catalog.dirty == NULL && !loads_in_file(&m->loader);
}

static void tell_turn(struct manifest *m)
{
	tell_rest(m);
	say_unknown(m);
	if (m->settled != 0)
		log_verbose("manifests %s: %zu objects read in %.3f ms", m->root, m->settled,
			    (double)(clock_ns() - m->start_ns) / 1e6);
	m->settled = 0;
	turn_forget(m);
}

static void turn_begin(struct manifest *m)
{
	m->loader.inline_bytes = 0;
	if (m->start_ns == 0)
		m->start_ns = clock_ns();
}

/* A turn of the loop ends; what is left is for the next one. */
static void turn_finish(struct manifest *m)
{
	m->settled += manifest_settle(m, TURN_ENTRIES);
	if (m->catalog.dirty != NULL)
		ev_async_send(m->loop, &m->more);
	if (is_quiet(m))
		tell_turn(m);
	m->sink->turn_end(m->sink->ctx);
	if (is_quiet(m))
		tell_rest(m); /* of what the sink has reported */
	watch_again(m);
}

static void on_event(struct ev_loop *loop, ev_io *io, int events)
{
	struct manifest *m = io->data;

	(void)loop;
	(void)events;
	turn_begin(m);
	if (tree_event(m->tree))
		turn_finish(m);
	else
		turn_forget(m);
}

static void on_more(struct ev_loop *loop, ev_async *async, int events)
{
	struct manifest *m = async->data;
	const bool busy = m->catalog.dirty != NULL;

	(void)events;
	turn_begin(m);
	if (busy ? m->loader.loads != NULL : loads_take(&m->loader))
		ev_async_send(loop, &m->more);
	turn_finish(m);
}

/* In the reader's thread. */
static void wake(void *ctx)
{
	struct manifest *m = ctx;

	ev_async_send(m->loop, &m->more);
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
	struct manifest *m = timer->data;

	(void)loop, (void)events;
	turn_begin(m);
	unshown_mark(m);
	tree_retry(m->tree);
	turn_finish(m);
	if (!retry_waits(&m->loader.retry))
		log_info("manifests %s: what could not be read or watched works again", m->root);
}

void manifest_turn(struct manifest *m)
{
	m->sink->turn_end(m->sink->ctx);
	tell_rest(m);
}

void manifest_reload(struct manifest *m)
{
	turn_begin(m);
	tree_reload(m->tree);
	turn_finish(m);
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
	loads_stop(&m->loader);
	if (m->tree != NULL)
		tree_close(m->tree);
	tell_rest(m);
	retry_fini(&m->loader.retry);
	gone_forget(&m->loader);
	loader_fini(&m->loader);
	catalog_fini(&m->catalog);
	free(m->root);
	free(m);
}

static void tell_all(struct manifest *m)
{
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		m->sink->list_begin(m->sink->ctx, (enum object_kind)kind);
	manifest_settle(m, SIZE_MAX);
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		m->sink->list_end(m->sink->ctx, (enum object_kind)kind);
	tell_rest(m);
	say_unknown(m);
	m->sink->complete(m->sink->ctx);
	m->sink->turn_end(m->sink->ctx);
	tell_rest(m);
}

/* From here on the loop must not wait for a file. */
static void follow(struct manifest *m, struct ev_loop *loop)
{
	int error;

	m->loop = loop;
	ev_init(&m->io, on_event);
	ev_timer_init(&m->retry, on_retry, 0., manifest_retry_s);
	ev_async_init(&m->more, on_more);
	m->io.data = m->retry.data = m->more.data = m;
	ev_async_start(loop, &m->more);
	m->loader.reader = reader_start(wake, m, &error);
	if (m->loader.reader == NULL)
		log_warn("manifests %s: no thread to read large files, others wait for them: %s", m->root,
			 strerror(error));
	watch_again(m);
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
	follow(m, loop);
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
		ev_async_stop(m->loop, &m->more);
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
