/* Settles what was read: which of an object's definitions counts, and what the sink is told. */
#include <stdio.h>
#include <stdlib.h>

#include "watch/manifest/manifest_file.h"
#include "watch/manifest/manifest_gone.h"
#include "watch/manifest/manifest_path.h"
#include "watch/manifest/manifest_private.h"

/* Another one than the winner, of a document that is still there. */
static const struct definition *rival_of(const struct entry *e, const struct definition *winner)
{
	const struct definition *other = e->definitions;

	while (other != NULL && (other == winner || other->document->gone))
		other = other->next_in_entry;
	return other;
}

static void say_twice(struct manifest *m, struct entry *e, const struct definition *winner)
{
	const struct definition *other = rival_of(e, winner);
	char reason[600], file[512];

	if (other == NULL) {
		e->warned = false;
		return;
	}
	if (e->warned)
		return;
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

/* A file that is being read, or was asked for before, may define it: no gap when an object moves to another file. */
static bool entry_waits(struct manifest *m, struct entry *e)
{
	if (e->waiting)
		return true;
	if (!e->in_sink || e->waited || m->loader.loads_asked == m->loader.loads_done)
		return false;
	catalog_wait(&m->catalog, e, m->loader.loads_asked);
	return true;
}

static void entry_settle(struct manifest *m, struct entry *e)
{
	struct definition *winner = entry_winner(e);

	say_twice(m, e, winner);
	if (winner == NULL) {
		e->dirty = false;
		if (!entry_waits(m, e))
			entry_drop(m, e);
		return;
	}
	e->waited = false;
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

/* Of all that the turn was to settle; what is to go with its file may wait. */
static bool is_settled(const struct manifest *m)
{
	return m->catalog.dirty == NULL && m->catalog.waiting_count == 0;
}

size_t manifest_settle(struct manifest *m, size_t most)
{
	size_t count = 0;

	while (m->catalog.dirty != NULL && count < most) {
		struct entry *e = m->catalog.dirty;
		m->catalog.dirty = e->next_dirty;
		entry_settle(m, e);
		count++;
	}
	file_fetch_end(&m->loader);
	if (is_settled(m))
		gone_tell(&m->loader);
	return count;
}
