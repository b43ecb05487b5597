/* Keeps what a source says until its first lists are complete. */
#include "proxy/staging.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"

/* Of the list under way, or of the last one. */
struct kept {
	enum object_kind kind;
	char *ns, *name;
	SLIST_ENTRY(kept) link;
};

struct staging {
	struct store *store, *staged; /* staged NULL: nothing is staged */
	struct sink store_sink, staged_sink, sink;
	void (*complete)(void *ctx);
	void *ctx; /* of complete */
	bool over; /* from now on everything goes to the store */
	SLIST_HEAD(, kept) kept;
};

static void ignore_change(void *ctx, const struct object *prev, const struct object *next)
{
	(void)ctx, (void)prev, (void)next;
}

static const struct sink *to(const struct staging *a)
{
	return a->staged != NULL ? &a->staged_sink : &a->store_sink;
}

/* ---- unusable versions ---- */

/* With ns NULL: all of the kind. */
static void kept_forget(struct staging *a, enum object_kind kind, const char *ns, const char *name)
{
	struct kept *k, *next;

	for (k = SLIST_FIRST(&a->kept); k != NULL; k = next) {
		next = SLIST_NEXT(k, link);
		if (k->kind != kind || (ns != NULL && (strcmp(k->ns, ns) != 0 || strcmp(k->name, name) != 0)))
			continue;
		SLIST_REMOVE(&a->kept, k, kept, link);
		free(k->ns);
		free(k->name);
		free(k);
	}
}

static void kept_forget_all(struct staging *a)
{
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		kept_forget(a, (enum object_kind)kind, NULL, NULL);
}

static void on_keep(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	struct staging *a = ctx;

	if (!a->over) {
		struct kept *k = mem_alloc(sizeof *k);
		*k = (struct kept){.kind = kind, .ns = mem_strdup(ns), .name = mem_strdup(name)};
		SLIST_INSERT_HEAD(&a->kept, k, link);
	}
	to(a)->keep(to(a)->ctx, kind, ns, name);
}

/* ---- the source's words ---- */

static void on_upsert(void *ctx, struct object *o)
{
	const struct staging *a = ctx;

	to(a)->upsert(to(a)->ctx, o);
}

static void on_remove(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	struct staging *a = ctx;

	kept_forget(a, kind, ns, name);
	to(a)->remove(to(a)->ctx, kind, ns, name);
}

static void on_list_begin(void *ctx, enum object_kind kind)
{
	struct staging *a = ctx;

	kept_forget(a, kind, NULL, NULL);
	to(a)->list_begin(to(a)->ctx, kind);
}

static void on_list_end(void *ctx, enum object_kind kind)
{
	const struct staging *a = ctx;

	to(a)->list_end(to(a)->ctx, kind);
}

static void on_complete(void *ctx)
{
	const struct staging *a = ctx;

	a->complete(a->ctx);
}

static void on_turn_end(void *ctx)
{
	const struct staging *a = ctx;

	a->store_sink.turn_end(a->store_sink.ctx);
}

const struct sink *staging_sink(const struct staging *a)
{
	return &a->sink;
}

/* ---- there and back ---- */

void staging_begin(struct staging *a)
{
	static const struct store_listener no_listener = {.changed = ignore_change};

	assert(a->staged == NULL && !a->over);
	a->staged = store_new(&no_listener);
	a->staged_sink = store_sink(a->staged);
	store_replace(a->staged, a->store);
}

void staging_end(struct staging *a)
{
	const struct kept *k;

	a->over = true;
	if (a->staged != NULL) {
		SLIST_FOREACH(k, &a->kept, link)
		{
			store_pass(a->staged, a->store, k->kind, k->ns, k->name);
		}
		store_replace(a->store, a->staged);
		store_free(a->staged);
		a->staged = NULL;
	}
	kept_forget_all(a);
}

struct staging *staging_new(struct store *store, void (*complete)(void *ctx), void *ctx)
{
	struct staging *a = mem_alloc(sizeof *a);

	a->store = store;
	a->complete = complete;
	a->ctx = ctx;
	a->store_sink = store_sink(store);
	a->sink = (struct sink){.ctx = a,
				.upsert = on_upsert,
				.remove = on_remove,
				.keep = on_keep,
				.list_begin = on_list_begin,
				.list_end = on_list_end,
				.complete = on_complete,
				.turn_end = on_turn_end};
	return a;
}

void staging_free(struct staging *a)
{
	if (a == NULL)
		return;
	kept_forget_all(a);
	store_free(a->staged);
	free(a);
}
